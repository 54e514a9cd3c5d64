"""The requests about events that are sent: what they start, and what they are handed to."""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam._engine.records import NewRun, Replaced, Sent
from tightbeam._engine.store import Request

__all__ = ["MemoizeSend", "SendEvent"]


@dataclass(frozen=True, slots=True)
class SendEvent(Request[Sent]):
    """Add the runs of an event, as `AddRuns` does, and hand it to the steps that wait for it.

    A step takes an event of the name it waits for if its condition holds, its time isn't over, and its run
    hasn't ended. It takes one, and a run takes an event of one id once. The step is done then, and its run
    due.

    Raises:
        NotRegistered: there is a ``refusal``, no run was to be added, and no step takes it. Nothing is
            stored.
    """

    runs: tuple[NewRun, ...]
    event: str
    data: bytes
    id: str | None = None
    """The sender's own name for this event."""
    refusal: str | None = None
    """What is wrong if nothing takes it; None if that is allowed."""


@dataclass(frozen=True, slots=True)
class MemoizeSend(Request[Sent]):
    """Send an event as a step: what is started, what is handed over and the memo are stored together.

    Raises:
        MemoizedAlready: the step has a memo.
        NotRegistered: as `SendEvent`.
        StepMisuse: the run has ended; its handler goes on.
    """

    run_id: str
    step_id: str
    started_at: int
    replaced: Replaced
    send: SendEvent
