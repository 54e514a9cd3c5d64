"""How many runs of a function execute at a time; sleeping ones give up their place. Event loop only."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

__all__ = ["Lane", "Place"]


class Lane:
    """The places of one function."""

    def __init__(self, limit: int, freed: Callable[[], None]) -> None:
        self.limit = limit
        self.busy = 0
        self._freed = freed
        self._waking: deque[Place] = deque()

    @property
    def free(self) -> int:
        """How many runs may start now."""
        return max(0, self.limit - self.busy)

    def leave(self) -> None:
        """Give a place up: to a run that wakes, else to one that is due."""
        if self._waking:
            self._waking.popleft().arrive()
        else:
            self.busy -= 1
            self._freed()

    def join(self, place: Place) -> None:
        """Have it told when there is room; runs that wake go before runs that start."""
        self._waking.append(place)

    def withdraw(self, place: Place) -> None:
        """It waits no longer."""
        self._waking.remove(place)


class Place:
    """What one execution has of its lane: a place, or none while it sleeps.

    Sleeps of one run may end together: however many they are, they wait for one place and share it.
    """

    def __init__(self, lane: Lane) -> None:
        lane.busy += 1
        self._lane = lane
        self._held = True
        self._waiters: list[asyncio.Future[None]] = []

    def leave(self) -> None:
        """Give the place up, if it is held."""
        if self._held:
            self._held = False
            self._lane.leave()

    def close(self) -> None:
        """The execution is over: give the place up, or stop waiting for one."""
        self.leave()
        if self._waiters:
            self._lane.withdraw(self)
            self._wake()

    async def enter(self) -> None:
        """Have a place again."""
        if self._held:
            return
        if self._lane.free:
            self._lane.busy += 1
            self._held = True
            return
        waiter = asyncio.get_running_loop().create_future()
        if not self._waiters:
            self._lane.join(self)
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                if not self._waiters:
                    self._lane.withdraw(self)
            raise

    def arrive(self) -> None:
        """Somebody has left: the place is this one's now."""
        self._held = True
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
