"""How an execution can end, and what that means for its run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tightbeam._engine.step_log import Parking
from tightbeam._hooks.info import RunOutcome

__all__ = ["Again", "Asleep", "Cancelled", "Done", "ExecutionResult", "Failed", "Lost", "Parked", "Resume"]


@dataclass(frozen=True, slots=True)
class Done:
    """The handler returned."""

    word: ClassVar[RunOutcome] = "completed"
    """What hooks call it."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The run is over: the error can't be retried, or no attempt is left."""

    word: ClassVar[RunOutcome] = "failed"

    error: BaseException


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The run was cancelled while the handler was executed."""

    word: ClassVar[RunOutcome] = "cancelled"

    elsewhere: bool = False
    """Whether another process has done that, which has stored it; the run may have been retried since."""


@dataclass(frozen=True, slots=True)
class Again:
    """The run is to be tried again after so many seconds."""

    word: ClassVar[RunOutcome] = "retrying"

    attempt: int
    delay: float
    error: BaseException


@dataclass(frozen=True, slots=True)
class Resume:
    """The client is left: the run goes on when it is entered again."""

    word: ClassVar[RunOutcome] = "stopped"


@dataclass(frozen=True, slots=True)
class Lost:
    """Another process has the run: nothing of this execution is stored any more."""

    word: ClassVar[RunOutcome] = "stopped"


@dataclass(frozen=True, slots=True)
class Parked:
    """What the run remembers doesn't fit today's code."""

    word: ClassVar[RunOutcome] = "parked"

    parking: Parking


@dataclass(frozen=True, slots=True)
class Asleep:
    """The run only sleeps, and for long: it is executed again when the first of these steps is over."""

    word: ClassVar[RunOutcome] = "sleeping"

    sleeps: frozenset[str]


ExecutionResult = Done | Failed | Cancelled | Again | Resume | Lost | Parked | Asleep
