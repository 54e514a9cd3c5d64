"""The event of a run that is started because another one has failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from tightbeam._events.accepted import Accepted, EventMisfit, StartedEvent
from tightbeam._events.refs import Event
from tightbeam._results import from_json, to_json

__all__ = [
    "FAILED_EVENT",
    "AcceptsFailure",
    "FailedRun",
    "FailedWith",
    "FailureEvent",
    "failure_data",
    "failure_id",
]

FAILED_EVENT: Final = "inngest/function.failed"
"""The name of the event: Inngest's, on both engines."""


@dataclass(frozen=True, slots=True)
class FailedWith:
    """What a run has failed with."""

    name: str
    """The name of the exception's class."""
    message: str
    """The exception's text."""
    stack: str | None
    """The traceback, where there is one."""


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that has failed."""

    error: FailedWith
    """What it has failed with."""
    event: StartedEvent
    """The event that started it: ``name``, and ``data`` as JSON."""
    function_id: str
    """The id of its function; on Inngest the app's id is before it."""
    run_id: str
    """The id of the run."""


FailureEvent: TypeAlias = Event[Literal["inngest/function.failed"], FailedRun]
"""The event of the run that a function's ``on_failure`` handler is called with."""


def failure_id(function: str) -> str:
    """Return the id of the function that handles the failures of another one, as Inngest has it."""
    return f"{function}-failure"


def failure_data(
    run_id: str, function: str, event: str, data: bytes, error: tuple[str, str, str | None]
) -> bytes:
    """Return the data of the event for a run that has failed, as JSON.

    Args:
        run_id: of the run.
        function: its function.
        event: the name of the event that started it.
        data: of that event, as JSON.
        error: type, text and traceback of what it has failed with.
    """
    name, message, stack = error
    failed = {"name": name, "message": message} | ({} if stack is None else {"stack": stack})
    parts = {"error": failed, "function_id": function, "run_id": run_id}
    described = to_json(parts, "A failure")[:-1]
    return described + b',"event":{"name":' + to_json(event, "A name") + b',"data":' + data + b"}}"


class AcceptsFailure(Accepted):
    """What starts a function that handles failures: nothing but them."""

    __slots__ = ()

    def __init__(self, function: str) -> None:
        super().__init__(function, None)

    @property
    def is_typed(self) -> bool:
        """Whether there are definitions of the events that start it."""
        return True

    def started(self, name: str, raw: bytes) -> StartedEvent:
        """Return the event of a run as its handler gets it.

        Raises:
            EventMisfit: it is no failure.
        """
        found = from_json(raw)
        try:
            error, event = found["error"], found["event"]
            failed = FailedWith(str(error.get("name", "")), str(error.get("message", "")), error.get("stack"))
            source = StartedEvent(event["name"], event.get("data"))
            failed_run = FailedRun(failed, source, found["function_id"], found["run_id"])
        except (KeyError, TypeError, AttributeError):
            raise EventMisfit(self._function, name, "it isn't the failure of a run") from None
        return StartedEvent(FAILED_EVENT, failed_run)

    def invoked(self, data: tuple[object, ...], limit: int) -> tuple[str, bytes]:  # noqa: ARG002 - it takes none
        """Refuse: a failure starts it.

        Raises:
            TypeError: always.
        """
        raise TypeError(f'function "{self._function}" is started by failures only')
