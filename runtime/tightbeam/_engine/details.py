"""What a person is shown of runs, their steps and their messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple, get_args

__all__ = [
    "ENDED",
    "RUN_STATES",
    "SCANNED",
    "MessageDetail",
    "Part",
    "RunDetail",
    "RunRecord",
    "RunState",
    "RunSummary",
    "RunsPage",
    "StepDetail",
    "attempts_shown",
    "has_words",
]

Part = Literal["event", "result", "step"]
"""Data that a run keeps: of its event, what it returned, or what one of its steps returned."""


RunState = Literal["ready", "running", "sleeping", "parked", "done", "failed", "cancelled"]
"""How a run is: ``ready`` is due now or later, ``sleeping`` waits for a time or an event, ``parked`` doesn't
fit today's code."""
RUN_STATES: Final[tuple[RunState, ...]] = get_args(RunState)
"""All of them."""
SCANNED = 2_000
"""Runs that a store looks at for one page of them, while publishers wait."""
ENDED = frozenset({"done", "failed", "cancelled"})
"""The states of runs that have ended."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run."""

    id: str
    function: str
    event: str
    state: RunState
    attempt: int
    """Failures since the last newly memoized step."""
    attempts: int
    """How often it was tried, over all its steps: 1 for a run that succeeds at once, 0 before it begins."""
    failures: int
    """How many of these attempts failed."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    due_at: datetime
    """When it is, or was last, to be executed."""
    error_type: str | None
    """Of the failure, of the last one that is retried, or of what the run is parked for.

    A cancelled run keeps what it had.
    """
    error_text: str | None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run with its data, as one consistent view."""

    summary: RunSummary
    data: bytes
    """The data of its event, as JSON."""
    result: bytes | None
    """What it returned, as JSON; None while it isn't done."""
    traceback: str | None
    """See `RunDetail`."""
    cause: BaseException | None = field(default=None, compare=False)
    """What it has failed with, where that was in this process."""


class RunsPage(NamedTuple):
    """Some of the latest runs, newest first."""

    runs: list[RunSummary]
    next: str | None
    """The id of the last run that was looked at, to go on behind it; None if there are no older ones."""


@dataclass(frozen=True, slots=True)
class StepDetail:
    """One step of a run, in the order of the first starts."""

    id: str
    kind: str
    """Such as ``step.run``, ``step.sleep`` or ``step.realtime.publish``."""
    channel: str | None
    topic: str | None
    """Of a publish; else the event that is waited for or sent, or the function that is invoked."""
    state: str
    """``done``, ``failed`` (attempts used up), ``failing`` (not memoized), ``sleeping`` or ``waiting``.

    ``running`` too, of a run that this process executes: see `with_steps_under_way`.
    """
    attempts: int
    started_at: datetime
    ended_at: datetime | None
    wake_at: datetime | None
    error_type: str | None
    error_text: str | None
    result_size: int | None
    """Bytes of the JSON that it returned, or published; None where there is none."""


@dataclass(frozen=True, slots=True)
class MessageDetail:
    """A durable message that a run published and that is still retained; its data isn't shown."""

    id: str
    position: str
    channel: str
    topic: str
    created_at: datetime
    size: int
    """Bytes of its JSON."""


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with its steps and messages."""

    summary: RunSummary
    deaths: int
    """How often the process died under it since its last newly memoized step."""
    traceback: str | None
    """Of the failure, or of the last one that is retried: the frames of this package left out."""
    data_size: int
    """Bytes of the JSON of its event's data."""
    result_size: int | None
    """Bytes of the JSON that it returned; None while it isn't done."""
    steps: tuple[StepDetail, ...]
    messages: tuple[MessageDetail, ...]


def attempts_shown(state: str, failures: int, *, begun: bool, retried: bool) -> int:
    """Count the attempts of a run as a person does: one that was interrupted and goes on is the same one.

    Args:
        state: of the run, as it is shown.
        failures: how many attempts failed.
        begun: whether it was executed at all.
        retried: whether it has an error noted, so that a ready run waits for a retry.
    """
    if not begun:
        return 0
    if state == "failed":
        return max(1, failures)
    return failures if state in ("ready", "cancelled") and retried else failures + 1


def has_words(words: tuple[str, ...], texts: Iterable[str | None]) -> bool:
    """Return whether each of some words is in one of the texts, in any case of letters."""
    searched = " ".join(text or "" for text in texts).lower()
    return all(word.lower() in searched for word in words)
