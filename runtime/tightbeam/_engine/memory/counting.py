"""Counts of unfinished runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tightbeam._engine.memory.stored import StoredRun
from tightbeam._hooks.info import RunCount
from tightbeam._message import now_us

__all__ = ["count_runs"]


def count_runs(unfinished: Iterable[StoredRun]) -> tuple[RunCount, ...]:
    """Answer `CountRuns`, by looking at each run."""
    now = now_us()
    runs: Counter[tuple[str, str]] = Counter()
    ages: dict[tuple[str, str], float] = {}
    for run in unfinished:
        state = "sleeping" if run.state == "ready" and run.due_at > now else run.state
        key = (run.function, state)
        runs[key] += 1
        if state == "ready":
            ages[key] = max(ages.get(key, 0.0), (now - run.due_at) / 1e6)
    return tuple(RunCount(*key, runs[key], ages.get(key, 0.0)) for key in sorted(runs))
