"""The health of a journal, seen from outside: whether the file is sound, which process has it, what waits."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

from tightbeam._engine.file_journal import FileCheckup
from tightbeam._engine.journal import RunsCheckup
from tightbeam._engine.requests import MAX_DEATHS
from tightbeam._engine.sqlite.details import SHOWN_STATE
from tightbeam._engine.sqlite.file import open_readonly, refuse_incomplete, remedy
from tightbeam._engine.sqlite.lock import holder_of
from tightbeam._engine.sqlite.wal import LARGE_LOG, log_path
from tightbeam._message import now_us
from tightbeam.errors import JournalRefused

__all__ = ["check_up"]

_SHOWN = 5


def check_up(path: Path) -> FileCheckup:
    """Examine a journal, also while a client writes it; every page is read.

    Raises:
        JournalRefused: there is no such file, or it isn't a journal that this version can read.
    """
    try:
        with contextlib.closing(open_readonly(path)) as connection:
            checkup = _examine(path, connection)
        if checkup.damage and checkup.holder is not None:
            # A client may have begun to write while the file was read as immutable.
            with contextlib.closing(open_readonly(path)) as connection:
                checkup = _examine(path, connection)
        return checkup
    except sqlite3.OperationalError as error:
        raise JournalRefused(f"{path} can't be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise JournalRefused(f"{path} is damaged ({error}): {remedy(path)}") from error
    except OSError as error:
        raise JournalRefused(f"{path} can't be read: {error.strerror}") from error


def _examine(path: Path, connection: sqlite3.Connection) -> FileCheckup:
    connection.execute("BEGIN")
    damage = [text for (text,) in connection.execute("PRAGMA integrity_check(20)") if text != "ok"]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if not damage:
        refuse_incomplete(connection, path)

    def rows(query: str, *values: object) -> list[Any]:
        return [] if damage else connection.execute(query, values).fetchall()

    now = now_us()
    overdue = rows(
        "SELECT function, ? - min(due_at) FROM run WHERE state = 'ready' AND due_at <= ? GROUP BY function",
        now,
        now,
    )
    dying = rows(
        "SELECT id FROM run WHERE ended_at IS NULL AND deaths >= ? ORDER BY deaths DESC LIMIT ?",
        MAX_DEATHS // 2,
        _SHOWN,
    )
    failed = rows(
        "SELECT id, function, error_type FROM run WHERE state = 'failed' ORDER BY ended_at DESC LIMIT ?",
        _SHOWN,
    )
    parked = rows(
        "SELECT function, error_type, count(*) FROM run WHERE state = 'parked' GROUP BY 1, 2 ORDER BY 3 DESC "
        "LIMIT ?",
        _SHOWN,
    )
    delayed = rows(
        "SELECT count(*), max(due_at) FROM run WHERE state = 'ready' AND started_at IS NULL AND due_at > ?",
        now,
    )
    schedules = rows("SELECT function, expression, zone, last_tick FROM schedule ORDER BY function")
    log = log_path(path)
    log_size = log.stat().st_size if log.exists() else 0
    stat, disk = path.stat(), os.statvfs(path.parent)
    runs = RunsCheckup(
        states=dict(rows(f"SELECT {SHOWN_STATE}, count(*) FROM run GROUP BY 1", now)),  # noqa: S608 - a constant
        overdue=dict(overdue),
        dying=tuple(run_id for (run_id,) in dying),
        failed=tuple(failed),
        parked=tuple(parked),
        delayed=delayed[0] if delayed else (0, None),
        schedules=tuple(schedules),
    )
    return FileCheckup(
        format=version,
        damage=tuple(damage),
        size=stat.st_size + log_size,
        log_size=log_size,
        log_is_stuck=log_size >= LARGE_LOG,
        free=disk.f_bavail * disk.f_frsize,
        mode=stat.st_mode & 0o777,
        holder=holder_of(path),
        runs=runs,
    )
