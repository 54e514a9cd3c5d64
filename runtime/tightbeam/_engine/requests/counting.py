"""The request of what measures."""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam._engine.store import Query
from tightbeam._hooks.info import RunCount

__all__ = ["CountRuns", "ReadLag"]


@dataclass(frozen=True, slots=True)
class CountRuns(Query[tuple[RunCount, ...]]):
    """Count the unfinished runs by function and state, in order.

    A run that is due later counts as sleeping: for whatever it waits, it isn't in memory.
    """


@dataclass(frozen=True, slots=True)
class ReadLag(Query[float | None]):
    """Read for how many seconds messages that are stored have waited to be handed on; 0.0 if none waits.

    The answer is None where nothing can hold them back.
    """
