"""Waiting for a journal that another client is about to leave."""

from __future__ import annotations

import asyncio
import logging
import time

from tightbeam.errors import JournalRefused

__all__ = ["OpeningWait", "process_name"]

_log = logging.getLogger("tightbeam")
_PAUSE = 0.1
_REMINDER = 10.0


class OpeningWait:
    """How long one client that is being entered waits for the one that has the journal open."""

    def __init__(self, name: str, seconds: float) -> None:
        """Begin to wait.

        Args:
            name: of the journal, for the log.
            seconds: how long it is waited for at most.
        """
        self._name = name
        self._seconds = seconds
        self._began = time.monotonic()
        self._next = 0.0

    async def wait(self, refused: JournalRefused) -> None:
        """Wait a little if the journal is in use, and time is left; log a line at first, and now and then.

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
                "%s is in use by %s: waiting for it, %.0f s at most", self._name, process_name(holder), left
            )
        await asyncio.sleep(min(_PAUSE, left))


def process_name(holder: int) -> str:
    """Return words for the process that has a journal open, which is 0 where that isn't known."""
    return f"process {holder}" if holder else "another process"
