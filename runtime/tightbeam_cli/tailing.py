"""The messages of a channel straight from a database, for `tightbeam tail`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tightbeam._message import Envelope

__all__ = ["messages_on_server"]

_MOST = 4_096
"""Messages that wait to be printed at most, of topics that the journal didn't know when it was asked."""


async def messages_on_server(
    address: str, postgres_schema: str, channel: str, topics: list[str], after: str | None
) -> AsyncIterator[Envelope]:
    """Yield the messages of a channel as any process publishes them.

    Args:
        address: of the database.
        postgres_schema: in which its tables are.
        channel: its name.
        topics: only these; all if there is none.
        after: where to begin, as for ``subscribe``; None for what comes from now on.

    Raises:
        JournalRefused: there is no journal.
        PositionLost: what came after the position is no longer retained.
    """
    from tightbeam import Client
    from tightbeam._client import engine_of
    from tightbeam._engine.backends import journal_on_server
    from tightbeam._engine.requests import ListTopics

    journal_on_server(address, postgres_schema).read(ListTopics(channel))  # which makes no tables
    async with Client(address, postgres_schema=postgres_schema, run_functions=False) as client:
        engine = engine_of(client)
        others = _Others(channel)
        end = engine.watch(others.offer)
        others.known = frozenset(topics or await engine.read(ListTopics(channel)))
        feed = engine.subscribe([(channel, topic) for topic in others.known], after)
        try:
            async for envelope in _either(feed.next, None if topics else others.next):
                yield envelope
        finally:
            end()
            feed.close()


class _Others:
    """Messages of a channel to topics of which the journal had none when it was asked."""

    def __init__(self, channel: str) -> None:
        self.known: frozenset[str] = frozenset()
        """The topics that are read otherwise."""
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Envelope] = asyncio.Queue(_MOST)

    def offer(self, envelope: Envelope) -> None:
        """Take a message, on any thread."""
        # Frames of runs have a topic that no channel can have.
        is_other = envelope.topic not in self.known and not envelope.topic.startswith("$")
        if is_other and envelope.channel == self._channel:
            self._loop.call_soon_threadsafe(self._put, envelope)

    def _put(self, envelope: Envelope) -> None:
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(envelope)

    async def next(self) -> Envelope:
        """Wait for the next one."""
        while (envelope := await self._queue.get()).topic in self.known:
            pass
        return envelope


async def _either(*sources: Callable[[], Awaitable[Envelope | None]] | None) -> AsyncIterator[Envelope]:
    """Yield what several functions return, each called again and again, until one returns None."""
    waiting = {asyncio.ensure_future(source()): source for source in sources if source is not None}
    try:
        while True:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for future in done:
                source = waiting.pop(future)
                if (envelope := future.result()) is None:
                    return
                waiting[asyncio.ensure_future(source())] = source
                yield envelope
    finally:
        for future in waiting:
            future.cancel()
