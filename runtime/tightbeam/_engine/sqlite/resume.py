"""Resume a parked run in a journal that no client has open."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from tightbeam._engine.sqlite import file
from tightbeam._engine.sqlite.lock import Lock
from tightbeam._engine.sqlite.runs import unpark_run
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam.errors import EngineError, JournalFailed, JournalRefused

__all__ = ["resume"]


def resume(path: str | os.PathLike[str], run_id: str) -> None:
    """Let a parked run be tried again when a client is entered next.

    Args:
        path: the journal's file.
        run_id: the run's whole id.

    Raises:
        JournalRefused: a client has the file open, or it isn't a journal that this version can open.
        EngineError: there is no such run, or it isn't parked.
        JournalFailed: it couldn't be stored.
    """
    place = Path(os.path.realpath(path))
    if not place.is_file():
        raise JournalRefused(f"{path} is not a file")
    lock = Lock(place)
    try:
        with contextlib.closing(file.open_file(place, lock)) as connection:
            _unpark(connection, path, run_id)
    except sqlite3.Error as error:
        raise JournalFailed(f"the journal failed: {error}") from error
    finally:
        lock.release()


def _unpark(connection: sqlite3.Connection, path: str | os.PathLike[str], run_id: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if unpark_run(Transaction(connection), run_id):
        connection.execute("COMMIT")
        return
    row = connection.execute("SELECT state FROM run WHERE id = ?", (run_id,)).fetchone()
    connection.execute("ROLLBACK")
    if row is None:
        raise EngineError(f"there is no run {run_id} in {path}")
    raise EngineError(f"run {run_id} is {row[0]}: only a parked run can be resumed")
