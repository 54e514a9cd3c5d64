"""Concurrency limits: how many runs of a function execute at a time. Used on the engine's event loop only."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

__all__ = ["ConcurrencyLimiter", "Slot"]


class ConcurrencyLimiter:
    """The slots of one function."""

    def __init__(self, limit: int, released: Callable[[], None]) -> None:
        """Begin with all slots free.

        Args:
            limit: how many slots there are.
            released: called when a slot becomes free that no waking run takes.
        """
        self.limit = limit
        self.busy = 0
        self._released = released
        self._waiting: deque[Slot] = deque()

    @property
    def free(self) -> int:
        """How many runs may start now."""
        return max(0, self.limit - self.busy)

    def release(self) -> None:
        """Give a slot to a run that wakes, or else to one that is due."""
        if self._waiting:
            self._waiting.popleft().grant()
        else:
            self.busy -= 1
            self._released()

    def wait_for(self, slot: Slot) -> None:
        """Grant the next slot to this one; runs that wake go before runs that start."""
        self._waiting.append(slot)

    def withdraw(self, slot: Slot) -> None:
        """Stop waiting."""
        self._waiting.remove(slot)


class Slot:
    """The part that one execution has in its function's limit: a slot, or none while it sleeps.

    Sleeps of one run may end together: however many they are, they wait for one slot and share it.
    """

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        """Take a free slot."""
        limiter.busy += 1
        self._limiter = limiter
        self._held = True
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def is_held(self) -> bool:
        """Whether the execution has a slot."""
        return self._held

    def release(self) -> None:
        """Give the slot up, if it is held."""
        if self._held:
            self._held = False
            self._limiter.release()

    def close(self) -> None:
        """Give the slot up, or stop waiting for one: the execution is over."""
        self.release()
        self.stop_waiting()

    def stop_waiting(self) -> None:
        """Have those who wait for a slot go on without one: the execution is to end."""
        if self._waiters:
            self._limiter.withdraw(self)
            self._wake()

    async def acquire(self) -> None:
        """Wait until the execution has a slot again."""
        if self._held:
            return
        if self._limiter.free:
            self._limiter.busy += 1
            self._held = True
            return
        waiter = asyncio.get_running_loop().create_future()
        if not self._waiters:
            self._limiter.wait_for(self)
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                if not self._waiters:
                    self._limiter.withdraw(self)
            raise

    def grant(self) -> None:
        """Have the slot that another run has released."""
        self._held = True
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
