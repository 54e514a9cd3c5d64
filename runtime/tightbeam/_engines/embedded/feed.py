"""A subscription's messages: first from the journal, then from its mailbox, without gap or duplicate."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from tightbeam._hub import Address, Envelope, Hub, Mailbox
from tightbeam.errors import NotEntered, SubscriberTooSlow

if TYPE_CHECKING:
    from tightbeam._engines.embedded.writer import Transaction, Writer

__all__ = ["EmbeddedFeed"]

_MAX_MESSAGES = 1_024
_MAX_BYTES = 16 * 1024 * 1024


class EmbeddedFeed:
    """A `Feed` of the embedded engine.

    While it replays, durable messages pass its mailbox by. When a page of the journal ends at the last
    message the hub has fanned out, which is decided under the hub's lock, the mailbox takes over.
    """

    def __init__(
        self,
        hub: Hub,
        addresses: Iterable[Address],
        after: str | None,
        writer: Writer | None,
        *,
        max_messages: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self._hub = hub
        self._addresses = tuple(addresses)
        self._after = after
        self._writer = writer
        self._replaying = after is not None
        self._page: deque[Envelope] = deque()
        self._told: dict[str, int] = {}
        """The times of the last messages that were replayed, by channel."""
        self.after_replay: Callable[[], Awaitable[list[Envelope]]] | None = None
        """What `next_batch` gives between the journal's messages and those that come."""
        self._seq: int | None = None
        self._position = after if self._replaying else hub.position
        self._mailbox = hub.register(
            self._addresses,
            catching_up=self._replaying,
            max_messages=max_messages or _MAX_MESSAGES,
            max_bytes=max_bytes or _MAX_BYTES,
        )

    @property
    def position(self) -> str | None:
        """Where to resume after what was handed out so far; None when no journal is open."""
        return self._position

    @property
    def mailbox(self) -> Mailbox:
        """What the hub fills."""
        return self._mailbox

    async def ready(self) -> None:
        """See `tightbeam._engines.Feed`."""

    def give_up(self) -> None:
        """See `tightbeam._engines.Feed`."""

    async def next(self) -> Envelope | None:
        """See `tightbeam._engines.Feed`."""
        envelope = await self._from_journal() if self._replaying else None
        mailbox = self._mailbox
        while envelope is None:
            envelope = mailbox.take()
            if envelope is None:
                if mailbox.overflowed:
                    raise SubscriberTooSlow(None if self._position == "start" else self._position)
                if mailbox.closed:
                    return None
                await mailbox.wait()
        return self._handed_out(envelope)

    def _handed_out(self, envelope: Envelope) -> Envelope:
        if envelope.seq is not None:
            self._position = self.position_of(envelope)
        return self._in_time(envelope) if self._told or self._replaying else envelope

    async def next_batch(self) -> list[Envelope]:
        """All messages there are, at least one; empty when there will be no more. Raises what `next` does."""
        first: Envelope | None = None
        if self._replaying:
            first = await self._from_journal()
            if first is None and self.after_replay is not None and (more := await self.after_replay()):
                return more
            if first is not None:
                first = self._handed_out(first)
        if first is None and not self._replaying and not self._told:
            return await self._from_mailbox()
        first = first or await self.next()
        if first is None:
            return []
        if self._replaying:
            batch = [first, *map(self._in_time, self._page)]
            self._page.clear()
        else:
            batch = [first, *self._mailbox.take_all()]
            if self._told:
                batch[1:] = map(self._in_time, batch[1:])
        self._pass(batch)
        return batch

    async def _from_mailbox(self) -> list[Envelope]:
        """As `next_batch`, for a reader that has caught up."""
        mailbox = self._mailbox
        while not (batch := mailbox.take_all()):
            if mailbox.overflowed:
                raise SubscriberTooSlow(None if self._position == "start" else self._position)
            if mailbox.closed:
                break
            await mailbox.wait()
        self._pass(batch)
        return batch

    def _pass(self, batch: list[Envelope]) -> None:
        for envelope in reversed(batch):
            if envelope.seq is not None:
                self._position = self.position_of(envelope)
                break

    def last_time(self, channel: str) -> int:
        """The time of the last message of a channel that was replayed; or 0."""
        return self._told.get(channel, 0)

    def _in_time(self, envelope: Envelope) -> Envelope:
        """What was published live during the replay comes after it: with a time that says so.

        Who remembers only the time of the last message would otherwise be given the replayed ones again.
        """
        if envelope.seq is not None:
            if self._replaying:
                self._told[envelope.channel] = envelope.created_us
            else:
                self._told.pop(envelope.channel, None)
        elif (told := self._told.get(envelope.channel, 0)) > envelope.created_us:
            return envelope._replace(created_us=told)
        return envelope

    def advance(self) -> str | None:
        """The position, moved past messages to other addresses if this reader has seen all of its own."""
        if not self._replaying and self._hub.idle(self._mailbox):
            self._position = self._hub.position or self._position
        return self._position

    def follow(self, addresses: Iterable[Address]) -> None:
        """From now on give messages to these addresses."""
        self._addresses = tuple(addresses)
        self._hub.reroute(self._mailbox, self._addresses)

    def position_of(self, envelope: Envelope, /) -> str | None:
        """See `tightbeam._engines.Feed`."""
        return None if envelope.seq is None else self._hub.position_of(envelope.seq)

    def close(self) -> None:
        """See `tightbeam._engines.Feed`."""
        self._mailbox.close()

    async def _from_journal(self) -> Envelope | None:
        """The next replayed message; None when the mailbox has taken over, or the client is left."""
        while not self._page:
            if self._mailbox.closed or self._writer is None:
                self._replaying = False
                return None
            if self._seq is not None and self._hub.caught_up(self._mailbox, self._seq):
                self._replaying = False
                return None
            try:
                page, upto = await self._writer.submit(self._read, read=True)
            except NotEntered:
                self._replaying = False
                return None
            self._page.extend(page)
            self._seq = upto
        return self._page.popleft()

    def _read(self, tx: Transaction) -> tuple[list[Envelope], int]:
        from tightbeam._engines.embedded.messages import read_page, start_of  # not at import: see `engine`

        after = start_of(tx, self._after or "") if self._seq is None else self._seq
        return read_page(tx, self._addresses, after)
