"""The thread that carries out what changes something: it commits what callers submit in batches.

A batch is carried out again where that is known to be right: the server went away before it committed, or
another transaction was in the way. Callers wait meanwhile.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any

import psycopg
from psycopg import Connection

from tightbeam._engine.pending import Pending
from tightbeam._engine.postgres.adding import KeyHeld
from tightbeam._engine.postgres.aside import Aside
from tightbeam._engine.postgres.batches import Attempt, DeclaredDead, carry_out, is_committed
from tightbeam._engine.postgres.chores import Leave
from tightbeam._engine.postgres.connecting import IN_THE_WAY, failure_of
from tightbeam._engine.postgres.lines import Line
from tightbeam._engine.postgres.member import Member
from tightbeam._engine.postgres.registering import register
from tightbeam._engine.postgres.transaction import Effects
from tightbeam._engine.records import ClaimLost
from tightbeam._engine.settling import Settler
from tightbeam._hooks.info import CommitInfo

__all__ = ["Committed", "Writer"]

Committed = Callable[[Effects], None]
"""Called on the writer's thread after each commit, before the requests are answered."""
_MAX_BATCH = 512
_MOST_CONFLICTS = 100
"""How often a batch is begun anew because other transactions were in its way."""


class Writer:
    """Owns the connection that writes."""

    def __init__(
        self, member: Member, settler: Settler, beginning: Callable[[], None], committed: Committed
    ) -> None:
        """Start the thread.

        Args:
            member: the store's part in the journal.
            settler: answers the callers.
            beginning: called on the thread before each batch.
            committed: is told what each commit has done.
        """
        self._member = member
        self._settler = settler
        self._beginning = beginning
        self._committed = committed
        self._queue: SimpleQueue[Pending[Any] | None] = SimpleQueue()
        self._aside = Aside()
        self._batches = 0
        self._line = Line(member.connector, member.outage, f"{member.number} writer")
        self._thread = threading.Thread(target=self._work, name="tightbeam-writer", daemon=True)
        self._thread.start()

    def put(self, pending: Pending[Any]) -> None:
        """Queue a request."""
        self._queue.put(pending)

    def end(self) -> None:
        """Have the thread end behind the requests that are queued."""
        self._queue.put(None)

    def join(self, patience: float | None = None) -> None:
        """Wait for the end of the thread, for so many seconds at most; None for as long as it takes."""
        self._thread.join(patience)

    def _work(self) -> None:
        ending = False
        while not ending:
            batch, ending = self._collect()
            for part in (self._aside.due(all_of_them=ending), batch):  # the last one takes the process off
                if part:
                    self._write(part)
                    self._settler.settle(self._aside.keep(part, for_longer=not ending))
        self._line.close()

    def _collect(self) -> tuple[list[Pending[Any]], bool]:
        """Wait for requests, and return those that are queued, and whether there will be no more.

        There is none where requests that were set aside are to be tried again.
        """
        batch: list[Pending[Any]] = []
        while not batch or (len(batch) < _MAX_BATCH and not self._queue.empty()):
            try:
                pending = self._queue.get(timeout=self._aside.seconds)
            except Empty:
                return batch, False
            if pending is None:
                return batch, True
            batch.append(pending)
        return batch, False

    def _write(self, batch: list[Pending[Any]]) -> None:
        """Carry out a batch, whatever it takes; answer all of it."""
        outlet = self._member.outlet
        self._beginning()
        began = perf_counter()
        try:
            effects = self._commit(batch)
        except BaseException as error:  # noqa: BLE001 - whatever it was, every caller is told
            for pending in batch:
                pending.error = failure_of(error, self._member.connector.address)
        else:
            self._note(batch, effects)
        if outlet.measures:
            failed = all(
                pending.error is not None and not isinstance(pending.error, KeyHeld) for pending in batch
            )
            outlet.committed(CommitInfo(perf_counter() - began, len(batch), failed))

    def _commit(self, batch: list[Pending[Any]]) -> Effects:
        """Carry out a batch until it is known to be committed, or can't be."""
        is_dead, again, conflicts = False, False, 0
        while True:
            self._batches += 1
            attempt = Attempt(again, self._batches)
            for pending in batch:
                pending.result = pending.error = None
            connection = self._line.connection
            try:
                if is_dead:
                    self._register_anew(connection)
                    is_dead = False
                carry_out(connection, self._member, batch, attempt)
            except DeclaredDead:
                if all(isinstance(pending.request, Leave) for pending in batch):
                    return Effects()  # it is off already
                is_dead = True
            except BaseException as error:
                if self._line.is_broken(error):
                    if attempt.is_committing and self._is_committed(attempt):
                        return attempt.effects
                    again = again or attempt.is_committing
                    self._member.outlet.release()
                    continue
                self._member.outlet.release()
                with contextlib.suppress(psycopg.Error):  # it is gone: the next batch connects again
                    connection.execute("ROLLBACK")
                conflicts += 1
                if not isinstance(error, IN_THE_WAY) or conflicts > _MOST_CONFLICTS:
                    raise
                time.sleep(random.uniform(0, 0.02))  # noqa: S311 - spreads the load
            else:
                return attempt.effects

    def _is_committed(self, attempt: Attempt) -> bool:
        """Ask, as soon as the server is back, what has become of a commit that was cut off.

        Raises:
            JournalFailed: the store is being closed, and the server isn't there to be asked.
        """
        while True:
            connection = self._line.connection
            try:
                return is_committed(connection, attempt)
            except psycopg.Error as error:
                if not self._line.is_broken(error):
                    raise

    def _register_anew(self, connection: Connection[tuple[Any, ...]]) -> None:
        """Go on as another process, since this one was declared dead: its claims are others' by now."""
        member = self._member
        member.beaten_at = time.monotonic()
        member.number = register(connection, member)
        lost = list(member.claims)
        member.claims.clear()
        if lost:
            member.outlet.lost(lost)

    def _note(self, batch: list[Pending[Any]], effects: Effects) -> None:
        """Do what is due after a commit."""
        claims = self._member.claims
        for run_id in effects.released:
            claims.pop(run_id, None)
        claims.update(effects.claimed)
        lost = {pending.error.run_id for pending in batch if isinstance(pending.error, ClaimLost)}
        for run_id in lost:
            claims.pop(run_id, None)
        if lost:
            self._member.outlet.lost(lost)
        self._committed(effects)
