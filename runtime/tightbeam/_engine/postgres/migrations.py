"""Making the schema, and bringing an older one up to date beside processes that are still of that version.

Whoever opens a journal does so, under a lock: the others wait, and find it done.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from psycopg import Connection, errors, sql

from tightbeam._engine.postgres.restoring import note_cluster
from tightbeam._engine.postgres.schema import FORMAT, READABLE_FROM, SCHEMA
from tightbeam.errors import JournalRefused

__all__ = ["MIGRATIONS", "make_schema"]

MIGRATIONS: dict[int, str] = {}
"""By format, the script that makes the next one of it."""
_LOCK = "SELECT pg_advisory_xact_lock(hashtext(%s), 0)"
_HAS = (
    "SELECT to_regnamespace(quote_ident(%(schema)s)) IS NOT NULL, "
    "EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s)) "
    "AND relname = 'meta'), "
    "EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s))), "
    "coalesce(has_schema_privilege(to_regnamespace(quote_ident(%(schema)s))::oid, 'USAGE'), true)"
)
_FORMATS = "SELECT name, value::int FROM meta WHERE name IN ('format', 'readable_from')"
_NOTE = "INSERT INTO meta VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value"


def make_schema(connection: Connection[tuple[Any, ...]], schema: str) -> None:
    """Make the schema and its tables if they aren't there, or bring them up to date: all of it or nothing.

    Args:
        connection: in autocommit.
        schema: its name.

    Raises:
        JournalRefused: the tables are of a version that this one can't share them with, or they aren't ours.
        psycopg.Error: a right is missing, or the server fails.
    """
    with connection.transaction():
        connection.execute(_LOCK, (f"{schema}.process",))
        row = connection.execute(_HAS, {"schema": schema}).fetchone()
        has_schema, has_meta, has_any, may_use = row or (False, False, False, False)
        if not may_use:  # as if its tables weren't there
            raise errors.InsufficientPrivilege(f"permission denied for schema {schema}")
        if has_any and not has_meta:
            raise JournalRefused(
                f"{_name(connection, schema)} has tables of something else: name another one "
                "(postgres_schema=…)"
            )
        if not has_schema:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        if has_meta:
            _bring_up_to_date(connection, schema)
        else:
            connection.execute(SCHEMA.encode())
            connection.execute(_NOTE, ("journal", uuid4().hex[:8]))
            _note_format(connection)
        note_cluster(connection)


def _bring_up_to_date(connection: Connection[tuple[Any, ...]], schema: str) -> None:
    formats = dict(connection.execute(_FORMATS).fetchall())
    found, readable_from = formats.get("format", 0), formats.get("readable_from", 0)
    if found > FORMAT and readable_from > FORMAT:
        raise JournalRefused(
            f"{_name(connection, schema)} has format {found}, which a newer version of Tightbeam has "
            f"made and this one can't share (it knows {FORMAT}): upgrade this one"
        )
    if found >= FORMAT:
        return
    if any(number not in MIGRATIONS for number in range(found, FORMAT)):
        raise JournalRefused(
            f"{_name(connection, schema)} has format {found}, which is too old for this version of "
            f"Tightbeam ({FORMAT}): upgrade by way of a version between"
        )
    for number in range(found, FORMAT):
        connection.execute(MIGRATIONS[number].encode())
    _note_format(connection)


def _name(connection: Connection[tuple[Any, ...]], schema: str) -> str:
    return f'the schema "{schema}" of the database "{connection.info.dbname}"'


def _note_format(connection: Connection[tuple[Any, ...]]) -> None:
    connection.execute(_NOTE, ("format", str(FORMAT)))
    connection.execute(_NOTE, ("readable_from", str(READABLE_FROM)))
