"""All that a journal's file holds, for another journal."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from tightbeam._engine.moving import COLUMNS, Contents
from tightbeam._engine.requests import MAX_DEATHS
from tightbeam._engine.sqlite.file import open_readonly, refuse_incomplete, refuse_other_kinds, remedy
from tightbeam._engine.sqlite.lock import Lock
from tightbeam._message import now_us
from tightbeam.errors import JournalRefused

__all__ = ["contents"]

_AS_AFTER_A_START = {
    "state": "iif(state IN ('running', 'sleeping'), 'ready', state)",
    # A process may die once more under it before it is given up: that is for the next start to say.
    "deaths": f"iif(state = 'running', min(deaths + 1, {MAX_DEATHS - 1}), deaths)",
    "due_at": "iif(state = 'running', min(due_at, :now), due_at)",
    "held": "0",
    "dated": "dated != 0",
}
"""The columns of a run that has begun, or is held back by another, as its next start changes them."""
_MESSAGE = {"id": "CASE WHEN NOT EXISTS (SELECT 1 FROM run WHERE run.number = message.run) THEN id END"}
"""An id is stored beside what it is made of where the run that it is looked up by is gone."""
_ORDER = {"message": "seq", "run": "number"}


@contextlib.contextmanager
def contents(path: Path) -> Generator[Contents, None, None]:
    """Open all that a file holds, and keep clients out meanwhile; the file isn't changed.

    Args:
        path: of the file.

    Raises:
        JournalRefused: it isn't a sound journal of this version's format, or a client has it open.
    """
    real = Path(os.path.realpath(path))
    if not real.is_file():
        raise JournalRefused(f"{path} is not a file")
    refuse_other_kinds(real)
    lock = Lock(real)
    try:
        with contextlib.closing(open_readonly(real)) as connection:
            connection.execute("BEGIN")
            verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if verdict != "ok":
                raise JournalRefused(f"{path} is damaged: {remedy(path)}")
            refuse_incomplete(connection, path)
            yield _FileContents(connection)
    except sqlite3.Error as error:
        raise JournalRefused(f"{path} can't be read: {error}") from error
    finally:
        lock.release()


class _FileContents:
    """A `Contents`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def trimmed_us(self) -> int:
        """See `Contents`."""
        row = self._connection.execute("SELECT value FROM meta WHERE name = 'trimmed_created_at'").fetchone()
        return 0 if row is None else int(row[0])

    def rows(self, table: str, /) -> Iterator[tuple[Any, ...]]:
        """See `Contents`."""
        changed = {"run": _AS_AFTER_A_START, "message": _MESSAGE}.get(table, {})
        columns = ", ".join(changed.get(name, name) for name in COLUMNS[table])
        order = f" ORDER BY {_ORDER[table]}" if table in _ORDER else ""
        yield from self._connection.execute(
            f"SELECT {columns} FROM {table}{order}",  # noqa: S608 - of constants
            {"now": now_us()},
        )
