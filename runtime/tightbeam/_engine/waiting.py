"""Waiting for a journal that another client is about to leave, or for its server."""

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
    """How long one client that is being entered waits until its journal can be opened."""

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
        """Wait a little if that may help, and time is left; log a line at first, and now and then.

        Args:
            refused: why it can't be opened.

        Raises:
            JournalRefused: time doesn't help, or there is none left.
        """
        holder = refused.holder
        if not refused.retryable or not self._seconds:
            raise refused
        waited = time.monotonic() - self._began
        left = self._seconds - waited
        if left <= 0:
            raise JournalRefused(
                f"{refused} (waited {self._seconds:g} s for it)", holder=holder, retryable=True
            ) from None
        if waited >= self._next:
            self._next = waited + _REMINDER
            if holder is None:
                _log.warning("%s: waiting for it, %.0f s at most", refused, left)
            else:
                who = process_name(holder)
                _log.warning("%s is in use by %s: waiting for it, %.0f s at most", self._name, who, left)
        await asyncio.sleep(min(_PAUSE, left))


def process_name(holder: int) -> str:
    """Return words for the process that has a journal open, which is 0 where that isn't known."""
    return f"process {holder}" if holder else "another process"
