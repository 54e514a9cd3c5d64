"""The row of a process, under whose number it writes."""

from __future__ import annotations

import os
import socket
from importlib.metadata import version
from typing import Any

from psycopg import Connection

from tightbeam._engine.postgres.member import Member

__all__ = ["register"]

_REGISTER = (
    "INSERT INTO process (functions, host, pid, version, lease) "
    "VALUES (%s, %s, %s, %s, make_interval(secs => %s)) RETURNING number"
)
_FORGET = (
    "DELETE FROM meta WHERE CASE WHEN starts_with(name, 'batch:') "
    "THEN split_part(name, ':', 2)::bigint < (SELECT max(number) FROM process) - 1000 ELSE false END"
)
"""What was noted of processes that are long dead."""


def register(connection: Connection[tuple[Any, ...]], member: Member) -> int:
    """Store a row for this process, and return its number.

    Args:
        connection: outside a transaction.
        member: the store's part in the journal.
    """
    connection.execute(_FORGET)
    pid, release = os.getpid(), version("tightbeam")
    values = (sorted(member.functions), socket.gethostname(), pid, release, member.lease)
    row = connection.execute(_REGISTER, values).fetchone()
    assert row is not None  # noqa: S101 - one was inserted; for the checker
    return int(row[0])
