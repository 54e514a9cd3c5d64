"""A journal on a PostgreSQL server: what a client keeps until it is entered."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from tightbeam._engine.addresses import Address
from tightbeam._engine.settings import OnServer, Retention
from tightbeam._engine.store import Outlet, Store
from tightbeam.errors import JournalRefused

if TYPE_CHECKING:
    from tightbeam._transactions.work import Transactional

__all__ = ["PostgresBackend", "require_psycopg"]


class PostgresBackend:
    """A `Backend`. psycopg is imported when it is opened: programs that only publish live go without."""

    is_shared = True

    def __init__(self, address: Address, retention: Retention, on_server: OnServer) -> None:
        """Touch nothing.

        Args:
            address: of the database.
            retention: how much is kept.
            on_server: the schema, and when a process is dead.
        """
        self.address = address
        self.on_server = on_server
        self._retention = retention

    @property
    def name(self) -> str:
        """See `Backend`."""
        return str(self.address)

    def open(self, outlet: Outlet, /) -> Store:
        """See `Backend`."""
        require_psycopg(self.address)
        from tightbeam._engine.postgres.opening import open_store

        return open_store(self.address, self.on_server, self._retention, outlet)

    def transactional(self) -> Transactional:
        """See `TransactionalBackend`."""
        from tightbeam._engine.postgres.outbox import Outbox  # not at import: seldom

        return Outbox(self.on_server.schema)

    def unheard(self, *, forked: bool) -> str | None:
        """See `Backend`."""
        who = "this process was forked from one that has entered its client, which" if forked else "a client"
        return (
            f"{who} has to be entered here before what it publishes reaches readers in other processes, "
            f"and what they publish arrives here: {self.address} is where they meet"
        )


def require_psycopg(address: Address) -> None:
    """Refuse where psycopg, which talks to the server, can't be imported.

    Raises:
        JournalRefused: with what to install.
    """
    try:
        import_module("psycopg")
    except ImportError as error:
        raise JournalRefused(
            f"{address} needs psycopg, which isn't there ({error}): install `tightbeam[postgres]`"
        ) from error
