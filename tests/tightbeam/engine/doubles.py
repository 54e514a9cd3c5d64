"""A backend around another one: tests tell it what becomes of requests, and ask it what was requested."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tightbeam._engine.pending import Pending
from tightbeam._engine.requests import (
    CancelRun,
    Claim,
    EndRun,
    LeaveMemory,
    ParkRun,
    PutBack,
    ReadPage,
    RetryRun,
)
from tightbeam._engine.store import After, Answer, Backend, Outlet, Request, Store
from tightbeam._hub.hub import Loops
from tightbeam._hub.mailbox import IsOld
from tightbeam._message import Envelope
from tightbeam.errors import JournalFailed, NotEntered

__all__ = ["BackendDouble", "Fault", "HeldFanOut", "Hold", "StoreDouble", "disk_error"]

Kinds = type[Request[Any]] | tuple[type[Request[Any]], ...]
_ALL: Kinds = Request


def _any(request: Request[Any]) -> bool:
    return True


def disk_error() -> Exception:
    """Return what a store raises whose disk fails."""
    return JournalFailed("the journal failed: disk I/O error")


@dataclass
class Fault:
    """Requests that fail instead of being carried out."""

    kinds: Kinds
    left: int
    """How many of them are still to fail."""
    error: Callable[[], Exception]
    where: Callable[[Request[Any]], bool]

    def meets(self, request: Request[Any]) -> Exception | None:
        """Return what a request fails with; None if it is to be carried out."""
        if not self.left or not isinstance(request, self.kinds) or not self.where(request):
            return None
        self.left -= 1
        return self.error()


@dataclass
class Hold:
    """Requests, or answers, that wait in their order until they are let go."""

    kinds: Kinds
    waiting: list[Callable[[], None]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let the requests go, in their order, on the event loop that they were submitted from."""
        while self.waiting:
            self.waiting.pop(0)()
        self.released.set()
        self.over.set()


@contextlib.asynccontextmanager
async def _holding(holds: list[Hold], kinds: Kinds) -> AsyncIterator[Hold]:
    hold = Hold(kinds)
    holds.append(hold)
    try:
        yield hold
    finally:
        holds.remove(hold)
        hold.release()


def _hold_of(request: Request[Any], holds: list[Hold]) -> Hold | None:
    """Return what a request, or its answer, is to wait for."""
    return next((hold for hold in holds if isinstance(request, hold.kinds)), None)


class BackendDouble:
    """A `Backend` whose stores are watched."""

    def __init__(self, backend: Backend, kill: Callable[[Store], Awaitable[None]] | None = None) -> None:
        """Touch nothing.

        Args:
            backend: what is watched.
            kill: closes a store as if its process had died; None where closing it does.
        """
        self._backend = backend
        self.kill = kill
        self.stores: list[StoreDouble] = []
        """Those that were opened, in order."""
        self.faults: list[Fault] = []
        self.holds: list[Hold] = []
        self.unanswered: list[Hold] = []
        self.requests: list[Request[Any]] = []
        """What was submitted, in order."""
        self.answers: list[Request[Any]] = []
        """What was carried out, in order."""
        self.resident: set[str] = set()
        """The runs that are claimed, and aren't stored as anything else since."""
        self.is_crashed = False
        """As if the process had died: nothing is stored any more."""
        self.page: int | None = None
        """How many messages a page holds at most, if not as many as the engine asks for."""
        self.opening: Callable[[], None] = _nothing
        """Called on the thread that opens the backend, before it does."""
        self.opened: Callable[[Store], None] = _ignore
        """Called there with the store that was opened, before anything is requested of it."""
        self.answering: Callable[[Request[Any]], None] = _ignore
        """Called when a request was carried out, before its caller goes on."""
        self.outlets: list[Outlet] = []
        """What the stores were opened with, in order: for what only other processes do."""
        self.fanning_out: Callable[[], None] = _nothing
        """Called between a commit and its fan-out."""

    @property
    def name(self) -> str:
        """Return the backend's name."""
        return self._backend.name

    @property
    def is_shared(self) -> bool:
        """Return whether other processes may have the backend open."""
        return self._backend.is_shared

    def open(self, outlet: Outlet, /) -> Store:
        """Open the backend."""
        self.opening()
        self.resident.clear()
        self.is_crashed = False
        self.outlets.append(outlet)
        store = self._backend.open(_OutletDouble(self, outlet))
        self.opened(store)
        self.stores.append(StoreDouble(self, store))
        return self.stores[-1]

    def unheard(self, *, forked: bool) -> str | None:
        """Return what the backend says."""
        return self._backend.unheard(forked=forked)

    @property
    def store(self) -> StoreDouble:
        """Return the store that was opened last."""
        return self.stores[-1]

    def fail(
        self,
        kinds: Kinds,
        times: int = 1 << 30,
        *,
        error: Callable[[], Exception] = disk_error,
        where: Callable[[Request[Any]], bool] = _any,
    ) -> Fault:
        """Let requests fail.

        Args:
            kinds: their classes.
            times: how many of them.
            error: makes what they raise.
            where: whether a request of these classes is one of them.
        """
        fault = Fault(kinds, times, error, where)
        self.faults.append(fault)
        return fault

    def held(self, kinds: Kinds = _ALL) -> contextlib.AbstractAsyncContextManager[Hold]:
        """Let requests of these classes wait meanwhile, as behind a disk that is busy."""
        return _holding(self.holds, kinds)

    def answering_late(self, kinds: Kinds) -> contextlib.AbstractAsyncContextManager[Hold]:
        """Carry out requests of these classes meanwhile, and let those who await them wait."""
        return _holding(self.unanswered, kinds)

    def requested(self, kind: type[Request[Any]]) -> int:
        """Return how many requests of a class were submitted."""
        return sum(isinstance(request, kind) for request in tuple(self.requests))

    def answered(self, kind: type[Request[Any]]) -> int:
        """Return how many requests of a class were carried out."""
        return sum(isinstance(request, kind) for request in tuple(self.answers))

    def error_of(self, request: Request[Any]) -> Exception | None:
        """Return what a request fails with, if it is to fail."""
        if self.is_crashed:
            return disk_error()
        return next((error for fault in self.faults if (error := fault.meets(request)) is not None), None)

    def note(self, request: Request[Any], answer: Any) -> None:
        """Note that a request was carried out."""
        self.answers.append(request)
        self.answering(request)
        if isinstance(request, Claim):
            self.resident |= {run.id for run in answer.runs}
        elif isinstance(request, EndRun | RetryRun | ParkRun | LeaveMemory | CancelRun):
            self.resident.discard(request.run_id)
        elif isinstance(request, PutBack):
            self.resident -= set(request.runs)


class HeldFanOut:
    """Keeps a store between a commit and its fan-out, as a slow disk keeps it before."""

    def __init__(self, double: BackendDouble) -> None:
        self.reached, self.go = threading.Event(), threading.Event()
        double.fanning_out = self._hold

    def _hold(self) -> None:
        self.reached.set()
        assert self.go.wait(60)


class StoreDouble:
    """A `Store` that does what its backend's double was told."""

    def __init__(self, double: BackendDouble, store: Store) -> None:
        self._double = double
        self._store = store
        self._closing: asyncio.Future[None] | None = None

    @property
    def last_place(self) -> int:
        """Return the store's."""
        return self._store.last_place

    @property
    def trimmed_us(self) -> int:
        """Return the store's."""
        return self._store.trimmed_us

    @property
    def is_lost(self) -> bool:
        """Return whether the store is lost, or the process is as if dead."""
        return self._double.is_crashed or self._store.is_lost

    def doubted(self, run_id: str, /) -> Request[None] | None:
        """Return the store's."""
        return self._store.doubted(run_id)

    @property
    def carries_live(self) -> bool:
        """Return the store's."""
        return self._store.carries_live

    def published_before(self) -> IsOld | None:
        """Ask the store."""
        return self._store.published_before()

    def publish_live(self, envelope: Envelope, /, *, relayed: bool = False) -> Loops | None:
        """Publish by the store."""
        return self._store.publish_live(envelope, relayed=relayed)

    def position_of(self, place: int, /) -> str:
        """Return the store's."""
        return self._store.position_of(place)

    def listen(self) -> None:
        """Let the store listen."""
        self._store.listen()

    def submit(self, request: Request[Answer], /, *, after: After | None = None) -> asyncio.Future[Answer]:
        """Submit a request, unless it is to fail, now or once it is let go."""
        if self._closing is not None:
            raise NotEntered("the client has been left: its journal is closed")
        hold = _hold_of(request, self._double.holds)
        if hold is None:
            return self._submit(request, after)
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def let_go() -> None:
            _follow(waiting, self._submit(request, after))

        hold.waiting.append(let_go)
        return waiting

    def _submit(self, request: Request[Answer], after: After | None) -> asyncio.Future[Answer]:
        double = self._double
        error = double.error_of(request)
        if error is not None:
            loop = asyncio.get_running_loop()
            pending = Pending(request, loop, after)
            pending.error = error
            loop.call_soon(pending.settle)
            assert isinstance(pending.future, asyncio.Future)
            return pending.future
        double.requests.append(request)
        if double.page is not None and isinstance(request, ReadPage):
            request = replace(request, messages=double.page)
        future = self._store.submit(request, after=after)
        future.add_done_callback(lambda done: _note(double, request, done))
        hold = _hold_of(request, double.unanswered)
        if hold is None:
            return future
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: hold.waiting.append(lambda: _follow(waiting, done)))
        return waiting

    def call(self, request: Request[Answer], /) -> Answer:
        """Carry out a request, unless it is to fail."""
        hold = _hold_of(request, self._double.holds)
        if hold is not None:
            assert hold.released.wait(30)
        error = self._double.error_of(request)
        if error is not None:
            raise error
        self._double.requests.append(request)
        answer = self._store.call(request)
        self._double.note(request, answer)
        return answer

    async def close(self, within: float, /) -> None:
        """Close the store, behind what waits."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._let_go())
        done, _ = await asyncio.wait({self._closing}, timeout=within)
        if done:
            if self._double.is_crashed and self._double.kill is not None:
                await self._double.kill(self._store)
            await self._store.close(within)

    async def _let_go(self) -> None:
        for hold in tuple(self._double.holds):
            await hold.over.wait()

    def close_at_exit(self, within: float, /) -> None:
        """Close the store."""
        self._store.close_at_exit(within)


class _OutletDouble:
    def __init__(self, double: BackendDouble, outlet: Outlet) -> None:
        self._double = double
        self._outlet = outlet
        self.reserve = outlet.reserve
        self.release = outlet.release
        self.committed = outlet.committed
        self.sent = outlet.sent
        self.live = outlet.live
        self.ended = outlet.ended
        self.settled = outlet.settled
        self.cancelled = outlet.cancelled
        self.lost = outlet.lost
        self.missed = outlet.missed
        self.date_live_before = outlet.date_live_before

    @property
    def measures(self) -> bool:
        return self._outlet.measures

    @property
    def is_read(self) -> bool:
        return self._outlet.is_read

    def skip(self, place: int, /) -> bool:
        self._double.fanning_out()
        return self._outlet.skip(place)

    def wake(self, runs: Collection[str], /) -> None:
        self._outlet.wake(runs)

    def fan_out(self, committed: Sequence[Envelope], /, *, own: bool = True) -> None:
        self._double.fanning_out()
        self._outlet.fan_out(committed, own=own)


def _nothing() -> None: ...


def _ignore(_: object) -> None: ...


def _note(double: BackendDouble, request: Request[Any], done: asyncio.Future[Any]) -> None:
    if not done.cancelled() and done.exception() is None:
        double.note(request, done.result())


def _follow(waiting: asyncio.Future[Any], future: asyncio.Future[Any]) -> None:
    """Resolve one future as another is resolved."""

    def settle(done: asyncio.Future[Any]) -> None:
        if waiting.done():
            return
        error = done.exception()
        if error is not None:
            waiting.set_exception(error)
        else:
            waiting.set_result(done.result())

    future.add_done_callback(settle)
