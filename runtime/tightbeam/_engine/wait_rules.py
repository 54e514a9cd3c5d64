"""What stores have in common of events and of steps that wait: what is remembered of how a wait ended."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from tightbeam._engine.records import StepState
from tightbeam._engine.requests import MAX_DEPTH, SendEvent
from tightbeam._starting.matching import takes
from tightbeam.errors import StepMisuse

__all__ = ["Incoming", "WaitEnd", "end_of_child", "end_of_time", "too_deep"]


class WaitEnd(NamedTuple):
    """How a step that waited has ended."""

    state: StepState
    result: bytes | None
    error_type: str | None = None
    error_text: str | None = None


class Incoming:
    """An event on its way to the steps that wait for it."""

    def __init__(self, request: SendEvent, now: int) -> None:
        """Read an event.

        Args:
            request: what is sent.
            now: microseconds since 1970.
        """
        self._request = request
        self._now = now
        self._event: dict[str, Any] | None = None

    @property
    def event(self) -> dict[str, Any]:
        """The event, decoded at the first step that waits for its name."""
        if self._event is None:
            request = self._request
            self._event = {"name": request.event, "data": json.loads(request.data), "ts": self._now // 1000}
            if request.id is not None:
                self._event["id"] = request.id
        return self._event

    def fits(self, condition: bytes | None, before: Iterable[bytes | None]) -> bool:
        """Return whether a step takes it.

        Args:
            condition: of the step.
            before: the events of its name that steps of the run have taken already.
        """
        event = self.event
        if "id" in event and any(
            (json.loads(raw or b"null") or {}).get("id") == event["id"] for raw in before
        ):
            return False
        return takes(condition, event)

    @property
    def memo(self) -> bytes:
        """What is remembered of a step that took it."""
        return json.dumps(self.event, separators=(",", ":"), ensure_ascii=False).encode()


def end_of_time(kind: str, child: str | None) -> WaitEnd:
    """Return how a step ends whose time is over.

    Args:
        kind: of the step.
        child: the id of the run that it has invoked.
    """
    if kind == "step.wait_for_event":
        return WaitEnd("done", b"null")
    return WaitEnd("failed", None, "StepTimeout", f"run {child} has not ended in time; it goes on")


def end_of_child(
    run_id: str, state: str, result: bytes | None, error_type: str | None, error_text: str | None
) -> WaitEnd:
    """Return how a step ends whose invoked run has ended.

    Args:
        run_id: of the invoked run.
        state: of it.
        result: of it, if it is done.
        error_type: of it, if it has failed.
        error_text: likewise.
    """
    if state == "done":
        return WaitEnd("done", result or b"null")
    if state == "cancelled":
        return WaitEnd("failed", None, "RunCancelled", f"run {run_id} was cancelled")
    return WaitEnd("failed", None, error_type or "RunFailed", error_text or "")


def too_deep(step_id: str) -> StepMisuse:
    """Return the error for a run that would be one too many of runs that have invoked one another."""
    return StepMisuse(
        f'step "{step_id}": {MAX_DEPTH} runs have invoked one another; a function may not invoke itself '
        "without end"
    )
