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
        self._waking: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many runs may start now."""
        return max(0, self.limit - self.busy)

    def leave(self) -> None:
        """Give a place up: to a run that wakes, else to one that is due."""
        while self._waking:
            waiter = self._waking.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.busy -= 1
        self._freed()

    async def enter(self) -> None:
        """Wait for a place; runs that wake go before runs that start."""
        if self.busy < self.limit:
            self.busy += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waking.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.leave()  # the place came together with the cancellation
            raise


class Place:
    """What one execution has of its lane: a place, or none while it sleeps."""

    def __init__(self, lane: Lane) -> None:
        lane.busy += 1
        self._lane = lane
        self._held = True

    def leave(self) -> None:
        """Give the place up, if it is held."""
        if self._held:
            self._held = False
            self._lane.leave()

    async def enter(self) -> None:
        """Have a place again."""
        if not self._held:
            await self._lane.enter()
            self._held = True
