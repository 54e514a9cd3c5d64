"""One subscriber's stream, whatever carries it: where it begins, batches, too slow, too old, closing."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from tightbeam._engine.feed import UNPLACED
from tightbeam._engine.protocol import BatchFeed, Engine
from tightbeam._engine.requests import FindOutcome, FindStart, TimeOf
from tightbeam._hooks.hook_list import Around, HookList
from tightbeam._hooks.info import ConnectionInfo
from tightbeam._message import Address, Envelope
from tightbeam._selection import LATEST
from tightbeam.errors import EngineError, PositionLost, SubscriberTooSlow
from tightbeam.gateway._access import Refused, StreamRequest
from tightbeam.gateway._frames import RUN_TOPIC
from tightbeam.gateway._reasons import unavailable
from tightbeam.gateway._runs import RunStatusPublisher
from tightbeam.gateway._settings import Limits

__all__ = ["End", "FrameWriter", "Reader", "Stream", "Streams"]


class FrameWriter(Protocol):
    """What takes the messages of one stream to its reader; each method returns when there is room again."""

    writes: int
    """How often it had room for another write."""

    async def begin(self, position: str | None) -> None:
        """Tell the reader that it is connected, at this position."""
        ...

    async def reset(self, position: str | None) -> None:
        """Tell the reader that what it asked for is no longer retained."""
        ...

    async def send(self, envelopes: list[Envelope]) -> None:
        """Send messages, in order."""
        ...

    async def keep_alive(self, position: str | None, dropped: int) -> None:
        """Say that the stream lives, where it is, and how many live messages were dropped so far."""
        ...

    async def closing(self) -> None:
        """Tell the reader that the gateway shuts down."""
        ...


class End:
    """Why a stream ended."""

    SHUTDOWN = "shutdown"
    SLOW = "too slow"
    AGE = "maximum age"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a stream."""

    transport: Literal["websocket", "sse"]
    origin: str | None
    """Of the page, if it is one."""
    opened: float = field(default_factory=time.time)
    """Seconds since 1970."""


class Stream:
    """A subscription on its way to one reader; `pump` is run by a task of its own."""

    def __init__(
        self,
        open_feed: Callable[[Callable[[], None]], BatchFeed],
        limits: Limits,
        reader: Reader,
        lost: bool,
        hooks: HookList,
    ) -> None:
        """Open a feed.

        Args:
            open_feed: opens it; gets what is to be called when its buffer is full.
            limits: of the gateway.
            reader: who reads the stream.
            lost: whether what the reader asked for is no longer retained.
            hooks: of the client.
        """
        self._hooks = hooks
        self._messages = 0
        """How many messages and states of runs were written."""
        self._info: ConnectionInfo | None = None
        """What hooks know of the connection, if there are any."""
        self.reader = reader
        self._limits = limits
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[str] | None = None
        self._waiting = False
        self._ping: asyncio.Task[None] | None = None
        """What says that the stream is alive, and where it is."""
        self._why: str | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._writer: FrameWriter
        self._watch: asyncio.TimerHandle | None = None
        self._feed = open_feed(self._on_full)
        self._start = self._feed.place

    @property
    def feed(self) -> BatchFeed:
        """Return the feed of its messages."""
        return self._feed

    async def pump(self, writer: FrameWriter) -> str:
        """Carry messages until there are no more, and return why it ended. Hooks surround it."""
        if not self._hooks.connection:
            return await self._carry(writer)
        topics = tuple(sorted(address for address in self.addresses if address[1] != RUN_TOPIC))
        info = self._info = ConnectionInfo("gateway", self.reader.transport, topics)
        with Around(self._hooks.connection, info):
            info.reason = await self._carry(writer)
            self._note_progress()
            return info.reason

    def _note_progress(self) -> None:
        if self._info is not None:
            self._info.messages, self._info.dropped = self._messages, self.dropped

    async def _carry(self, writer: FrameWriter) -> str:
        self._task = asyncio.current_task()
        self._writer = writer
        limits, feed, dropped = self._limits, self._feed, 0
        self._timers.append(self._loop.call_later(limits.stream_age.total_seconds(), self.end, End.AGE))
        self._keep_alive(writer)
        try:
            await writer.begin(self._start)
            if self._lost:
                await writer.reset(self._start)
            while True:
                self._waiting = True
                batch = await feed.next_batch()
                self._waiting = False
                if not batch:
                    break
                if self._ping is not None:
                    await self._ping  # it says a position before this batch, so it must go out first
                    self._ping = None
                await writer.send(batch)
                self._messages += len(batch)
                self._note_progress()
                if feed.dropped != dropped:
                    dropped = feed.dropped
                    await writer.keep_alive(feed.place, dropped)
            why = self._why or End.SHUTDOWN
            if why is End.SHUTDOWN:
                await writer.closing()
        except SubscriberTooSlow:
            why = End.SLOW
        except (PositionLost, EngineError):
            why = End.SHUTDOWN
        except asyncio.CancelledError:
            why = self._why or End.GONE
        finally:
            self._waiting = False
            feed.close()
            feed.note_drops()
            if self._watch is not None:
                self._watch.cancel()
            for timer in self._timers:
                timer.cancel()
        return why

    def _keep_alive(self, writer: FrameWriter) -> None:
        seconds = self._limits.keep_alive.total_seconds()

        def tick() -> None:
            if self._waiting and (self._ping is None or self._ping.done()):
                # Sent only while nothing else is on its way, so that no position overtakes a message.
                self._ping = self._loop.create_task(
                    _quietly(writer.keep_alive(self._feed.advance(), self._feed.dropped))
                )
            self._timers[-1] = self._loop.call_later(seconds, tick)

        self._timers.append(self._loop.call_later(seconds, tick))

    async def tell_position(self) -> None:
        """Tell a reader that keeps a cursor where it is."""
        await self._writer.keep_alive(self._feed.position, self._feed.dropped)

    def end(self, why: str) -> None:
        """Let the reader have what is buffered, then end."""
        if self._why is None:
            self._why = why
        self._feed.close()

    def abort(self, why: str) -> None:
        """End now, whatever is buffered."""
        if self._why is None:
            self._why = why
        self._feed.close()
        if self._task is not None:
            self._task.cancel()

    def follow(self, addresses: frozenset[Address]) -> None:
        """Follow these addresses from now on."""
        self._feed.follow(addresses)

    @property
    def addresses(self) -> frozenset[Address]:
        """Return the addresses that are followed."""
        return self._feed.addresses

    @property
    def dropped(self) -> int:
        """Return the number of live messages that were dropped because the reader was slow."""
        return self._feed.dropped

    @property
    def is_slow(self) -> bool:
        """Return whether more waits for the reader than the buffer should hold."""
        return self._watch is not None or self._feed.is_crowded

    def _on_full(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and so is the connection
            self._loop.call_soon_threadsafe(self._watch_reader)

    def _watch_reader(self) -> None:
        """Cut a reader whose buffer is full, and to whom nothing more can be written for a while."""
        if self._task is None or self._task.done() or self._watch is not None:
            return
        seconds, written = self._limits.slow_grace.total_seconds(), self._writer.writes

        def look() -> None:
            self._watch = None
            if not self._feed.is_crowded:
                return
            if self._writer.writes == written and not self._waiting:  # it may be the journal that is slow
                self.abort(End.SLOW)
            else:
                self._watch_reader()

        self._watch = self._loop.call_later(seconds, look)


class Streams:
    """All streams of a gateway."""

    def __init__(self, engine: Engine, limits: Limits, runs: RunStatusPublisher) -> None:
        self._engine = engine
        self._limits = limits
        self._runs = runs
        self._open: set[Stream] = set()
        self.closing: bool = False

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Stream]:
        """Iterate over the streams that are open now."""
        return iter(tuple(self._open))

    async def open(self, wanted: StreamRequest, reader: Reader) -> Stream:
        """Open a stream for a reader; it is registered, so that it misses nothing from now on.

        Raises:
            Refused: 503, there is no room, or the client isn't entered.
        """
        after, lost = await self.start_of(wanted)
        self._check_room()
        limits = self._limits
        since_us = None if wanted.since is None else wanted.since * 1000

        async def replayed() -> list[Envelope]:
            return [] if after is None else await self._replayed(stream, after, since_us)

        def open_feed(on_full: Callable[[], None]) -> BatchFeed:
            return self._engine.feed(
                wanted.addresses,
                after,
                max_messages=limits.buffer_messages,
                max_bytes=limits.buffer_bytes,
                on_full=on_full,
                at_replay_end=replayed,
            )

        try:
            stream = Stream(open_feed, limits, reader, lost, self._engine.hooks)
        except EngineError as error:
            raise unavailable(error) from error
        self._open.add(stream)
        return stream

    async def start_of(self, wanted: StreamRequest) -> tuple[str | None, bool]:
        """Find where a reader's stream begins.

        Args:
            wanted: what it may follow.

        Returns:
            A position, ``"start"``, or None for what comes from now on; and whether what the reader asked for
            is no longer retained.

        Raises:
            Refused: 503, there is no room, or the client isn't entered.
        """
        self._check_room()
        after, engine = wanted.after, self._engine
        try:
            if after is None and wanted.since is not None:
                channels = {channel for channel, _ in wanted.addresses}
                after = await engine.position_since(sorted(channels), wanted.since)
            elif after is not None and after not in UNPLACED:
                await engine.read(FindStart(after))
        except PositionLost:
            return "start", True
        except EngineError as error:
            raise unavailable(error) from error
        return after, False

    async def _replayed(self, stream: Stream, after: str, since_us: int | None) -> list[Envelope]:
        if after == LATEST:  # there may have been none: a reader that is cut now goes on from here
            await stream.tell_position()
        return await self._outcomes(stream.feed, after, since_us)

    async def _outcomes(self, feed: BatchFeed, after: str, since_us: int | None) -> list[Envelope]:
        """Return how the last run of each channel ended, where the reader may have missed that."""
        channels = sorted(channel for channel, topic in feed.addresses if topic == RUN_TOPIC)
        found: list[Envelope] = []
        # The client is being left, or the position has gone by now.
        with contextlib.suppress(EngineError, PositionLost):
            if since_us is None:
                since_us = 0 if after in UNPLACED else await self._engine.read(TimeOf(after))
            for channel in channels:
                needed = self._runs.needs_journal(channel)
                stored = await self._engine.read(FindOutcome(channel)) if needed else None
                if (frame := self._runs.outcome(channel, since_us, stored)) is not None:
                    # Before all that is still to come, for readers that remember the last time they saw.
                    seen = max(since_us, feed.last_time(channel))
                    found.append(frame._replace(created_us=seen) if seen else frame)
        return found

    def _check_room(self) -> None:
        if self.closing:
            raise Refused(503, "the gateway is shutting down", code="closing", remedy="its readers come back")
        if len(self._open) >= self._limits.connections:
            raise Refused(
                503,
                "the gateway has no room for another stream",
                code="full",
                cause=f"{self._limits.connections:,} streams are open, as many as may be",
                remedy="raise it, and the limit of files: gateway.app(..., limits=Limits(connections=…))",
            )

    def leave(self, stream: Stream) -> None:
        """Forget a stream that has ended."""
        self._open.discard(stream)

    async def close(self) -> None:
        """Tell every reader, end every stream; those that don't end within the bound are cut."""
        self.closing = True
        for stream in tuple(self._open):
            stream.end(End.SHUTDOWN)
        if not await self._until_empty(self._limits.shutdown.total_seconds()):
            for stream in tuple(self._open):
                stream.abort(End.SHUTDOWN)
            await self._until_empty(0.5)

    async def _until_empty(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._open:  # noqa: ASYNC110 - polled for a second or two, once in a gateway's life
                    await asyncio.sleep(0.01)
        return not self._open


async def run_with(pump: asyncio.Task[str], watch: Callable[[], Awaitable[None]]) -> str:
    """Pump until it ends, or until ``watch`` returns because the reader has gone."""
    watching = asyncio.ensure_future(watch())
    try:
        await asyncio.wait({pump, watching}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        if not pump.done():
            pump.cancel()
        await asyncio.wait({pump, watching})
        if not watching.cancelled():
            watching.exception()  # the reader has gone; how is all the same
    return End.GONE if pump.cancelled() else pump.result()


async def _quietly(sending: Awaitable[None]) -> None:
    with contextlib.suppress(Exception):
        await sending
