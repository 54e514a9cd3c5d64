"""Times of day to wake at, and noticing that the clock was set back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tightbeam import _clock
from tightbeam._clock import now_us, steady_us

__all__ = ["Alarm", "ClockWatch", "Timer"]

_NOTICED_US = 1_000_000
_LONGEST_WAIT = 60.0
"""Seconds after which a timer looks at the time again, in case the clock was set."""


class Alarm:
    """A time of day to wake at; it doesn't become later if the clock is set back in the meantime."""

    def __init__(self, wake_at: int) -> None:
        """Note the time, in microseconds since 1970, by both clocks."""
        self._wake_at = wake_at
        self._latest = steady_us() + wake_at - now_us()

    def left(self) -> float:
        """Return the seconds to wait; 0 when it is time."""
        # The time of day goes on while the machine is suspended, the monotonic clock doesn't.
        return max(0, min(self._wake_at - now_us(), self._latest - steady_us())) / 1e6


class Timer:
    """Calls a function of the running event loop at a time of day, also if the clock is moved."""

    def __init__(self, alarm: Alarm, callback: Callable[[], object]) -> None:
        """Begin to wait.

        Args:
            alarm: the time.
            callback: called once, unless `cancel` comes first.
        """
        self._alarm = alarm
        self._callback: Callable[[], object] | None = callback
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        _clock.watch(self, self._loop, Timer.look)
        self.look()

    def look(self) -> None:
        """Call the function if it is time, or else wait on."""
        self._disarm()
        if self._callback is None:
            return
        if left := self._alarm.left():
            self._handle = self._loop.call_later(min(left, _LONGEST_WAIT), self.look)
        else:
            callback, self._callback = self._callback, None
            callback()

    def cancel(self) -> None:
        """Never call the function, if it hasn't been called."""
        self._callback = None
        self._disarm()

    def _disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class ClockWatch:
    """Compares the time of day with the monotonic clock."""

    def __init__(self) -> None:
        self._day, self._steady = _both_clocks()

    def lost(self) -> int:
        """Return by how many microseconds the clock was set back since the last call; 0 for a second or less.

        A clock that is set forward isn't reported: what is due is due, and after a suspension it is the
        truth.
        """
        day, steady = _both_clocks()
        lost = self._day + steady - self._steady - day
        self._day, self._steady = day, steady
        return lost if lost > _NOTICED_US else 0


def _both_clocks() -> tuple[int, int]:
    """Return the time of day and that of the steady clock, of one moment.

    They are read again where the thread stood still in between: the time of day would seem to be set back.
    """
    while True:
        before, day, steady = steady_us(), now_us(), steady_us()
        if steady - before < _NOTICED_US:
            return day, steady
