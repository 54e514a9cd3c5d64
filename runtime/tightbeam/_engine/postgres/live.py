"""Live messages, held back until the log has come past what their publisher had committed before them.

So a reader anywhere gets a live message behind the durable ones that were stored before it was published. A
transaction that holds the log back holds up live messages for about a second. That one does is known by a
look at the log that began when the second was over: a reader may also have stood still for so long.
"""

from __future__ import annotations

import asyncio
import math
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

__all__ = ["OWN", "LiveGate"]

_PATIENCE = 1.0
"""Seconds that a live message waits for a transaction that holds the log back."""
_MOST = 65_536
"""Messages of one process that wait; older ones are dropped."""
OWN = 0
"""Stands for this process among those that publish."""


class _Held(NamedTuple):
    after: int
    deadline: float
    messages: Sequence[Envelope] = ()
    relayed: bool = False
    call: Callable[[], object] | None = None
    """What is called in place of messages."""


class LiveGate:
    """Hands live messages to the readers of this process, those of one publisher in order.

    All methods but `publish`, `committed` and `call_behind` are called by one thread, which follows the log.
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

    def committed(self, transaction: int) -> None:
        """Note that this process has committed a message: what it publishes from now on comes behind that."""
        with self._lock:
            self._after = max(self._after, transaction)

    def call_behind(self, call: Callable[[], object], origin: int = OWN, after: int = 0) -> None:
        """Have a function called behind the durable messages of a process, and before its next live ones.

        Args:
            call: the function, called on the thread that follows the log; doesn't raise, since what is
                handed on with it would be handed on again.
            origin: the process.
            after: the transaction that it comes behind, of another process.
        """
        with self._lock:
            behind = max(after, self._after if origin == OWN else 0)
            self._held.setdefault(origin, deque()).append(_Held(behind, math.inf, call=call))

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
            return after, self._hand_on(OWN, after, (envelope,), relayed)

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
            del held[1]  # the first one may be being called
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

    def release(self, horizon: int, looked: float) -> Loops | None:
        """Hand on what has waited for the log, or had waited for long enough when the log was looked at.

        Args:
            horizon: the log is fanned out up to the transactions before this one.
            looked: when the look began that has found no more, by the monotonic clock.

        Returns:
            What `Outlet.live` has returned.
        """
        return self._pass((), horizon, looked) or None

    def _has_waited_for_less(self, transaction: int) -> bool:
        with self._lock:
            return any(held[0].after < transaction for held in self._held.values())

    def _pass(
        self, committed: Sequence[Envelope], horizon: int, looked: float = -math.inf
    ) -> set[asyncio.AbstractEventLoop]:
        """Hand on durable messages, and then what comes behind the transactions before another one.

        What has waited for long enough comes only where the log was looked at to its end: see `release`.
        """
        pressed: set[asyncio.AbstractEventLoop] = set()
        with self._lock:
            if committed:
                self._outlet.fan_out(committed, own=False)
            self._horizon = max(self._horizon, horizon)
        if self._held:
            for origin in tuple(self._held):
                while (call := self._let_go(origin, looked, pressed)) is not None:
                    try:
                        call()  # without the lock: it may ask the server for something
                    finally:
                        self._take_away(origin)
        return pressed

    def _take_away(self, origin: int) -> None:
        """Take away what has waited first of a process; nothing stays in `_held` of which nothing waits."""
        with self._lock:
            held = self._held[origin]
            held.popleft()
            if not held:
                del self._held[origin]

    def _let_go(
        self, origin: int, looked: float, pressed: set[asyncio.AbstractEventLoop]
    ) -> Callable[[], object] | None:
        """Hand on messages of a process, until one has to wait or something is to be called.

        Args:
            origin: the process.
            looked: see `release`.
            pressed: gets what `Outlet.live` returns.

        Returns:
            What is to be called; it stays the first that waits, so that nothing overtakes it meanwhile.
        """
        with self._lock:
            held = self._held.get(origin)
            if held is None:
                return None
            while held and (held[0].after < self._horizon or held[0].deadline <= looked):
                if held[0].call is not None:
                    return held[0].call
                self._hand_out(held.popleft(), pressed)
            for one in [one for one in held if one.deadline <= looked]:  # behind a call that waits on
                held.remove(one)
                self._hand_out(one, pressed)
            if not held:
                del self._held[origin]
        return None

    def _hand_out(self, one: _Held, pressed: set[asyncio.AbstractEventLoop]) -> None:
        pressed.update(self._outlet.live(one.messages, relayed=one.relayed) or ())

    @property
    def waits_for(self) -> int:
        """The last transaction that something waits for; 0 if nothing waits."""
        with self._lock:
            return max((held[-1].after for held in self._held.values()), default=0)

    def seconds_left(self) -> float | None:
        """Return after how many seconds something has waited for long enough; None if nothing waits."""
        with self._lock:
            deadlines = (one.deadline for held in self._held.values() for one in held)
            first = min(deadlines, default=math.inf)
        return None if first == math.inf else max(first - time.monotonic(), 0.0)
