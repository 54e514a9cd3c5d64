"""Whether an open journal is still where it was opened, or was removed or replaced meanwhile.

SQLite goes on writing a file that has no name any more, and says that all is well.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from tightbeam._engines.embedded.lock import Lock, file_identity, lock_path
from tightbeam._engines.embedded.wal import log_path

__all__ = ["Presence"]

_log = logging.getLogger("tightbeam")
_SECONDS = 1.0
"""Between two looks at the log and the lock; the file is looked at before every commit."""
_AFTERWARDS = "nothing is stored until it is back. Leave the client (stop the program), then "


class Presence:
    """Looks for the files of one open journal; used by the journal's thread."""

    def __init__(self, path: Path, lock: Lock) -> None:
        """Remember which files they are: the connection is open, and has written."""
        self._path = str(path)
        self._log = str(log_path(path))
        self._lock = lock
        self._file = file_identity(self._path)
        self._log_file = file_identity(self._log)
        self._next = 0.0
        self.lost: str | None = None
        """Why nothing can be stored, if one of them is gone."""

    def look(self) -> str | None:
        """Look whether all is in place; returns, and logs once, what isn't."""
        lost = None
        if (found := file_identity(self._path)) != self._file:
            what = "was removed" if found is None else "was replaced by another file"
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
