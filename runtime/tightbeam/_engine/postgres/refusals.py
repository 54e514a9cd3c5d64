"""Servers and connections that a journal can't be kept on, each refused by name and with the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection

from tightbeam._engine.addresses import Address
from tightbeam.errors import JournalRefused

__all__ = ["Standby", "refuse_pooler", "refuse_server"]

_OLDEST = 130_000
"""The first server with transaction ids that don't wrap around (``xid8``), as its version is numbered."""
_WHO = "SELECT pg_backend_pid(), pg_is_in_recovery(), current_setting('server_encoding')"
_PROCESS = "SELECT pg_backend_pid()"
_LOOKS = 3


class Standby(psycopg.OperationalError):
    """Raised for a server that takes no writes; another one may, or this one later."""


def refuse_server(connection: Connection[Any], address: Address, *, writes: bool) -> bool:
    """Refuse a server that isn't fit.

    Args:
        connection: to the server.
        address: that the connection was opened with.
        writes: whether the server must take writes.

    Returns:
        Whether the connection goes straight to the server: no pooler is between.

    Raises:
        JournalRefused: the server is too old, or the database's encoding isn't UTF-8.
        Standby: it takes no writes.
    """
    version = connection.info.server_version
    if version < _OLDEST:
        raise JournalRefused(
            f"{address} is PostgreSQL {version // 10_000}, and 13 is the oldest that a journal can be kept "
            "on: upgrade the server"
        )
    process, is_standby, encoding = connection.execute(_WHO).fetchone() or (0, False, "")
    if encoding != "UTF8":
        raise JournalRefused(
            f"the encoding of {address} is {encoding}, which can't hold every text: make a database with "
            "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'"
        )
    if is_standby and writes:
        raise Standby(
            "the server is a standby, which takes no writes: name the primary, or all of the servers and "
            "target_session_attrs=read-write"
        )
    return bool(process == connection.info.backend_pid)


def refuse_pooler(
    connection: Connection[Any], again: Callable[[], Connection[Any]], address: Address
) -> None:
    """Refuse a pooler that hands a server's connection on after each transaction.

    LISTEN, advisory locks and prepared statements belong to a session.

    Args:
        connection: through the pooler.
        again: opens another one.
        address: that both were opened with.

    Raises:
        JournalRefused: two connections that are open at once share one of the server's.
    """
    mine: set[int] = set()
    others: set[int] = set()
    with again() as other:
        for _ in range(_LOOKS):
            mine |= {row[0] for row in connection.execute(_PROCESS).fetchall()}
            others |= {row[0] for row in other.execute(_PROCESS).fetchall()}
    if len(mine) > 1 or len(others) > 1 or mine & others:
        raise JournalRefused(
            f"{address} leads to a pooler in transaction mode, which has no sessions to listen on: name the "
            "server itself, or a pool in session mode (pool_mode = session in PgBouncer)"
        )
