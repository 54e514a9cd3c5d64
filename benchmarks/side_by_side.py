"""Timing things beside each other: interleaved rounds, CPU time, medians of each round's ratio.

On a machine that others use as well, absolute times say little. What runs in the same round meets the same
machine, and half of the rounds being disturbed doesn't move a median.
"""

from __future__ import annotations

import gc
import time
import timeit
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median

__all__ = ["Timing", "compare", "rounds_of", "side_by_side"]


@dataclass(frozen=True, slots=True)
class Timing:
    """One contestant: the median of its times, and of its ratio to the reference in the same round."""

    seconds: float
    ratio: float
    over: float
    """Seconds more than the reference in the same round, the median of that."""


def side_by_side(
    contestants: Mapping[str, Callable[[], object]],
    *,
    reference: str,
    rounds: int = 15,
    seconds: float = 0.02,
) -> dict[str, Timing]:
    """Time functions of no arguments, each called as often as fits into `seconds`, round by round."""
    timers = {name: timeit.Timer(call, timer=time.process_time) for name, call in contestants.items()}
    counts = {name: _calls_in(timer, seconds) for name, timer in timers.items()}
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        gc.collect()
        for name, timer in timers.items():
            found[name].append(timer.timeit(counts[name]) / counts[name])
    return compare(found, reference)


def rounds_of(contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Call functions that measure themselves, in interleaved rounds."""
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure in contestants.items():
            found[name].append(measure())
    return found


def compare(found: Mapping[str, Iterable[float]], reference: str) -> dict[str, Timing]:
    """Medians of what was found in each round."""
    base = list(found[reference])
    timings: dict[str, Timing] = {}
    for name, values in found.items():
        times = list(values)
        ratios = [one / other for one, other in zip(times, base, strict=True)]
        differences = [one - other for one, other in zip(times, base, strict=True)]
        timings[name] = Timing(median(times), median(ratios), median(differences))
    return timings


def _calls_in(timer: timeit.Timer, seconds: float) -> int:
    timer.timeit(2)  # the first calls compile and import
    count = 1
    while True:
        took = timer.timeit(count)
        if took >= seconds / 4:
            return max(1, int(count * seconds / took))
        count *= 4
