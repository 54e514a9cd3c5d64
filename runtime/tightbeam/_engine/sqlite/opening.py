"""Opening a journal: its lock, its file, its history, and the store over them."""

from __future__ import annotations

import os
from pathlib import Path

from tightbeam._engine.settings import Retention
from tightbeam._engine.sqlite import file
from tightbeam._engine.sqlite.epochs import new_epoch
from tightbeam._engine.sqlite.lock import Lock
from tightbeam._engine.sqlite.presence import Presence
from tightbeam._engine.sqlite.retention import Trimmer
from tightbeam._engine.sqlite.store import SqliteStore
from tightbeam._engine.sqlite.wal import LogSize
from tightbeam._engine.store import Outlet

__all__ = ["open_store"]


def open_store(path: Path, retention: Retention, outlet: Outlet) -> SqliteStore:
    """Lock and open a journal, making the file if it isn't there.

    Args:
        path: of the file.
        retention: how much is kept.
        outlet: gets what is published.

    Raises:
        JournalRefused: the file can't be opened; it was left untouched.
    """
    path = Path(os.path.realpath(path))
    file.refuse_other_kinds(path)
    lock = Lock(path)
    presence = None
    try:
        connection = file.open_file(path, lock)
        presence = Presence(path, lock, connection)
        # What this opening publishes has an epoch of its own, which is stored with the first of it.
        known, last, trimmed_us = file.history(connection)
        return SqliteStore(
            connection,
            outlet=outlet,
            epochs=known.followed_by(new_epoch(), last),
            last_place=last,
            trimmer=Trimmer(retention, LogSize(path), trimmed_us),
            presence=presence,
            lock=lock,
        )
    except BaseException:
        if presence is not None:
            presence.close()
        lock.release()
        raise
