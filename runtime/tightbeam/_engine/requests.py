"""The requests that an engine has for its store: a frozen value for each verb, generic in its answer.

All times are microseconds since 1970. What a store promises for every request stands at `Store`.
"""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam._engine.details import Part, RunDetail, RunSummary
from tightbeam._engine.records import (
    Claimed,
    Excerpt,
    Failure,
    FunctionLimit,
    Latest,
    Memo,
    NewRun,
    Page,
    Publish,
    Recent,
    Recovered,
    Replaced,
    RunError,
    Seen,
    StoredOutcome,
)
from tightbeam._engine.store import Query, Request
from tightbeam._message import Address, Envelope

__all__ = [
    "MAX_DEATHS",
    "PAGE_BYTES",
    "PAGE_MESSAGES",
    "AddRuns",
    "BeginSleep",
    "Claim",
    "EndRun",
    "EndSleep",
    "FindLatest",
    "FindOutcome",
    "FindRun",
    "FindStart",
    "LeaveMemory",
    "ListFunctions",
    "ListRuns",
    "MarkAwake",
    "MemoizePublish",
    "MemoizeStep",
    "ParkRun",
    "PullBack",
    "PutBack",
    "PutBackAll",
    "ReadMessage",
    "ReadPage",
    "ReadPart",
    "ReadPlaces",
    "RecentMessages",
    "Recover",
    "Rest",
    "RetryRun",
    "SeenUntil",
    "TimeOf",
]

MAX_DEATHS = 10
"""How often the process may die under a run that makes no progress, before the run is given up."""
PAGE_MESSAGES = 256
PAGE_BYTES = 1024 * 1024
"""Of a page, which is read between two commits: publishers wait meanwhile."""


# -- runs -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AddRuns(Request[None]):
    """Add runs of an event that are ready at once."""

    runs: tuple[NewRun, ...]
    event: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Recover(Request[Recovered]):
    """Take over what the process before has left: the first request after opening.

    A run that was executing is ready again and has a death more; at `MAX_DEATHS` of them it fails
    (``RunFailed``). A run that slept is ready at the time when it wakes, and has no death more. A retry that
    is due later than ``longest_us`` from now is due now, since the clock must have been set back; a run with
    a step that sleeps keeps its time. Then the ready runs of functions that aren't known are parked
    (``NotRegistered``).
    """

    known: frozenset[str]
    """The functions that are registered."""
    longest_us: int
    """The longest time that a retry waits."""


@dataclass(frozen=True, slots=True)
class Claim(Request[Claimed]):
    """Take the runs that are due: all that one turn of the scheduler asks for.

    First the parked runs of some functions are made ready. Then, for one function after the other, the runs
    that are due are taken, those that are due longest first, and of these the oldest.
    """

    unpark: tuple[str, ...]
    """Functions whose parked runs are to be tried again."""
    functions: tuple[FunctionLimit, ...]
    """The functions, those first whose turn it is."""
    runs: int
    """How many runs may be claimed, of all functions together."""
    threads: int
    """How many of these may need a thread."""
    busy: frozenset[str]
    """Runs to leave alone, since an earlier execution of them goes on."""


@dataclass(frozen=True, slots=True)
class EndRun(Request[None]):
    """End a run: it is done and has a result, or has failed with an error."""

    run_id: str
    result: bytes | None
    error: RunError | None
    failures: tuple[Failure, ...]
    """Steps that failed in this execution without being memoized."""


@dataclass(frozen=True, slots=True)
class RetryRun(Request[None]):
    """Have a run tried again; the error is kept for people who look in the meantime.

    It is counted as a failure of the run if ``attempt`` is more than the run had.
    """

    run_id: str
    attempt: int
    due_at: int
    error: RunError
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class ParkRun(Request[None]):
    """Set a run aside until code is registered that is different from today's; no attempt, no death."""

    run_id: str
    error_type: str
    reason: str
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class LeaveMemory(Request[None]):
    """Make a run that only sleeps ready for the time when the first of some sleeps is over."""

    run_id: str
    sleeps: frozenset[str]


@dataclass(frozen=True, slots=True)
class PutBack(Request[None]):
    """Make runs ready again that were interrupted, if they haven't ended: no attempt, no death."""

    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PutBackAll(Request[None]):
    """Make all runs ready again that this process has claimed and that haven't ended, except some."""

    but: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PullBack(Request[None]):
    """Set all times that are still to come back, as the clock was: ends of sleeps, and when runs are due."""

    lost_us: int


# -- steps ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MemoizeStep(Request[None]):
    """Remember the outcome of a step.

    Raises:
        MemoizedAlready: it has one.
    """

    run_id: str
    step_id: str
    memo: Memo
    started_at: int
    replaced: Replaced


@dataclass(frozen=True, slots=True)
class MemoizePublish(Request[None]):
    """Store a message that is the memo of its step too, and hand it on with its place and time.

    The message's id is ``run_id:step:number``.

    Raises:
        MemoizedAlready: the step has a memo.
    """

    publish: Publish
    step_id: str
    replaced: Replaced


@dataclass(frozen=True, slots=True)
class BeginSleep(Request[None]):
    """Remember until when a step sleeps: a restart doesn't begin the sleep again.

    Raises:
        MemoizedAlready: the step has a memo.
    """

    run_id: str
    step_id: str
    wake_at: int
    started_at: int
    replaced: Replaced
    alone: bool
    """Whether the run does nothing else: it is sleeping then, until the first of its sleeps is over."""


@dataclass(frozen=True, slots=True)
class EndSleep(Request[None]):
    """Remember that a step has slept; the run executes again."""

    run_id: str
    step_id: str


@dataclass(frozen=True, slots=True)
class MarkAwake(Request[None]):
    """Note that a run executes again: if the process dies now, it is a death, and the run resumes at once."""

    run_id: str


@dataclass(frozen=True, slots=True)
class Rest(Request[None]):
    """Note that a run does nothing but sleep, although it may do something between its steps.

    If the process dies now, that is no death, and the run resumes at once.
    """

    run_id: str


# -- messages ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FindStart(Query[int]):
    """Find the place that a position stands for; ``"start"`` is before the oldest message.

    Raises:
        PositionLost: it isn't one of this journal, or messages after it have been trimmed.
    """

    after: str


@dataclass(frozen=True, slots=True)
class ReadPage(Query[Page]):
    """Read the messages to some addresses after a place or a position, in order.

    Raises:
        PositionLost: as `FindStart`, or messages after that place have been trimmed.
    """

    addresses: tuple[Address, ...]
    after: int | str
    messages: int = PAGE_MESSAGES
    size: int = PAGE_BYTES


@dataclass(frozen=True, slots=True)
class FindLatest(Query[Latest]):
    """Find the latest message of each address."""

    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class ReadPlaces(Query[tuple[list[Envelope], int]]):
    """Read the messages at the first of some places, as many as fit a page.

    Answers with those that are still retained, and how many of the places were read.
    """

    places: tuple[int, ...]
    messages: int = PAGE_MESSAGES
    size: int = PAGE_BYTES


@dataclass(frozen=True, slots=True)
class TimeOf(Query[int]):
    """Find when the message at a position was published, or the last one before it that is retained; or 0.

    Raises:
        PositionLost: as `FindStart`.
    """

    position: str


@dataclass(frozen=True, slots=True)
class SeenUntil(Query[Seen]):
    """Find what a reader has seen of a channel, by the time of the last message that it saw.

    Times in a channel are at least a millisecond apart, so that cut to milliseconds they still differ.

    Raises:
        PositionLost: messages after that time may have been trimmed.
    """

    channel: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class FindOutcome(Query[StoredOutcome | None]):
    """Find how the run ended that published last on a channel; None if it goes on, or there is none."""

    channel: str


# -- for people -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListRuns(Query[list[RunSummary]]):
    """List the latest runs, oldest first."""

    limit: int
    state: str | None = None
    """Only runs in this state, as it is shown."""
    function: str | None = None
    words: tuple[str, ...] = ()
    """Only runs that have each of these in their id, function, event or error, in any case of letters."""
    among: int | None = None
    """Look at so many of the latest runs only."""


@dataclass(frozen=True, slots=True)
class ListFunctions(Query[list[str]]):
    """List the functions that the latest runs are of, by name."""

    among: int


@dataclass(frozen=True, slots=True)
class FindRun(Query[RunDetail | None]):
    """Find a run with its steps and messages."""

    id: str


@dataclass(frozen=True, slots=True)
class ReadMessage(Query[Excerpt | None]):
    """Read the data of a durable message, or its first bytes; None if it is no longer retained."""

    id: str
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class ReadPart(Query[Excerpt | None]):
    """Read data that a run keeps, or its first bytes; None where there is none, or none any more."""

    run_id: str
    part: Part
    step: str = ""
    """The step's id, if it is a step's."""
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class RecentMessages(Query[Recent]):
    """Read the latest messages of all channels, in order: those after a position, or whatever there is."""

    after: str | None
    limit: int
