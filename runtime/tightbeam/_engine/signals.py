"""Events between threads that set others with them."""

from __future__ import annotations

import threading

from typing_extensions import override

__all__ = ["Signal"]


class Signal(threading.Event):
    """An event with followers, which are set when it is: a thread waits for one event only."""

    def __init__(self) -> None:
        super().__init__()
        self._followers: tuple[threading.Event, ...] = ()
        self._guard = threading.Lock()

    @override
    def set(self) -> None:
        """Set it and its followers."""
        with self._guard:
            super().set()
            followers = self._followers
        for follower in followers:
            follower.set()

    def add(self, follower: threading.Event, /) -> None:
        """Have another event set with this one: at once if this one is set."""
        with self._guard:
            self._followers = (*self._followers, follower)
            is_set = self.is_set()
        if is_set:
            follower.set()

    def remove(self, follower: threading.Event, /) -> None:
        """Leave another event alone from now on."""
        with self._guard:
            self._followers = tuple(each for each in self._followers if each is not follower)
