"""The requests of the scheduler: adding, claiming, ending and setting runs aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tightbeam._engine.records import Claimed, Failure, FunctionLimit, NewRun, Recovered, RunError
from tightbeam._engine.store import Request

__all__ = [
    "MAX_DEATHS",
    "AddRuns",
    "Awaken",
    "Claim",
    "EndRun",
    "LeaveMemory",
    "ParkRun",
    "PullBack",
    "PutBack",
    "PutBackAll",
    "Recover",
    "RetryRun",
]

MAX_DEATHS = 10
"""How often the process may die under a run that makes no progress, before the run is given up."""


@dataclass(frozen=True, slots=True)
class AddRuns(Request[tuple[str, ...]]):
    """Add runs of an event, each of which is ready at its time.

    Answers with their ids. Where a function has a run with the same key already, that stays as it is, no run
    is added, and the answer has its id.
    """

    runs: tuple[NewRun, ...]
    event: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Recover(Request[Recovered]):
    """Take over what the process before has left: the first request after opening.

    A run that was executing is ready again and has a death more; at `MAX_DEATHS` of them it fails
    (``RunFailed``). A run that slept is ready at the time when it wakes, and has no death more.

    The clock may have been set back. A retry that is due later from now than it was to wait waits so long
    from now; where it isn't known how long that was, and it is more than ``longest_us``, it is due now. A run
    that has a step that sleeps or waits keeps its time. A run that started later than now started now.
    One that hasn't begun, and was added later than now, was added now, and is due as long after that as
    before, unless its time is a date; so, but on a server, is one that was parked before it began.

    Then the ready runs of functions that aren't known are parked (``NotRegistered``).
    """

    known: frozenset[str]
    """The functions that are registered."""
    longest_us: int
    """The longest time that a retry waits, unless more was asked for."""
    on_failure: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By function, those of which a run is added for each run that is given up: see `EndRun`."""


@dataclass(frozen=True, slots=True)
class Claim(Request[Claimed]):
    """Take the runs that are due: all that one turn of the scheduler asks for.

    First the parked runs of some functions are made ready. Then, for one function after the other, the runs
    that are due are taken, those that are due longest first, and of these the oldest.

    A due run is held back where its key has as many runs as it may have. It is looked at again when its key
    is `freed`, or the journal is opened: so that a claim costs the same however many runs of one key wait.

    A ready run whose function has a timeout is taken when that is over, whenever it is due and whatever the
    limits are: it is to be ended.
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
    executing: frozenset[str] = frozenset()
    """Runs in memory, of a store that several processes have open: one of them may have been cancelled and
    retried by another process, and isn't taken before its execution here has ended."""
    leaving: bool = False
    """Whether the process is about to leave: then it takes no runs that another process can execute."""


@dataclass(frozen=True, slots=True)
class Awaken(Request[bool | None]):
    """Have a run execute again that slept, if the limits of its function over all processes allow it.

    Requested only of a store that several processes have open, for functions with a limit. Answers with
    whether the run executes; None if another process is claiming runs of the function at this moment.
    """

    run_id: str
    limit: int | None
    """As in `FunctionLimit`."""
    key_limit: int | None


@dataclass(frozen=True, slots=True)
class EndRun(Request[None]):
    """End a run: it is done and has a result, or has failed with an error."""

    run_id: str
    result: bytes | None
    error: RunError | None
    failures: tuple[Failure, ...]
    """Steps that failed in this execution without being memoized."""
    on_failure: tuple[str, ...] = ()
    """The functions of which a run is added if the run has failed, and wasn't started by a failure itself."""


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
    wait_us: int = 0
    """How long it waits, so that a long wait that was asked for isn't taken for a clock that was wrong."""


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
    """Set all times that are still to come back, as the clock was: ends of sleeps, and when runs are due.

    So are the times at which runs that haven't ended have started, since their timeouts count from them, and
    those at which runs that are due later were added.
    """

    lost_us: int
