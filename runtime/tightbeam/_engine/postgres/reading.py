"""The thread that answers queries, one at a time, on a connection of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import psycopg

from tightbeam._engine.pending import Pending
from tightbeam._engine.postgres.answers import ANSWERS
from tightbeam._engine.postgres.connecting import failure_of
from tightbeam._engine.postgres.lines import Line
from tightbeam._engine.postgres.member import Member
from tightbeam._engine.postgres.retention import Trimmer
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.settling import Settler
from tightbeam._engine.trimming import Pace
from tightbeam.errors import JournalFailed

__all__ = ["Reader"]

_log = logging.getLogger("tightbeam")


class Reader:
    """Answers queries, and drops between two of them what is no longer retained.

    There is no transaction around a query: a page of messages must not be read in an older snapshot than what
    is followed by then.
    """

    def __init__(self, member: Member, settler: Settler) -> None:
        """Start the thread, which connects when the first query comes.

        Args:
            member: the store's part in the journal.
            settler: answers the callers.
        """
        self._member = member
        self._settler = settler
        self._queue: SimpleQueue[Pending[Any] | Callable[[], None] | None] = SimpleQueue()
        self._trimmer = Trimmer(member.log, member.retention)
        self._pace = Pace(member.retention.size, on_server=True)
        self._is_trimming = False
        """Whether a look is queued."""
        self._line = Line(member.connector, member.outage, f"{member.number} reader")
        self._thread = threading.Thread(target=self._work, name="tightbeam-reader", daemon=True)
        self._thread.start()

    def put(self, pending: Pending[Any]) -> None:
        """Queue a query."""
        self._queue.put(pending)

    def keep_house(self, written: int) -> None:
        """Drop what is no longer retained behind the queries that are queued, if it is time to look.

        Args:
            written: the bytes of data that were stored since the last call.
        """
        if self._pace.is_time(written) and not self._is_trimming:
            self._is_trimming = True
            self._queue.put(self._trim)

    def end(self) -> None:
        """Have the thread end behind the queries that are queued."""
        self._queue.put(None)

    def join(self, patience: float | None = None) -> None:
        """Wait for the end of the thread, for so many seconds at most; None for as long as it takes."""
        self._thread.join(patience)

    def _work(self) -> None:
        while (pending := self._queue.get()) is not None:
            if isinstance(pending, Pending):
                self._answer(pending)
                self._settler.settle([pending])
            else:
                pending()
        self._line.close()

    def _answer(self, pending: Pending[Any]) -> None:
        """Answer a query, once the server is there for as long as that takes."""
        request = pending.request
        while True:
            try:
                tx = Transaction(self._line.connection, self._member)
                pending.result = ANSWERS[type(request)](tx, request)
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller, not to this thread
                if self._line.is_broken(error):
                    continue
                pending.error = failure_of(error, self._member.connector.address)
            return

    def _trim(self) -> None:
        self._is_trimming = False  # what is stored from now on may call for another look
        try:
            self._pace.has_more = self._trimmer(self._line.connection)
        except (psycopg.Error, JournalFailed) as error:
            self._line.is_broken(error)  # the server is away, say: tried again later
        except Exception:  # noqa: BLE001 - no memory, say: without this thread every caller would wait
            _log.exception("the journal's house-keeping failed")
