"""Times of day to wake at, and noticing that the clock was set back."""

from __future__ import annotations

from tightbeam._clock import now_us, steady_us

__all__ = ["Alarm", "ClockWatch"]

_NOTICED_US = 1_000_000


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


class ClockWatch:
    """Compares the time of day with the monotonic clock."""

    def __init__(self) -> None:
        self._day = now_us()
        self._steady = steady_us()

    def lost(self) -> int:
        """Return by how many microseconds the clock was set back since the last call; 0 for a second or less.

        A clock that is set forward isn't reported: what is due is due, and after a suspension it is the
        truth.
        """
        day, steady = now_us(), steady_us()
        lost = self._day + steady - self._steady - day
        self._day, self._steady = day, steady
        return lost if lost > _NOTICED_US else 0
