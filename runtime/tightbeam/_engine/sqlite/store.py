"""The open journal: one thread that has the connection, and commits what callers submit in batches.

Between two transactions one query is answered, so that replays don't hold up publishers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
from collections import deque
from concurrent.futures import Future as ThreadFuture
from queue import SimpleQueue
from time import perf_counter
from typing import Any, NoReturn

from tightbeam._engine.intake import Intake
from tightbeam._engine.pending import Pending
from tightbeam._engine.requests import PutBackAll
from tightbeam._engine.settling import Settler
from tightbeam._engine.sqlite.answers import ANSWERS
from tightbeam._engine.sqlite.epochs import Epochs, record
from tightbeam._engine.sqlite.lock import Lock
from tightbeam._engine.sqlite.presence import Presence
from tightbeam._engine.sqlite.retention import Trimmer
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._engine.store import After, Answer, Outlet, Query, Request
from tightbeam._hooks.info import CommitInfo
from tightbeam._message import Envelope
from tightbeam.errors import JournalFailed, NotStorable

__all__ = ["SqliteStore"]

_log = logging.getLogger("tightbeam")
_MAX_BATCH = 512


class SqliteStore:
    """A `Store`: owns the connection."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        outlet: Outlet,
        epochs: Epochs,
        last_place: int,
        trimmer: Trimmer,
        presence: Presence,
        lock: Lock,
    ) -> None:
        """Start the thread.

        Args:
            connection: from now on used by the thread only, which closes it.
            outlet: gets what each commit published.
            epochs: of the journal; the last one is that of this opening, which is stored with its first
                message.
            last_place: of the journal's last message.
            trimmer: called in a transaction of its own after each batch.
            presence: tells whether the file is still in its place.
            lock: of the file; released when the connection is closed.
        """
        self._connection = connection
        self._outlet = outlet
        self._epochs = epochs
        self.last_place = last_place
        """See `Store`."""
        self._has_epoch = False
        """Whether the epoch of this opening is stored."""
        self._trimmer = trimmer
        self._presence = presence
        self._lock = lock
        self._queue: SimpleQueue[Pending[Any] | None] = SimpleQueue()
        self._intake = Intake(self._queue.put)
        self._settler = Settler()
        self._ended: ThreadFuture[None] = ThreadFuture()
        threading.Thread(target=self._work, name="tightbeam-journal", daemon=True).start()

    @property
    def trimmed_us(self) -> int:
        """See `Store`."""
        return self._trimmer.trimmed_us

    @property
    def is_lost(self) -> bool:
        """See `Store`."""
        return self._presence.lost is not None

    def doubted(self, _run_id: str, /) -> None:
        """See `Store`."""

    def position_of(self, place: int, /) -> str:
        """See `Store`."""
        return self._epochs.position(place)

    carries_live = False
    """All readers are in this process."""

    def publish_live(self, envelope: Envelope, /, *, relayed: bool = False) -> NoReturn:
        """See `Store`. Not called."""
        raise NotImplementedError

    def published_before(self) -> None:
        """Return None: messages are handed on before their requests are answered."""

    def listen(self) -> None:
        """See `Store`. Takes a descriptor, until the connection is closed."""
        self._settler.listen()

    def submit(self, request: Request[Answer], /, *, after: After | None = None) -> asyncio.Future[Answer]:
        """See `Store`."""
        return self._intake.submit(request, after)

    def call(self, request: Request[Answer], /) -> Answer:
        """See `Store`."""
        return self._intake.call(request)

    async def close(self, within: float, /) -> None:
        """See `Store`."""
        self._intake.close(self._end)
        await asyncio.wait({asyncio.wrap_future(self._ended)}, timeout=within)

    def close_at_exit(self, within: float, /) -> None:
        """See `Store`."""
        if self._intake.close(self._end_at_exit):
            with contextlib.suppress(TimeoutError):
                self._ended.result(within)

    def _end(self) -> None:
        self._queue.put(None)

    def _end_at_exit(self) -> None:
        self._queue.put(Pending(PutBackAll(), None))
        self._end()

    def _work(self) -> None:
        reads: deque[Pending[Any]] = deque()
        ending = False
        try:
            while not ending:
                writes, ending = self._collect(reads)
                if writes:
                    self._write(writes)
                # One at a time: a write waits for the query at hand, however many readers there are.
                while reads:
                    self._read(reads.popleft())
                    if not ending:
                        break
        finally:
            self._connection.close()
            self._presence.close()
            self._lock.release()
            self._settler.close()
            self._ended.set_result(None)

    def _collect(self, reads: deque[Pending[Any]]) -> tuple[list[Pending[Any]], bool]:
        """Take requests from the queue; wait for one if there is no query to answer.

        Args:
            reads: gets the queries.

        Returns:
            The other requests, and whether there will be no more.
        """
        writes: list[Pending[Any]] = []
        while not (reads or writes) or not self._queue.empty():
            pending = self._queue.get()  # there is one, or nothing else to do; no other thread takes it
            if pending is None:
                return writes, True
            (reads if isinstance(pending.request, Query) else writes).append(pending)
            if len(writes) == _MAX_BATCH:
                break
        return writes, False

    def _read(self, pending: Pending[Any]) -> None:
        if (lost := self._presence.check_content()) is not None:
            pending.error = JournalFailed(lost)
        else:
            self._answer(pending, Transaction(self._connection, self._outlet))
        self._settler.settle([pending])

    def _write(self, writes: list[Pending[Any]]) -> None:
        written = self._measured_commit(writes) if self._outlet.measures else self._commit(writes)
        self._settler.settle(writes)
        self._keep_house(written)

    def _measured_commit(self, batch: list[Pending[Any]]) -> int:
        began = perf_counter()
        written = self._commit(batch)
        failed = all(pending.error is not None for pending in batch)
        self._outlet.committed(CommitInfo(perf_counter() - began, len(batch), failed))
        return written

    def _commit(self, batch: list[Pending[Any]]) -> int:
        """Carry out a batch in one transaction; return how many bytes of data it stored."""
        connection, presence = self._connection, self._presence
        try:
            if (lost := presence.check_content()) is not None:
                raise JournalFailed(lost)
            connection.execute("BEGIN IMMEDIATE")
            tx = Transaction(connection, self._outlet)
            if not self._execute(batch, tx, isolated=False):
                # One of them failed, which is rare: once more, each behind a savepoint of its own.
                connection.execute("ROLLBACK")
                self._outlet.release()
                connection.execute("BEGIN IMMEDIATE")
                tx = Transaction(connection, self._outlet)
                self._execute(batch, tx, isolated=True)
            if tx.outbox and not self._has_epoch:
                record(tx.execute, self._epochs.names[-1], self.last_place)
            if (lost := presence.check()) is not None:
                raise JournalFailed(lost)
            connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - whatever it was, every caller is told
            self._roll_back()
            for pending in batch:
                pending.error = pending.error or _failure(error)
            return 0
        else:
            if tx.outbox:
                self._has_epoch = True
                self._outlet.fan_out(tx.outbox)
            if tx.woken:
                self._outlet.wake(tx.woken)
            return tx.written
        finally:
            self._outlet.release()

    def _execute(self, batch: list[Pending[Any]], tx: Transaction, isolated: bool) -> bool:
        """Carry out the requests of a batch; not isolated, the first failure ends it with False."""
        for pending in batch:
            sent, woken = len(tx.outbox), len(tx.woken)
            if isolated:
                tx.execute("SAVEPOINT request")
            self._answer(pending, tx)
            if pending.error is not None:
                if not self._connection.in_transaction:
                    raise pending.error  # SQLite has rolled everything back: the disk is full, say
                if not isolated:
                    pending.error = None
                    return False
                tx.execute("ROLLBACK TO request")
                del tx.outbox[sent:]
                del tx.woken[woken:]
            if isolated:
                tx.execute("RELEASE request")
        return True

    def _answer(self, pending: Pending[Any], tx: Transaction) -> None:
        request = pending.request
        try:
            pending.result = ANSWERS[type(request)](tx, request)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller, not to this thread
            pending.error = _failure(error)

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # the next BEGIN fails, and its callers are told

    def _keep_house(self, written: int) -> None:
        if self.is_lost:
            return
        try:
            self._trimmer(Transaction(self._connection, self._outlet), written)
        except sqlite3.Error:
            self._roll_back()  # tried again after the next batch
        except Exception:  # noqa: BLE001 - no memory, say: without this thread every caller would wait for ever
            self._roll_back()
            _log.exception("the journal's house-keeping failed")


def _failure(error: BaseException) -> BaseException:
    """Return what the caller gets: errors of SQLite become ours, with its words, which hold no values."""
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
    return JournalFailed(f"the journal's thread was interrupted by {type(error).__name__}")
