"""Connections to the server, each set up in the same way."""

from __future__ import annotations

import os
from typing import Any

import psycopg
from psycopg import Connection, conninfo, errors, sql

from tightbeam._engine.addresses import PATTERN, Address
from tightbeam._engine.failure import Interrupt
from tightbeam._engine.postgres.arrays import register_arrays
from tightbeam._engine.postgres.refusals import refuse_pooler, refuse_server
from tightbeam.errors import JournalFailed, JournalRefused, NotStorable

__all__ = ["ELSEWHERE", "IN_THE_WAY", "Connector", "failure_of", "text_of"]

_IN_LIBPQ = {
    "client_encoding": "UTF8",
    "connect_timeout": "10",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
"""What the address doesn't say itself: a server that vanishes is noticed."""
_SETTINGS = {
    # What a role or a database may have set for people isn't for us.
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    # Each query is an index's, however small a table was when it was planned.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}
_SET = """
SELECT set_config(given.name, given.value, false)
FROM (SELECT * FROM unnest(%s::text[], %s::text[]) AS given (name, value)) AS given
JOIN pg_settings USING (name)
"""
_LONGEST_MS = 2_147_483_647
"""The longest time that the server takes for a setting."""
_SYNCHRONOUS = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)

_PREPARED = 1_000
"""Statements that a connection keeps prepared: all of ours."""
ELSEWHERE = (
    errors.ReadOnlySqlTransaction,
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
)
"""The server is going, or has become a standby: what was asked for is to go to the one that takes over."""
IN_THE_WAY = (errors.DeadlockDetected, errors.SerializationFailure)
"""Another transaction was first: the same is to be begun anew."""


class Connector:
    """Opens connections to one journal."""

    def __init__(self, address: Address, schema: str, lease: float) -> None:
        """Connect nowhere.

        Args:
            address: of the database.
            schema: in which the tables are.
            lease: seconds; a transaction that stands still for longer is ended by the server.
        """
        self.address = address
        self.schema = schema
        self._lease = lease
        self._is_session = False
        """Whether a pooler is between that keeps a session together."""
        self._has_hosts = False
        """Whether several hosts are known by a service of libpq's, which only a connection tells."""

    def connect(self, task: str, *, durable: bool = True, writes: bool = True) -> Connection[tuple[Any, ...]]:
        """Open a connection: autocommit, ours the only schema that is searched.

        Args:
            task: what it is for, shown to people who look at the server's connections.
            durable: whether a commit waits for the server's disk.
            writes: whether a server won't do that takes no writes.

        Raises:
            JournalRefused: the address can't be read, or a journal can't be kept there.
            psycopg.Error: the server can't be reached, or is a standby (`Standby`).
        """
        options = self._options(task, writes=writes)
        connection: Connection[tuple[Any, ...]] = psycopg.connect(**options, autocommit=True)
        if writes and not self._has_hosts and _may_be_another(connection):
            connection.close()
            self._has_hosts = True
            options = self._options(task, writes=writes)
            connection = psycopg.connect(**options, autocommit=True)
        try:
            connection.prepared_max = _PREPARED
            register_arrays(connection)
            is_direct = refuse_server(connection, self.address, writes=writes)
            if not (is_direct or self._is_session):
                refuse_pooler(connection, lambda: psycopg.connect(**options, autocommit=True), self.address)
                self._is_session = True
            # From here on: what a pooler shares would have our settings for others.
            self._set_up(connection, durable)
        except BaseException:
            connection.close()
            raise
        return connection

    def _options(self, task: str, *, writes: bool) -> dict[str, Any]:
        given = _parts_of(self.address.conninfo)
        if given is None:
            raise JournalRefused(
                f"{self.address} can't be read: write it as {PATTERN}, "
                "with %-escapes for what isn't a letter or a digit, and behind ? libpq's parameters alone, "
                "such as sslmode=require (not ssl=)"
            )
        options: dict[str, Any] = {**_IN_LIBPQ, **given, "application_name": f"tightbeam {task}"}
        if writes and (self._has_hosts or _names_several(options)):
            options.setdefault("target_session_attrs", "read-write")
        return options

    def _set_up(self, connection: Connection[tuple[Any, ...]], durable: bool) -> None:
        settings = {
            **_SETTINGS,
            "idle_in_transaction_session_timeout": str(min(max(int(self._lease * 1000), 1000), _LONGEST_MS)),
        }
        with connection.pipeline():
            connection.execute(_SET, (list(settings), list(settings.values())))
            connection.execute(_SYNCHRONOUS if durable else "SET synchronous_commit TO off")
            connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(self.schema)))


def _parts_of(address: str) -> dict[str, Any] | None:
    """Return the parts of an address; None if it can't be read.

    Why is said by nothing that goes on from here: libpq quotes parts of the password.
    """
    try:
        return dict(conninfo.conninfo_to_dict(address))
    except psycopg.ProgrammingError:
        return None


def _names_several(options: dict[str, Any]) -> bool:
    """Return whether an address, or else the environment, names several hosts."""
    return any(
        "," in str(options.get(name) or os.environ.get(variable, ""))
        for name, variable in (("host", "PGHOST"), ("hostaddr", "PGHOSTADDR"))
    )


def _may_be_another(connection: Connection[Any]) -> bool:
    """Return whether a connection goes to one of several hosts, whichever of them was there first."""
    used = {option.keyword: option.val or b"" for option in connection.pgconn.info}
    is_any = used.get(b"target_session_attrs", b"") in (b"", b"any")
    return is_any and (b"," in used.get(b"host", b"") + used.get(b"hostaddr", b""))


def failure_of(error: BaseException, address: Address) -> BaseException:
    """Return what a caller gets: the server's errors become ours, without values and passwords."""
    if isinstance(error, psycopg.DataError | UnicodeEncodeError | OverflowError):
        unfit = NotStorable(f"a value can't be held by the database: {text_of(error, address)}")
        unfit.__cause__ = error
        return unfit
    if isinstance(error, psycopg.Error):
        failed = JournalFailed(f"the database failed: {text_of(error, address)}")
        failed.__cause__ = error
        return failed
    if isinstance(error, JournalFailed):  # another request of the batch met it: each caller gets its own
        return JournalFailed(str(error))
    if isinstance(error, Exception | Interrupt):
        return error
    return JournalFailed(f"the journal's thread was interrupted by {type(error).__name__}")


def text_of(error: BaseException, address: Address) -> str:
    """Return the server's first sentence, which names tables and rules; what follows may quote values."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return address.scrub(error.diag.message_primary)
    return address.scrub(str(error).partition("\n")[0]) or type(error).__name__
