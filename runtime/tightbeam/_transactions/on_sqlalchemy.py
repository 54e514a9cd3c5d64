"""Statements on connections and sessions of SQLAlchemy 2.

All goes through SQLAlchemy's own connection: beneath it, its driver might not have begun the transaction yet.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Boolean, LargeBinary, Text, bindparam, text
from sqlalchemy.exc import InvalidRequestError, ResourceClosedError, StatementError
from sqlalchemy.types import NullType, TypeEngine

from tightbeam._transactions.work import TWO_PHASES, Parameter, Rows, Statement
from tightbeam.errors import EngineError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
    from sqlalchemy.orm import Session
    from sqlalchemy.sql.expression import TextClause

__all__ = ["AsyncSqlAlchemyExecutor", "SqlAlchemyExecutor"]

_DRIVERS = ("psycopg", "asyncpg")
_AT_ONCE: dict[str, Any] = {"stream_results": False, "yield_per": None}
"""Options of an engine or connection that would have the server keep the rows."""
_PLACEHOLDER = re.compile(r"CAST\(\$(\d+) AS ")
_TYPES: dict[type[object], type[TypeEngine[Any]]] = {
    str: Text,
    bytes: LargeBinary,
    int: BigInteger,
    bool: Boolean,
    type(None): NullType,
}


class SqlAlchemyExecutor:
    """An `Executor` on a ``Connection`` or a ``Session``."""

    def __init__(self, given: Connection | Session) -> None:
        self._given = given

    def check(self) -> None:
        """See `Executor`."""
        with _usable():
            _check(self._connection())

    def execute(self, statement: Statement, /) -> Rows:
        """See `Executor`."""
        clause, values = _prepared(statement)
        with _usable():
            return self._connection().execute(clause, values, execution_options=_AT_ONCE).fetchall()

    def _connection(self) -> Connection:
        """Return the connection, on which a session begins its transaction if it hasn't yet."""
        from sqlalchemy.orm import Session

        return self._given.connection() if isinstance(self._given, Session) else self._given


class AsyncSqlAlchemyExecutor:
    """An `AsyncExecutor` on an ``AsyncConnection`` or an ``AsyncSession``."""

    def __init__(self, given: AsyncConnection | AsyncSession) -> None:
        self._given = given

    async def check(self) -> None:
        """See `AsyncExecutor`."""
        with _usable():
            await (await self._connection()).run_sync(_check)

    async def execute(self, statement: Statement, /) -> Rows:
        """See `AsyncExecutor`."""
        clause, values = _prepared(statement)
        with _usable():
            connection = await self._connection()
            return (await connection.execute(clause, values, execution_options=_AT_ONCE)).fetchall()

    async def _connection(self) -> AsyncConnection:
        """Return the connection, on which a session begins its transaction if it hasn't yet."""
        from sqlalchemy.ext.asyncio import AsyncSession

        return await self._given.connection() if isinstance(self._given, AsyncSession) else self._given


def _check(connection: Connection) -> None:
    """Refuse a connection on which a statement of ours would not be part of a transaction.

    Raises:
        EngineError: it isn't one to PostgreSQL by a driver that is known, commits each statement, or its
            transaction has two phases.
        ResourceClosedError: it is closed.
    """
    from sqlalchemy.engine import TwoPhaseTransaction

    dialect = connection.dialect
    if dialect.name != "postgresql" or dialect.driver not in _DRIVERS:
        raise EngineError(
            "nothing was stored: transaction= takes connections of SQLAlchemy to PostgreSQL by psycopg or "
            f"asyncpg, not by {dialect.name}+{dialect.driver}"
        )
    if connection.closed:
        raise ResourceClosedError
    if getattr(connection.connection.dbapi_connection, "autocommit", False):
        raise EngineError(
            "nothing was stored: the connection is in autocommit mode (isolation level AUTOCOMMIT), so that "
            "no transaction is open: use another level"
        )
    if isinstance(connection.get_transaction(), TwoPhaseTransaction):
        raise EngineError(TWO_PHASES)


@contextmanager
def _usable() -> Generator[None, None, None]:
    """Say what it means that SQLAlchemy doesn't let a connection or session be used, and hide payloads.

    Raises:
        EngineError: it is closed, has failed, or hasn't begun.
    """
    try:
        yield
    except (ResourceClosedError, InvalidRequestError) as error:
        raise EngineError(
            "nothing was stored: SQLAlchemy doesn't let this connection or session be used now: it is "
            "closed, has failed and must be rolled back, hasn't begun, or doesn't know to which of its "
            "databases (give it `session.connection(…)` then)"
        ) from error
    except StatementError as error:
        error.hide_parameters = True  # they hold the payload
        raise


def _prepared(statement: Statement) -> tuple[TextClause, dict[str, Parameter]]:
    """Return a statement and its parameters as SQLAlchemy takes them."""
    kinds = tuple(type(each) for each in statement.parameters)
    values = {f"p{number}": each for number, each in enumerate(statement.parameters, 1)}
    return _clause(statement.sql, kinds), values


@lru_cache(maxsize=256)
def _clause(sql: str, kinds: tuple[type[object], ...]) -> TextClause:
    """Return a statement with typed parameters: their types decide how drivers send them."""
    named = _PLACEHOLDER.sub(r"CAST(:p\1 AS ", sql.replace("\\", "\\\\").replace(":", "\\:"))
    return text(named).bindparams(
        *(bindparam(f"p{number}", type_=_TYPES[kind]()) for number, kind in enumerate(kinds, 1))
    )
