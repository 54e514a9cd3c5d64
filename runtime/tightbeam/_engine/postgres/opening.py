"""Opening a journal on a server: its schema, this process' row, and the store over them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
from psycopg import Connection, sql

from tightbeam._engine.addresses import Address
from tightbeam._engine.postgres.connecting import Connector, text_of
from tightbeam._engine.postgres.log import Log
from tightbeam._engine.postgres.member import Member
from tightbeam._engine.postgres.outage import Outage
from tightbeam._engine.postgres.registering import register
from tightbeam._engine.postgres.schema import FORMAT, READABLE_FROM, SCHEMA
from tightbeam._engine.postgres.store import PostgresStore
from tightbeam._engine.settings import OnServer, Retention
from tightbeam._engine.store import Outlet
from tightbeam.errors import JournalRefused

__all__ = ["LOCK", "make_schema", "open_store"]

LOCK = "hashtext(current_schema() || '.process')"
"""The first key of all advisory locks; the second is a process' number, or 0 for the schema itself."""


def open_store(address: Address, on_server: OnServer, retention: Retention, outlet: Outlet) -> PostgresStore:
    """Open a journal, making its schema if it isn't there.

    Args:
        address: of the database.
        on_server: the schema, and when a process is dead.
        retention: how much is kept.
        outlet: gets what is published.

    Raises:
        JournalRefused: it can't be opened; it was left as it was.
    """
    schema, lease = on_server
    connector = Connector(address, schema, lease)
    try:
        connection = connector.connect("opening")
    except psycopg.Error as error:
        raise JournalRefused(f"{address} can't be reached: {text_of(error, address)}") from None
    try:
        make_schema(connection, schema)
        member = Member(
            connector,
            Outage(str(address)),
            outlet,
            retention,
            lease,
            Log.of(connection),
            number=0,
        )
        member.number = register(connection, member)
        return PostgresStore(member)
    finally:
        connection.close()


def make_schema(connection: Connection[tuple[Any, ...]], schema: str) -> None:
    """Make the schema and its tables, if they aren't there; one process does, others wait for it."""
    key = f"{schema}.process"
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s), 0)", (key,))
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        if connection.execute("SELECT to_regclass('meta')").fetchone() == (None,):
            connection.execute(SCHEMA.encode())
            connection.execute(
                "INSERT INTO meta VALUES ('format', %s), ('readable_from', %s), ('journal', %s)",
                (str(FORMAT), str(READABLE_FROM), uuid4().hex[:8]),
            )
