"""The clock was set back: what was to happen in five minutes must not wait until it has caught up."""

from __future__ import annotations

import time

from tightbeam._engine.sqlite.runs import now_us
from tightbeam._engine.sqlite.writer import Transaction

__all__ = ["Alarm", "Watch", "pull_back"]

_NOTICED_US = 1_000_000


class Alarm:
    """A time of day to wake at; not later for a clock that is set back in the meantime."""

    def __init__(self, wake_at: int) -> None:
        self._wake_at = wake_at
        self._latest = _steady_us() + wake_at - now_us()

    def left(self) -> float:
        """Seconds to wait; 0 when it is time."""
        # The time of day goes on while the machine is suspended, the other one doesn't.
        return max(0, min(self._wake_at - now_us(), self._latest - _steady_us())) / 1e6


class Watch:
    """Compares the time of day with a clock that nobody sets."""

    def __init__(self) -> None:
        self._day = now_us()
        self._steady = _steady_us()

    def lost(self) -> int:
        """By how many microseconds the clock was set back since the last look; 0 for a second or less.

        Set forward is nothing to notice: what is due is due, and after a suspension it is the truth.
        """
        day, steady = now_us(), _steady_us()
        lost = self._day + steady - self._steady - day
        self._day, self._steady = day, steady
        return lost if lost > _NOTICED_US else 0


def _steady_us() -> int:
    return time.monotonic_ns() // 1000


def pull_back(tx: Transaction, lost: int) -> None:
    """Set everything that is still to happen back as the clock was: it happens when it was meant to."""
    now = now_us()
    tx.execute(
        "UPDATE step SET wake_at = wake_at - ? WHERE state = 'sleeping' AND wake_at > ? "
        "AND run_id IN (SELECT id FROM run WHERE ended_at IS NULL)",
        (lost, now),
    )
    tx.execute(
        "UPDATE run SET due_at = due_at - ? WHERE state IN ('ready', 'sleeping', 'parked') AND due_at > ?",
        (lost, now),
    )
