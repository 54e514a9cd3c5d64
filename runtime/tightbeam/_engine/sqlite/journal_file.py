"""A journal's file, as commands see it: also without a client, or while one writes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator
from contextlib import AbstractContextManager
from pathlib import Path

from tightbeam._engine.file_journal import Copied, FileCheckup
from tightbeam._engine.moving import Contents
from tightbeam._engine.requests import CancelRun, RetryFrom, Unpark
from tightbeam._engine.sqlite.answers import answer
from tightbeam._engine.sqlite.backup import back_up, restore
from tightbeam._engine.sqlite.checkup import check_up
from tightbeam._engine.sqlite.contents import contents
from tightbeam._engine.sqlite.file import open_file, open_readonly
from tightbeam._engine.sqlite.lock import Lock
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._engine.store import Answer, Query, Request
from tightbeam.errors import JournalFailed, JournalRefused

__all__ = ["JournalFile"]


class JournalFile:
    """A `FileJournal`; constructing it touches nothing."""

    is_shared = False

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """See `Journal`."""
        return str(self._path)

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

    def check_up(self) -> FileCheckup:
        """See `FileJournal`."""
        return check_up(self._path)

    def cancel(self, run_id: str, /) -> None:
        """See `Journal`."""
        self._change(CancelRun(run_id))

    def retry(self, run_id: str, /) -> None:
        """See `Journal`."""
        self._change(RetryFrom(run_id))

    def resume(self, run_id: str, /) -> None:
        """See `Journal`."""
        self._change(Unpark(run_id))

    def close(self) -> None:
        """See `Journal`."""

    def _change(self, request: Request[object]) -> None:
        """Carry out a request in a transaction of its own, while no client has the journal open."""
        path = Path(os.path.realpath(self._path))
        if not path.is_file():
            raise JournalRefused(f"{self._path} is not a file")
        lock = Lock(path)
        try:
            with contextlib.closing(open_file(path, lock)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                answer(Transaction(connection), request)
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise JournalFailed(f"the journal failed: {error}") from error
        finally:
            lock.release()

    def back_up(self, target: Path, /, *, overwrite: bool = False) -> Copied:
        """See `FileJournal`."""
        return back_up(self._path, target, overwrite=overwrite)

    def restore(self, backup: Path, /, *, replace: bool = False) -> Copied:
        """See `FileJournal`."""
        return restore(backup, self._path, replace=replace)

    def contents(self) -> AbstractContextManager[Contents]:
        """See `FileJournal`."""
        return contents(self._path)
