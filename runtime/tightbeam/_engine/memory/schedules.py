"""Schedules, in a dictionary."""

from __future__ import annotations

from tightbeam._engine.memory.runs import Runs
from tightbeam._engine.requests import KeepSchedules, Tick
from tightbeam._message import now_us

__all__ = ["Schedules"]


class Schedules:
    """The last tick of each schedule that is done with."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._last: dict[tuple[str, str, str], int] = {}
        """By function, expression and zone."""

    def keep_schedules(self, request: KeepSchedules) -> tuple[int, ...]:
        """Take note of the schedules that there are."""
        now = now_us()
        for schedule in tuple(self._last):
            if schedule[0] in request.functions and schedule not in request.schedules:
                del self._last[schedule]
            elif self._last[schedule] > now + request.most_us:
                self._last[schedule] = now
        return tuple(self._last.setdefault(schedule, now) for schedule in request.schedules)

    def tick(self, request: Tick) -> str | None:
        """Start the run of a tick, once."""
        schedule = (request.run.function, request.expression, request.zone)
        if self._last.get(schedule, request.tick) >= request.tick:
            return None
        self._last[schedule] = request.tick
        run_id = self._runs.add(request.run, request.event, request.data)
        return run_id if run_id == request.run.id else None
