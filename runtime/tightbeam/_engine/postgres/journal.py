"""A journal on a server, as commands see it: beside the processes that have it open."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Generator, Sequence
from typing import Any

import psycopg
from psycopg import Connection

from tightbeam._engine.addresses import Address
from tightbeam._engine.moving import Contents, Moved
from tightbeam._engine.observing import ReadEnds
from tightbeam._engine.postgres.answers import ANSWERS
from tightbeam._engine.postgres.checkup import check_up
from tightbeam._engine.postgres.connecting import Connector, failure_of, text_of
from tightbeam._engine.postgres.filling import fill
from tightbeam._engine.postgres.opening import open_store
from tightbeam._engine.postgres.schema import FORMAT
from tightbeam._engine.postgres.store import PostgresStore
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.requests import CancelRun, RetryFrom, Unpark
from tightbeam._engine.server_journal import ServerCheckup
from tightbeam._engine.settings import OnServer, Retention
from tightbeam._engine.store import Answer, Query, Request
from tightbeam._hooks.info import CommitInfo
from tightbeam._message import Envelope
from tightbeam.errors import JournalRefused

__all__ = ["JournalOnServer"]

_CLOSING_SECONDS = 10.0
_FORMATS = "SELECT name, value::int FROM meta WHERE name IN ('format', 'readable_from')"
_KEEPS_ALL = Retention(messages=1 << 62, age_us=1 << 62, size=1 << 62)
"""A command trims nothing: how much is kept is for clients to say."""


class JournalOnServer:
    """A `ServerJournal`; constructing it connects nowhere."""

    is_shared = True

    def __init__(self, address: Address, on_server: OnServer) -> None:
        """Name it.

        Args:
            address: of the database.
            on_server: its schema.
        """
        self._connector = Connector(address, *on_server)
        self._address = address
        self._on_server = on_server
        self._store: PostgresStore | None = None

    @property
    def name(self) -> str:
        """See `Journal`."""
        return str(self._address)

    def read(self, query: Query[Answer], /) -> Answer:
        """See `Journal`."""
        with self._connected("command") as connection:
            self._refuse_unfit(connection)
            answer: Answer = ANSWERS[type(query)](Transaction(connection), query)
            return answer

    def cancel(self, run_id: str, /) -> None:
        """See `Journal`."""
        self._change(CancelRun(run_id))

    def retry(self, run_id: str, /) -> None:
        """See `Journal`."""
        self._change(RetryFrom(run_id))

    def resume(self, run_id: str, /) -> None:
        """See `Journal`."""
        self._change(Unpark(run_id))

    def close(self) -> None:
        """See `Journal`."""
        if self._store is not None:
            self._store.close_at_exit(_CLOSING_SECONDS)
            self._store = None

    def check_up(self) -> ServerCheckup:
        """See `ServerJournal`."""
        with self._connected("doctor") as connection:
            self._refuse_unfit(connection)
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return check_up(connection, self._on_server.schema)

    def fill(self, contents: Contents, /) -> Moved:
        """See `ServerJournal`."""
        self._open()  # makes the tables, or says why it can't
        self.close()
        try:
            with self._connector.connect("move") as connection:
                return fill(connection, contents, self.name)
        except psycopg.Error as error:
            raise failure_of(error, self._address) from None

    def _change(self, request: Request[object]) -> None:
        """Carry out a request as one of the processes that have the journal open, which tells the others."""
        if self._store is None:
            with self._connected("command") as connection:
                self._refuse_unfit(connection)
        self._open().call(request)

    def _open(self) -> PostgresStore:
        if self._store is None:
            self._store = open_store(self._address, self._on_server, _KEEPS_ALL, _NoReaders())
        return self._store

    @contextlib.contextmanager
    def _connected(self, task: str) -> Generator[Connection[tuple[Any, ...]], None, None]:
        """Connect to look, also to a standby, and refuse where that fails or the server does."""
        try:
            with self._connector.connect(task, writes=False) as connection:
                yield connection
        except psycopg.Error as error:
            raise JournalRefused(f"{self.name} can't be read: {text_of(error, self._address)}") from None

    def _refuse_unfit(self, connection: Connection[tuple[Any, ...]]) -> None:
        """Refuse a database without our tables, or with those of another version: looking changes nothing."""
        schema = self._on_server.schema
        if connection.execute("SELECT to_regclass('meta')").fetchone() == (None,):
            raise JournalRefused(
                f"there is no journal in schema {schema} of {self.name}: it is made when a client is entered "
                "first; is it the right database, and --postgres-schema?"
            )
        formats = dict(connection.execute(_FORMATS).fetchall())
        tables = f"schema {schema} of {self.name} has format {formats['format']}, of"
        if formats["format"] < FORMAT:
            raise JournalRefused(
                f"{tables} an older Tightbeam: a client of this version brings it to format {FORMAT} when it "
                "is entered"
            )
        if formats["readable_from"] > FORMAT:
            raise JournalRefused(f"{tables} a newer Tightbeam: upgrade this one, which knows format {FORMAT}")


class _NoReaders:
    """An `Outlet` of a process that has no readers, and executes no runs."""

    measures = False

    def reserve(self, channel: str, at_least: int, last: Callable[[], int], /) -> int:  # noqa: ARG002
        """See `Outlet`."""
        return at_least

    def release(self) -> None:
        """See `Outlet`."""

    def committed(self, commit: CommitInfo, /) -> None:
        """See `Outlet`."""

    def fan_out(self, committed: Sequence[Envelope], /, *, own: bool = True) -> None:
        """See `Outlet`."""

    def sent(self, committed: Sequence[Envelope], /) -> None:
        """See `Outlet`."""

    def live(self, envelopes: Sequence[Envelope], /, *, relayed: bool = False) -> None:
        """See `Outlet`."""

    def settled(self, runs: Collection[str] | None, read: ReadEnds, /) -> None:
        """See `Outlet`."""

    def ended(self, runs: Collection[str] | None, /) -> None:
        """See `Outlet`."""

    def cancelled(self, runs: Collection[str], /) -> None:
        """See `Outlet`."""

    @property
    def is_read(self) -> bool:
        """See `Outlet`."""
        return False

    def skip(self, place: int, /) -> bool:  # noqa: ARG002 - nobody reads
        """See `Outlet`."""
        return True

    def missed(self, place: int, /) -> None:
        """See `Outlet`."""

    def date_live_before(self, time_us: int, /) -> None:
        """See `Outlet`."""

    def lost(self, runs: Collection[str], /) -> None:
        """See `Outlet`."""

    def wake(self, runs: Collection[str], /) -> None:
        """See `Outlet`."""
