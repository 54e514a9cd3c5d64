"""The sidecar lock that keeps a journal to one process, and what is noted in it.

SQLite before 3.51.3 can corrupt a WAL that two processes write; and two processes would execute the same
runs. The lock's file names its holder, and the database that the log beside it belongs to (see `wal`).
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

from tightbeam._engine.waiting import process_name
from tightbeam._forks import watch_forks
from tightbeam.errors import JournalRefused

__all__ = ["Lock", "file_identity", "holder_of", "lock_path", "noted"]

_PID_BYTES = 20
_TRIES = 10
_READ_BYTES = 4_096


def lock_path(path: Path) -> Path:
    """Return the path of a journal's lock."""
    return path.with_name(f"{path.name}.lock")


def file_identity(path: Path | str) -> tuple[int, int] | None:
    """Return which file lies at a path, whatever its content; None if there is none."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - called before every commit, where a Path costs as much again
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


class Lock:
    """An exclusive lock on ``<path>.lock``, held until released or until the process ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            JournalRefused: another process, or another client of this one, holds it, which is then the
                error's ``holder``; or its file can't be made or opened.
        """
        if sys.platform == "win32":
            raise JournalRefused(
                "a journal on disk needs POSIX file locks; use Client() in memory on this platform"
            )
        self._place = lock_path(path)
        for _ in range(_TRIES):
            self._fd = self._open(path)
            if not self._taken():
                holder = _pid_in(os.pread(self._fd, _PID_BYTES, 0))
                os.close(self._fd)
                raise JournalRefused(
                    f"{path} is in use by {process_name(holder)}: one client at a time may have it open. If "
                    "that one is about to end, wait for it with Client(…, wait_for_file=…); if it goes on, "
                    "let it serve (`tightbeam serve`), and publish and subscribe from here by "
                    "`tightbeam.connect`",
                    holder=holder,
                )
            if self.is_in_place():
                break
            os.close(self._fd)  # it was removed meanwhile: the next process locks another file
        else:
            raise JournalRefused(f"{self._place} is removed again and again")
        with contextlib.suppress(OSError):  # the disk is full: a refusal then doesn't name this process
            os.pwrite(self._fd, f"{os.getpid():<{_PID_BYTES}}\n".encode(), 0)
        watch_forks(self)

    def _open(self, path: Path) -> int:
        try:
            return os.open(self._place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not path.parent.exists():
                raise JournalRefused(
                    f"{path} can't be opened: there is no folder {path.parent}: make it first"
                ) from error
            raise JournalRefused(f"{self._place} can't be opened: {error.strerror}") from error

    def _taken(self) -> bool:
        """Try a few times: a process that only looks (`holder_of`) has the lock for a moment."""
        import fcntl

        for pause in (0.01, 0.05, None):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError:
                if pause is not None:
                    time.sleep(pause)
        return False

    def note(self, *databases: str) -> None:
        """Note which databases the log beside the journal may belong to; none if that isn't known.

        It is on the disk when the system likes, or after `sync`.

        Raises:
            OSError: the disk is full, or failed.
        """
        line = f"log {' '.join(databases)}\n" if databases else "\n"
        written = os.pwrite(self._fd, line.encode(), _PID_BYTES + 1)
        os.ftruncate(self._fd, _PID_BYTES + 1 + written)

    def sync(self) -> None:
        """Have what was noted on the disk.

        Raises:
            OSError: the disk failed.
        """
        os.fsync(self._fd)

    def is_in_place(self) -> bool:
        """Return whether the locked file is still the one that others would lock."""
        stat = os.fstat(self._fd)
        return file_identity(self._place) == (stat.st_dev, stat.st_ino)

    def after_fork(self) -> None:
        """Let go of the lock in a forked child, which would keep it when the parent has ended."""
        self.release()

    def release(self) -> None:
        """Let others open the journal.

        Closing is enough, and right after a fork: it gives up this process's hold, not the parent's. The file
        stays, since removing it would let two processes lock two files of one name.
        """
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def noted(path: Path) -> frozenset[str] | None:
    """Return which databases the log beside a journal may belong to; None where that isn't noted."""
    try:
        with lock_path(path).open("rb") as file:
            lines = file.read(_READ_BYTES).decode("ascii", "replace").split("\n")
    except OSError:
        return None
    if len(lines) < 3 or not lines[1].startswith("log "):  # the last one is what follows a whole line
        return None
    return frozenset(lines[1].split()[1:])


def holder_of(path: Path) -> int | None:
    """Return the process that has a journal open; 0 where that can't be known, None if no process has.

    No lock is kept, and no file is made.
    """
    if sys.platform == "win32":
        return 0
    import fcntl

    try:
        descriptor = os.open(lock_path(Path(os.path.realpath(path))), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        return 0
    try:
        # Shared, so that two processes that do this don't hinder each other; a client that opens tries again.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _pid_in(os.pread(descriptor, _PID_BYTES, 0))
    finally:
        os.close(descriptor)
    return None


def _pid_in(raw: bytes) -> int:
    text = raw.partition(b"\n")[0].strip()
    return int(text) if text.isdigit() else 0
