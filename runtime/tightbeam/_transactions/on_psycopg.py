"""Statements on a connection of psycopg 3."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import tuple_row

from tightbeam._transactions.work import TWO_PHASES, Rows, Statement
from tightbeam.errors import EngineError

__all__ = ["AsyncPsycopgExecutor", "PsycopgExecutor"]

# The cursors are ours, whatever the connection's factories make: they take `$1`, and return tuples.


class AsyncPsycopgExecutor:
    """An `AsyncExecutor` on a ``psycopg.AsyncConnection``."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    async def check(self) -> None:
        """See `AsyncExecutor`."""
        if _may_lag(self._connection):
            async with self._connection.pipeline():  # its end waits for what was sent before
                pass
        _check(self._connection)

    async def execute(self, statement: Statement, /) -> Rows:
        """See `AsyncExecutor`."""
        async with psycopg.AsyncRawCursor(self._connection, row_factory=tuple_row) as cursor:
            await cursor.execute(statement.sql.encode(), statement.parameters)
            return await cursor.fetchall()


class PsycopgExecutor:
    """An `Executor` on a ``psycopg.Connection``."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def check(self) -> None:
        """See `Executor`."""
        if _may_lag(self._connection):
            with self._connection.pipeline():
                pass
        _check(self._connection)

    def execute(self, statement: Statement, /) -> Rows:
        """See `Executor`."""
        with psycopg.RawCursor(self._connection, row_factory=tuple_row) as cursor:
            cursor.execute(statement.sql.encode(), statement.parameters)
            return cursor.fetchall()


def _may_lag(connection: psycopg.AsyncConnection[Any] | psycopg.Connection[Any]) -> bool:
    """Return whether the status may not be what the server will say, since a pipeline is under way."""
    return not connection.closed and connection.pgconn.pipeline_status != PipelineStatus.OFF


def _check(connection: psycopg.AsyncConnection[Any] | psycopg.Connection[Any]) -> None:
    """Refuse a connection on which a statement of ours would not be part of a transaction.

    Raises:
        EngineError: it is closed or broken, has failed, commits each statement, or is in a transaction of two
            phases.
    """
    if connection.closed:
        raise EngineError("nothing was stored: the connection is closed")
    status = connection.info.transaction_status
    if status == TransactionStatus.INERROR:
        raise EngineError("nothing was stored: the transaction has failed: only a rollback is left")
    if connection.autocommit and status == TransactionStatus.IDLE:
        raise EngineError(
            "nothing was stored: the connection is in autocommit mode, and no transaction is open: use it "
            "inside `connection.transaction()`"
        )
    if getattr(connection, "_tpc", None) is not None:
        raise EngineError(TWO_PHASES)
