"""A subscription's messages: first from the journal, then from its mailbox, without gap or duplicate."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from tightbeam._hub.hub import Hub
from tightbeam._hub.mailbox import IsOld
from tightbeam._message import Address, Envelope
from tightbeam._selection import LATEST
from tightbeam.errors import NotEntered, SubscriberTooSlow

if TYPE_CHECKING:
    from tightbeam._engine.records import Page
    from tightbeam._engine.store import Store

__all__ = ["UNPLACED", "EmbeddedFeed"]

UNPLACED = frozenset({"start", LATEST})
"""The words that `after` takes in place of a position."""

_MAX_MESSAGES = 1_024
_MAX_BYTES = 16 * 1024 * 1024
_MANY = 10_000
"""Dropped messages that are logged at once; fewer are when the reader has emptied its mailbox."""


class EmbeddedFeed:
    """A `BatchFeed` of the embedded engine.

    While it replays, its mailbox takes no durable messages. When a page of the journal ends at the last
    message that the hub has fanned out, which is decided under the hub's lock, the mailbox takes over. A
    reader whose mailbox was filled by durable messages catches up in the same way.
    """

    def __init__(
        self,
        hub: Hub,
        addresses: Iterable[Address],
        after: str | None,
        store: Callable[[], Store],
        *,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        on_full: Callable[[], None] | None = None,
        at_replay_end: Callable[[], Awaitable[list[Envelope]]] | None = None,
        is_old: IsOld | None = None,
    ) -> None:
        """Subscribe.

        Args:
            hub: hands out the messages.
            addresses: what to follow.
            after: the position to replay from; ``"start"`` for the beginning of the journal; ``"latest"``
                for the latest durable message of each address; None to begin with what is published from now
                on.
            store: returns what reads the journal, or raises `NotEntered`.
            max_messages: how many messages the mailbox holds.
            max_bytes: how many bytes it holds.
            on_full: called when the mailbox is full: see `Engine.feed`.
            at_replay_end: returns what `next_batch` gives, once, between the journal's messages and those
                that come.
            is_old: see `Store.published_before`; of a reader that begins with what is published from now on.
        """
        self._hub = hub
        self._addresses = tuple(addresses)
        self._after = after
        self._store = store
        self._page: deque[Envelope] = deque()
        """Messages of the journal, and the live ones between them, that are still to be handed out."""
        self._latest: tuple[int, ...] = ()
        """The places of the latest messages of the addresses that are still to be read."""
        self._replayed: dict[str, int] = {}
        """The times of the last messages that were replayed, by channel."""
        self._at_replay_end = at_replay_end
        self._seq: int | None = None
        """The place up to which the journal was read."""
        self._left_at: int | None = None
        """The place after which the mailbox has left durable messages to the journal."""
        self._noted = 0
        """How many dropped messages were counted for the log."""
        self._position = hub.position if after is None else after
        self._mailbox = hub.register(
            self._addresses,
            catching_up=after is not None,
            max_messages=max_messages or _MAX_MESSAGES,
            max_bytes=max_bytes or _MAX_BYTES,
            has_journal=True,
            on_full=on_full,
            is_old=is_old,
        )

    @property
    def position(self) -> str | None:
        """Where to resume after what was handed out so far; None when no journal is open."""
        return self._position

    @property
    def place(self) -> str | None:
        """The position, or None before there is one: while `"start"` or `"latest"` stands for it."""
        return None if self._position in UNPLACED else self._position

    @property
    def addresses(self) -> frozenset[Address]:
        """What it follows."""
        return self._mailbox.addresses

    @property
    def is_crowded(self) -> bool:
        """See `BatchFeed`."""
        return self._mailbox.is_crowded

    @property
    def dropped(self) -> int:
        """See `Feed`."""
        return self._mailbox.dropped

    async def ready(self) -> None:
        """See `Feed`."""

    def give_up(self) -> None:
        """See `Feed`."""

    async def next(self) -> Envelope | None:
        """See `Feed`."""
        mailbox = self._mailbox
        while True:
            if mailbox.dropped - self._noted > _MANY:
                self.note_drops()
            if self._page:
                envelope = self._page.popleft()
                break
            taken = mailbox.take()
            if taken is not None:
                envelope = self._in_time(taken) if self._replayed else taken
                break
            if not await self._more():
                return None
        if envelope.seq is not None:
            self._position = self.position_of(envelope)
        return envelope

    async def next_batch(self) -> list[Envelope]:
        """See `BatchFeed`."""
        mailbox = self._mailbox
        if mailbox.dropped - self._noted > _MANY:
            self.note_drops()
        while not (batch := list(self._page) or self._from_mailbox()):
            if not await self._more():
                return []
            if self._at_replay_end is not None and not mailbox.catching_up:
                at_replay_end, self._at_replay_end = self._at_replay_end, None
                # What has come while that was found out may tell the same, behind messages of the same run.
                batch = _behind(await at_replay_end(), self._from_mailbox())
                if batch:
                    break
        self._page.clear()
        for envelope in reversed(batch):
            if envelope.seq is not None:
                self._position = self.position_of(envelope)
                break
        return batch

    def _from_mailbox(self) -> list[Envelope]:
        batch = self._mailbox.take_all()
        return [self._in_time(envelope) for envelope in batch] if self._replayed else batch

    async def _more(self) -> bool:
        """Wait for messages, or read on in the journal; return False if there will be no more.

        Raises:
            SubscriberTooSlow: durable messages found no room, and the journal is closed by now.
            PositionLost: those messages are no longer retained.
        """
        mailbox = self._mailbox
        if mailbox.dropped != self._noted:
            self.note_drops()
        if mailbox.overflowed:
            raise SubscriberTooSlow(self.place)
        if mailbox.closed:
            # Live messages after durable ones that weren't read are left out: a reader that resumes at the
            # time of its last message would miss the durable ones.
            if self._seq is not None:
                live = mailbox.take_aside(self._seq)
                self._page.extend(self._in_time(envelope) for _, envelope in live)
            return bool(self._page)
        if mailbox.catching_up:
            await self._read_on()
        else:
            await mailbox.wait()
        return True

    async def _read_on(self) -> None:
        """Read the next page of the journal; if there is none, the mailbox takes over."""
        mailbox = self._mailbox
        if mailbox.left_at != self._left_at:  # it has fallen behind since
            self._seq = self._left_at = mailbox.left_at
        try:
            if self._seq is None and self._after == LATEST:
                await self._find_latest()
            if self._latest:
                await self._read_latest()
                return
            if self._seq is not None and self._hub.caught_up(mailbox, self._seq):
                self._left_at = None
                if self._position == LATEST:  # there was none
                    self._position = self._hub.position_of(self._seq)
                return
            page, upto = await self._read()
        except NotEntered:  # the client is being left
            mailbox.cut_off()
            return
        self._seq = upto
        self._page.extend(self._merged(page))

    async def _find_latest(self) -> None:
        """Find the latest message of each address; later messages are read on from the end of the journal."""
        from tightbeam._engine.requests import FindLatest  # not at import: needs an entered client

        places, self._seq = await self._store().submit(FindLatest(self._addresses))
        self._latest = tuple(places)

    async def _read_latest(self) -> None:
        from tightbeam._engine.requests import ReadPlaces  # not at import: needs an entered client

        page, count = await self._store().submit(ReadPlaces(self._latest))
        self._latest = self._latest[count:]
        self._page.extend(self._merged(page))

    async def _read(self) -> Page:
        from tightbeam._engine import requests  # not at import: needs an entered client

        after = (self._after or "") if self._seq is None else self._seq
        bounds = requests.PAGE_MESSAGES, requests.PAGE_BYTES
        return await self._store().submit(requests.ReadPage(self._addresses, after, *bounds))

    def _merged(self, page: list[Envelope]) -> list[Envelope]:
        """Put live messages between those of a page; live messages after the last one wait."""
        live = deque(self._mailbox.take_aside((page[-1].seq or 0) - 1)) if page else deque()
        merged: list[Envelope] = []
        for envelope in page:
            while live and live[0][0] < (envelope.seq or 0):
                merged.append(self._in_time(live.popleft()[1]))
            merged.append(envelope)
            self._replayed[envelope.channel] = envelope.created_us
        return merged

    def last_time(self, channel: str, /) -> int:
        """See `BatchFeed`."""
        return self._replayed.get(channel, 0)

    def _in_time(self, envelope: Envelope) -> Envelope:
        """Return a live message with a time that isn't before that of the replayed message which it follows.

        Times increase in a channel, unless an earlier process stored messages by a clock that was ahead. A
        reader that resumes by the time of its last message would then get the replayed ones again.
        """
        if envelope.seq is not None:
            self._replayed.pop(envelope.channel, None)
        elif (last := self._replayed.get(envelope.channel, 0)) > envelope.created_us:
            return envelope._replace(created_us=last)
        return envelope

    def note_drops(self) -> None:
        """See `BatchFeed`."""
        if dropped := self._new_drops():
            self._hub.drops.note(dropped)

    def _new_drops(self) -> int:
        """Return how many messages were dropped since the last call."""
        dropped, self._noted = self._mailbox.dropped - self._noted, self._mailbox.dropped
        return dropped

    def advance(self) -> str | None:
        """See `BatchFeed`."""
        if not self._page and self._hub.idle(self._mailbox):
            self._position = self._hub.position or self._position
        return self._position

    def follow(self, addresses: Iterable[Address], /) -> None:
        """See `BatchFeed`."""
        self._addresses = tuple(addresses)
        self._hub.reroute(self._mailbox, frozenset(self._addresses))

    def position_of(self, envelope: Envelope, /) -> str | None:
        """See `Feed`."""
        return None if envelope.seq is None else self._hub.position_of(envelope.seq)

    def close(self) -> None:
        """See `Feed`."""
        self._mailbox.close()
        if dropped := self._new_drops():
            self._hub.drops.add(dropped)


def _behind(between: list[Envelope], came: list[Envelope]) -> list[Envelope]:
    """Put what has come behind messages; of a run that it tells of on the same address they tell nothing."""
    told = {(one.channel, one.topic, one.run_id) for one in came}
    return [one for one in between if (one.channel, one.topic, one.run_id) not in told] + came
