"""The write-ahead log beside a journal, and whether it belongs to the file that lies there.

SQLite knows a log by its name alone. If a new file, a backup or another database lies beside a log, SQLite
writes the log's pages into that: old data are back, or the file is corrupt. So each opening stores a mark of
its own in the database, moves it from the log into the file, and notes it in the lock. A file that a crash
left behind has the mark that is noted; one that was put in its place has an older mark, or none. A mark ends
in the version of the schema, by which a copy is recognised that SQLite made while the client was open
(`VACUUM INTO`, an online backup): the copy has the mark, but counts versions anew.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import struct
import sys
from datetime import UTC, datetime
from pathlib import Path

from tightbeam._engine.sqlite.lock import Lock, noted
from tightbeam.errors import JournalRefused

__all__ = [
    "LARGE_LOG",
    "LogSize",
    "beside",
    "bind",
    "keep_log",
    "log_path",
    "mark_and_page",
    "mark_copy",
    "marks",
    "refuse_foreign",
    "set_aside",
    "together",
]

_log = logging.getLogger("tightbeam")
LARGE_LOG = 64 * 1024 * 1024
"""Bytes that a log doesn't reach as long as it can be moved into the file."""
_MARK = "log"
_MOST_NOTED = 8
_TRIES = 3
_SHARED_FIRST, _SHARED_SIZE = 0x4000_0002, 510
"""The bytes of a database that SQLite locks for readers: part of its file format."""


def log_path(path: Path) -> Path:
    """Return the path of a database's write-ahead log."""
    return path.with_name(f"{path.name}-wal")


def beside(path: Path) -> list[Path]:
    """List what SQLite keeps beside a database: log, index of the log, rollback journal."""
    companions = (path.with_name(path.name + kind) for kind in ("-wal", "-shm", "-journal"))
    return [companion for companion in companions if companion.exists()]


def together(path: Path) -> str:
    """Return the name of a database with those of all files that belong to it and must be moved with it."""
    names = [file.name for file in beside(path)]
    return f"{path} together with {' and '.join(names)}" if names else str(path)


def set_aside(path: Path) -> None:
    """Rename the files beside a database that isn't there, so that a new one doesn't get their pages.

    The lock must be held. Files that hold data are kept, under names that SQLite doesn't know.

    Raises:
        OSError: a file can't be renamed.
    """
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.urandom(2).hex()}"
    moved = []
    for file in beside(path):
        if file.name.endswith("-shm") or file.stat().st_size == 0:
            file.unlink(missing_ok=True)
            continue
        aside = file.with_name(f"{file.name}.{stamp}")
        file.rename(aside)
        moved.append((file.name, aside.name))
    if moved:
        _log.warning(
            "%s isn't there, but %s of an earlier database was: it is now %s, and a new journal begins. If "
            "that database was moved, the two belong together: move the log along, with -wal after the "
            "database's name. Otherwise remove it",
            path,
            " and ".join(name for name, _ in moved),
            " and ".join(aside for _, aside in moved),
        )


def marks(path: Path) -> tuple[str, ...] | None:
    """Return the marks of a database in the file alone, without its log; None if it can't be read."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
        ) as connection:
            return _marks(connection)
    except sqlite3.Error:
        return None  # the process died while it moved pages into the file, which is whole with its log only


def _marks(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the marks of the last opening and of the one before it; none of a copy that SQLite has made."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (_MARK,)).fetchone()
    stored = tuple(row[0].split()) if row else ()
    return stored if stored and stored[0].endswith(f".{_schema_version(connection)}") else ()


def _schema_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA schema_version").fetchone()[0]
    return version


def refuse_foreign(path: Path) -> None:
    """Refuse a database beside which the log of another one lies.

    Raises:
        JournalRefused: opened together, they would be mixed; nothing was changed.
    """
    left = [file for file in beside(path) if not file.name.endswith("-shm") and file.stat().st_size]
    if not left:
        return
    for _ in range(_TRIES):  # a client may be opening it at this moment, and note another mark
        known = noted(path)
        if known is None:
            return
        is_journal = any(
            file.name.endswith("-journal") for file in left
        )  # which a journal in WAL mode hasn't
        if not is_journal and ((stored := marks(path)) is None or not known.isdisjoint(stored)):
            return
    names = " and ".join(file.name for file in left)
    all_names = " and ".join(file.name for file in beside(path))
    raise JournalRefused(
        f"{path} isn't the database that {names} beside it was written for: it was replaced, or a backup was "
        f"put in its place. Opened together they would be mixed. To go on with {path}, move {all_names} away "
        "(`tightbeam restore` puts a backup in place and does that); to go on with the other database, put "
        "it back in its place"
    )


def bind(connection: sqlite3.Connection, path: Path, lock: Lock) -> None:
    """Store a mark of this opening in the file, then note it in the lock; nothing else was written yet.

    Beside its mark the file keeps one that is noted, also if the process dies before the new one is: however
    often openings die there, file and lock have a mark in common. So the lock needn't be synced, and a start
    waits for the disk only twice.

    Raises:
        OSError: the lock can't be written.
        sqlite3.Error: the database can't be written.
    """
    before, known = _marks(connection), noted(path)
    if known is not None and known.isdisjoint(before):
        lock.note()  # another file was put here, without a log
        lock.sync()
        known = None
    mine = f"{os.urandom(8).hex()}.{_schema_version(connection)}"
    kept = [mark for mark in before if known is None or mark in known][:1]
    connection.execute("PRAGMA synchronous = NORMAL")  # the log is synced before pages are moved
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_MARK, " ".join([mine, *kept])))
    _, pages, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    if pages == moved:
        lock.note(mine)
    elif known is not None:  # another program reads the database as it was, and the file has an older mark
        in_file = known.intersection(marks(path) or ())  # first, since no opening must let them be forgotten
        lock.note(mine, *in_file, *sorted(known - in_file - {mine})[:_MOST_NOTED])


def mark_and_page(connection: sqlite3.Connection) -> tuple[bytes, int, int]:
    """Return the mark of this opening, with offset and length of the page that most likely holds it."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (_MARK,)).fetchone()
    page: int = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'meta'").fetchone()[0]
    size: int = connection.execute("PRAGMA page_size").fetchone()[0]
    return row[0].split()[0].encode(), (page - 1) * size, size


def keep_log(connection: sqlite3.Connection, descriptor: int) -> None:
    """Have a connection leave the log where it is when it is closed, and move nothing of it into the file.

    Args:
        connection: to the database.
        descriptor: of the same file, kept open until the connection is closed.
    """
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
        return
    import fcntl

    # Older versions have no setting. But SQLite moves a log only while there is no other reader, and the lock
    # of an open file description counts as another reader's, also in the same process.
    if hasattr(fcntl, "F_OFD_SETLK"):
        lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, _SHARED_FIRST, _SHARED_SIZE, 0)
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, lock)


class LogSize:
    """Watches for a log that grows because another program keeps reading an old state of the database."""

    def __init__(self, path: Path) -> None:
        self._log = log_path(path)
        self._next = LARGE_LOG

    def check(self) -> None:
        """Warn about a large log: once, and again whenever it has doubled."""
        try:
            size = self._log.stat().st_size
        except OSError:
            return
        if size >= self._next:
            self._next = size * 2
            _log.warning(
                "%s has %s bytes and grows: another program keeps a transaction open that reads the "
                "database, so that the log can't be moved into it",
                self._log,
                f"{size:,}",
            )
        elif size < LARGE_LOG:
            self._next = LARGE_LOG


def mark_copy(connection: sqlite3.Connection) -> None:
    """Mark a copy that isn't open: a log that lies beside it one day isn't its own."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_MARK, f"copy-{os.urandom(8).hex()}"))
