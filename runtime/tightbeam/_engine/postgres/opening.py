"""Opening a journal on a server: its schema, this process' row, and the store over them."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import Connection, errors

from tightbeam._engine.addresses import Address
from tightbeam._engine.postgres.connecting import Connector, text_of
from tightbeam._engine.postgres.log import Log
from tightbeam._engine.postgres.member import Member
from tightbeam._engine.postgres.migrations import make_schema
from tightbeam._engine.postgres.outage import Outage
from tightbeam._engine.postgres.refusals import Standby
from tightbeam._engine.postgres.registering import register
from tightbeam._engine.postgres.rights import missing_rights
from tightbeam._engine.postgres.store import PostgresStore
from tightbeam._engine.settings import OnServer, Retention
from tightbeam._engine.store import Outlet
from tightbeam.errors import JournalRefused

__all__ = ["open_store"]

_VIEW = "SELECT FROM memo LIMIT 0"
"""Fails without the right to read it, which no request of a store that is being opened needs."""


def open_store(address: Address, on_server: OnServer, retention: Retention, outlet: Outlet) -> PostgresStore:
    """Open a journal, making its schema if it isn't there.

    Args:
        address: of the database.
        on_server: the schema, and when a process is dead.
        retention: how much is kept.
        outlet: gets what is published.

    Raises:
        JournalRefused: it can't be opened, and was left as it was; retryable where the server is away.
    """
    schema, lease = on_server
    connector = Connector(address, schema, lease)
    connection = _connect(connector)
    try:
        make_schema(connection, schema)
        connection.execute(_VIEW)
        member = Member(connector, Outage(str(address)), outlet, retention, lease, Log.of(connection), 0)
        member.number = register(connection, member)
    except errors.InsufficientPrivilege as error:
        remedy = missing_rights(connection, schema)
        raise JournalRefused(f"{address}: {text_of(error, address)}. {remedy}") from None
    except psycopg.Error as error:
        raise JournalRefused(
            f"{address} can't be opened: {text_of(error, address)}", retryable=connection.closed
        ) from error
    finally:
        connection.close()
    return PostgresStore(member)


def _connect(connector: Connector) -> Connection[tuple[Any, ...]]:
    address = connector.address
    try:
        return connector.connect("opening")
    except Standby as error:
        raise JournalRefused(f"{address} can't be opened: {error}") from None
    except psycopg.Error as error:
        raise JournalRefused(
            f"{address} can't be reached: {text_of(error, address)}", retryable=True
        ) from None
