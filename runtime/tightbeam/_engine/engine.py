"""The embedded engine: a store, a scheduler and a hub, all in this process.

Live publishes and live subscriptions need the hub only; the rest is imported when a client is entered.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from tightbeam._engine.feed import EmbeddedFeed
from tightbeam._engine.notices import Notices
from tightbeam._engine.observing import Observers, RunObserver
from tightbeam._engine.outlet import EngineOutlet
from tightbeam._engine.protocol import Front, Selection, SubscriptionToken
from tightbeam._engine.store import Answer, Backend, Query, Store
from tightbeam._engine.unheard import UnheardWarning
from tightbeam._forks import watch_forks
from tightbeam._hooks.hook_list import HookList, notify
from tightbeam._hooks.info import MessageInfo, RunCount
from tightbeam._hub.hub import Hub, Loops
from tightbeam._hub.mailbox import IsOld
from tightbeam._hub.message_clock import MILLISECOND
from tightbeam._hub.turns import give_turn, give_turn_sync
from tightbeam._message import Address, Envelope
from tightbeam._registry import Registry
from tightbeam.errors import EngineError, JournalRefused, NoGateway, NotEntered

if TYPE_CHECKING:
    # Not at import: programs that only publish live go without.
    from tightbeam._engine.details import RunDetail, RunRecord
    from tightbeam._engine.requests import SendEvent
    from tightbeam._engine.session import Session
    from tightbeam._engine.settings import Settings
    from tightbeam._engine.waiting import OpeningWait
    from tightbeam._transactions.work import Transactional

__all__ = ["EmbeddedEngine"]

_WITHOUT_TURN = 1024
"""Messages after which the event loop gets a turn: publishing waits for nothing, so that a loop of publishes
would hold up everything else, a shutdown included."""
_inherited: list[Session] = []
"""Sessions of the parent process, kept so that a forked child doesn't close the parent's connection."""


class EmbeddedEngine:
    """An `Engine`."""

    def __init__(self, backend: Backend, settings: Settings, hooks: HookList) -> None:
        """Touch nothing.

        Args:
            backend: where runs and messages are kept.
            settings: what the client was made with.
            hooks: what is told of runs, steps and messages.
        """
        self.hooks: HookList = hooks
        self._backend = backend
        self._settings = settings
        self._hub = Hub()
        self._notices = Notices()
        self._emit_live: Callable[[Envelope], Loops | None] = self._hub.emit
        """Hands a live message on: to the hub, or to all processes that share the journal."""
        self._relay_live: Callable[[Envelope], Loops | None] = self._hub.emit
        """Hands on a live message of a program that has no part in the journal."""
        self._observers = Observers(self._hub.has_readers, self._hub.has_reader)
        self._session: Session | None = None
        self._front: Front | None = None
        self.watch = self._hub.watch
        """See `Engine`."""
        self._leaving_since: float | None = None
        self._leaving: set[asyncio.Future[None]] = set()
        """Tasks that close what was opened for an entering that was cancelled."""
        self._without_turn = 0
        """How many messages coroutines have published since the event loop got its last turn."""
        self._warning = UnheardWarning(backend)
        self._unheard: UnheardWarning | None = self._warning
        """Asked at each publish and subscription, while the client isn't entered."""
        hooks.describe(self)
        watch_forks(self)
        self._pid: int | None = None
        """The process that is entering, has entered or is leaving."""

    async def publish(self, envelope: Envelope, /) -> None:
        """See `Engine`."""
        pressed = self._emit(envelope)
        self._without_turn += 1
        if pressed is None and self._without_turn < _WITHOUT_TURN:
            return
        self._without_turn = 0
        await give_turn({asyncio.get_running_loop()} if pressed is None else pressed)

    def publish_sync(self, envelope: Envelope, /) -> None:
        """See `Engine`."""
        pressed = self._emit(envelope)
        if pressed is not None:
            give_turn_sync(pressed)

    def _emit(self, envelope: Envelope) -> Loops | None:
        """Publish live, and return the event loops to give a turn to."""
        if self._unheard is not None and self._unheard.check():
            self._unheard = None
        if self.hooks.sent:
            notify(self.hooks.sent, MessageInfo(envelope))
        return self._emit_live(envelope)

    async def relay(self, envelope: Envelope, /) -> None:
        """See `Engine`."""
        if self.hooks.sent:
            notify(self.hooks.sent, MessageInfo(envelope, relayed=True))
        pressed = self._relay_live(envelope)
        if pressed is not None:
            await give_turn(pressed)

    def transactional(self) -> Transactional:
        """See `Carrier`."""
        from tightbeam._transactions.work import TransactionalBackend  # not at import: see the top

        if isinstance(self._backend, TransactionalBackend):
            return self._backend.transactional()
        where = f"in {self._backend.name}" if self._backend.is_shared else "in memory"
        raise EngineError(
            f'transaction= is for a client on Postgres, tightbeam.Client("postgresql://…"): this one keeps '
            f"its messages and runs {where}"
        )

    def announce(self, envelope: Envelope, /) -> None:
        """See `Engine`."""
        self._hub.emit(envelope)

    def subscribe(self, addresses: Iterable[Address], after: str | None, /) -> EmbeddedFeed:
        """See `Engine`."""
        if self._unheard is not None and self._unheard.check():
            self._unheard = None
        if after is not None:
            self._entered()
        return EmbeddedFeed(self._hub, addresses, after, self._store, is_old=self._published_before(after))

    def feed(
        self,
        addresses: Iterable[Address],
        after: str | None,
        /,
        *,
        max_messages: int,
        max_bytes: int,
        on_full: Callable[[], None] | None = None,
        at_replay_end: Callable[[], Awaitable[list[Envelope]]] | None = None,
    ) -> EmbeddedFeed:
        """See `Engine`."""
        if after is not None:
            self._entered()
        return EmbeddedFeed(
            self._hub,
            addresses,
            after,
            self._store,
            max_messages=max_messages,
            max_bytes=max_bytes,
            on_full=on_full,
            at_replay_end=at_replay_end,
            is_old=self._published_before(after),
        )

    def _published_before(self, after: str | None) -> IsOld | None:
        """Return what tells messages that a new reader doesn't want, though they are handed on only now."""
        if after is not None or not self.is_open:
            return None
        return self._store().published_before()

    def _store(self) -> Store:
        return self._entered().store

    @property
    def server(self) -> None:
        """None: it carries messages itself."""

    @property
    def subscribers(self) -> int:
        """See `Carrier`."""
        return self._hub.subscribers

    @property
    def dropped(self) -> int:
        """See `Carrier`."""
        return self._hub.drops.total

    @property
    def hub(self) -> Hub:
        """The subscriptions."""
        return self._hub

    @property
    def max_payload_bytes(self) -> int:
        """See `Engine`."""
        return self._settings.max_payload_bytes

    @property
    def is_open(self) -> bool:
        """See `Engine`."""
        return self._session is not None and self._session.pid == os.getpid()

    @property
    def position(self) -> str | None:
        """See `Engine`."""
        return self._hub.position

    def position_of(self, place: int, /) -> str:
        """See `Engine`."""
        return self._hub.position_of(place)

    async def read(self, query: Query[Answer], /) -> Answer:
        """See `Engine`."""
        return await self._entered().store.submit(query)

    def read_sync(self, query: Query[Answer], /) -> Answer:
        """See `Engine`."""
        return self._entered().store.call(query)

    async def read_detail(self, run_id: str, /) -> RunDetail | None:
        """Return a run with its steps, also those that are executed now; None if there is no such run."""
        from tightbeam._engine.requests import FindRun  # not at import: see the top of this module
        from tightbeam._engine.under_way import with_steps_under_way

        calls = self._entered().scheduler.operator.under_way(run_id)  # first: what ends meanwhile is stored
        found = await self.read(FindRun(run_id))
        return None if found is None else with_steps_under_way(found, calls)

    async def position_since(self, channels: Iterable[str], since_ms: int, /) -> str:
        """See `Engine`."""
        from tightbeam._engine.records import Seen, place_of_seen
        from tightbeam._engine.requests import SeenUntil

        store = self._entered().store
        seen: list[Seen] = []
        for channel in channels:  # one query each, so that commits can run in between
            seen.append(await store.submit(SeenUntil(channel, since_ms)))
            # An earlier process may have been ahead of the clock.
            self._hub.last_durable_us(channel, seen[-1].last_us)
        return self._hub.position_of(place_of_seen(seen))

    def has_lost(self, since_ms: int, /) -> bool:
        """See `Engine`."""
        session = self._session if self.is_open else None
        return session is not None and since_ms * MILLISECOND < session.store.trimmed_us

    def observe(self, observer: RunObserver, /) -> None:
        """See `Engine`."""
        self._observers.add(observer)

    @property
    def shares_runs(self) -> bool:
        """See `Engine`."""
        return self._session is not None and self._session.store.carries_live

    def serve(self, front: Front, /) -> None:
        """See `Engine`."""
        self._front = front

    def check_application(self, application: object, /) -> None:
        """See `Engine`."""
        if self._front is not None:
            self._front.check_application(application)

    def leaves_since(self, since: float | None, /) -> None:
        """See `Engine`."""
        if since is None or self._leaving_since is None:
            self._leaving_since = since

    async def token(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        """See `Engine`."""
        return self.token_sync(selection, since)

    def token_sync(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        """See `Engine`."""
        if self._front is None:
            raise NoGateway(
                "nobody serves this client's channels: make its gateway first, with `tightbeam.gateway.app`"
            )
        return self._front.mint(selection, since)

    async def open(self, registry: Registry, /) -> None:
        """See `Engine`.

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
        self._unheard = None
        self._warning.entering()
        session: Session | None = None
        try:
            from tightbeam._engine.session import Session  # not at import: see the top of this module

            store = await self._when_free()
            session = Session(store, self._settings)
            self._hub.open(store.position_of, store.last_place)
            await session.start(registry, self, self.hooks, self._notices)
        except BaseException:
            if session is not None:
                await session.stop(self._settings.shutdown_timeout)
            self._pid, self._unheard = None, self._warning
            raise
        if store.carries_live:
            self._emit_live = store.publish_live
            self._relay_live = partial(store.publish_live, relayed=True)
        self._session = session

    async def _when_free(self) -> Store:
        """Open the journal, once other clients have left it."""
        waiting: OpeningWait | None = None
        while True:
            # On a thread: checking a file takes a while.
            opening: asyncio.Future[Store] = asyncio.ensure_future(
                asyncio.to_thread(
                    self._backend.open, EngineOutlet(self._hub, self.hooks, self._notices, self._observers)
                )
            )
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
                from tightbeam._engine.waiting import OpeningWait  # not at import: see the top of this module

                waiting = waiting or OpeningWait(self._backend.name, self._settings.wait_for_file)
                await waiting.wait(error)

    async def _leave_opened(self, opening: asyncio.Future[Store]) -> None:
        with contextlib.suppress(JournalRefused):
            await (await opening).close(self._settings.shutdown_timeout)

    async def close(self) -> None:
        """See `Engine`."""
        session = self._session
        if session is None or session.pid != os.getpid():
            return
        began, self._leaving_since = self._leaving_since, None
        spent = 0.0 if began is None else time.monotonic() - began
        try:
            await session.stop(max(self._settings.shutdown_timeout - spent, 0.0))
        finally:
            self._session = None
            self._pid = None
            self._unheard = self._warning
            self._emit_live = self._relay_live = self._hub.emit
            self._hub.close_all()

    def check_entered(self) -> None:
        """See `Engine`."""
        self._entered()

    async def send(self, request: SendEvent, /) -> list[str]:
        """See `Engine`."""
        return await self._entered().send(request)

    def send_sync(self, request: SendEvent, /) -> list[str]:
        """See `Engine`."""
        return self._entered().send_sync(request)

    async def run(self, name: str, data: bytes, function_id: str, /) -> bytes:
        """See `Engine`."""
        return await self._entered().run(name, data, function_id, self.hooks)

    def count_runs(self) -> tuple[RunCount, ...]:
        """Count unfinished runs, for hooks; none where that can't be read now."""
        if not self.is_open:
            return ()
        from tightbeam._engine.requests import CountRuns  # not at import: see the top of this module

        try:
            return self._entered().store.call(CountRuns())
        except EngineError:  # it is being left, or the disk fails, which others are told
            return ()

    def read_lag(self) -> float | None:
        """Read how long stored messages have waited to be handed on; None where that can't be read now."""
        if not self.is_open:
            return None
        from tightbeam._engine.requests import ReadLag  # not at import: see the top of this module

        try:
            return self._entered().store.call(ReadLag())
        except EngineError:  # as in `count_runs`
            return None

    async def cancel_run(self, run_id: str, /) -> None:
        """See `RunSource`."""
        await self._entered().scheduler.operator.cancel(run_id)

    def cancel_run_sync(self, run_id: str, /) -> None:
        """See `RunSource`."""
        self._entered().scheduler.operator.cancel_sync(run_id)

    async def retry_run(self, run_id: str, /) -> None:
        """See `RunSource`."""
        await self._entered().scheduler.operator.retry(run_id)

    def retry_run_sync(self, run_id: str, /) -> None:
        """See `RunSource`."""
        self._entered().scheduler.operator.retry_sync(run_id)

    async def resume_run(self, run_id: str, /) -> None:
        """See `RunSource`."""
        await self._entered().scheduler.operator.resume(run_id)

    def resume_run_sync(self, run_id: str, /) -> None:
        """See `RunSource`."""
        self._entered().scheduler.operator.resume_sync(run_id)

    async def wait_for_run(self, run_id: str, seconds: float | None, /) -> RunRecord:
        """See `RunSource`."""
        return await self._entered().scheduler.operator.wait(run_id, seconds)

    def wait_for_run_sync(self, run_id: str, seconds: float | None, /) -> RunRecord:
        """See `RunSource`."""
        return self._entered().scheduler.operator.wait_sync(run_id, seconds)

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
        reason = self._warning.reason() if self._backend.is_shared else None
        return NotEntered(text if reason is None else f"{text}. But {reason}")

    def after_fork(self) -> None:
        """Warn of unheard publishes in a forked child, since readers and executions are the parent's."""
        forked = self._session is not None or self._hub.had_readers
        self._unheard = self._warning = UnheardWarning(self._backend, forked=forked)
        self._emit_live = self._relay_live = self._hub.emit
