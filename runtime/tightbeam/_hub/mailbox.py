"""The buffer of one subscription: bounded, filled by the hub, emptied by one reader.

When it is full, live messages go first, the oldest of them: of progress and tokens the newest say where
things stand. Durable messages are never dropped. Where they alone fill the buffer, the newer ones are left to
the journal, and the reader catches up from there.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from tightbeam._message import Address, Envelope

__all__ = ["Deliverer", "IsOld", "Mailbox"]

IsOld = Callable[[int], bool]
"""Tells of the place of a durable message whether it was published before the subscription began."""

_WEIGHT = 512
"""Bytes that a mailbox counts for a message beside its data; a message takes no more."""
_TURNS_IN_A_ROW = 16
"""How many turns in a row the reader's event loop is given while the reader takes nothing."""
_MESSAGES_A_TURN = 64
"""After these, one turn is given for so many messages."""


class Deliverer(Protocol):
    """What fills a mailbox: the hub."""

    @property
    def lock(self) -> threading.RLock:
        """Held while a mailbox is changed."""
        ...

    @property
    def last_seq(self) -> int:
        """The place of the last durable message that was fanned out."""
        ...

    def request_turn(self, loop: asyncio.AbstractEventLoop, /) -> None:
        """Have the publisher of the message at hand give an event loop a turn."""
        ...

    def remove(self, mailbox: Mailbox, /) -> None:
        """Stop delivering to a mailbox."""
        ...


class Mailbox:
    """The buffer of one subscription, bounded in messages and bytes.

    While its reader catches up with the journal, it takes no durable messages, since the reader finds them in
    the journal. Live messages are set aside meanwhile, each with the place in the journal that it follows.
    """

    __slots__ = (
        "__weakref__",
        "_aside",
        "_bytes",
        "_half_bytes",
        "_half_messages",
        "_has_journal",
        "_hub",
        "_is_old",
        "_items",
        "_kept",
        "_loop",
        "_max_bytes",
        "_max_messages",
        "_on_full",
        "_reported_full",
        "_strained",
        "_turns",
        "_waiter",
        "addresses",
        "catching_up",
        "closed",
        "dropped",
        "left_at",
        "overflowed",
    )

    def __init__(
        self,
        hub: Deliverer,
        addresses: Iterable[Address],
        *,
        catching_up: bool,
        max_messages: int,
        max_bytes: int,
        has_journal: bool,
        on_full: Callable[[], None] | None = None,
        is_old: IsOld | None = None,
    ) -> None:
        self._hub = hub
        self._is_old = is_old
        self.addresses = frozenset(addresses)
        self.catching_up = catching_up
        self.left_at: int | None = None
        """The place in the journal after which the reader finds messages that found no room here."""
        self.closed = False
        self.overflowed = False
        """Whether it was closed because durable messages found no room, here or in a journal."""
        self.dropped = 0
        """How many live messages were dropped because the reader was too slow."""
        self._on_full = on_full
        self._items: deque[Envelope] = deque()
        self._kept = 0
        """How many of the first items are known to be durable or state, which aren't dropped."""
        self._aside: deque[tuple[int, Envelope]] = deque()
        self._bytes = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._half_messages = max_messages // 2
        self._half_bytes = max_bytes // 2
        self._has_journal = has_journal
        self._waiter: asyncio.Future[None] | None = None
        self._loop = asyncio._get_running_loop()
        """The reader's event loop, if it is known."""
        self._strained = False
        """Whether the next take has to reset `_kept`, `_turns` and `_reported_full`."""
        self._turns = 0
        """How many messages have asked for a turn since the last take."""
        self._reported_full = False

    def offer(self, envelope: Envelope) -> None:
        """Put a message in, and make room for it by dropping live ones. The hub's lock is held."""
        if self._is_old is not None and envelope.seq is not None and self._is_old(envelope.seq):
            return
        size = self._bytes + len(envelope.data) + _WEIGHT
        if self.catching_up or len(self._items) >= self._half_messages or size > self._half_bytes:
            self._squeeze_in(envelope)
            return
        self._items.append(envelope)
        self._bytes = size
        if self._waiter is not None:
            self.wake()

    def _squeeze_in(self, envelope: Envelope) -> None:
        """Put a message in that can't simply be appended."""
        if (self.catching_up and envelope.seq is not None) or not self._make_room(envelope):
            return
        if self.catching_up:  # already, or because there was no room
            self._set_aside(self._hub.last_seq, envelope)
            return
        self._items.append(envelope)
        self._bytes += len(envelope.data) + _WEIGHT
        self.wake()

    def _make_room(self, envelope: Envelope) -> bool:
        """Ask for a turn if the mailbox is more than half full, and drop messages if it is full.

        Returns:
            False if the message isn't to be put in: the journal has it, or nothing else could be dropped.
        """
        if not self._is_filled(self._half_messages, self._half_bytes, envelope):
            return True
        self._strained = True
        self._turns += 1
        if self._loop is not None and (self._turns <= _TURNS_IN_A_ROW or self._turns % _MESSAGES_A_TURN == 0):
            self._hub.request_turn(self._loop)
        while self._is_full(envelope):
            if not self._reported_full:
                self._reported_full = True
                if self._on_full is not None:
                    self._on_full()
            if self._drop_oldest():
                continue
            if self._has_journal and not self.catching_up and self._fall_behind(envelope):
                if envelope.seq is not None:
                    return False
            elif not self._drop_oldest(state=True):
                return self._refuse(envelope)
        return True

    def _is_filled(self, messages: int, size: int, envelope: Envelope) -> bool:
        count = len(self._items) + len(self._aside)
        return count >= messages or self._bytes + len(envelope.data) + _WEIGHT > size

    def _is_full(self, envelope: Envelope) -> bool:
        empty = not (self._items or self._aside)
        return not empty and self._is_filled(self._max_messages, self._max_bytes, envelope)

    def _drop_oldest(self, *, state: bool = False) -> bool:
        """Drop the oldest live message.

        Args:
            state: drop messages too that tell a run's state.

        Returns:
            False if there is none.
        """
        items, aside = self._items, self._aside
        start = 0 if state else self._kept
        for index in range(start, len(items)):
            if _may_be_dropped(items[index], state):
                gone = items[index]
                del items[index]
                self._kept = index
                break
        else:
            self._kept = len(items)
            for index, (_, gone) in enumerate(aside):
                if _may_be_dropped(gone, state):
                    del aside[index]
                    break
            else:
                return False
        self._bytes -= len(gone.data) + _WEIGHT
        self.dropped += 1
        return True

    def _fall_behind(self, envelope: Envelope) -> bool:
        """Leave the newer durable messages to the journal, at the latest from the given one on.

        Returns:
            False if that makes no room: neither the newer half of the messages nor the given one is durable.
        """
        items = self._items
        shed: list[Envelope] = []
        while len(items) > 1 and self._is_filled(self._half_messages, self._half_bytes, envelope):
            shed.append(items.pop())
            self._bytes -= len(shed[-1].data) + _WEIGHT
        shed.reverse()
        first = next((each.seq for each in shed if each.seq is not None), envelope.seq)
        if first is None:
            items.extend(shed)
            self._bytes += sum(len(each.data) + _WEIGHT for each in shed)
            return False
        self._kept = min(self._kept, len(items))
        self.catching_up = True
        place = self.left_at = first - 1
        for each in shed:
            if each.seq is None:
                self._set_aside(place, each)
            else:
                place = each.seq
        return True

    def leave_to_journal(self, place: int) -> None:
        """Have the reader find durable messages after a place in the journal. The hub's lock is held."""
        if self._has_journal and not self.catching_up:
            self.catching_up = True
            self.left_at = place
            self.wake()

    def _set_aside(self, place: int, envelope: Envelope) -> None:
        self._aside.append((place, envelope))
        self._bytes += len(envelope.data) + _WEIGHT

    def _refuse(self, envelope: Envelope) -> bool:
        """Drop a live message; for a durable one, close the mailbox for good."""
        if envelope.id is None:
            self.dropped += 1
        else:
            self.overflowed = True
            self._hub.remove(self)
            self.wake()
        return False

    def take(self) -> Envelope | None:
        """Take the oldest message, if there is one."""
        if not self._items:
            return None
        with self._hub.lock:
            envelope = self._items.popleft()
            self._bytes -= len(envelope.data) + _WEIGHT
            if self._strained:
                self._relax(1)
        return envelope

    def take_all(self) -> list[Envelope]:
        """Take all messages, oldest first."""
        if not self._items:
            return []
        with self._hub.lock:
            taken = list(self._items)
            self._items.clear()
            self._bytes = sum(len(envelope.data) + _WEIGHT for _, envelope in self._aside)
            if self._strained:
                self._relax(len(taken))
        return taken

    def take_aside(self, upto: int) -> list[tuple[int, Envelope]]:
        """Take the live messages that were set aside, up to those that follow a place in the journal.

        Returns:
            Each message with the place that it follows.
        """
        taken: list[tuple[int, Envelope]] = []
        with self._hub.lock:
            while self._aside and self._aside[0][0] <= upto:
                taken.append(self._aside.popleft())
                self._bytes -= len(taken[-1][1].data) + _WEIGHT
            if self._strained and taken:
                self._relax(0)
        return taken

    def _relax(self, taken: int) -> None:
        self._kept = max(0, self._kept - taken)
        self._turns = 0
        self._reported_full = False
        self._strained = self._kept > 0

    def rejoin(self) -> None:
        """Deliver durable messages again: the reader has read all of the journal. The hub's lock is held."""
        self.catching_up = False
        self.left_at = None
        self._items.extend(envelope for _, envelope in self._aside)
        self._aside.clear()

    def cut_off(self) -> None:
        """Close because the journal was closed: messages that the reader was to read there are lost to it."""
        with self._hub.lock:
            self.overflowed = self.overflowed or self.left_at is not None
            self.close()

    @property
    def is_crowded(self) -> bool:
        """Whether it was more than half full at the last message, and nothing was taken since."""
        return self._turns > 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take."""
        return not (self._items or self._aside)

    async def wait(self) -> None:
        """Wait until there is a message to take or to read in the journal, or the mailbox has closed.

        Raises:
            RuntimeError: another task is waiting.
        """
        with self._hub.lock:
            if self._items or self.catching_up or self.closed or self.overflowed:
                return
            if self._waiter is not None and not self._waiter.done():
                raise RuntimeError("two tasks are reading one subscription: make one for each")
            loop = self._loop = asyncio.get_running_loop()
            waiter = self._waiter = loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    def wake(self) -> None:
        """Wake the reader. The hub's lock is held."""
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
        except RuntimeError:  # the reader's event loop is closed, so this mailbox won't be read again
            self._hub.remove(self)

    def close(self) -> None:
        """Leave the hub. The messages in the mailbox can still be taken."""
        with self._hub.lock:
            self.closed = True
            self._hub.remove(self)
            self.wake()


def _may_be_dropped(envelope: Envelope, state: bool) -> bool:
    """Return whether a message may be dropped.

    Args:
        envelope: the message; only live ones may be dropped.
        state: whether those that tell a run's state may be, too; their topics begin with a dollar sign.
    """
    return envelope.id is None and (state or not envelope.topic.startswith("$"))


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
