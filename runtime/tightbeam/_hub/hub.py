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
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from tightbeam._hub.drops import DropLog
from tightbeam._hub.mailbox import Mailbox
from tightbeam._hub.message_clock import Stamps
from tightbeam._message import Address, Envelope

if TYPE_CHECKING:
    from tightbeam._engine.sqlite.epochs import Epochs

__all__ = ["Hub", "Loops", "Mailbox"]

Loops = Collection[asyncio.AbstractEventLoop]


class _Route:
    """The mailboxes of one address, in the order in which they came; to leave costs the same among many."""

    __slots__ = ("_members", "_snapshot")

    def __init__(self) -> None:
        self._members: dict[Mailbox, None] = {}
        self._snapshot: tuple[Mailbox, ...] | None = ()

    def __len__(self) -> int:
        return len(self._members)

    def add(self, mailbox: Mailbox) -> None:
        """Deliver to this one too."""
        self._members[mailbox] = None
        self._snapshot = None

    def discard(self, mailbox: Mailbox) -> None:
        """Deliver to this one no more."""
        if self._members.pop(mailbox, mailbox) is None:
            self._snapshot = None

    @property
    def mailboxes(self) -> tuple[Mailbox, ...]:
        """All of them, as of now: made anew only when somebody has come or left since the last delivery."""
        snapshot = self._snapshot
        if snapshot is None:
            snapshot = self._snapshot = tuple(self._members)
        return snapshot


class Hub:
    """All subscriptions of one client."""

    def __init__(self) -> None:
        # Reentrant: a collected subscription closes its mailbox, and that can happen anywhere.
        self.lock = threading.RLock()
        self._routes: dict[Address, _Route] = {}
        self._pressed: set[asyncio.AbstractEventLoop] | None = None
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
        self.drops = DropLog()
        """Told of the live messages that readers lose."""
        _hubs.add(self)

    @property
    def position(self) -> str | None:
        """Where to resume what comes from now on; None before there is a journal."""
        return None if self._epochs is None else self._epochs.position(self.last_seq)

    def position_of(self, seq: int) -> str:
        """Return where to resume after the durable message at a place of the journal."""
        assert self._epochs is not None  # noqa: S101 - a durable message comes from a journal
        return self._epochs.position(seq)

    def emit(self, envelope: Envelope) -> Loops | None:
        """Hand a live message to the subscriptions there are now; never wait.

        Returns:
            The event loops whose readers fall behind, to be given a turn (`tightbeam._hub.turns`).
        """
        if self.witness is not None and envelope.run_id is not None:
            self.witness(envelope)
        return self.relay(envelope)

    def relay(self, envelope: Envelope) -> Loops | None:
        """As `emit`, for a message that comes from another process: its run isn't one of this client's."""
        if self.taps or (envelope.channel, envelope.topic) in self._routes:
            with self.lock:
                self._deliver(self._stamps.live(envelope))
                if self._pressed is not None:
                    pressed, self._pressed = self._pressed, None
                    return pressed
        return None

    def press(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ask the publisher of the message at hand to give this event loop a turn. The lock is held."""
        if self._pressed is None:
            self._pressed = set()
        self._pressed.add(loop)

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
        stored = last()  # not with the lock held: live messages don't wait for the disk
        with self.lock:
            return self._stamps.reserve(channel, at_least, stored)

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
            self._stamps.release()  # at once: what is live from now on comes after them
            self._pressed = None  # the journal's thread waits for no reader

    def _deliver(self, envelope: Envelope) -> None:
        route = self._routes.get((envelope.channel, envelope.topic))
        if route is not None:
            for mailbox in route.mailboxes:  # never changed in place: mailboxes may leave meanwhile
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
        self,
        addresses: Iterable[Address],
        *,
        catching_up: bool,
        max_messages: int,
        max_bytes: int,
        has_journal: bool = False,
    ) -> Mailbox:
        """Return a mailbox that gets every message to these addresses from now on.

        Args:
            addresses: what to deliver.
            catching_up: whether its reader begins with the journal, so that durable messages pass it by.
            max_messages: how many messages it holds.
            max_bytes: how many bytes it holds.
            has_journal: whether its reader finds in a journal what finds no room in it.
        """
        mailbox = Mailbox(
            self,
            addresses,
            catching_up=catching_up,
            max_messages=max_messages,
            max_bytes=max_bytes,
            has_journal=has_journal,
        )
        with self.lock:
            self._add(mailbox)
        return mailbox

    def _add(self, mailbox: Mailbox) -> None:
        for address in mailbox.addresses:
            route = self._routes.get(address)
            if route is None:
                route = self._routes[address] = _Route()
            route.add(mailbox)

    def caught_up(self, mailbox: Mailbox, seq: int) -> bool:
        """Whether a reader at ``seq`` in the journal has seen all; its mailbox then takes over."""
        with self.lock:
            if seq < self.last_seq:
                return False
            mailbox.rejoin()
            return True

    def idle(self, mailbox: Mailbox) -> bool:
        """Whether everything that was published has been taken from this mailbox, which is still served."""
        with self.lock:
            return mailbox.is_empty and not (mailbox.catching_up or mailbox.closed or mailbox.overflowed)

    def reroute(self, mailbox: Mailbox, addresses: frozenset[Address]) -> None:
        """From now on deliver to these addresses instead; nothing once it has left."""
        with self.lock:
            if mailbox.closed or mailbox.overflowed or mailbox.addresses == addresses:
                return
            self.remove(mailbox)
            mailbox.addresses = addresses
            self._add(mailbox)

    def remove(self, mailbox: Mailbox) -> None:
        """Stop delivering to this mailbox."""
        with self.lock:
            for address in mailbox.addresses:
                route = self._routes.get(address)
                if route is not None:
                    route.discard(mailbox)
                    if not route:
                        del self._routes[address]

    def close_all(self) -> None:
        """End every subscription; each reader still gets what is buffered."""
        with self.lock:
            routes, self._routes = self._routes, {}
            for route in routes.values():
                for mailbox in route.mailboxes:
                    mailbox.cut_off()
        self.drops.flush()

    def after_fork(self) -> None:
        # The lock may have been held by a thread that doesn't exist here, and no reader of the parent's lives
        # here.
        self.lock = threading.RLock()
        for mailbox in {one for route in self._routes.values() for one in route.mailboxes}:
            mailbox.closed = True
        self.had_readers = bool(self._routes)
        self._routes = {}
        self.taps = ()
        self.drops = DropLog()


_hubs: weakref.WeakSet[Hub] = weakref.WeakSet()


def _reset_hubs() -> None:
    for hub in tuple(_hubs):
        hub.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_hubs)
