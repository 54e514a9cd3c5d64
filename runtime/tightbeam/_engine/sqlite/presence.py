"""Whether an open journal is still in its place, or was removed, replaced or overwritten meanwhile.

SQLite goes on writing a file that has no name any more, and reports no error. Into a file whose content was
overwritten in place, by a backup that was copied over it, it moves the pages of its log.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from pathlib import Path

from tightbeam._engine.sqlite.lock import Lock, file_identity, lock_path
from tightbeam._engine.sqlite.wal import keep_log, log_path, mark_and_page

__all__ = ["Presence"]

_log = logging.getLogger("tightbeam")
_SECONDS = 1.0
"""Seconds between two checks of log and lock; the file is checked before every commit."""
_PIECE = 1024 * 1024
_VERSION_AT = 40
"""Where the header of a database has the version of its schema."""
_AFTERWARDS = "nothing is stored until it is back. Leave the client (stop the program), then "


class Presence:
    """Checks the files of one open journal; used by the store's thread."""

    def __init__(self, path: Path, lock: Lock, connection: sqlite3.Connection) -> None:
        """Remember which files they are.

        Args:
            path: of the journal.
            lock: its lock, which is held.
            connection: to the journal; it has written already.
        """
        self._path = str(path)
        self._connection = connection
        self._mark, self._place, self._length = mark_and_page(connection)
        # Closed after the connection: closing any descriptor of a file releases all locks that SQLite has.
        self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        self._version: bytes | None = None
        self._data_version: int = connection.execute("PRAGMA data_version").fetchone()[0]
        self._overwritten: str | None = None
        self._log = str(log_path(path))
        self._lock = lock
        self._file = file_identity(self._path)
        self._log_file = file_identity(self._log)
        self._next = 0.0
        self.lost: str | None = None
        """Why nothing can be stored, if a file is gone."""

    def close(self) -> None:
        """Close the descriptor, after the connection was closed."""
        os.close(self._fd)

    def check_content(self) -> str | None:
        """Return, and log once, that the content of the file was overwritten; None if it wasn't.

        From then on nothing of the log is moved into the file.
        """
        if self._overwritten is None and not self._is_ours():
            self.lost = self._overwritten = (
                f"the content of {self._path} was overwritten while it was open: nothing is stored any more. "
                "Stop the program, then put a backup in its place (`tightbeam restore`), and start again"
            )
            _log.error("%s", self.lost)
            keep_log(self._connection, self._fd)
        return self._overwritten

    def _is_ours(self) -> bool:
        """Return whether the file has the mark of this opening, and no other version of the schema."""
        has_mark, version = self._has_mark(), os.pread(self._fd, 4, _VERSION_AT)
        if (
            self._version is None
        ):  # the mark is still in the log: another program was reading when it was stored
            self._version = version if has_mark else None
            return True
        if not has_mark and not self._find_mark():
            return False
        if version != self._version:
            # Another program has rebuilt the file, or this is a copy that SQLite made.
            seen = self._seen_data_version()
            if seen == self._data_version:
                return False
            self._version, self._data_version = version, seen
        return True

    def _seen_data_version(self) -> int:
        """Return the number that changes with another program's commit; the last one if it can't be read."""
        try:
            version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            return self._data_version
        return version

    def _has_mark(self) -> bool:
        return self._mark in os.pread(self._fd, self._length, self._place)

    def _find_mark(self) -> bool:
        """Search the whole file for the mark, since SQLite may have moved it to another page."""
        size, place = os.fstat(self._fd).st_size, 0
        while place < size:
            if (offset := os.pread(self._fd, _PIECE, place).find(self._mark)) >= 0:
                self._place = (place + offset) // self._length * self._length
                return True
            place += _PIECE - len(self._mark)
        return False

    def check(self) -> str | None:
        """Return, and log once, which file isn't in its place; None if all are."""
        if self._overwritten is not None:
            return self._overwritten
        lost = None
        if (identity := file_identity(self._path)) != self._file:
            what = "was removed" if identity is None else "was replaced by another file"
            lost = f"{self._path} {what} while it was open: {_AFTERWARDS}start again"
        elif self.lost is not None or time.monotonic() >= self._next:
            self._next = time.monotonic() + _SECONDS
            if file_identity(self._log) != self._log_file:
                lost = f"{self._log} was removed or replaced while it was in use: {_AFTERWARDS}start again"
            elif not self._lock.is_in_place():
                name = lock_path(Path(self._path))
                lost = f"{name} was removed while the journal was open: {_AFTERWARDS}start again"
        if lost != self.lost:
            if lost is not None:
                _log.error("%s", lost)
            else:
                _log.warning("%s is in its place again: it is written again", self._path)
            self.lost = lost
        return lost
