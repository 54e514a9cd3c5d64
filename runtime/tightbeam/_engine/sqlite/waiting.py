"""Waiting for a journal that another client is about to leave."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from tightbeam._engine.sqlite.lock import name_of
from tightbeam.errors import JournalRefused

__all__ = ["Waiting"]

_log = logging.getLogger("tightbeam")
_PAUSE = 0.1
_REMINDER = 10.0


class Waiting:
    """The patience of one client that is being entered."""

    def __init__(self, path: Path | None, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._began = time.monotonic()
        self._next = 0.0

    async def wait(self, refused: JournalRefused) -> None:
        """Wait a little if the file is in use, and time is left; log a line at first, and now and then.

        Args:
            refused: why it can't be opened.

        Raises:
            JournalRefused: it isn't in use, or was for too long.
        """
        holder = refused.holder
        if holder is None or not self._seconds:
            raise refused
        waited = time.monotonic() - self._began
        left = self._seconds - waited
        if left <= 0:
            raise JournalRefused(f"{refused} (waited {self._seconds:g} s for it)", holder=holder) from None
        if waited >= self._next:
            self._next = waited + _REMINDER
            _log.warning(
                "%s is in use by %s: waiting for it, %.0f s at most", self._path, name_of(holder), left
            )
        await asyncio.sleep(min(_PAUSE, left))
