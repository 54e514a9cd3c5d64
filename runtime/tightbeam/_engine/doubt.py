"""Whether the clock is believed when it says that things are old enough to be dropped.

A clock that is forty days ahead for a minute, after a suspension, a restored machine or a mistake, would have
everything dropped that is kept for thirty days. So a jump is believed once it has lasted for a day.
"""

from __future__ import annotations

import logging
import time
from typing import Protocol

from tightbeam._clock import moved_us

__all__ = ["Doubt", "Stored"]

_log = logging.getLogger("tightbeam")
_HOUR = 3_600_000_000
_DAY = 24 * _HOUR


class Stored(Protocol):
    """Tells when things were stored; times are microseconds since 1970."""

    def oldest(self) -> int | None:
        """Return when the oldest thing was stored that is kept for its time; None if there is none."""
        ...

    def newest(self) -> int:
        """Return when something was stored last; 0 if nothing is."""
        ...


class Doubt:
    """Compares the time of day with a clock that is never set, and with the last thing that was stored."""

    def __init__(self) -> None:
        self._day: int | None = None
        """The time of day at the last look."""
        self._steady = 0

    def since(self, stored: Stored, now: int, horizon: int, before: int) -> int:
        """Return since when the clock is doubted; 0 where it is believed.

        Args:
            stored: tells when things were stored.
            now: the time of day, in microseconds since 1970.
            horizon: what is older would be dropped.
            before: what this returned last, which is stored, so that restarts don't end a doubt.
        """
        jump, is_noticed = self._jump(stored, now)
        if before and (now >= before + _DAY or now < before - _HOUR):
            return 0
        if before:
            return before
        if jump <= _HOUR or (not is_noticed and (jump <= _DAY or not _is_any_older(stored, horizon))):
            return 0
        level = logging.WARNING if is_noticed else logging.INFO
        than = "a moment ago" if is_noticed else "when something was stored last"
        _log.log(
            level,
            "the clock is %.1f days ahead of %s: nothing is dropped for its age (retain_for) until it has "
            "been so for a day",
            jump / _DAY,
            than,
        )
        return now

    def _jump(self, stored: Stored, now: int) -> tuple[int, bool]:
        """Return by how much the clock is ahead, and whether that was noticed while this process ran."""
        steady, is_noticed = _steady_us(), self._day is not None
        expected = stored.newest() if self._day is None else self._day + steady - self._steady
        self._day, self._steady = now, steady
        return now - expected, is_noticed


def _is_any_older(stored: Stored, horizon: int) -> bool:
    oldest = stored.oldest()
    return oldest is not None and oldest < horizon


def _steady_us() -> int:
    """Return a time that goes on while the machine is suspended, where there is such a clock."""
    which = getattr(time, "CLOCK_BOOTTIME", None)
    return (time.monotonic_ns() if which is None else time.clock_gettime_ns(which)) // 1000 + moved_us()
