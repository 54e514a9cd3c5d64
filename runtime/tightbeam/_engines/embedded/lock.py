"""The sidecar lock that keeps a journal to one process.

SQLite before 3.51.3 can corrupt a WAL that two processes write; and two processes would execute the same
runs.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import weakref
from pathlib import Path

from tightbeam.errors import JournalRefused

__all__ = ["Lock"]


class Lock:
    """An exclusive lock on ``<path>.lock``, held until released or until the process ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            JournalRefused: another process, or another client of this one, holds it.
        """
        if sys.platform == "win32":
            raise JournalRefused(
                "a journal on disk needs POSIX file locks; use Client() in memory on this platform"
            )
        place = path.with_name(path.name + ".lock")
        try:
            self._fd = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalRefused(f"{place} can't be opened: {error.strerror}") from error
        if not self._taken():
            holder = os.read(self._fd, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise JournalRefused(
                f"{path} is in use by process {holder}: one client at a time may have it open"
            )
        with contextlib.suppress(OSError):  # the disk is full: whoever is refused won't be told by whom
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, str(os.getpid()).encode(), 0)
        _held.add(self)

    def _taken(self) -> bool:
        """Try a few times: whoever only looks (`checkup`) has it for a moment."""
        import fcntl

        for pause in (0.01, 0.05, None):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError:
                if pause is not None:
                    time.sleep(pause)
        return False

    def release(self) -> None:
        """Let others open the journal.

        Closing is enough, and right after a fork: it gives up this process's hold, not the parent's. The file
        stays, since removing it would let two processes lock two files of one name.
        """
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def _release_in_child() -> None:
    # A child that outlives its parent would keep the journal locked.
    for lock in tuple(_held):
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_in_child)
