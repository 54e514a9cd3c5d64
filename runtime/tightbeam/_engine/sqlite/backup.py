"""Copies of a journal: they are made while a client writes it, and put back in its place."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

from tightbeam._engine.file_journal import Copied
from tightbeam._engine.sqlite.file import refuse_incomplete, refuse_other_kinds, refuse_unknown, sync
from tightbeam._engine.sqlite.lock import Lock
from tightbeam._engine.sqlite.wal import beside, log_path, mark_copy, refuse_foreign
from tightbeam.errors import JournalRefused

__all__ = ["back_up", "restore"]

_BUSY_SECONDS = 30.0


def back_up(source: Path, target: Path, *, overwrite: bool = False) -> Copied:
    """Copy a journal, also while a client writes it: all that was committed when this began.

    Args:
        source: the journal.
        target: the copy, which is there whole or not at all, readable by its owner only.
        overwrite: whether it may replace an earlier copy.

    Returns:
        What the copy holds.

    Raises:
        JournalRefused: the source can't be read, the target is there already, or can't be written.
    """
    target = Path(os.path.realpath(target))
    if target == Path(os.path.realpath(source)):
        raise JournalRefused(f"{target} can't be a backup of itself: name another file")
    refuse_other_kinds(target)
    if target.exists() and not overwrite:
        raise JournalRefused(f"{target} is there already: name another file, or pass --overwrite")
    if left := [file.name for file in beside(target)]:
        raise JournalRefused(f"{' and '.join(left)} beside {target} would be taken for its own: remove it")
    with _draft(source, target, is_live=True) as (draft, copied):
        if overwrite:
            draft.replace(target)
        else:
            _link(draft, target)
    return copied


def restore(backup: Path, path: Path, *, replace: bool = False) -> Copied:
    """Put a backup in a journal's place; what it replaces is kept under another name, with its log.

    Args:
        backup: the copy, which stays.
        path: the journal's path; no client may have it open.
        replace: whether there may be a journal there.

    Returns:
        What is in its place now.

    Raises:
        JournalRefused: the backup can't be read, the journal is in use, there already, or can't be written.
    """
    path = Path(os.path.realpath(path))
    if path == Path(os.path.realpath(backup)):
        raise JournalRefused(f"{path} can't be restored from itself: name another file")
    refuse_other_kinds(path)
    lock = Lock(path)
    try:
        parts = [file for file in (path, *beside(path)) if file.exists()]
        if parts and not replace:
            names = " and ".join(file.name for file in parts)
            raise JournalRefused(f"{names} would be replaced: pass --replace, which keeps it by another name")
        with _draft(backup, path, is_live=False) as (draft, copied):
            aside = _set_aside(path, parts)
            draft.replace(path)
            lock.note()
        return Copied(copied.size, copied.runs, copied.messages, aside)
    finally:
        lock.release()


def _set_aside(path: Path, parts: list[Path]) -> str | None:
    """Rename a database and the files beside it; the database first, since its log alone does no harm."""
    if not parts:
        return None
    name = f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.urandom(2).hex()}"
    for file in parts:
        file.rename(file.with_name(name + file.name.removeprefix(path.name)))
    return name


@contextlib.contextmanager
def _draft(source: Path, target: Path, is_live: bool) -> Generator[tuple[Path, Copied], None, None]:
    """Copy and check a journal beside the target; the caller gives the copy its name.

    Args:
        source: the journal.
        target: what the copy is to replace.
        is_live: whether a client may have the journal open, now or while it is copied; else it may be on a
            read-only medium.
    """
    draft = target.with_name(f"{target.name}.new-{os.urandom(4).hex()}")
    try:
        try:
            # SQLite writes into an empty file, and keeps its mode.
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
            _copy(source, draft, is_live)
            copied = _checked(draft, source)
            sync(draft)
            yield draft, copied
            sync(target.parent)
        except FileExistsError as error:
            raise JournalRefused(f"{target} is there already: name another file") from error
        except OSError as error:
            raise JournalRefused(f"{target} can't be written: {error.strerror}") from error
    finally:
        for file in (draft, *beside(draft)):
            file.unlink(missing_ok=True)


def _copy(source: Path, draft: Path, is_live: bool) -> None:
    refuse_other_kinds(Path(os.path.realpath(source)))
    if not source.exists():
        raise JournalRefused(f"there is no file {source}")
    refuse_unknown(source)
    refuse_foreign(source)
    had_log = log_path(source).exists()
    # As immutable only if no client can begin to write it meanwhile.
    mode = "mode=ro" if is_live or had_log else "mode=ro&immutable=1"
    try:
        with contextlib.closing(
            sqlite3.connect(
                f"{source.absolute().as_uri()}?{mode}", uri=True, timeout=_BUSY_SECONDS, isolation_level=None
            )
        ) as connection:
            connection.execute("VACUUM INTO ?", (str(draft),))
    except sqlite3.Error as error:
        raise JournalRefused(f"{source} can't be copied: {error}") from error
    finally:
        if not had_log and log_path(source).exists():
            _tidy(source)


def _tidy(source: Path) -> None:
    """Remove the empty log that reading leaves behind, unless a client has the file open by now."""
    real = Path(os.path.realpath(source))
    with contextlib.suppress(JournalRefused, OSError):
        lock = Lock(real)
        try:
            if log_path(real).stat().st_size == 0:
                for file in beside(real):
                    file.unlink(missing_ok=True)
        finally:
            lock.release()


def _checked(draft: Path, source: Path) -> Copied:
    """Check and mark a copy, and return what it holds."""
    try:
        with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if verdict != "ok":
                raise JournalRefused(f"{source} is damaged, and so would be a copy of it: {verdict}")
            refuse_incomplete(connection, source)
            mark_copy(connection)
            counts = [
                connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - two words
                for table in ("run", "message")
            ]
        return Copied(draft.stat().st_size, *counts)
    except sqlite3.Error as error:
        raise JournalRefused(f"the copy of {source} can't be checked: {error}") from error


def _link(draft: Path, target: Path) -> None:
    """Give the draft its name, unless another file has it by now."""
    try:
        target.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError from None
        draft.rename(target)
