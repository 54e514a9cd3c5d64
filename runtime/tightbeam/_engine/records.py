"""Values that the engine and its stores exchange. All times are microseconds since 1970, UTC."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import time_ns
from types import MappingProxyType
from typing import Literal, NamedTuple

from tightbeam._engine.failure import Interrupt
from tightbeam._message import Envelope
from tightbeam._step import StepKind
from tightbeam.errors import StepMisuse

__all__ = [
    "CancelledRun",
    "ClaimLost",
    "Claimed",
    "EndedRun",
    "Excerpt",
    "Failure",
    "FunctionLimit",
    "GivenUp",
    "Latest",
    "Memo",
    "MemoizedAlready",
    "NewRun",
    "Page",
    "Parent",
    "Publish",
    "Recent",
    "Recovered",
    "Replaced",
    "Run",
    "RunError",
    "Seen",
    "Sent",
    "StepKind",
    "StepState",
    "StoredOutcome",
    "new_id",
    "place_of_seen",
    "run_is_over",
]

StepState = Literal["failing", "sleeping", "waiting", "done", "failed"]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> str:
    """Return a new ULID: an id that sorts by the time at which it was made."""
    number = (time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


# -- runs and steps ---------------------------------------------------------------------------------------


class Parent(NamedTuple):
    """The step that has invoked a run."""

    run_id: str
    step_id: str


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be added."""

    id: str
    function: str
    due_at: int | None = None
    """When it is to begin; None for now."""
    key: str | None = None
    """The caller's own name for it: a function has one run of a name, while that run is retained."""
    metadata: bytes | None = None
    """JSON of hooks that the run keeps."""
    concurrency_key: str | None = None
    """Runs of a function with the same one share a limit."""
    parent: Parent | None = None
    dated: bool = False
    """Whether ``due_at`` is a time of day: it stays as it is when the clock is set back."""


@dataclass(frozen=True, slots=True)
class Memo:
    """What is remembered of one step."""

    kind: str
    channel: str | None
    topic: str | None
    state: StepState
    wake_at: int | None
    result: bytes | None
    error_type: str | None
    error_text: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """A run to execute, with what its steps left behind."""

    number: int
    """The store's own short name for the run."""
    id: str
    function: str
    event: str
    data: bytes
    attempt: int
    deaths: int
    memos: dict[str, Memo]
    created_at: int
    started_at: int
    """When it was executed first."""
    metadata: bytes | None = None
    """JSON of hooks."""
    concurrency_key: str | None = None
    parent: Parent | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that failed and has attempts left, or reached the handler as it was."""

    step_id: str
    kind: StepKind
    channel: str | None
    topic: str | None
    started_at: int
    ended_at: int
    error_type: str
    error_text: str


class RunError(NamedTuple):
    """What a store keeps of the failure of a run."""

    type: str
    text: str
    traceback: str | None


class Replaced(NamedTuple):
    """What the memo of a step takes the place of."""

    failed: bool
    """The step failed in an earlier execution, which is noted."""
    counted: bool
    """The run has attempts or deaths that start over now."""


class Publish(NamedTuple):
    """A durable publish that is ready to be stored."""

    run: int
    """The run's number."""
    run_id: str
    step: str
    """As the handler names it."""
    number: int
    """How often the handler used that name before."""
    channel: str
    topic: str
    data: bytes
    started_at: int
    """When its step began."""
    metadata: bytes | None = None
    """JSON that travels beside the data."""


class MemoizedAlready(RuntimeError):
    """Raised for a step that has its memo: another execution of the run has stored it."""

    def __init__(self, run_id: str, step_id: str) -> None:
        super().__init__(f'step "{step_id}" of run {run_id} is memoized already')


class ClaimLost(Interrupt):
    """Raised for what an execution would store of a run that another process has by now.

    It ends the execution, past the handler's own `except Exception`, and nothing of it is recorded.
    """

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id} goes on in another process")
        self.run_id = run_id


def run_is_over(run_id: str) -> StepMisuse:
    """Return the error for a step of a run that has ended.

    Where that isn't its execution's own doing, another process has cancelled the run.
    """
    error = StepMisuse(f"run {run_id} has ended, or goes on elsewhere: its context can't be used any more")
    error.run_id = run_id
    return error


class StoredOutcome(NamedTuple):
    """How a run ended, as the store remembers it."""

    run_id: str
    state: str
    """``done``, ``failed`` or ``cancelled``."""
    result: bytes | None
    ended_us: int
    """When; behind its last message, which is dated later than it was stored if there were many at once."""


class EndedRun(NamedTuple):
    """A run that has ended, for those who show it."""

    run_id: str
    state: str
    """``done``, ``failed`` or ``cancelled``."""
    result: bytes | None
    channels: frozenset[str]
    """Those that it has published durable messages on."""
    ended_us: int = 0
    """When, by the clock of the process that ended it; 0 where no message of it can come later."""


# -- answers ----------------------------------------------------------------------------------------------


class GivenUp(NamedTuple):
    """A run under which the process died too often."""

    run_id: str
    function: str
    attempt: int


class CancelledRun(NamedTuple):
    """What hooks are told of a run that was cancelled while nothing in this process executed it."""

    function: str
    event: str
    attempt: int
    channels: frozenset[str]
    """The channels that it has published on."""
    metadata: bytes | None
    elsewhere: bool = False
    """Whether another process executed it, so that hooks are told there."""


class Recovered(NamedTuple):
    """What a store found of the process before."""

    given_up: list[GivenUp]
    unknown: Mapping[str, int]
    """Functions that aren't registered, with the number of their parked runs."""
    waiting: Mapping[str, int] = MappingProxyType({})
    """Functions that no process has registered, with the number of their runs, of a journal that several
    processes have open."""


class FunctionLimit(NamedTuple):
    """How many runs of a function may be claimed."""

    function: str
    runs: int
    on_thread: bool
    """Whether each of its runs takes a thread."""
    key_limit: int | None = None
    """How many runs of one key may execute at a time; None for no such limit."""
    keys: Mapping[str, int] = MappingProxyType({})
    """How many runs of a key execute, of those that any do."""
    freed: frozenset[str] = frozenset()
    """Keys of which fewer runs execute than at an earlier claim: runs that were held back may be due."""
    timeout_us: int | None = None
    """How long a run may take from its first start on; None for no limit."""
    limit: int | None = None
    """How many runs may execute in all processes together; None where each process has a limit of its own."""
    on_failure: tuple[str, ...] = ()
    """The functions of which a run is added for each run that is given up: see `EndRun`."""


class Sent(NamedTuple):
    """What has come of an event."""

    ids: tuple[str, ...]
    """The ids of the runs, as `AddRuns` answers with them."""
    taken: int
    """How many steps that waited for it have it."""


class Claimed(NamedTuple):
    """The runs that were due, and when the next one is; None if that isn't known."""

    runs: list[Run]
    next_due: int | None
    given_up: tuple[GivenUp, ...] = ()
    """Runs under which processes died too often: they have failed."""


class Page(NamedTuple):
    """Messages in order, and the place up to which these are all."""

    messages: list[Envelope]
    upto: int


class Latest(NamedTuple):
    """The places of the latest message of each address, in order, and the last place of the journal."""

    places: list[int]
    end: int


class Excerpt(NamedTuple):
    """The first bytes of some data, and the size of all of it."""

    data: bytes
    size: int


class Recent(NamedTuple):
    """The latest messages of all channels, in order."""

    messages: list[Envelope]
    missed: int
    """How many between the position that was given and these are left out."""
    known: bool
    """Whether that position is one of this journal that nothing after it has been trimmed from."""


class Seen(NamedTuple):
    """What a reader has seen of a channel, by the time of the last message that it saw."""

    place: int
    """The last place in the channel that isn't later than that time, or the first there is."""
    last_us: int
    """The time of the last message in the channel, or 0."""
    exact: int | None
    """The place of the message with exactly that time, in milliseconds."""
    following: int | None
    """The place of the first message in the channel that is later."""
    end: int
    """The last place in the journal, of any channel."""


def place_of_seen(seen: Sequence[Seen]) -> int:
    """Return the place at which a stream of several channels resumes, by one time for all of them.

    If that is the time of a durable message, the reader has seen everything up to it, as streams give
    messages in the order of their places. Of several with the same millisecond it is the earliest: a repeat
    is better than a gap. Else the stream goes on with the first message that is later than that time.

    Args:
        seen: of each channel, in the order in which the store was asked.
    """
    if len(seen) == 1:
        return seen[0].place
    exact = [each.exact for each in seen if each.exact is not None]
    following = [each.following - 1 for each in seen if each.following is not None]
    return min(exact or following or [seen[0].end])
