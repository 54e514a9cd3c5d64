"""The journal's file: checked before SQLite opens it, created whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator
from pathlib import Path

from tightbeam._engine.sqlite.epochs import Epochs, load, new_epoch
from tightbeam._engine.sqlite.lock import Lock
from tightbeam._engine.sqlite.schema import SCHEMA, USER_VERSION
from tightbeam._engine.sqlite.wal import bind, log_path, refuse_foreign, set_aside, together
from tightbeam.errors import JournalRefused

__all__ = [
    "APPLICATION_ID",
    "history",
    "open_file",
    "open_readonly",
    "refuse_incomplete",
    "refuse_other_kinds",
    "refuse_unknown",
    "remedy",
    "sync",
]

APPLICATION_ID = 0x54424A31

_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_WAL_MODE = 2
_BUSY_SECONDS = 5.0
"""Seconds that SQLite waits for another program which has locked the database."""
_CHECKED_BYTES = 64 * 1024 * 1024
"""Size up to which every page is checked at each start; of a larger file that would take seconds."""


def refuse_other_kinds(path: Path) -> None:
    """Refuse folders, pipes and devices, before a lock is put beside them.

    The path is resolved: if it is a link still, links form a circle.

    Raises:
        JournalRefused: it isn't a file.
    """
    with _refusing(path):
        is_other = path.is_symlink() or (path.exists() and not path.is_file())
    if is_other:
        raise JournalRefused(f"{path} is not a file")


def open_file(path: Path, lock: Lock) -> sqlite3.Connection:
    """Open the journal for writing, creating it if it isn't there.

    Args:
        path: of the file.
        lock: its lock, which is held.

    Returns:
        The connection.

    Raises:
        JournalRefused: it isn't ours, has another format, is corrupt or in use; it was left untouched.
    """
    with _refusing(path):
        if not path.exists() or path.stat().st_size == 0:
            set_aside(path)
            lock.note()  # the mark of the file that was here before counts no more
            lock.sync()
            _create(path)
        else:
            check(path)
            if not _is_in_wal_mode(path):
                lock.note()  # the mark changes now
                lock.sync()
        if not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise JournalRefused(f"{path} can't be opened: this user may not write it")
        connection = _connect(path)
        try:
            _tune(connection)
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            bind(connection, path, lock)  # which fails if another program writes the database
        except OSError as error:
            connection.close()
            raise JournalRefused(f"{path}.lock can't be written: {error.strerror}") from error
        except BaseException:
            connection.close()
            raise
    return connection


@contextlib.contextmanager
def _refusing(path: Path) -> Generator[None, None, None]:
    """Turn errors of the file system and of SQLite into `JournalRefused`."""
    try:
        yield
    except OSError as error:
        raise JournalRefused(f"{path} can't be opened: {error.strerror}") from error
    except sqlite3.Error as error:
        raise JournalRefused(f"{path} can't be opened: {error}") from error


def history(connection: sqlite3.Connection) -> tuple[Epochs, int, int]:
    """Read the epochs of a journal that was opened for writing.

    Returns:
        The epochs, the place of the last message, and the time of the latest message that was trimmed.

    Raises:
        JournalRefused: they can't be read; the connection is closed.
    """
    try:
        last: int = connection.execute("SELECT coalesce(max(seq), 0) FROM message").fetchone()[0]
        trimmed = connection.execute("SELECT value FROM meta WHERE name = 'trimmed_created_at'").fetchone()
        return load(connection), last, int(trimmed[0]) if trimmed else 0
    except sqlite3.Error as error:
        connection.close()
        raise JournalRefused(f"the journal can't be read: {error}") from error


def open_readonly(path: Path) -> sqlite3.Connection:
    """Open the journal for reading, also while a client writes it.

    Raises:
        JournalRefused: there is no such file, or it isn't a journal this version can read.
    """
    if not path.is_file():
        raise JournalRefused(f"{path} is not a file")
    refuse_unknown(path)
    refuse_foreign(path)
    log = log_path(path)
    # Without a log no client has it open: then SQLite needs no files of its own, which would stay behind.
    mode = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=_BUSY_SECONDS, isolation_level=None
        )
    except sqlite3.Error as error:
        raise JournalRefused(f"{path} can't be read: {error}") from error


def check(path: Path) -> None:
    """Refuse a file that isn't a sound journal of this format, without changing it."""
    refuse_unknown(path)
    try:
        with contextlib.closing(open_readonly(path)) as connection:
            _refuse_format(path, connection.execute("PRAGMA user_version").fetchone()[0])
            if path.stat().st_size <= _CHECKED_BYTES and not _is_sound(connection):
                raise JournalRefused(f"{path} is corrupt: {remedy(path)}")
            refuse_incomplete(connection, path)
    except sqlite3.OperationalError as error:
        raise JournalRefused(f"{path} can't be opened: {error}") from error
    except sqlite3.DatabaseError as error:
        raise JournalRefused(f"{path} is corrupt: {remedy(path)}") from error


def _is_sound(connection: sqlite3.Connection) -> bool:
    verdict: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    return verdict == "ok"


def refuse_unknown(path: Path) -> None:
    """Refuse a file whose header isn't that of a journal of this format."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if header[:16] != _MAGIC or len(header) < _HEADER_BYTES:
        raise JournalRefused(f"{path} is not a journal of Tightbeam's, or its beginning is damaged")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise JournalRefused(f"{path} is a SQLite database, but not a journal of Tightbeam's")
    _refuse_format(path, int.from_bytes(header[60:64], "big"))


def refuse_incomplete(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a journal that lacks a table, an index or a column of ours; it may have others besides."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as pattern:
        _initialize(pattern)
        missing = sorted(_parts(pattern) - _parts(connection))
    tables = {name.partition(" ")[2] for name in missing if name.startswith("table")}
    missing = [name for name in missing if name.removeprefix("column ").partition(".")[0] not in tables]
    if not missing and connection.execute("SELECT 1 FROM meta WHERE name = 'epoch'").fetchone() is None:
        missing = ["its epoch"]
    if missing:
        raise JournalRefused(f"{path} is damaged, {', '.join(missing)} is missing: {remedy(path)}")


def remedy(path: Path) -> str:
    """Return what can be done about a damaged journal, with the names of the files that belong together."""
    return f"put a backup in its place (`tightbeam restore`), or move away {together(path)}"


def _parts(connection: sqlite3.Connection) -> set[str]:
    """Return the names of all tables, indexes and columns, without those of SQLite itself."""
    parts = set()
    for kind, name in connection.execute("SELECT type, name FROM sqlite_schema").fetchall():
        if name.startswith("sqlite_"):
            continue
        parts.add(f"{kind} {name}")
        if kind == "table":
            columns = connection.execute("SELECT name FROM pragma_table_xinfo(?)", (name,)).fetchall()
            parts.update(f"column {name}.{column}" for (column,) in columns)
    return parts


def _refuse_format(path: Path, version: int) -> None:
    """Refuse a journal of another format than today's."""
    if version > USER_VERSION:
        raise JournalRefused(
            f"{path} was written by a newer version of tightbeam (format {version}, this one knows "
            f"{USER_VERSION}): upgrade tightbeam"
        )
    if version < USER_VERSION:
        raise JournalRefused(
            f"{path} has format {version}, and this version of tightbeam reads format {USER_VERSION} only: "
            f"move away {together(path)}, and begin with a new journal"
        )


def _is_in_wal_mode(path: Path) -> bool:
    """Return whether the file is in WAL mode, which it isn't after `VACUUM INTO`."""
    with path.open("rb") as file:
        return file.read(_HEADER_BYTES)[18] == _WAL_MODE


def _create(path: Path) -> None:
    """Make a new journal under another name first, so that a crash leaves a whole one or none."""
    _remove_drafts(path)  # of a process that died meanwhile
    draft = path.with_name(f"{path.name}.new-{os.urandom(4).hex()}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    try:
        with contextlib.closing(_connect(draft)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # a draft may be lost; it is synced whole below
            _initialize(connection)
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        sync(draft)
        draft.replace(path)
        sync(path.parent)
    finally:
        _remove_drafts(path)


def _remove_drafts(path: Path) -> None:
    """Remove half-made journals and the files beside them. The lock is held, so no process uses them."""
    for file in list(path.parent.iterdir()):
        if file.name.startswith(f"{path.name}.new-"):
            file.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Sync a file, or the names in a folder, to the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _connect(path: Path | str) -> sqlite3.Connection:
    # isolation_level None: sqlite3 begins no transactions of its own. The connection is made on one thread,
    # and used by another.
    return sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _initialize(connection: sqlite3.Connection) -> None:
    settings = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {USER_VERSION};"
    epoch = f"INSERT INTO meta VALUES ('epoch', '{new_epoch()}');"  # noqa: S608 - hex digits
    connection.executescript(f"BEGIN; {settings} {SCHEMA} {epoch} COMMIT;")


def _tune(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")  # in WAL mode: the log is synced at every commit
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA journal_size_limit = 67108864")
