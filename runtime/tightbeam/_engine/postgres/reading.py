"""The thread that answers queries, one at a time, on a connection of its own."""

from __future__ import annotations

import contextlib
import threading
from queue import SimpleQueue
from typing import Any

import psycopg
from psycopg import Connection

from tightbeam._engine.pending import Pending
from tightbeam._engine.postgres.answers import ANSWERS
from tightbeam._engine.postgres.connecting import Connector, failure_of, text_of
from tightbeam._engine.postgres.member import Member
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.settling import Settler
from tightbeam._engine.store import Answer, Query
from tightbeam.errors import JournalRefused

__all__ = ["Reader", "read_once"]

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def read_once(connector: Connector, query: Query[Answer]) -> Answer:
    """Answer a query on a connection of its own: for commands, which have no store open.

    Raises:
        JournalRefused: the database can't be read.
    """
    try:
        with connector.connect("command") as connection:
            connection.execute(_BEGIN)
            answer: Answer = ANSWERS[type(query)](Transaction(connection), query)
            return answer
    except psycopg.Error as error:
        raise JournalRefused(
            f"{connector.address} can't be read: {text_of(error, connector.address)}"
        ) from None


class Reader:
    """Answers queries; what one reads is of one moment, however many statements it takes."""

    def __init__(self, member: Member, settler: Settler) -> None:
        """Start the thread, which connects when the first query comes.

        Args:
            member: the store's part in the journal.
            settler: answers the callers.
        """
        self._member = member
        self._settler = settler
        self._queue: SimpleQueue[Pending[Any] | None] = SimpleQueue()
        self._connection: Connection[tuple[Any, ...]] | None = None
        self._thread = threading.Thread(target=self._work, name="tightbeam-reader", daemon=True)
        self._thread.start()

    def put(self, pending: Pending[Any]) -> None:
        """Queue a query."""
        self._queue.put(pending)

    def end(self) -> None:
        """Have the thread end behind the queries that are queued."""
        self._queue.put(None)

    def join(self) -> None:
        """Wait for the end of the thread."""
        self._thread.join()

    def _work(self) -> None:
        while (pending := self._queue.get()) is not None:
            self._answer(pending)
            self._settler.settle([pending])
        if self._connection is not None:
            self._connection.close()

    def _answer(self, pending: Pending[Any]) -> None:
        try:
            connection = self._connected()
            connection.execute(_BEGIN)
            request = pending.request
            pending.result = ANSWERS[type(request)](Transaction(connection, self._member), request)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller, not to this thread
            pending.error = failure_of(error, self._member.connector.address)
        finally:
            if self._connection is not None:
                with contextlib.suppress(psycopg.Error):  # it is gone: the next query connects again
                    self._connection.execute("ROLLBACK")

    def _connected(self) -> Connection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = self._member.connector.connect(f"{self._member.number} reader")
        return self._connection
