"""The embedded engine: a journal in SQLite, a runner, a hub, all in this process.

Live publishes and live subscriptions need the hub only; the rest is imported when a client is entered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tightbeam import _probes
from tightbeam._engine.feed import EmbeddedFeed
from tightbeam._engine.protocol import Selection, SubscriptionToken
from tightbeam._engine.sqlite.outside import Outside
from tightbeam._function import Registry
from tightbeam._hub.hub import Hub, Loops
from tightbeam._hub.message_clock import MILLISECOND
from tightbeam._hub.turns import give_turn, give_turn_sync
from tightbeam._message import Address, Envelope
from tightbeam.errors import EngineError, JournalRefused, NoGateway, NotEntered

if TYPE_CHECKING:
    from tightbeam._engine.session import Session
    from tightbeam._engine.sqlite.waiting import Waiting
    from tightbeam._engine.sqlite.writer import Transaction, Writer

__all__ = ["EmbeddedEngine", "RunEnd", "RunEnded", "RunOutcome", "Settings"]

_log = logging.getLogger("tightbeam")
T = TypeVar("T")


class Settings(NamedTuple):
    """What the client was constructed with; times in seconds where not said otherwise."""

    max_payload_bytes: int
    retry_delay: float
    shutdown_timeout: float
    wait_for_file: float
    retain_messages: int
    retain_us: int
    retain_bytes: int


class RunEnd(NamedTuple):
    """How a run ended."""

    run_id: str
    completed: bool
    result: bytes | None
    """JSON; None unless it completed."""
    channels: frozenset[str]
    """Where it had published durably before this execution of it began."""


class RunOutcome(NamedTuple):
    """How a run ended, as the journal remembers it."""

    run_id: str
    completed: bool
    result: bytes | None
    ended_us: int


RunEnded = Callable[[RunEnd], None]

_WITHOUT_TURN = 1024
"""After so many messages the event loop gets a turn, whoever reads: publishing alone waits for nothing, and a
loop of it would hold up all else, a shutdown included."""
_inherited: list[Session] = []
"""Sessions of a parent process: kept, so that nothing here closes the parent's connection."""


class EmbeddedEngine:
    """An `Engine`."""

    def __init__(self, path: Path | None, settings: Settings) -> None:
        self._path = path
        self._settings = settings
        self._hub = Hub()
        self._session: Session | None = None
        self.mint: Callable[[Selection, str | None], SubscriptionToken] | None = None
        """Makes tokens; set by the gateway that serves this engine."""
        self.run_ended: RunEnded | None = None
        """Called on the engine's event loop when a run is over; set as `mint` is."""
        self.check_application: Callable[[object], None] | None = None
        """Called with the ASGI application whose lifespan enters the client; set as `mint` is."""
        self.leaving_since: float | None = None
        """When leaving began, by the monotonic clock, if before `close`: its bound counts from there."""
        self._leaving: set[asyncio.Future[None]] = set()
        """Tasks that close what was opened for an entering that was cancelled."""
        self._without_turn = 0
        """How many messages were published by coroutines since one of them gave a turn."""
        self._looks = Outside(path)
        self._outside: Outside | None = self._looks
        """Looks whether anybody can hear, while the client isn't entered."""
        _engines.add(self)
        self._pid: int | None = None
        """The process that is entering, has entered or is leaving."""

    async def publish(self, envelope: Envelope, /) -> None:
        """See `tightbeam._engine.protocol.Engine`."""
        pressed = self._emit(envelope)
        self._without_turn += 1
        if pressed is None and self._without_turn < _WITHOUT_TURN:
            return
        self._without_turn = 0
        await give_turn({asyncio.get_running_loop()} if pressed is None else pressed)

    def publish_sync(self, envelope: Envelope, /) -> None:
        """See `tightbeam._engine.protocol.Engine`."""
        pressed = self._emit(envelope)
        if pressed is not None:
            give_turn_sync(pressed)

    def _emit(self, envelope: Envelope) -> Loops | None:
        """Publish live, and return the event loops to give a turn to."""
        if self._outside is not None and self._outside.look():
            self._outside = None
        pressed = self._hub.emit(envelope)
        if _probes.observers:
            _probes.published(envelope)
        return pressed

    async def relay(self, envelope: Envelope, /) -> None:
        """Publish live for another process, whose run it may name."""
        pressed = self._hub.relay(envelope)
        if _probes.observers:
            _probes.published(envelope)
        if pressed is not None:
            await give_turn(pressed)

    def subscribe(self, addresses: Iterable[Address], after: str | None, /) -> EmbeddedFeed:
        """See `tightbeam._engine.protocol.Engine`."""
        if self._outside is not None and self._outside.look():
            self._outside = None
        if after is not None:
            self._entered()
        return EmbeddedFeed(self._hub, addresses, after, self._writer)

    def feed(
        self, addresses: Iterable[Address], after: str | None, *, max_messages: int, max_bytes: int
    ) -> EmbeddedFeed:
        """As `subscribe`, with a buffer of this size."""
        if after is not None:
            self._entered()
        return EmbeddedFeed(
            self._hub, addresses, after, self._writer, max_messages=max_messages, max_bytes=max_bytes
        )

    def _writer(self) -> Writer:
        return self._entered().writer

    @property
    def hub(self) -> Hub:
        """Who receives what."""
        return self._hub

    @property
    def max_payload_bytes(self) -> int:
        """The largest encoded payload."""
        return self._settings.max_payload_bytes

    @property
    def is_open(self) -> bool:
        """Whether the client is entered, by this process."""
        return self._session is not None and self._session.pid == os.getpid()

    async def check_position(self, position: str) -> None:
        """See that what came after a position is still retained.

        Raises:
            PositionLost: it isn't.
        """
        from tightbeam._engine.sqlite.messages import start_of  # not at import: see `_open_session`

        await self._entered().writer.submit(lambda tx: start_of(tx, position), read=True)

    async def look(self, work: Callable[[Transaction], T]) -> T:
        """Let this read the journal, between the writer's transactions.

        Raises:
            NotEntered: the client isn't entered.
        """
        return await self._entered().writer.submit(work, read=True)

    async def position_since(self, channels: Iterable[str], since_ms: int) -> str:
        """Return where to resume for a reader that remembers the time of the last message it saw.

        Raises:
            PositionLost: what came after that time is no longer retained.
        """
        from tightbeam._engine.sqlite.messages import (
            Seen,
            place_of_seen,
            seen_until,
        )  # not at import: see `_open_session`

        writer = self._entered().writer
        seen: list[Seen] = []
        for channel in channels:  # one query each, so that commits can run in between
            seen.append(
                await writer.submit(partial(seen_until, channel=channel, since_ms=since_ms), read=True)
            )
            # An earlier process may have been ahead of the clock.
            self._hub.last_durable_us(channel, seen[-1].last_us)
        return self._hub.position_of(place_of_seen(seen))

    def has_lost(self, since_ms: int) -> bool:
        """Return whether messages after this time are no longer retained, as far as known without a journal.

        It doesn't read the journal, so that a token can be made on any thread without waiting for the writer.
        """
        session = self._session if self.is_open else None
        return session is not None and since_ms * MILLISECOND < session.trimmer.trimmed_us

    async def time_of(self, position: str) -> int:
        """When the message at a position was published, or the last one before it that is retained; or 0.

        Raises:
            PositionLost: the position isn't one of this journal.
        """
        from tightbeam._engine.sqlite.messages import time_of  # not at import: see `_open_session`

        return await self._entered().writer.submit(lambda tx: time_of(tx, position), read=True)

    async def last_outcome(self, channel: str) -> RunOutcome | None:
        """How the run ended that was the last to publish durably on a channel; None if it goes on."""
        from tightbeam._engine.sqlite.messages import last_outcome  # not at import: see `_open_session`

        found = await self._entered().writer.submit(lambda tx: last_outcome(tx, channel), read=True)
        return None if found is None else RunOutcome(*found)

    async def token(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        """See `tightbeam._engine.protocol.Engine`."""
        return self.token_sync(selection, since)

    def token_sync(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        """See `tightbeam._engine.protocol.Engine`."""
        if self.mint is None:
            raise NoGateway(
                "nobody serves this client's channels: make its gateway first, with `tightbeam.gateway.app`"
            )
        return self.mint(selection, since)

    def _tell_run_ended(self, end: RunEnd) -> None:
        if self.run_ended is not None:
            self.run_ended(end)

    async def open(self, registry: Registry, /) -> None:
        """See `tightbeam._engine.protocol.Engine`.

        Raises:
            EngineError: it is open already.
            JournalRefused: the file can't be opened, or is in use for longer than it is waited for.
            JournalFailed: it was opened, but not recovered; entering may be tried again.
        """
        if self._pid == os.getpid():
            raise EngineError("the client is entered already: leave it first")
        if self._session is not None:
            _inherited.append(self._session)
            self._session = None
        self._pid = os.getpid()
        self._outside = None
        self._looks.entering()
        session: Session | None = None
        try:
            session = opened = await self._when_free()
            await opened.start(registry, self._hub, self, self._tell_run_ended)
        except BaseException:
            if session is not None:
                await session.stop(self._settings.shutdown_timeout)
            self._pid, self._outside = None, self._looks
            raise
        self._session = session

    async def _when_free(self) -> Session:
        """Lock and open the journal, once other clients have left it."""
        turn: Waiting | None = None
        while True:
            # On a thread: checking a file takes a while.
            opening: asyncio.Future[Session] = asyncio.ensure_future(asyncio.to_thread(self._open_session))
            try:
                return await asyncio.shield(opening)
            except asyncio.CancelledError:
                # Cancelled once more, it lets go all the same: the task goes on by itself.
                leaving = asyncio.ensure_future(self._leave_opened(opening))
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)
                await asyncio.shield(leaving)
                raise
            except JournalRefused as error:
                from tightbeam._engine.sqlite.waiting import Waiting  # not at import: see `_open_session`

                turn = turn or Waiting(self._path, self._settings.wait_for_file)
                await turn.wait(error)

    async def _leave_opened(self, opening: asyncio.Future[Session]) -> None:
        with contextlib.suppress(JournalRefused):
            await (await opening).stop(self._settings.shutdown_timeout)

    def _open_session(self) -> Session:
        from tightbeam._engine.session import (
            Session,
        )  # not at import: programs that only publish go without

        return Session(self._path, self._settings, self._hub, self._fan_out)

    def _fan_out(self, committed: list[Envelope]) -> None:
        try:
            self._hub.fan_out(committed)
            if _probes.observers:
                for envelope in committed:
                    _probes.published(envelope)
        except Exception:  # noqa: BLE001 - it is committed, and the journal's thread must go on
            _log.exception("a message was committed, but not handed to everyone")

    async def close(self) -> None:
        """See `tightbeam._engine.protocol.Engine`."""
        session = self._session
        if session is None or session.pid != os.getpid():
            return
        began, self.leaving_since = self.leaving_since, None
        spent = 0.0 if began is None else time.monotonic() - began
        try:
            await session.stop(max(self._settings.shutdown_timeout - spent, 0.0))
        finally:
            self._session = None
            self._pid = None
            self._outside = self._looks
            self._hub.close_all()

    def check_entered(self) -> None:
        """See `tightbeam._engine.protocol.Engine`."""
        self._entered()

    async def send(self, name: str, data: bytes, function_ids: Iterable[str], /) -> list[str]:
        """See `tightbeam._engine.protocol.Engine`."""
        return await self._entered().send(name, data, list(function_ids))

    async def run(self, name: str, data: bytes, function_id: str, /) -> bytes:
        """See `tightbeam._engine.protocol.Engine`."""
        return await self._entered().run(name, data, function_id)

    def _entered(self) -> Session:
        session = self._session
        if session is None:
            raise self._not_entered(
                "the client isn't entered: use it inside `async with client:` (or `client.lifespan`)"
            )
        if session.pid != os.getpid():
            raise self._not_entered(
                "the client was entered by the process this one was forked from: enter it after the fork"
            )
        return session

    def _not_entered(self, text: str) -> NotEntered:
        reason = None if self._path is None else self._looks.reason()
        return NotEntered(text if reason is None else f"{text}. But {reason}")

    def after_fork(self) -> None:
        """In a forked child: whoever reads or executes does so in the parent."""
        forked = self._session is not None or self._hub.had_readers
        self._outside = self._looks = Outside(self._path, forked=forked)


_engines: weakref.WeakSet[EmbeddedEngine] = weakref.WeakSet()


def _tell_engines() -> None:
    for engine in tuple(_engines):
        engine.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tell_engines)
