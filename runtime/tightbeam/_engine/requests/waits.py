"""The requests about steps that wait: for an event, or for the end of another run."""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam._engine.records import Memo, NewRun, Replaced
from tightbeam._engine.store import Request

__all__ = ["MAX_DEPTH", "BeginInvoke", "BeginWait", "EndWait"]

MAX_DEPTH = 100
"""How many runs may have invoked one another: a function that invokes itself without end is stopped there."""


@dataclass(frozen=True, slots=True)
class BeginWait(Request[None]):
    """Remember which event a step waits for, and until when.

    Raises:
        MemoizedAlready: the step has a memo.
        StepMisuse: the run has ended; its handler goes on.
    """

    run_id: str
    step_id: str
    event: str
    match: bytes | None
    """The condition, as `tightbeam._starting.matching` has it; None takes every event of the name."""
    wake_at: int
    started_at: int
    replaced: Replaced
    alone: bool
    """As in `BeginSleep`."""


@dataclass(frozen=True, slots=True)
class BeginInvoke(Request[None]):
    """Add a run that a step waits for, and remember until when: both or none.

    When that run has ended, and the time isn't over, the step is done or has failed in the same transaction.

    Raises:
        MemoizedAlready: the step has a memo.
        StepMisuse: the run is the last of `MAX_DEPTH` that have invoked one another, or has ended.
    """

    run_id: str
    step_id: str
    child: NewRun
    event: str
    data: bytes
    wake_at: int
    started_at: int
    replaced: Replaced
    alone: bool


@dataclass(frozen=True, slots=True)
class EndWait(Request[Memo]):
    """Answer with what has come of a step that waits; where that is known, its run executes again.

    If nothing has come and the time is over, that is the end: None in place of an event, a failure in place
    of a result (``StepTimeout``). Whether event or timeout was first is decided here, once.
    """

    run_id: str
    step_id: str
    timed_out: bool
