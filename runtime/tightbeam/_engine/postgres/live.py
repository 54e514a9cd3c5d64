"""Live messages, held back until the log has come past what their publisher had committed before them.

So a reader anywhere gets a live message behind the durable ones that were stored before it was published. A
transaction that holds the log back holds up live messages no longer than a second.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from tightbeam._engine.postgres.places import transaction_of
from tightbeam._engine.store import Outlet
from tightbeam._hub.hub import Loops
from tightbeam._message import Envelope

__all__ = ["LiveGate"]

_PATIENCE = 1.0
"""Seconds that a live message waits for the log."""
_MOST = 65_536
"""Messages of one process that wait; older ones are dropped."""
_OWN = 0


class _Held(NamedTuple):
    after: int
    deadline: float
    messages: Sequence[Envelope]


class LiveGate:
    """Hands live messages to the readers of this process, those of one publisher in order."""

    def __init__(self, outlet: Outlet) -> None:
        """Begin with nothing that waits.

        Args:
            outlet: gets the messages.
        """
        self._outlet = outlet
        self._lock = threading.Lock()
        self._horizon = 0
        """The log is fanned out up to the transactions before this one."""
        self._after = 0
        """The last transaction with a message that this process has committed."""
        self._held: dict[int, deque[_Held]] = {}
        """What waits, by its publisher."""

    def committed(self, transaction: int) -> None:
        """Note that this process has committed a message: what it publishes from now on comes behind that."""
        with self._lock:
            self._after = max(self._after, transaction)

    def publish(self, envelope: Envelope) -> tuple[int, Loops | None]:
        """Hand on a message of this process.

        Returns:
            The transaction that it comes behind, and what `Outlet.live` has returned.
        """
        with self._lock:
            after = self._after
            return after, self._hand_on(_OWN, after, (envelope,))

    def receive(self, origin: int, after: int, messages: Sequence[Envelope]) -> Loops | None:
        """Hand on messages of another process.

        Args:
            origin: the process.
            after: the transaction that they come behind.
            messages: in order.

        Returns:
            What `Outlet.live` has returned.
        """
        with self._lock:
            return self._hand_on(origin, after, messages)

    def _hand_on(self, origin: int, after: int, messages: Sequence[Envelope]) -> Loops | None:
        held = self._held.get(origin)
        if held is None and after < self._horizon:
            return self._outlet.live(messages)
        if held is None:
            held = self._held[origin] = deque()
        held.append(_Held(after, time.monotonic() + _PATIENCE, messages))
        if len(held) > _MOST:
            held.popleft()
        return None

    def fan_out(self, committed: Sequence[Envelope]) -> Loops | None:
        """Hand on durable messages, and between them the live ones that have waited for some of them.

        Args:
            committed: the next messages of the log.

        Returns:
            What `Outlet.live` has returned.
        """
        pressed: set[asyncio.AbstractEventLoop] = set()
        with self._lock:
            begin = 0
            for place, envelope in enumerate(committed):
                transaction = transaction_of(envelope.seq or 0)
                if transaction > self._horizon:
                    self._horizon = transaction  # those before it are complete
                    if self._held and any(held[0].after < transaction for held in self._held.values()):
                        self._outlet.fan_out(committed[begin:place], own=False)
                        begin = place
                        pressed |= self._let_go()
            self._outlet.fan_out(committed[begin:], own=False)
        return pressed or None

    def release(self, horizon: int) -> Loops | None:
        """Hand on what has waited for the log, or for long enough.

        Args:
            horizon: the log is fanned out up to the transactions before this one.

        Returns:
            What `Outlet.live` has returned.
        """
        with self._lock:
            self._horizon = max(self._horizon, horizon)
            return self._let_go() or None

    def _let_go(self) -> set[asyncio.AbstractEventLoop]:
        pressed: set[asyncio.AbstractEventLoop] = set()
        now = time.monotonic() if self._held else 0.0
        for origin, held in tuple(self._held.items()):
            while held and (held[0].after < self._horizon or held[0].deadline <= now):
                pressed.update(self._outlet.live(held.popleft().messages) or ())
            if not held:
                del self._held[origin]
        return pressed

    @property
    def waits_for(self) -> int:
        """The last transaction that something waits for; 0 if nothing waits."""
        with self._lock:
            return max((held[-1].after for held in self._held.values()), default=0)

    def seconds_left(self) -> float | None:
        """Return after how many seconds something has waited for long enough; None if nothing waits."""
        with self._lock:
            first = min((held[0].deadline for held in self._held.values()), default=None)
        return None if first is None else max(first - time.monotonic(), 0.0)
