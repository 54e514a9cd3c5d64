"""What a journal holds, table by table, on its way into another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

__all__ = ["COLUMNS", "Contents", "Moved"]

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "run": (
        *("number", "id", "function", "event", "data", "state", "due_at", "attempt", "deaths", "created_at"),
        *("started_at", "ended_at", "result", "error_type", "error_text", "failures", "traceback", "key"),
        *("metadata", "concurrency_key", "held", "parent_run", "parent_step", "retry_wait", "dated"),
    ),
    "step": (
        *("run_id", "id", "kind", "channel", "topic", "state", "attempts", "started_at", "ended_at"),
        *("wake_at", "result", "error_type", "error_text", "event", "match"),
    ),
    "message": (
        *("channel", "topic", "run", "run_id", "step", "number", "started_at", "ended_at", "created_at"),
        *("data", "metadata", "id"),
    ),
    "schedule": ("function", "expression", "zone", "last_tick"),
}
"""The tables, and their columns in the order in which rows have them."""


class Contents(Protocol):
    """All that a journal holds, as one consistent view."""

    @property
    def trimmed_us(self) -> int:
        """The time of the latest message that was trimmed; 0 if none was."""
        ...

    def rows(self, table: str, /) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of one of the tables in `COLUMNS`; messages in the order of their places.

        Runs that had begun are ready to go on, as after a start: one that was executed while its process died
        has a death more.
        """
        ...


@dataclass(frozen=True, slots=True)
class Moved:
    """What was put into a journal that was empty."""

    runs: int
    unfinished: int
    messages: int
    schedules: int
