"""All that readers of a client may get, for one viewer: the newest is kept, what is dropped is counted."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable

from tightbeam._message import Envelope

__all__ = ["Tap"]

MAX_MESSAGES = 4_096
MAX_BYTES = 8 * 1024 * 1024


class Tap:
    """Unlike a subscriber's mailbox it never closes: a person wants what is new, not all there was."""

    def __init__(
        self,
        watch: Callable[[Callable[[Envelope], object]], Callable[[], None]],
        *,
        max_messages: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Begin to collect.

        Args:
            watch: `Engine.watch` of the client whose messages are wanted.
            max_messages: how many messages are kept.
            max_bytes: how many bytes of data are kept.
        """
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._items: deque[Envelope] = deque()
        self._bytes = 0
        self._dropped = 0
        self._is_woken = False
        self._something = asyncio.Event()
        self.closed = False
        self._end = watch(self.offer)

    def offer(self, envelope: Envelope) -> None:
        """Collect a message or a frame, on any thread; the oldest ones go where there is no room."""
        with self._lock:
            items = self._items
            items.append(envelope)
            self._bytes += len(envelope.data)
            while len(items) > self._max_messages or (self._bytes > self._max_bytes and len(items) > 1):
                self._bytes -= len(items.popleft().data)
                self._dropped += 1
            if self._is_woken:
                return
            self._is_woken = True
        with contextlib.suppress(RuntimeError):  # the viewer's event loop is closed
            self._loop.call_soon_threadsafe(self._something.set)

    async def wait(self, seconds: float) -> None:
        """Return when there is something to take, when it is closed, or after this time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._something.wait()

    def take(self) -> tuple[list[Envelope], int]:
        """Return the messages since the last time, in order, and how many before them were dropped."""
        with self._lock:
            taken, dropped = list(self._items), self._dropped
            self._items.clear()
            self._bytes = self._dropped = 0
            self._is_woken = False
            if not self.closed:
                self._something.clear()
        return taken, dropped

    def close(self) -> None:
        """Collect nothing more."""
        self.closed = True
        self._end()
        self._something.set()
