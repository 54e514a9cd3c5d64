"""Finding out what a caller gave as ``transaction=``, and refusing what can't be one.

No library is imported for that: an object of a class of psycopg, asyncpg or SQLAlchemy is there only if its
library is.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tightbeam._transactions.work import AsyncExecutor, Executor, Transactional
from tightbeam.errors import EngineError

__all__ = ["async_executor", "executor", "explained"]

_ASYNC = "a psycopg.AsyncConnection, an asyncpg.Connection, or SQLAlchemy's AsyncConnection or AsyncSession"
_SYNC = "a psycopg.Connection, or SQLAlchemy's Connection or Session"
_REASONS = {
    "25P02": "the transaction has failed: only a rollback is left",
    "25006": "the transaction is read only",
}


def async_executor(given: Any, call: str) -> AsyncExecutor:
    """Return how statements are executed on a connection or session for coroutines.

    Args:
        given: by the caller.
        call: of what, for the error: ``"publish"`` or ``"send"``.

    Raises:
        TypeError: it is no such connection.
    """
    if _is_any(given, ("psycopg", "AsyncConnection")):
        from tightbeam._transactions.on_psycopg import AsyncPsycopgExecutor  # not at import: see above

        return AsyncPsycopgExecutor(given)
    if _is_any(given, ("asyncpg", "Connection")):
        from tightbeam._transactions.on_asyncpg import AsyncpgExecutor

        return AsyncpgExecutor(given)
    if _is_any(given, *_SQLALCHEMY_ASYNC):
        from tightbeam._transactions.on_sqlalchemy import AsyncSqlAlchemyExecutor

        return AsyncSqlAlchemyExecutor(_in_scope(given))
    if _is_any(given, ("psycopg", "Connection"), *_SQLALCHEMY_SYNC):
        raise TypeError(f"{call} is for coroutines: {_name(given)} goes with {call}_sync")
    raise TypeError(f"transaction= of {call} takes {_ASYNC}, not {_name(given)}")


def executor(given: Any, call: str) -> Executor:
    """Return how statements are executed on a connection or session without ``await``.

    Args:
        given: by the caller.
        call: of what, for the error: ``"publish_sync"`` or ``"send_sync"``.

    Raises:
        TypeError: it is no such connection.
    """
    if _is_any(given, ("psycopg", "Connection")):
        from tightbeam._transactions.on_psycopg import PsycopgExecutor  # not at import: see above

        return PsycopgExecutor(given)
    if _is_any(given, *_SQLALCHEMY_SYNC):
        from tightbeam._transactions.on_sqlalchemy import SqlAlchemyExecutor

        return SqlAlchemyExecutor(_in_scope(given))
    if _is_any(given, ("psycopg", "AsyncConnection"), ("asyncpg", "Connection"), *_SQLALCHEMY_ASYNC):
        name = call.removesuffix("_sync")
        raise TypeError(f"{call} awaits nothing: {_name(given)} goes with {name}")
    raise TypeError(f"transaction= of {call} takes {_SYNC}, not {_name(given)}")


_SQLALCHEMY_ASYNC = (
    ("sqlalchemy.ext.asyncio", "AsyncConnection"),
    ("sqlalchemy.ext.asyncio", "AsyncSession"),
    ("sqlalchemy.ext.asyncio", "async_scoped_session"),
)
_SQLALCHEMY_SYNC = (
    ("sqlalchemy.engine", "Connection"),
    ("sqlalchemy.orm", "Session"),
    ("sqlalchemy.orm", "scoped_session"),
)


def _in_scope(given: Any) -> Any:
    """Return the session of the current task or thread, where what was given stands for one each."""
    scoped = (("sqlalchemy.orm", "scoped_session"), ("sqlalchemy.ext.asyncio", "async_scoped_session"))
    return given() if _is_any(given, *scoped) else given


def _is_any(given: Any, *classes: tuple[str, str]) -> bool:
    """Return whether something is of one of these classes, each given by its module and name."""
    for module, name in classes:
        found = getattr(sys.modules.get(module), name, None)
        if isinstance(found, type) and isinstance(given, found):
            return True
    return False


def _name(given: object) -> str:
    """Return the name of something's class, with that of its library."""
    kind = type(given)
    package = kind.__module__.partition(".")[0]
    return kind.__qualname__ if package == "builtins" else f"{package}.{kind.__qualname__}"


@contextmanager
def explained(transactional: Transactional) -> Generator[None, None, None]:
    """Say why the server refuses a statement, where the reason isn't in what the caller does.

    Args:
        transactional: knows what it writes to.

    Raises:
        EngineError: the transaction has failed or is read only; there is no journal in this database, or no
            right to write to it.
        Exception: what else the driver raises, as it is.
    """
    try:
        yield
    except Exception as error:
        state = _sqlstate(error)
        reason = None if state is None else _REASONS.get(state) or transactional.explain(state)
        if reason is None:
            raise
        raise EngineError(f"nothing was stored: {reason}") from error


def _sqlstate(error: BaseException) -> str | None:
    """Return the code that the server gave, also where SQLAlchemy has wrapped the driver's error."""
    original = getattr(error, "orig", None) or error
    state = getattr(original, "sqlstate", None)
    return state if isinstance(state, str) else None
