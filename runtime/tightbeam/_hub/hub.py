"""The hub: hands messages to the subscriptions of this process.

A message travels as one immutable `Envelope` that all subscribers share; each decodes it for itself.
Everything that decides an order (accepting a live message, fanning out a commit, registering, catching up)
happens under one lock.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterable, Sequence

from tightbeam._forks import watch_forks
from tightbeam._hub.drops import DropLog
from tightbeam._hub.mailbox import IsOld, Mailbox
from tightbeam._hub.message_clock import MessageClock
from tightbeam._message import Address, Envelope

__all__ = ["Hub", "Loops", "Mailbox"]

Loops = Collection[asyncio.AbstractEventLoop]


class _Route:
    """The mailboxes of one address, in the order in which they registered. Leaving takes constant time."""

    __slots__ = ("_members", "_snapshot")

    def __init__(self) -> None:
        self._members: dict[Mailbox, None] = {}
        self._snapshot: tuple[Mailbox, ...] | None = ()

    def __len__(self) -> int:
        return len(self._members)

    def add(self, mailbox: Mailbox) -> None:
        """Deliver to a mailbox from now on."""
        self._members[mailbox] = None
        self._snapshot = None

    def discard(self, mailbox: Mailbox) -> None:
        """Deliver to a mailbox no more."""
        if self._members.pop(mailbox, mailbox) is None:
            self._snapshot = None

    @property
    def mailboxes(self) -> tuple[Mailbox, ...]:
        """All of them; the tuple is built again only after one was added or discarded."""
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
        self._watchers: tuple[Callable[[Envelope], object], ...] = ()
        self._wanting_turn: set[asyncio.AbstractEventLoop] | None = None
        self._clock = MessageClock()
        self.had_readers = False
        """Whether the process that this one was forked from had subscriptions."""
        self.last_seq = 0
        """The place of the last durable message that was fanned out."""
        self._position_of: Callable[[int], str] | None = None
        self.drops = DropLog()
        """Logs how many live messages are dropped."""
        watch_forks(self)

    @property
    def position(self) -> str | None:
        """Where to resume what comes from now on; None before there is a journal."""
        return None if self._position_of is None else self._position_of(self.last_seq)

    def position_of(self, seq: int) -> str:
        """Return where to resume after the durable message at a place of the journal."""
        assert self._position_of is not None  # noqa: S101 - a durable message comes from a journal
        return self._position_of(seq)

    def emit(self, envelope: Envelope) -> Loops | None:
        """Hand a live message to the present watchers and subscriptions; never wait.

        Returns:
            The event loops whose readers fall behind, to be given a turn (`tightbeam._hub.turns`).
        """
        for offer in self._watchers:
            offer(envelope)
        if (envelope.channel, envelope.topic) in self._routes:
            with self.lock:
                self._deliver(self._clock.stamp(envelope))
                if self._wanting_turn is not None:
                    loops, self._wanting_turn = self._wanting_turn, None
                    return loops
        return None

    def request_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the publisher of the message at hand give an event loop a turn. The lock is held."""
        if self._wanting_turn is None:
            self._wanting_turn = set()
        self._wanting_turn.add(loop)

    @property
    def is_read(self) -> bool:
        """Whether there are subscriptions or watchers."""
        return bool(self._routes or self._watchers)

    @property
    def subscribers(self) -> int:
        """How many subscriptions there are."""
        with self.lock:
            return len({mailbox for route in self._routes.values() for mailbox in route.mailboxes})

    def has_readers(self, topic: str) -> bool:
        """Return whether there are subscriptions to a topic, on whatever channel, or watchers."""
        with self.lock:
            return bool(self._watchers) or any(name == topic for _, name in self._routes)

    def has_reader(self, address: Address) -> bool:
        """Return whether there are subscriptions to an address, or watchers."""
        return bool(self._watchers) or address in self._routes

    def open(self, position_of: Callable[[int], str], last_seq: int) -> None:
        """Begin with a journal, to which another process may have written since this client last had it.

        Args:
            position_of: gives the position at which a reader resumes after the message at a place.
            last_seq: the place of the last message.
        """
        with self.lock:
            self._position_of, self.last_seq = position_of, last_seq
            self._clock.forget_journal()

    def reserve(self, channel: str, at_least: int, last: Callable[[], int]) -> int:
        """Return the time of a durable message that is being stored and isn't committed yet.

        Until `fan_out` or `release` live messages of the channel get earlier times.

        Args:
            channel: of the message.
            at_least: microseconds since 1970; the time is not before.
            last: reads the time of the channel's last message in the journal, if the clock doesn't know it.
        """
        with self.lock:
            if self._clock.is_known(channel):
                return self._clock.reserve(channel, at_least)
        stored = last()  # not with the lock held: live messages don't wait for the disk
        with self.lock:
            return self._clock.reserve(channel, at_least, stored)

    def release(self) -> None:
        """Forget the times that were reserved, because their messages were not stored."""
        with self.lock:
            self._clock.release()

    def last_durable_us(self, channel: str, stored_us: int = 0) -> int:
        """Return a time earlier than every durable message still to be committed on a channel.

        Args:
            channel: the channel's name.
            stored_us: the time of its last message in the journal, where that was read just now.
        """
        with self.lock:
            if stored_us:
                self._clock.observe(channel, stored_us)
            return self._clock.last_durable(channel)

    def fan_out(self, committed: Sequence[Envelope]) -> None:
        """Hand durable messages on, in the order of their commit."""
        with self.lock:
            for envelope in committed:
                for offer in self._watchers:
                    offer(envelope)
                if envelope.seq is not None:
                    self.last_seq = envelope.seq
                    self._clock.commit(envelope.channel, envelope.created_us)
                self._deliver(envelope)
            self._clock.release()  # at once: what is live from now on comes after them
            self._wanting_turn = None  # the journal's thread waits for no reader

    def skip(self, place: int) -> bool:
        """Pass over the durable messages up to a place: see `Outlet`."""
        with self.lock:
            if self.is_read:
                return False
            self.last_seq = place
            self._clock.release()
            return True

    def date_live_before(self, time_us: int) -> None:
        """Date live messages before a time from now on: see `Outlet`."""
        with self.lock:
            self._clock.date_live_before(time_us)

    def leave_to_journal(self, place: int) -> None:
        """Have all readers read on in the journal: durable messages after a place won't be fanned out.

        Args:
            place: of the last message that was.
        """
        with self.lock:
            for mailbox in {each for route in self._routes.values() for each in route.mailboxes}:
                mailbox.leave_to_journal(place)

    def _deliver(self, envelope: Envelope) -> None:
        route = self._routes.get((envelope.channel, envelope.topic))
        if route is not None:
            for mailbox in route.mailboxes:  # never changed in place: mailboxes may leave meanwhile
                mailbox.offer(envelope)

    def watch(self, offer: Callable[[Envelope], object], /) -> Callable[[], None]:
        """Have a function called with every message that is handed on from now on, whoever published it.

        Args:
            offer: called on any thread, the lock may be held; doesn't raise or wait.

        Returns:
            What ends that.
        """
        with self.lock:
            self._watchers = (*self._watchers, offer)

        def end() -> None:
            with self.lock:
                self._watchers = tuple(each for each in self._watchers if each is not offer)

        return end

    def register(
        self,
        addresses: Iterable[Address],
        *,
        catching_up: bool,
        max_messages: int,
        max_bytes: int,
        has_journal: bool = False,
        on_full: Callable[[], None] | None = None,
        is_old: IsOld | None = None,
    ) -> Mailbox:
        """Return a mailbox that gets every message to these addresses from now on.

        Args:
            addresses: what to deliver.
            catching_up: whether its reader begins with the journal, so that durable messages pass it by.
            max_messages: how many messages it holds.
            max_bytes: how many bytes it holds.
            has_journal: whether its reader can read durable messages in a journal that found no room in it.
            on_full: called when it is full, on any thread, with the lock held; not again before a take.
            is_old: tells durable messages that aren't delivered, since they were published before.
        """
        mailbox = Mailbox(
            self,
            addresses,
            catching_up=catching_up,
            max_messages=max_messages,
            max_bytes=max_bytes,
            has_journal=has_journal,
            on_full=on_full,
            is_old=is_old,
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
        """Let a mailbox take durable messages again if its reader has read all of the journal.

        Args:
            mailbox: the reader's.
            seq: the place up to which the reader has read.

        Returns:
            False if there is more to read.
        """
        with self.lock:
            if seq < self.last_seq:
                return False
            mailbox.rejoin()
            return True

    def idle(self, mailbox: Mailbox) -> bool:
        """Return whether a mailbox is served and all that was delivered to it has been taken."""
        with self.lock:
            return mailbox.is_empty and not (mailbox.catching_up or mailbox.closed or mailbox.overflowed)

    def reroute(self, mailbox: Mailbox, addresses: frozenset[Address]) -> None:
        """Deliver the messages of other addresses to a mailbox from now on, unless it has left the hub."""
        with self.lock:
            if mailbox.closed or mailbox.overflowed or mailbox.addresses == addresses:
                return
            self.remove(mailbox)
            mailbox.addresses = addresses
            self._add(mailbox)

    def remove(self, mailbox: Mailbox) -> None:
        """Stop delivering to a mailbox."""
        with self.lock:
            for address in mailbox.addresses:
                route = self._routes.get(address)
                if route is not None:
                    route.discard(mailbox)
                    if not route:
                        del self._routes[address]

    def close_all(self) -> None:
        """End every subscription. Each reader still gets the messages in its mailbox."""
        with self.lock:
            self._clock.date_live_before(0)
            routes, self._routes = self._routes, {}
            for route in routes.values():
                for mailbox in route.mailboxes:
                    mailbox.cut_off()
        self.drops.flush()

    def after_fork(self) -> None:
        """Start without subscriptions in a forked child, where no reader of the parent process exists."""
        # The lock may have been held by a thread that doesn't exist here.
        self.lock = threading.RLock()
        for mailbox in {each for route in self._routes.values() for each in route.mailboxes}:
            mailbox.closed = True
        self._clock.date_live_before(0)
        self.had_readers = bool(self._routes)
        self._routes = {}
        self._watchers = ()
        self.drops = DropLog()
