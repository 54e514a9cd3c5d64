"""The connections and sessions that ``transaction=`` takes, for type checkers.

They are protocols: users' code checks alike whether or not psycopg, asyncpg and SQLAlchemy are installed.
Each names just enough to tell these connections from everything else, and those for coroutines from others.
At run time `tightbeam._transactions.adapting` looks at the classes.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol, TypeAlias

__all__ = ["AsyncTransaction", "SyncTransaction"]


class PsycopgAsyncConnection(Protocol):
    """A ``psycopg.AsyncConnection``."""

    @property
    def pgconn(self) -> object:
        """The connection of libpq."""
        ...

    def commit(self) -> Coroutine[Any, Any, None]:
        """Commit."""
        ...


class PsycopgConnection(Protocol):
    """A ``psycopg.Connection``."""

    @property
    def pgconn(self) -> object:
        """The connection of libpq."""
        ...

    def commit(self) -> None:
        """Commit."""
        ...


class AsyncpgConnection(Protocol):
    """An ``asyncpg.Connection``."""

    def is_in_transaction(self) -> bool:
        """Return whether a transaction is open."""
        ...


class AsyncpgPoolConnection(Protocol):
    """A connection of an asyncpg pool: a proxy, of whose methods type checkers see none."""

    def _detach(self) -> Any: ...

    def __getattr__(self, attr: str, /) -> Any: ...


class SqlAlchemyAsync(Protocol):
    """An ``AsyncConnection``, an ``AsyncSession``, or an ``async_scoped_session``."""

    def begin_nested(self) -> object:
        """Set a savepoint."""
        ...

    def commit(self) -> Coroutine[Any, Any, None]:
        """Commit."""
        ...


class SqlAlchemy(Protocol):
    """A ``Connection``, a ``Session``, or a ``scoped_session``."""

    def begin_nested(self) -> object:
        """Set a savepoint."""
        ...

    def commit(self) -> None:
        """Commit."""
        ...


AsyncTransaction: TypeAlias = (
    PsycopgAsyncConnection | AsyncpgConnection | AsyncpgPoolConnection | SqlAlchemyAsync
)
"""What `publish` and `send` take."""
SyncTransaction: TypeAlias = PsycopgConnection | SqlAlchemy
"""What `publish_sync` and `send_sync` take."""
