"""A client that isn't entered, or is one of several: whether what it publishes can be heard at all.

Messages travel within a process. A task queue's worker, a script or a second web worker that publishes on a
client of its own, beside the process that has the file open, would do so into nothing, without an error.
"""

from __future__ import annotations

import logging
import math
import os
import re
import sys
import time
from pathlib import Path

__all__ = ["Outside"]

_log = logging.getLogger("tightbeam")
_SECONDS = 5.0
_WAY_OUT = (
    "let one process serve (`tightbeam serve`), and publish and subscribe from the others by "
    "`tightbeam.connect`"
)
_SERVERS = frozenset({"uvicorn", "gunicorn", "hypercorn", "granian", "fastapi"})
_WORKERS = re.compile(r"(?<=\s)(?:--workers|-w)(?:=|\s*)([0-9]+)(?!\S)")


class Outside:
    """What a client that isn't entered looks for; it tells once in a process."""

    def __init__(self, path: Path | None, *, forked: bool = False) -> None:
        """Nothing is looked for yet.

        Args:
            path: of the journal; None for one in memory.
            forked: this process is the child of one in which the client was entered, or was read.
        """
        self._path = path
        self._forked = forked
        self._next = 0.0

    def look(self) -> bool:
        """Log, once, that nobody can hear: called at each publish and subscription, it looks now and then.

        Returns:
            Whether there is nothing more to look for.
        """
        now = time.monotonic()
        if now >= self._next:
            reason = self.reason()
            # Another process may open the file at any time; what is known of memory stays as it is.
            self._next = now + _SECONDS if reason is None and self._path is not None else math.inf
            if reason is not None:
                _log.warning("%s", reason)
        return self._next == math.inf

    def entering(self) -> None:
        """Log, once, that a client that is entered has siblings that don't hear it."""
        if self._path is None and self._next < math.inf and (reason := several_workers()) is not None:
            self._next = math.inf
            _log.warning("%s", reason)

    def reason(self) -> str | None:
        """Return why nobody can hear, and the way out; None if that can't be said."""
        if self._path is None:
            if self._forked:
                return (
                    "a client in memory is used in a process that was forked from the one it belongs to, and "
                    f"nothing that is published in one of the two reaches the other: {_WAY_OUT}"
                )
            return several_workers()
        from tightbeam._engine.sqlite.lock import holder_of, name_of  # not at import: see `engine`

        holder = holder_of(self._path)
        if holder is None:
            return None
        who = "another client of this process" if holder == os.getpid() else name_of(holder)
        return (
            f"{self._path} is open in {who}, and the client here isn't entered: what is published here "
            f"reaches no reader there, and nothing from there arrives here: {_WAY_OUT}"
        )


def several_workers() -> str | None:
    """Return what is wrong with a client in memory if this program is one of a server's worker processes."""
    program, *arguments = sys.argv or [""]
    place = Path(program)
    name = place.parent.name if place.name == "__main__.py" else place.stem
    if name not in _SERVERS:
        return None
    given = f"{os.environ.get('GUNICORN_CMD_ARGS', '') if name == 'gunicorn' else ''} {' '.join(arguments)}"
    stated = _WORKERS.findall(f" {given}")
    count = int(stated[-1]) if stated else _whole(os.environ.get("WEB_CONCURRENCY", ""))
    if count < 2:
        return None
    return (
        f"{name} runs {count} workers, and the client is in memory: each worker has functions, runs and "
        f"readers of its own, and hears nothing of the others. Run one worker, or {_WAY_OUT}"
    )


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 1
