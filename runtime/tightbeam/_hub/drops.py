"""Logging how many live messages were dropped: soon, and never a line for each."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

__all__ = ["DropLog"]

_log = logging.getLogger("tightbeam")
_SECONDS = 60.0
"""How far apart two lines are, however many readers are slow."""


class DropLog:
    """One warning for all that the readers of a hub have lost since the last one."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: a collected subscription adds to it, at any time
        self._messages = 0
        self._times = 0
        self._silent_until = 0.0

    def add(self, messages: int) -> None:
        """Count what a reader has lost; the next line says it."""
        with self._lock:
            self._messages += messages
            self._times += 1

    def note(self, messages: int) -> None:
        """Count what a reader has lost, and log it unless there was a line just now.

        Called on the reader's event loop.
        """
        now = time.monotonic()
        self.add(messages)
        with self._lock:
            if now < self._silent_until:
                return
            self._silent_until = now + _SECONDS
        asyncio.get_running_loop().call_later(_SECONDS, self.flush)
        self.flush()

    def flush(self) -> None:
        """Log what wasn't logged yet."""
        with self._lock:
            messages, times = self._messages, self._times
            self._messages = self._times = 0
        if messages:
            _log.warning(
                "dropped live messages: %d, at %d times when a reader was too slow and its buffer full; "
                "durable messages are not affected",
                messages,
                times,
            )
