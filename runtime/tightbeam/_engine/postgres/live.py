"""Live messages, held back until the log has come past what their publisher had committed before them.

So a reader anywhere gets a live message behind the durable ones that were stored before it was published. A
transaction that holds the log back holds up live messages no longer than a second.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tightbeam._engine.postgres.notifications import LiveBatch
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
    relayed: bool


class LiveGate:
    """Hands live messages to the readers of this process, those of one publisher in order.

    All but `publish`, `committed` and `call_behind` are called by one thread, which follows the log.
    """

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
        self._calls: deque[tuple[int, Callable[[], object]]] = deque()
        """What is to be called, and behind which transactions."""

    def committed(self, transaction: int) -> None:
        """Note that this process has committed a message: what it publishes from now on comes behind that."""
        with self._lock:
            self._after = max(self._after, transaction)

    def call_behind(self, transaction: int, call: Callable[[], object]) -> None:
        """Have a function called once the log is fanned out up to a transaction, and that one too.

        Args:
            transaction: its id; 0 for the last one that this process has committed a message in.
            call: the function, called on the thread that follows the log.
        """
        self._calls.append((transaction or self._after, call))

    def publish(self, envelope: Envelope, relayed: bool) -> tuple[int, Loops | None]:
        """Hand on a message of this process.

        Args:
            envelope: the message.
            relayed: see `Outlet.live`.

        Returns:
            The transaction that it comes behind, and what `Outlet.live` has returned.
        """
        with self._lock:
            after = self._after
            return after, self._hand_on(_OWN, after, (envelope,), relayed)

    def receive(self, batch: LiveBatch, messages: Sequence[Envelope]) -> Loops | None:
        """Hand on messages of another process.

        Args:
            batch: that they came in.
            messages: in order.

        Returns:
            What `Outlet.live` has returned.
        """
        with self._lock:
            return self._hand_on(batch.origin, batch.after, messages, batch.relayed)

    def _hand_on(self, origin: int, after: int, messages: Sequence[Envelope], relayed: bool) -> Loops | None:
        held = self._held.get(origin)
        if held is None and after < self._horizon:
            return self._outlet.live(messages, relayed=relayed)
        if held is None:
            held = self._held[origin] = deque()
        held.append(_Held(after, time.monotonic() + _PATIENCE, messages, relayed))
        if len(held) > _MOST:
            held.popleft()
        return None

    def fan_out(self, committed: Sequence[Envelope]) -> Loops | None:
        """Hand on durable messages, and between them what has waited for some of them.

        Args:
            committed: the next messages of the log.

        Returns:
            What `Outlet.live` has returned.
        """
        pressed: set[asyncio.AbstractEventLoop] = set()
        begin = 0
        last = self._horizon
        for place, envelope in enumerate(committed):
            transaction = transaction_of(envelope.seq or 0)
            if transaction > last:
                last = transaction
                if self._has_waited_for_less(transaction):
                    pressed |= self._pass(committed[begin:place], transaction)
                    begin = place
        return (pressed | self._pass(committed[begin:], last)) or None

    def release(self, horizon: int) -> Loops | None:
        """Hand on what has waited for the log, or for long enough.

        Args:
            horizon: the log is fanned out up to the transactions before this one.

        Returns:
            What `Outlet.live` has returned.
        """
        return self._pass((), horizon) or None

    def _has_waited_for_less(self, transaction: int) -> bool:
        if not (self._held or self._calls):
            return False
        with self._lock:
            is_held = any(held[0].after < transaction for held in self._held.values())
        return is_held or any(after < transaction for after, _ in tuple(self._calls))

    def _pass(self, committed: Sequence[Envelope], horizon: int) -> set[asyncio.AbstractEventLoop]:
        """Hand on durable messages, and then what comes behind the transactions before another one."""
        pressed: set[asyncio.AbstractEventLoop] = set()
        with self._lock:
            if committed:
                self._outlet.fan_out(committed, own=False)
            self._horizon = max(self._horizon, horizon)
            now = time.monotonic() if self._held else 0.0
            for origin, held in tuple(self._held.items()):
                while held and (held[0].after < self._horizon or held[0].deadline <= now):
                    one = held.popleft()
                    pressed.update(self._outlet.live(one.messages, relayed=one.relayed) or ())
                if not held:
                    del self._held[origin]
        self._make_calls()  # without the lock: they may ask the server for something
        return pressed

    def _make_calls(self) -> None:
        for _ in range(len(self._calls)):
            after, call = self._calls.popleft()
            if after < self._horizon:
                call()
            else:
                self._calls.append((after, call))

    @property
    def waits_for(self) -> int:
        """The last transaction that something waits for; 0 if nothing waits."""
        with self._lock:
            held = max((held[-1].after for held in self._held.values()), default=0)
        return max(held, max((after for after, _ in tuple(self._calls)), default=0))

    def seconds_left(self) -> float | None:
        """Return after how many seconds something has waited for long enough; None if nothing waits."""
        with self._lock:
            first = min((held[0].deadline for held in self._held.values()), default=None)
        return None if first is None else max(first - time.monotonic(), 0.0)
