"""The thread that carries out what changes something: it commits what callers submit in batches."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from itertools import groupby
from queue import SimpleQueue
from time import perf_counter
from typing import Any

import psycopg
from psycopg import Connection

from tightbeam._engine.pending import Pending
from tightbeam._engine.postgres.answers import ANSWERS, TOGETHER
from tightbeam._engine.postgres.connecting import failure_of
from tightbeam._engine.postgres.member import Member
from tightbeam._engine.postgres.transaction import Effects, Transaction
from tightbeam._engine.settling import Settler
from tightbeam._hooks.info import CommitInfo

__all__ = ["Committed", "Writer"]

Committed = Callable[[Effects], None]
"""Called on the writer's thread after each commit, before the requests are answered."""
_MAX_BATCH = 512
_ENTER = "SELECT pg_advisory_xact_lock_shared(hashtext(current_schema() || '.process'), %s::int)"
"""What follows sees whether this process is dead: who declares it dead takes the lock alone first."""
_IS_ALIVE = "SELECT EXISTS (SELECT FROM process WHERE number = %s)"


class Writer:
    """Owns the connection that writes."""

    def __init__(self, member: Member, settler: Settler, committed: Committed) -> None:
        """Start the thread.

        Args:
            member: the store's part in the journal.
            settler: answers the callers.
            committed: is told what each commit has done.
        """
        self._member = member
        self._settler = settler
        self._committed = committed
        self._queue: SimpleQueue[Pending[Any] | None] = SimpleQueue()
        self._connection: Connection[tuple[Any, ...]] | None = None
        self._thread = threading.Thread(target=self._work, name="tightbeam-writer", daemon=True)
        self._thread.start()

    def put(self, pending: Pending[Any]) -> None:
        """Queue a request."""
        self._queue.put(pending)

    def end(self) -> None:
        """Have the thread end behind the requests that are queued."""
        self._queue.put(None)

    def join(self) -> None:
        """Wait for the end of the thread."""
        self._thread.join()

    def _work(self) -> None:
        ending = False
        while not ending:
            batch, ending = self._collect()
            if batch:
                self._write(batch)
                self._settler.settle(batch)
        if self._connection is not None:
            self._connection.close()

    def _collect(self) -> tuple[list[Pending[Any]], bool]:
        """Wait for requests, and return those that are queued, and whether there will be no more."""
        batch: list[Pending[Any]] = []
        while not batch or (len(batch) < _MAX_BATCH and not self._queue.empty()):
            pending = self._queue.get()
            if pending is None:
                return batch, True
            batch.append(pending)
        return batch, False

    def _write(self, batch: list[Pending[Any]]) -> None:
        outlet = self._member.outlet
        began = perf_counter()
        self._commit(batch)
        if outlet.measures:
            failed = all(pending.error is not None for pending in batch)
            outlet.committed(CommitInfo(perf_counter() - began, len(batch), failed))

    def _commit(self, batch: list[Pending[Any]]) -> None:
        """Carry out a batch in one transaction."""
        try:
            connection = self._connected()
            effects = self._execute(connection, batch, isolated=False)
            if effects is None:
                # One of them failed, which is rare: once more, each behind a savepoint of its own.
                self._roll_back()
                effects = self._execute(connection, batch, isolated=True)
            assert effects is not None  # noqa: S101 - isolated, one that fails ends nothing; for the checker
            connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - whatever it was, every caller is told
            self._roll_back()
            for pending in batch:
                pending.error = pending.error or failure_of(error, self._member.connector.address)
            return
        for run_id in effects.released:
            self._member.claims.pop(run_id, None)
        self._member.claims.update(effects.claimed)
        self._committed(effects)

    def _execute(
        self, connection: Connection[tuple[Any, ...]], batch: Sequence[Pending[Any]], *, isolated: bool
    ) -> Effects | None:
        """Carry out the requests of a batch in a new transaction.

        Args:
            connection: of the writer.
            batch: the requests, in their order; neighbours of a kind may be one statement.
            isolated: whether one that fails leaves the others as they are.

        Returns:
            What is to be done after the commit; None if one has failed, and nothing may be committed.
        """
        connection.execute("BEGIN")
        tx = Transaction(connection, self._member)
        tx.execute(_ENTER, (self._member.number,))
        if tx.execute(_IS_ALIVE, (self._member.number,)).fetchone() != (True,):
            raise psycopg.OperationalError("this process was declared dead")
        effects = Effects()
        for kind, group in groupby(batch, key=lambda pending: type(pending.request)):
            pendings = list(group)
            parts = [pendings] if kind in TOGETHER else [[pending] for pending in pendings]
            for part in parts:
                tx.effects = Effects()
                if isolated:
                    tx.execute("SAVEPOINT request")
                try:
                    self._answer(tx, part)
                except BaseException as error:
                    if connection.closed:
                        raise
                    if not isolated:
                        return None
                    tx.execute("ROLLBACK TO request")
                    for pending in part:
                        pending.error = failure_of(error, self._member.connector.address)
                else:
                    effects.add(tx.effects)
                if isolated:
                    tx.execute("RELEASE request")
        return effects

    def _answer(self, tx: Transaction, part: Sequence[Pending[Any]]) -> None:
        kind = type(part[0].request)
        together = TOGETHER.get(kind)
        if together is None:
            part[0].result = ANSWERS[kind](tx, part[0].request)
            return
        for pending, error in zip(part, together(tx, [each.request for each in part]), strict=True):
            pending.error = error

    def _connected(self) -> Connection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = self._member.connector.connect(f"{self._member.number} writer")
        return self._connection

    def _roll_back(self) -> None:
        self._member.outlet.release()
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):  # it is gone: the next batch connects again
                self._connection.execute("ROLLBACK")
