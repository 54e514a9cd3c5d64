"""The hub: hands messages to the subscriptions of this process.

A message travels as one immutable `Envelope` that all subscribers share; each decodes it for itself.
Everything that decides an order (accepting a live message, fanning out a commit, registering, catching up)
happens under one lock.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from tightbeam._stamps import MILLISECOND, Stamps

if TYPE_CHECKING:
    from tightbeam._engines.embedded.epochs import Epochs

__all__ = ["Address", "Envelope", "Hub", "Mailbox"]

Address = tuple[str, str]
"""Channel name and topic name."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WEIGHT = 512
"""Bytes a message takes beside its data, at most: what a mailbox counts for it."""


class Envelope(NamedTuple):
    """One message on its way: encoded once, checked before."""

    channel: str
    topic: str
    data: bytes
    run_id: str | None
    id: str | None
    created_us: int
    """Microseconds since 1970, UTC."""
    seq: int | None = None
    """Place in the journal; None for live messages."""
    metadata: bytes | None = None
    """JSON that travels beside the data; only publishes over HTTP can carry it."""

    @property
    def created_at(self) -> datetime:
        """When it was published, as an aware datetime."""
        return _EPOCH + timedelta(microseconds=self.created_us)


class Mailbox:
    """The buffer of one subscription, bounded in messages and bytes; the hub fills, one reader empties it.

    While it catches up with the journal, durable messages pass it by: the reader finds them in the journal.
    """

    __slots__ = (
        "__weakref__",
        "_bytes",
        "_hub",
        "_items",
        "_max_bytes",
        "_max_messages",
        "_waiter",
        "addresses",
        "catching_up",
        "closed",
        "on_overflow",
        "overflowed",
    )

    def __init__(
        self,
        hub: Hub,
        addresses: Iterable[Address],
        *,
        catching_up: bool,
        max_messages: int,
        max_bytes: int,
    ) -> None:
        self._hub = hub
        self.addresses = frozenset(addresses)
        self.catching_up = catching_up
        self.closed = False
        self.overflowed = False
        self.on_overflow: Callable[[], None] | None = None
        """Called once when it overflows, with the hub's lock held, on whatever thread published."""
        self._items: deque[Envelope] = deque()
        self._bytes = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._waiter: asyncio.Future[None] | None = None

    def offer(self, envelope: Envelope) -> None:
        """Take a message, or close for ever if there is no room. The hub's lock is held."""
        if self.catching_up and envelope.seq is not None:
            return
        size = self._bytes + len(envelope.data) + _WEIGHT
        if len(self._items) >= self._max_messages or (size > self._max_bytes and self._items):
            self.overflowed = True
            self._hub.remove(self)
            if self.on_overflow is not None:
                self.on_overflow()
        else:
            self._items.append(envelope)
            self._bytes = size
        if self._waiter is not None:
            self.wake()

    def take(self) -> Envelope | None:
        """The oldest message, if there is one."""
        if not self._items:
            return None
        with self._hub.lock:
            envelope = self._items.popleft()
            self._bytes -= len(envelope.data) + _WEIGHT
        return envelope

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take."""
        return not self._items

    def take_all(self) -> list[Envelope]:
        """All there is, oldest first."""
        if not self._items:
            return []
        with self._hub.lock:
            taken = list(self._items)
            self._items.clear()
            self._bytes = 0
        return taken

    async def wait(self) -> None:
        """Return when there is something to take, or the mailbox has closed."""
        with self._hub.lock:
            if self._items or self.closed or self.overflowed:
                return
            if self._waiter is not None and not self._waiter.done():
                raise RuntimeError("two tasks are reading one subscription: make one for each")
            waiter = self._waiter = asyncio.get_running_loop().create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    def wake(self) -> None:
        """Let the reader look again. The hub's lock is held."""
        waiter = self._waiter
        if waiter is None:
            return
        self._waiter = None
        loop = waiter.get_loop()
        if asyncio._get_running_loop() is loop:
            _resolve(waiter)
            return
        try:
            loop.call_soon_threadsafe(_resolve, waiter)
        except RuntimeError:  # the reader's event loop is closed: nobody will read this mailbox again
            self._hub.remove(self)

    def close(self) -> None:
        """Leave the hub; what is buffered can still be taken."""
        with self._hub.lock:
            self.closed = True
            self._hub.remove(self)
            self.wake()


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class Hub:
    """All subscriptions of one client."""

    def __init__(self) -> None:
        # Reentrant: a collected subscription closes its mailbox, and that can happen anywhere.
        self.lock = threading.RLock()
        self._routes: dict[Address, tuple[Mailbox, ...]] = {}
        self._stamps = Stamps()
        self.witness: Callable[[Envelope], None] | None = None
        """Sees each message of a run before anyone gets it."""
        self.taps: tuple[Callable[[Envelope], None], ...] = ()
        """See every message, whatever its address, with the lock held; replaced, never changed in place."""
        self.had_readers = False
        """Whether the process that this one was forked from had readers."""
        self.last_seq = 0
        """The last durable message that was fanned out."""
        self.epoch = ""
        """The opening of the journal that durable messages are written by."""
        self._epochs: Epochs | None = None
        _hubs.add(self)

    @property
    def position(self) -> str | None:
        """Where to resume what comes from now on; None before there is a journal."""
        return None if self._epochs is None else self._epochs.position(self.last_seq)

    def position_of(self, seq: int) -> str:
        """Return where to resume after the durable message at a place of the journal."""
        assert self._epochs is not None  # noqa: S101 - a durable message comes from a journal
        return self._epochs.position(seq)

    def emit(self, envelope: Envelope) -> None:
        """Hand a live message to whoever listens now; never waits."""
        if self.witness is not None and envelope.run_id is not None:
            self.witness(envelope)
        self.relay(envelope)

    def relay(self, envelope: Envelope) -> None:
        """As `emit`, for a message that comes from another process: its run isn't one of this client's."""
        if self.taps or (envelope.channel, envelope.topic) in self._routes:
            with self.lock:
                self._deliver(self._stamps.live(envelope))

    def open(self, epochs: Epochs, last_seq: int) -> None:
        """Begin with a journal, which another process may have written meanwhile: with its last message."""
        with self.lock:
            self._epochs, self.last_seq = epochs, last_seq
            self.epoch = epochs.names[-1]
            self._stamps.forget_journal()

    def reserve(self, channel: str, at_least: int, last: Callable[[], int]) -> int:
        """The time of a durable message that is being stored, from its transaction on.

        Until `fan_out` or `release` live messages of the channel get earlier ones.

        Args:
            channel: of the message.
            at_least: microseconds since 1970; the time is not before.
            last: asks the journal for the time of the channel's last message, if that isn't known here.
        """
        with self.lock:
            if self._stamps.knows(channel):
                return self._stamps.reserve(channel, at_least)
        floor = last() + MILLISECOND  # not with the lock held: live messages don't wait for the disk
        with self.lock:
            return self._stamps.reserve(channel, max(at_least, floor))

    def release(self) -> None:
        """What was being stored won't be."""
        with self.lock:
            self._stamps.release()

    def last_stamp(self, channel: str, stored_us: int = 0) -> int:
        """A time that all durable messages to come have after them; ``stored_us`` is the journal's last."""
        with self.lock:
            if stored_us:
                self._stamps.told(channel, stored_us)
            return self._stamps.last(channel)

    def fan_out(self, committed: Sequence[Envelope]) -> None:
        """Hand on durable messages, in commit order."""
        if self.witness is not None:
            for envelope in committed:
                self.witness(envelope)
        with self.lock:
            for envelope in committed:
                if envelope.seq is not None:
                    self.last_seq = envelope.seq
                    self._stamps.stored(envelope.channel, envelope.created_us)
                self._deliver(envelope)

    def _deliver(self, envelope: Envelope) -> None:
        # A tuple, never changed in place: mailboxes may leave while we go through it.
        for mailbox in self._routes.get((envelope.channel, envelope.topic), ()):
            mailbox.offer(envelope)
        for tap in self.taps:
            tap(envelope)

    def add_tap(self, tap: Callable[[Envelope], None]) -> None:
        """From now on show it every message; it is called on whatever thread publishes, and must be quick."""
        with self.lock:
            self.taps = (*self.taps, tap)

    def remove_tap(self, tap: Callable[[Envelope], None]) -> None:
        """Show it no more."""
        with self.lock:
            self.taps = tuple(one for one in self.taps if one != tap)

    def register(
        self, addresses: Iterable[Address], *, catching_up: bool, max_messages: int, max_bytes: int
    ) -> Mailbox:
        """A mailbox that gets every message to these addresses from now on."""
        mailbox = Mailbox(
            self, addresses, catching_up=catching_up, max_messages=max_messages, max_bytes=max_bytes
        )
        with self.lock:
            for address in mailbox.addresses:
                self._routes[address] = (*self._routes.get(address, ()), mailbox)
        return mailbox

    def caught_up(self, mailbox: Mailbox, seq: int) -> bool:
        """Whether a reader at ``seq`` in the journal has seen all; its mailbox then takes over."""
        with self.lock:
            if seq < self.last_seq:
                return False
            mailbox.catching_up = False
            return True

    def idle(self, mailbox: Mailbox) -> bool:
        """Whether everything that was published has been taken from this mailbox, which is still served."""
        with self.lock:
            return mailbox.is_empty and not (mailbox.closed or mailbox.overflowed)

    def reroute(self, mailbox: Mailbox, addresses: Iterable[Address]) -> None:
        """From now on deliver to these addresses instead; nothing once it has left."""
        with self.lock:
            if mailbox.closed or mailbox.overflowed:
                return
            self.remove(mailbox)
            mailbox.addresses = frozenset(addresses)
            for address in mailbox.addresses:
                self._routes[address] = (*self._routes.get(address, ()), mailbox)

    def remove(self, mailbox: Mailbox) -> None:
        """Stop delivering to this mailbox."""
        with self.lock:
            for address in mailbox.addresses:
                left = tuple(one for one in self._routes.get(address, ()) if one is not mailbox)
                if left:
                    self._routes[address] = left
                else:
                    self._routes.pop(address, None)

    def close_all(self) -> None:
        """End every subscription; each reader still gets what is buffered."""
        with self.lock:
            routes, self._routes = self._routes, {}
            for mailboxes in routes.values():
                for mailbox in mailboxes:
                    mailbox.close()

    def after_fork(self) -> None:
        # The lock may have been held by a thread that doesn't exist here, and no reader of the parent's lives
        # here.
        self.lock = threading.RLock()
        for mailbox in {one for mailboxes in self._routes.values() for one in mailboxes}:
            mailbox.closed = True
        self.had_readers = bool(self._routes)
        self._routes = {}
        self.taps = ()


_hubs: weakref.WeakSet[Hub] = weakref.WeakSet()


def _reset_hubs() -> None:
    for hub in tuple(_hubs):
        hub.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_hubs)
