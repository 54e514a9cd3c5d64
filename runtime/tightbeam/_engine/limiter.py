"""Concurrency limits: how many runs of a function, and of a key, execute at a time.

Used on the engine's event loop only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from weakref import WeakValueDictionary

from tightbeam._engine.shared_limits import SharedLimit

__all__ = ["ConcurrencyLimiter", "FunctionLimiter", "Slot"]


class FunctionLimiter:
    """The slots of one function: of all its runs, and of those that share a key."""

    def __init__(self, limit: int, key_limit: int | None, released: Callable[[], None]) -> None:
        """Begin with all slots free.

        Args:
            limit: how many runs execute at a time.
            key_limit: how many of one key.
            released: called when a slot becomes free that no waking run takes.
        """
        self.key_limit = key_limit
        self.freed: set[str] = set()
        """Keys of which a slot has become free, for the next claim to look at."""
        self._total = ConcurrencyLimiter(limit, released)
        self._by_key: WeakValueDictionary[str, ConcurrencyLimiter] = WeakValueDictionary()
        """As long as a run is in memory that has or may take a slot of it."""
        self._released = released

    @property
    def free(self) -> int:
        """How many runs may start now."""
        return self._total.free

    @property
    def busy(self) -> int:
        """How many runs execute."""
        return self._total.busy

    @property
    def keys(self) -> Mapping[str, int]:
        """How many runs of each key execute or are about to, of those that any do."""
        return {key: limiter.taken for key, limiter in self._by_key.items() if limiter.taken}

    def slot(self, key: str | None) -> Slot:
        """Return the part of one execution, which has no slot yet.

        Args:
            key: of its run.
        """
        if key is None or self.key_limit is None:
            return Slot(self._total)
        limiter = self._by_key.get(key)
        if limiter is None:
            limiter = self._by_key[key] = ConcurrencyLimiter(self.key_limit, lambda: self._key_released(key))
        # Of the key first: who waits for that keeps no slot from others.
        return Slot(limiter, self._total)

    def take_freed(self) -> frozenset[str]:
        """Return the keys of which a slot has become free since the last call."""
        freed, self.freed = frozenset(self.freed), set()
        return freed

    def _key_released(self, key: str) -> None:
        self.freed.add(key)
        self._released()


class ConcurrencyLimiter:
    """So many slots."""

    def __init__(self, limit: int, released: Callable[[], None]) -> None:
        """Begin with all slots free.

        Args:
            limit: how many slots there are.
            released: called when a slot becomes free that no waking run takes.
        """
        self.limit = limit
        self.busy = 0
        self._released = released
        self._waiting: deque[_Part] = deque()

    @property
    def free(self) -> int:
        """How many runs may start now."""
        return max(0, self.limit - self.busy)

    @property
    def taken(self) -> int:
        """How many runs have a slot or wait for one."""
        return self.busy + len(self._waiting)

    def release(self) -> None:
        """Give a slot to a run that wakes, or else to one that is due."""
        if self._waiting:
            self._waiting.popleft().grant()
        else:
            self.busy -= 1
            self._released()

    def wait_for(self, slot: _Part) -> None:
        """Grant the next slot to this one; runs that wake go before runs that start."""
        self._waiting.append(slot)

    def withdraw(self, slot: _Part) -> None:
        """Stop waiting."""
        self._waiting.remove(slot)


class Slot:
    """The part that one execution has in its function's limits: a slot of each, or none while it sleeps.

    Sleeps of one run may end together: however many they are, they wait for one slot and share it.
    """

    def __init__(self, *limiters: ConcurrencyLimiter) -> None:
        """Prepare, without a slot.

        Args:
            limiters: of which it is to have a slot each, in this order.
        """
        self._parts = tuple(map(_Part, limiters))
        self.shared: SharedLimit | None = None
        """The limits that hold over all processes, if the function has any."""

    @property
    def is_held(self) -> bool:
        """Whether the execution has its slots."""
        return all(part.is_held for part in self._parts)

    def take(self) -> None:
        """Take the slots that are free, up to the first that isn't."""
        for part in self._parts:
            if not part.take():
                break

    def release(self) -> None:
        """Give the slots up that are held."""
        for part in reversed(self._parts):
            part.release()

    def close(self) -> None:
        """Give the slots up, or stop waiting for them: the execution is over."""
        self.release()
        self.stop_waiting()

    def stop_waiting(self) -> None:
        """Have those who wait for a slot go on without one: the execution is to end."""
        for part in self._parts:
            part.stop_waiting()

    async def acquire(self) -> None:
        """Wait until the execution has its slots, or is to end."""
        for part in self._parts:
            await part.acquire()


class _Part:
    """What one execution has in one limit."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        self._limiter = limiter
        self.is_held = False
        self._waiters: list[asyncio.Future[None]] = []

    def take(self) -> bool:
        """Take a slot if one is free; return whether it is held."""
        if not self.is_held and self._limiter.free:
            self._limiter.busy += 1
            self.is_held = True
        return self.is_held

    def release(self) -> None:
        """Give the slot up, if it is held."""
        if self.is_held:
            self.is_held = False
            self._limiter.release()

    def stop_waiting(self) -> None:
        """Have those who wait go on."""
        if self._waiters:
            self._limiter.withdraw(self)
            self._wake()

    async def acquire(self) -> None:
        """Wait until a slot is held."""
        if self.take():
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
        self.is_held = True
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
