"""The requests of people who operate runs: cancelling, retrying and resuming one, and reading it whole.

Those that change a run raise `NoSuchRun` where there is none, and `RunStateError` where its state doesn't
allow that.
"""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam._engine.details import RunRecord, RunsPage
from tightbeam._engine.records import CancelledRun, Failure
from tightbeam._engine.store import Query, Request

__all__ = ["CancelRun", "FindSettled", "IsExecuted", "ReadRun", "RetryFrom", "ScanRuns", "Unpark"]


@dataclass(frozen=True, slots=True)
class CancelRun(Request[CancelledRun]):
    """End a run that hasn't ended: it is cancelled. Its steps stay remembered, in case it is retried."""

    run_id: str
    failures: tuple[Failure, ...] = ()
    """Steps that failed in this execution without being memoized."""


@dataclass(frozen=True, slots=True)
class RetryFrom(Request[None]):
    """Make a run that failed or was cancelled ready at once, as if it were new but for what it remembers.

    Its attempts, deaths and failures start over, and so does its time. Steps that are remembered as failed
    are to be done anew.
    """

    run_id: str
    known: frozenset[str] | None = None
    """The functions that are registered; None where that isn't known.

    Raises:
        NotRegistered: the run's function isn't one of them.
    """


@dataclass(frozen=True, slots=True)
class Unpark(Request[None]):
    """Make a parked run ready."""

    run_id: str
    known: frozenset[str] | None = None
    """As in `RetryFrom`."""


@dataclass(frozen=True, slots=True)
class ReadRun(Query[RunRecord | None]):
    """Read a run with the data of its event and its result."""

    id: str


@dataclass(frozen=True, slots=True)
class FindSettled(Query[list[str]]):
    """Find which of some runs have ended or are parked. Those that are no longer there are left out."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScanRuns(Query[RunsPage]):
    """Look at some of the latest runs, newest first, and answer with those that are searched for.

    It looks at a bounded number of runs, since publishers wait meanwhile: a page may be short, or empty, and
    still say where to go on.
    """

    limit: int = 100
    states: tuple[str, ...] = ()
    """Only runs in these states, as they are shown; any state if there is none."""
    function: str | None = None
    words: tuple[str, ...] = ()
    """Only runs that have each of these in their id, function, event or error, in any case of letters."""
    since_us: int | None = None
    """Only runs that were added then or later."""
    before: str | None = None
    """Only runs that were added before the run with this id."""


@dataclass(frozen=True, slots=True)
class IsExecuted(Request[bool]):
    """Find out whether a run executes in this process, by what is stored; it may sleep. Else it is let go."""

    run_id: str
