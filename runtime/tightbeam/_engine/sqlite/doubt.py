"""Whether the clock is believed when it says that things are old enough to be dropped.

A clock that is forty days ahead for a minute, after a suspension, a restored machine or a mistake, would have
everything dropped that is kept for thirty days. So a jump is believed once it has lasted for a day.
"""

from __future__ import annotations

import logging
import time

from tightbeam._engine.sqlite.messages import meta, set_meta
from tightbeam._engine.sqlite.transaction import Transaction

__all__ = ["Doubt"]

_log = logging.getLogger("tightbeam")
_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
_NEVER = 1 << 62
_SINCE = "clock_doubted"


class Doubt:
    """Compares the time of day with a clock that nobody sets, and with the last thing that was stored."""

    def __init__(self) -> None:
        self._day: int | None = None
        """The time of day at the last look."""
        self._steady = 0

    def of(self, tx: Transaction, now: int, horizon: int) -> bool:
        """Return whether a time is doubted. When the doubt began is stored, so that restarts don't end it.

        Args:
            tx: a transaction.
            now: the time of day, in microseconds since 1970.
            horizon: what is older would be dropped.
        """
        jump, noticed = self._jump(tx, now)
        since = meta(tx, _SINCE)
        if since and (now >= since + _DAY or now < since - _HOUR):
            tx.execute("DELETE FROM meta WHERE name = ?", (_SINCE,))
            return False
        if since:
            return True
        if jump <= _HOUR if noticed else jump <= _DAY or _oldest(tx) >= horizon:
            return False
        set_meta(tx, _SINCE, now)
        level = logging.WARNING if noticed else logging.INFO
        than = "a moment ago" if noticed else "when something was stored last"
        _log.log(
            level,
            "the clock is %.1f days ahead of %s: nothing is dropped for its age (retain_for) until it has "
            "been so for a day",
            jump / _DAY,
            than,
        )
        return True

    def _jump(self, tx: Transaction, now: int) -> tuple[int, bool]:
        """Return by how much the clock is ahead, and whether that was noticed while this process ran."""
        steady, noticed = _steady_us(), self._day is not None
        expected = _newest(tx) if self._day is None else self._day + steady - self._steady
        self._day, self._steady = now, steady
        return now - expected, noticed


def _oldest(tx: Transaction) -> int:
    """Return when the oldest thing was stored that is kept for its time; never, if there is none."""
    first, ended = tx.execute(
        "SELECT (SELECT created_at FROM message ORDER BY seq LIMIT 1), "
        "(SELECT min(ended_at) FROM run WHERE ended_at IS NOT NULL)"
    ).fetchone()
    return min(_NEVER if first is None else first, _NEVER if ended is None else ended)


def _newest(tx: Transaction) -> int:
    """Return when something was stored last."""
    last, ended = tx.execute(
        "SELECT (SELECT created_at FROM message ORDER BY seq DESC LIMIT 1), "
        "(SELECT max(ended_at) FROM run WHERE ended_at IS NOT NULL)"
    ).fetchone()
    return max(last or 0, ended or 0)


def _steady_us() -> int:
    """Return a time that goes on while the machine is suspended, where there is such a clock."""
    which = getattr(time, "CLOCK_BOOTTIME", None)
    return (time.monotonic_ns() if which is None else time.clock_gettime_ns(which)) // 1000
