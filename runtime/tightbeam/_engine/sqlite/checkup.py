"""The health of a journal, seen from outside: is the file sound, who has it open, what waits in it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tightbeam._engine.requests import MAX_DEATHS
from tightbeam._engine.sqlite.details import SHOWN_STATE
from tightbeam._engine.sqlite.file import open_readonly, refuse_incomplete, remedy
from tightbeam._engine.sqlite.lock import holder_of
from tightbeam._engine.sqlite.schema import USER_VERSION
from tightbeam._engine.sqlite.wal import log_path
from tightbeam.errors import JournalRefused

__all__ = ["Checkup", "check_up"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was found in one journal that can be read."""

    format: int
    """Of the file; an older one is migrated when a client opens it."""
    damage: tuple[str, ...]
    """What SQLite's `integrity_check` says; empty if the file is sound."""
    size: int
    """Bytes of the file and its log."""
    log_size: int
    free: int
    """Bytes left on the disk."""
    mode: int
    """The file's permissions."""
    holder: int | None
    """The process that has it open, 0 where that can't be known."""
    states: Mapping[str, int]
    """Runs by state; this and what follows is empty where the file is damaged."""
    overdue: Mapping[str, int]
    """Functions whose runs are due and wait, by the microseconds of the oldest."""
    dying: tuple[str, ...]
    """Runs under which the process has died, and that haven't made progress since: the first few."""
    failed: tuple[tuple[str, str, str], ...]
    """The last runs that failed: id, function, the error's type."""


def check_up(path: Path) -> Checkup:
    """Look at a journal, also while a client writes it; reads every page.

    Raises:
        JournalRefused: there is no such file, or it isn't a journal that this version can read.
    """
    try:
        with contextlib.closing(open_readonly(path)) as connection:
            found = _look(path, connection)
        if found.damage and found.holder is not None:
            # A client may have begun to write while the file was read as one that nobody writes.
            with contextlib.closing(open_readonly(path)) as connection:
                found = _look(path, connection)
        return found
    except sqlite3.OperationalError as error:
        raise JournalRefused(f"{path} can't be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise JournalRefused(f"{path} is damaged ({error}): {remedy(path)}") from error
    except OSError as error:
        raise JournalRefused(f"{path} can't be read: {error.strerror}") from error


def _look(path: Path, connection: sqlite3.Connection) -> Checkup:
    connection.execute("BEGIN")
    damage = [text for (text,) in connection.execute("PRAGMA integrity_check(20)") if text != "ok"]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if not damage and version == USER_VERSION:
        refuse_incomplete(connection, path)

    def ask(query: str, *values: object) -> list[Any]:
        return [] if damage else connection.execute(query, values).fetchall()

    now = time.time_ns() // 1000
    overdue = ask(
        "SELECT function, ? - min(due_at) FROM run WHERE state = 'ready' AND due_at <= ? GROUP BY function",
        now,
        now,
    )
    dying = ask(
        "SELECT id FROM run WHERE ended_at IS NULL AND deaths >= ? ORDER BY deaths DESC LIMIT ?",
        MAX_DEATHS // 2,
        _SHOWN,
    )
    failed = ask(
        "SELECT id, function, error_type FROM run WHERE state = 'failed' ORDER BY ended_at DESC LIMIT ?",
        _SHOWN,
    )
    log = log_path(path)
    log_size = log.stat().st_size if log.exists() else 0
    stat, disk = path.stat(), os.statvfs(path.parent)
    return Checkup(
        format=version,
        damage=tuple(damage),
        size=stat.st_size + log_size,
        log_size=log_size,
        free=disk.f_bavail * disk.f_frsize,
        mode=stat.st_mode & 0o777,
        holder=holder_of(path),
        states=dict(ask(f"SELECT {SHOWN_STATE}, count(*) FROM run GROUP BY 1", now)),  # noqa: S608 - a constant
        overdue=dict(overdue),
        dying=tuple(run_id for (run_id,) in dying),
        failed=tuple(failed),
    )
