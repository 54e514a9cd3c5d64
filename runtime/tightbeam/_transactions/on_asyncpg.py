"""Statements on a connection of asyncpg, also on one of its pools' proxies."""

from __future__ import annotations

from typing import Any

from tightbeam._transactions.work import Rows, Statement
from tightbeam.errors import EngineError

__all__ = ["AsyncpgExecutor"]


class AsyncpgExecutor:
    """An `AsyncExecutor`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection  # untyped: asyncpg has no types of its own

    async def check(self) -> None:
        """See `AsyncExecutor`.

        Raises:
            EngineError: it is closed, was given back to its pool, or is in no transaction.
        """
        try:
            closed, in_transaction = self._connection.is_closed(), self._connection.is_in_transaction()
        except Exception as error:  # of a class that has no types here
            raise EngineError("nothing was stored: the connection was given back to its pool") from error
        if closed:
            raise EngineError("nothing was stored: the connection is closed")
        if not in_transaction:
            raise EngineError(
                "nothing was stored: no transaction is open: use the connection inside "
                "`connection.transaction()`"
            )

    async def execute(self, statement: Statement, /) -> Rows:
        """See `AsyncExecutor`."""
        rows: Rows = await self._connection.fetch(statement.sql, *statement.parameters)
        return rows
