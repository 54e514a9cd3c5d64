"""The clock that everything goes by which is due at some time: sleeps, delays, retries, timeouts, ages.

It is the machine's, moved by as much as the test kit says. Nothing else moves it.
"""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from datetime import timedelta
from time import time_ns
from typing import TypeVar

from tightbeam._watchers import Watchers

__all__ = ["LONGEST", "POLL", "allow_moves", "is_movable", "move", "moved_us", "now_us", "steady_us", "watch"]

Owner = TypeVar("Owner")
LONGEST = timedelta(days=3650)
"""The longest that anything may be put off or take: sleeps, delays, retries, timeouts."""
POLL = 0.005
"""Seconds after which a thread that sleeps looks again, in a process whose clock a test may move."""
_moved_us = 0
_movers = 0
_watchers = Watchers()


def now_us() -> int:
    """Return the time in microseconds since 1970, UTC."""
    return time_ns() // 1000 + _moved_us


def steady_us() -> int:
    """Return microseconds of a clock that isn't set and stands still while the machine is suspended."""
    return time.monotonic_ns() // 1000 + _moved_us


def watch(owner: Owner, loop: AbstractEventLoop, callback: Callable[[Owner], None]) -> None:
    """Have a function called with an object whenever the clock was moved, as long as the object lives.

    Args:
        owner: the object.
        loop: the event loop on which the function is called.
        callback: looks at what is due; no bound method of the object.
    """
    _watchers.add(owner, loop, callback)


def moved_us() -> int:
    """Return by how many microseconds the clock is moved."""
    return _moved_us


def is_movable() -> bool:
    """Return whether a test may move the clock: who waits on a thread has to look now and then."""
    return _movers > 0


def allow_moves(count: int) -> None:
    """Note that a test may move the clock from now on (1), or no longer does (-1)."""
    global _movers  # noqa: PLW0603 - of the process, as the clock is
    _movers += count


def move(by_us: int) -> None:
    """Move the clock, and have everything that waits look at it."""
    global _moved_us  # noqa: PLW0603 - as above
    _moved_us += by_us
    _watchers.notify()
