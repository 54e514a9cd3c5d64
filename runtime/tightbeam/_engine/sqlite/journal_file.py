"""A journal's file, as commands see it: also without a client, or while one writes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator
from pathlib import Path

from tightbeam._engine.journal import Checkup, Copied
from tightbeam._engine.sqlite.answers import answer
from tightbeam._engine.sqlite.backup import back_up, restore
from tightbeam._engine.sqlite.checkup import check_up
from tightbeam._engine.sqlite.file import open_file, open_readonly
from tightbeam._engine.sqlite.lock import Lock
from tightbeam._engine.sqlite.runs import unpark_run
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._engine.store import Answer, Query
from tightbeam.errors import EngineError, JournalFailed, JournalRefused

__all__ = ["JournalFile"]


class JournalFile:
    """A `Journal`; constructing it touches nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, query: Query[Answer], /) -> Answer:
        """See `Journal`."""
        with self.snapshot() as tx:
            return answer(tx, query)

    @contextlib.contextmanager
    def snapshot(self) -> Generator[Transaction, None, None]:
        """Open one consistent view of the journal, for several queries.

        Raises:
            JournalRefused: the file isn't a journal that this version can read.
        """
        try:
            with contextlib.closing(open_readonly(self._path)) as connection:
                connection.execute("BEGIN")
                yield Transaction(connection)
        except sqlite3.Error as error:
            raise JournalRefused(f"{self._path} can't be read: {error}") from error
        except OSError as error:
            raise JournalRefused(f"{self._path} can't be read: {error.strerror}") from error

    def check_up(self) -> Checkup:
        """See `Journal`."""
        return check_up(self._path)

    def resume(self, run_id: str, /) -> None:
        """See `Journal`."""
        path = Path(os.path.realpath(self._path))
        if not path.is_file():
            raise JournalRefused(f"{self._path} is not a file")
        lock = Lock(path)
        try:
            with contextlib.closing(open_file(path, lock)) as connection:
                self._unpark(connection, run_id)
        except sqlite3.Error as error:
            raise JournalFailed(f"the journal failed: {error}") from error
        finally:
            lock.release()

    def _unpark(self, connection: sqlite3.Connection, run_id: str) -> None:
        connection.execute("BEGIN IMMEDIATE")
        if unpark_run(Transaction(connection), run_id):
            connection.execute("COMMIT")
            return
        row = connection.execute("SELECT state FROM run WHERE id = ?", (run_id,)).fetchone()
        connection.execute("ROLLBACK")
        if row is None:
            raise EngineError(f"there is no run {run_id} in {self._path}")
        raise EngineError(f"run {run_id} is {row[0]}: only a parked run can be resumed")

    def back_up(self, target: Path, /, *, overwrite: bool = False) -> Copied:
        """See `Journal`."""
        return back_up(self._path, target, overwrite=overwrite)

    def restore(self, backup: Path, /, *, replace: bool = False) -> Copied:
        """See `Journal`."""
        return restore(backup, self._path, replace=replace)
