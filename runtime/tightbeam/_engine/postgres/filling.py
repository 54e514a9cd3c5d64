"""Filling an empty journal with another one's contents, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from psycopg import sql

from tightbeam._engine.moving import COLUMNS, Contents, Moved
from tightbeam._engine.postgres.processes import IS_DEAD
from tightbeam.errors import JournalFailed, JournalRefused, NotStorable

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

__all__ = ["fill"]

_BEGIN = """
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '10s';
LOCK TABLE process, run, step, message, schedule, sent IN SHARE ROW EXCLUSIVE MODE
"""
"""While it is filled no process enters a client on it, and nothing is stored."""
_HELD = f"""
SELECT number, host, pid FROM process AS other WHERE NOT ({IS_DEAD}) ORDER BY number LIMIT 1
"""  # noqa: S608 - of a constant
_TYPES = """
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0
"""
_NUMBERS_GO_ON = """
SELECT setval(pg_get_serial_sequence('run', 'number'), greatest(
    (SELECT max(number) FROM run), nextval(pg_get_serial_sequence('run', 'number'))
))
"""
_KEEP_TRIMMED = """
INSERT INTO meta (name, value) VALUES ('trimmed_us', %s)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
_ENDED = "SELECT count(*) FROM run WHERE ended_at IS NOT NULL"
_FREE_TEXTS = {"run": ("error_text", "traceback"), "step": ("error_text",)}
"""Columns with texts for people, in which a character that Postgres can't store is replaced."""


def fill(connection: Connection[Any], contents: Contents, name: str) -> Moved:
    """Put another journal's contents into this one, whose schema is there: all of them or nothing.

    Args:
        connection: to the database; no transaction is open, and the schema is on its path.
        contents: of the other journal.
        name: of this one, for messages.

    Raises:
        JournalRefused: it holds something already, or a process has it open.
        JournalFailed: it holds less than was given.
        NotStorable: a text holds what Postgres can't.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(_BEGIN)
        _refuse_used(cursor, name)
        counted = {table: _copy(cursor, table, contents) for table in COLUMNS}
        cursor.execute(_NUMBERS_GO_ON)
        if contents.trimmed_us:
            cursor.execute(_KEEP_TRIMMED, (str(contents.trimmed_us),))
        for table, given in counted.items():
            stored = _number(cursor, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
            if stored != given:
                text = f"of {given:,} rows of {table} {stored:,} arrived"
                raise JournalFailed(f"{name} failed, {text}: nothing was moved")
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))
        ended = _number(cursor, sql.SQL(_ENDED).format())
    return Moved(counted["run"], counted["run"] - ended, counted["message"], counted["schedule"])


def _refuse_used(cursor: Cursor[Any], name: str) -> None:
    for table in (*COLUMNS, "sent"):
        found = cursor.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(table))).fetchone()
        if found is not None:
            raise JournalRefused(
                f"{name} isn't empty, its table {table} has rows: name another schema (--postgres-schema), "
                "or drop this one if it is worth nothing"
            )
    if (held := cursor.execute(_HELD).fetchone()) is not None:
        number, host, pid = held
        raise JournalRefused(
            f"{name} is open in process {pid} on {host} (number {number}): stop what uses it, then move"
        )


def _copy(cursor: Cursor[Any], table: str, contents: Contents) -> int:
    """Copy one table, and return how many rows it has."""
    columns = COLUMNS[table]
    types = dict(cursor.execute(_TYPES, (table,)).fetchall())
    into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    count = 0
    with cursor.copy(into) as copy:
        copy.set_types([types[column] for column in columns])
        for row in _storable(table, contents):
            copy.write_row(row)
            count += 1
    return count


def _storable(table: str, contents: Contents) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a table as Postgres can store them.

    Raises:
        NotStorable: a text that names something holds a NUL.
    """
    columns, free = COLUMNS[table], _FREE_TEXTS.get(table, ())
    for row in contents.rows(table):
        if any(isinstance(value, str) and "\0" in value for value in row):
            named = dict(zip(columns, row, strict=True))
            for column in free:
                named[column] = named[column] and named[column].replace("\0", "\ufffd")
            for column, value in named.items():
                if isinstance(value, str) and "\0" in value:
                    of = named.get("run_id") or named.get("id") or named.get("function")
                    raise NotStorable(
                        f"{column} of {table} {of} holds a NUL, which Postgres can't: nothing was moved"
                    )
            row = tuple(named.values())
        yield row


def _number(cursor: Cursor[Any], query: sql.Composed) -> int:
    row = cursor.execute(query).fetchone()
    return 0 if row is None else int(row[0])
