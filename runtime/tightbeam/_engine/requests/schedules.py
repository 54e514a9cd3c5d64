"""The requests about schedules: which there are, and that one of their ticks starts its run."""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam._engine.records import NewRun
from tightbeam._engine.store import Request

__all__ = ["KeepSchedules", "Tick"]


@dataclass(frozen=True, slots=True)
class KeepSchedules(Request[tuple[int, ...]]):
    """Take note of schedules, and answer with the last tick of each that is done with.

    One that is new begins now. Of the functions that are registered, those that aren't given any more are
    forgotten; of all others they are kept. A last tick that is further ahead than ``most_us`` is now, since
    the clock must have been wrong.
    """

    functions: frozenset[str]
    """The functions that are registered."""
    schedules: tuple[tuple[str, str, str], ...]
    """Function, expression and zone of each."""
    most_us: int


@dataclass(frozen=True, slots=True)
class Tick(Request[str | None]):
    """Start the run of a tick, once: it and the schedule's last tick are stored together.

    Answers with the run's id; None if a run was started for that tick or a later one before.
    """

    expression: str
    zone: str
    tick: int
    run: NewRun
    event: str
    data: bytes
