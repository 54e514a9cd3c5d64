"""A clock that a test moves: what sleeps, is delayed or times out follows it."""

from __future__ import annotations

from datetime import datetime, timedelta

from tightbeam import _clock
from tightbeam._message import microseconds_of, time_of

__all__ = ["Clock"]


class Clock:
    """The time as clients of this process see it. It passes by itself, and a test moves it.

    Sleeps, delayed starts, schedules, timeouts, retries, tokens and retention go by it. ``datetime.now()`` in
    your own code doesn't.
    """

    def __init__(self) -> None:
        self._moved_us = 0

    @property
    def now(self) -> datetime:
        """The time (aware, UTC)."""
        return time_of(_clock.now_us())

    def advance(self, by: timedelta, /) -> None:
        """Move the clock forward; what is due then begins soon: see `settle`. Called on any thread.

        Args:
            by: how far.

        Raises:
            ValueError: it is negative.
        """
        if by < timedelta(0):
            raise ValueError(
                "advance moves the clock forward; `set` sets it back, while no client is entered"
            )
        self._move(by // timedelta(microseconds=1))

    def set(self, moment: datetime, /) -> None:
        """Set the clock to a time; it passes from there. Called on any thread.

        Args:
            moment: an aware datetime; while a client is entered not an earlier one than now.

        Raises:
            ValueError: it has no time zone, or is in the past while a client is entered.
        """
        if moment.tzinfo is None:
            raise ValueError("a time has a time zone here: datetime(…, tzinfo=UTC)")
        by = microseconds_of(moment) - _clock.now_us()
        if by < 0 and _is_entered():
            raise ValueError("time doesn't go back while a client is entered: set the clock before")
        self._move(by)

    def start(self) -> None:
        """Begin; the fixture does it."""
        _clock.allow_moves(1)

    def stop(self) -> None:
        """Set the clock right again."""
        _clock.move(-self._moved_us)
        self._moved_us = 0
        _clock.allow_moves(-1)

    def _move(self, by_us: int) -> None:
        self._moved_us += by_us
        _clock.move(by_us)


def _is_entered() -> bool:
    from tightbeam._engine.session import open_schedulers  # not at import: it loads the engine

    return bool(open_schedulers())
