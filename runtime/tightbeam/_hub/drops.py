"""Log how many live messages were dropped, at most once a minute."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

__all__ = ["DropLog"]

_log = logging.getLogger("tightbeam")
_SECONDS = 60.0
"""The least time between two lines, however many readers are slow."""


class DropLog:
    """Logs one warning for all messages that the readers of a hub have lost since the last one."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: a collected subscription adds to it, at any time
        self._messages = 0
        self._times = 0
        self._silent_until = 0.0
        self.total = 0
        """How many messages were counted since the hub was made."""

    def add(self, messages: int) -> None:
        """Count messages that a reader has lost, for the next line."""
        with self._lock:
            self.total += messages
            self._messages += messages
            self._times += 1

    def note(self, messages: int) -> None:
        """Count messages that a reader has lost, and log them unless a line was logged just now.

        Call it on the reader's event loop.
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
        """Log the messages that weren't logged yet."""
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
