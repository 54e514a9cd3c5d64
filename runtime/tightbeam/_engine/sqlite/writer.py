"""The one thread that has the journal: drains a queue of requests into one transaction, tells everyone.

Between two transactions one request that only reads is served, so that replays don't hold up who publishes.

The order after a commit is fixed: first the messages are fanned out, then the callers are told. A request
that was queued is committed and fanned out whether or not its caller still waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future as ThreadFuture
from functools import partial
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from tightbeam._engine.loop_waker import Bell, hang_bell
from tightbeam._engine.sqlite.presence import Presence
from tightbeam._message import Envelope
from tightbeam.errors import EngineError, JournalFailed, NotEntered, NotStorable

__all__ = ["Transaction", "Writer"]

_log = logging.getLogger("tightbeam")
T = TypeVar("T")
_MAX_BATCH = 512
Reserve = Callable[[str, int, Callable[[], int]], int]


class Transaction:
    """What a request writes with: the connection, and the messages to fan out once it is committed."""

    __slots__ = ("execute", "outbox", "reserve", "written")

    def __init__(self, connection: sqlite3.Connection, reserve: Reserve) -> None:
        self.execute = connection.execute
        self.reserve = reserve
        """See `Hub.reserve`."""
        self.outbox: list[Envelope] = []
        self.written = 0
        """Bytes of data that were stored, so that house-keeping knows when to look."""


Work = Callable[[Transaction], T]
After = Callable[[bool], None]
"""Told whether a request was done."""


class _Request(Generic[T]):
    """One piece of work and who waits for it; ``loop`` is None for a caller on a thread."""

    __slots__ = ("after", "error", "future", "loop", "read", "result", "work")

    def __init__(
        self, work: Work[T], read: bool, loop: asyncio.AbstractEventLoop | None, after: After | None = None
    ) -> None:
        self.work = work
        self.after = after
        self.read = read
        self.loop = loop
        self.future: asyncio.Future[T] | ThreadFuture[T] = (
            loop.create_future() if loop is not None else ThreadFuture()
        )
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        if self.after is not None:
            self.after(self.error is None)
        if self.future.done():  # its caller was cancelled
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Writer:
    """Owns the connection. Requests may come from any thread and any event loop."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        fan_out: Callable[[list[Envelope]], None],
        reserve: Reserve,
        release: Callable[[], None],
        first_message: Callable[[Transaction], None],
        after_batch: Callable[[Transaction, int], None],
        presence: Presence | None,
        on_end: Callable[[], None],
    ) -> None:
        """Start the thread.

        Args:
            connection: from now on used by the thread only, which closes it.
            fan_out: gets what each commit published.
            reserve: gives messages their times, in each transaction; see `Hub.reserve`.
            release: called when a transaction is over, after ``fan_out`` if it was committed.
            first_message: called in the transaction of the first message that is stored.
            after_batch: house-keeping, in a transaction of its own after each batch; is told how many bytes
                of data the batch stored.
            presence: tells whether the file is still in its place; None for memory.
            on_end: called when the connection is closed: whoever waited for the file may have it.
        """
        self._connection = connection
        self._fan_out = fan_out
        self._reserve = reserve
        self._release = release
        self._first_message: Callable[[Transaction], None] | None = first_message
        self._after_batch = after_batch
        self._presence = presence
        self._on_end = on_end
        self._queue: SimpleQueue[_Request[Any] | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._why_closed = "the client has been left: its journal is closed"
        self._ended: ThreadFuture[None] = ThreadFuture()
        self._bell: Bell | None = None
        _writers.add(self)
        threading.Thread(target=self._work, name="tightbeam-journal", daemon=True).start()

    def listen(self) -> None:
        """Wake the running event loop, which most requests will come from, at less cost than others.

        Takes a descriptor, until the connection is closed.
        """
        self._bell = hang_bell(asyncio.get_running_loop())

    def submit(self, work: Work[T], *, read: bool = False, after: After | None = None) -> asyncio.Future[T]:
        """Queue a request from a coroutine.

        Cancelling the future, or the task that awaits it, doesn't cancel the request; ``after`` is called on
        the event loop in any case.
        """
        request = _Request(work, read, asyncio.get_running_loop(), after)
        self._enqueue(request)
        assert isinstance(request.future, asyncio.Future)  # noqa: S101 - made so two lines above; for the checker
        return request.future

    def call(self, work: Work[T], *, read: bool = False) -> T:
        """Queue a request from a thread and wait for it."""
        request = _Request(work, read, None)
        self._enqueue(request)
        assert isinstance(request.future, ThreadFuture)  # noqa: S101 - as in `submit`
        return request.future.result()

    def _enqueue(self, request: _Request[Any]) -> None:
        with self._gate:  # so that nothing is queued behind the end
            if self._closed:
                raise NotEntered(self._why_closed)
            self._queue.put(request)

    @property
    def is_lost(self) -> bool:
        """Whether the file isn't in its place any more, which was logged."""
        return self._presence is not None and self._presence.lost is not None

    async def close(self, within: float) -> None:
        """Finish what is queued, close the connection, end the thread."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        await asyncio.wait({asyncio.wrap_future(self._ended)}, timeout=within)

    def close_at_exit(self, last: Work[None], within: float) -> None:
        """Do a last piece of work and close, from a program that ends without an event loop."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._queue.put(_Request(last, read=False, loop=None))
            self._queue.put(None)
        with contextlib.suppress(TimeoutError):
            self._ended.result(within)

    def after_fork(self) -> None:
        """In a forked child: the thread isn't there, so nobody would ever answer."""
        self._gate = threading.Lock()
        self._closed = True
        self._why_closed = (
            "the client was entered by the process this one was forked from: enter it after the fork"
        )

    def _work(self) -> None:
        reads: deque[_Request[Any]] = deque()
        ending = False
        try:
            while not ending:
                writes, ending = self._collect(reads)
                if writes:
                    self._write(writes)
                # One at a time: a write waits for the read at hand, however many readers there are.
                while reads:
                    self._read(reads.popleft())
                    if not ending:
                        break
        finally:
            self._connection.close()
            if self._presence is not None:
                self._presence.close()
            self._on_end()
            if self._bell is not None:
                self._bell.take_down()
            self._ended.set_result(None)

    def _collect(self, reads: deque[_Request[Any]]) -> tuple[list[_Request[Any]], bool]:
        """Take requests from the queue; wait for one if there is nothing to read.

        Args:
            reads: gets those that only read.

        Returns:
            Those that write, and whether there will be no more.
        """
        writes: list[_Request[Any]] = []
        while not (reads or writes) or not self._queue.empty():
            request = self._queue.get()  # there is one, or nothing else to do; nobody else takes it
            if request is None:
                return writes, True
            (reads if request.read else writes).append(request)
            if len(writes) == _MAX_BATCH:
                break
        return writes, False

    def _read(self, request: _Request[Any]) -> None:
        if self._presence is not None and (lost := self._presence.look_inside()) is not None:
            request.error = JournalFailed(lost)
        else:
            self._try(request, Transaction(self._connection, self._reserve))
        self._settle([request])

    def _write(self, writes: list[_Request[Any]]) -> None:
        written = self._commit(writes)
        self._settle(writes)
        self._keep_house(written)

    def _commit(self, batch: list[_Request[Any]]) -> int:
        """Do the work of a batch in one transaction; how many bytes of data it stored."""
        connection, presence = self._connection, self._presence
        try:
            if presence is not None and (lost := presence.look_inside()) is not None:
                raise JournalFailed(lost)
            connection.execute("BEGIN IMMEDIATE")
            tx = Transaction(connection, self._reserve)
            if not self._execute(batch, tx, isolated=False):
                # One of them failed, which is rare: once more, each behind a savepoint of its own.
                connection.execute("ROLLBACK")
                self._release()
                connection.execute("BEGIN IMMEDIATE")
                tx = Transaction(connection, self._reserve)
                self._execute(batch, tx, isolated=True)
            if tx.outbox and self._first_message is not None:
                self._first_message(tx)
            if presence is not None and (lost := presence.look()) is not None:
                raise JournalFailed(lost)
            connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - whatever it was, every caller must hear of it
            self._roll_back()
            for request in batch:
                request.error = request.error or _failure(error)
            return 0
        else:
            if tx.outbox:
                self._first_message = None
                self._fan_out(tx.outbox)
            return tx.written
        finally:
            self._release()

    def _execute(self, batch: list[_Request[Any]], tx: Transaction, isolated: bool) -> bool:
        """Do the work of a batch; not isolated, one failure ends it with False."""
        for request in batch:
            sent = len(tx.outbox)
            if isolated:
                tx.execute("SAVEPOINT request")
            self._try(request, tx)
            if request.error is not None:
                if not self._connection.in_transaction:
                    raise request.error  # SQLite has rolled everything back: the disk is full, say
                if not isolated:
                    request.error = None
                    return False
                tx.execute("ROLLBACK TO request")
                del tx.outbox[sent:]
            if isolated:
                tx.execute("RELEASE request")
        return True

    def _try(self, request: _Request[Any], transaction: Transaction) -> None:
        try:
            request.result = request.work(transaction)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller, not to this thread
            request.error = _failure(error)

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # the next BEGIN will fail and say so to whoever asked

    def _settle(self, batch: list[_Request[Any]]) -> None:
        """Tell the callers: one wake-up for each event loop, not one a request."""
        by_loop: dict[asyncio.AbstractEventLoop, list[_Request[Any]]] = {}
        for request in batch:
            if request.loop is None:
                request.settle()
            else:
                by_loop.setdefault(request.loop, []).append(request)
        for loop, requests in by_loop.items():
            settle = partial(_settle_all, requests)
            bell = self._bell
            if bell is None or bell.loop is not loop or not bell.ring(settle):
                with contextlib.suppress(RuntimeError):  # that event loop is closed: nobody waits
                    loop.call_soon_threadsafe(settle)

    def _keep_house(self, written: int) -> None:
        if self.is_lost:
            return
        try:
            self._after_batch(Transaction(self._connection, self._reserve), written)
        except sqlite3.Error:
            self._roll_back()  # tried again after the next batch
        except Exception:  # noqa: BLE001 - no memory, say: without this thread everyone would wait for ever
            self._roll_back()
            _log.exception("the journal's house-keeping failed")


def _failure(error: BaseException) -> BaseException:
    """What the caller gets: errors of SQLite become ours, keeping SQLite's words, which hold no values."""
    if isinstance(error, sqlite3.DataError | OverflowError):  # neither room nor time would help
        unfit = NotStorable(f"a value is more than the journal can hold: {error}")
        unfit.__cause__ = error
        return unfit
    if isinstance(error, sqlite3.Error):
        failed = JournalFailed(f"the journal failed: {error}")
        failed.__cause__ = error
        return failed
    if isinstance(error, JournalFailed):  # another request of the batch met it: each caller gets its own
        return JournalFailed(str(error))
    if isinstance(error, Exception):
        return error
    return EngineError(f"the journal's thread was interrupted by {type(error).__name__}")


def _settle_all(requests: list[_Request[Any]]) -> None:
    for request in requests:
        request.settle()


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _close_in_child() -> None:
    for writer in tuple(_writers):
        writer.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
