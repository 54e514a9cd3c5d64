"""Every message of a hub, for one viewer: the newest are kept, and how many were let go is known."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from tightbeam._hub.hub import Hub
from tightbeam._message import Envelope

__all__ = ["Tap"]

MAX_MESSAGES = 4_096
MAX_BYTES = 8 * 1024 * 1024


class Tap:
    """Unlike a subscriber's mailbox it never closes: a person wants what is new, not all there was."""

    def __init__(self, hub: Hub, *, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self._hub = hub
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._loop = asyncio.get_running_loop()
        self._items: deque[Envelope] = deque()
        self._bytes = 0
        self._dropped = 0
        self._told = False
        self._something = asyncio.Event()
        self.closed = False
        hub.add_tap(self.saw)

    def saw(self, envelope: Envelope) -> None:
        """A message; the hub's lock is held, on whatever thread publishes."""
        items = self._items
        items.append(envelope)
        self._bytes += len(envelope.data)
        while len(items) > self._max_messages or (self._bytes > self._max_bytes and len(items) > 1):
            self._bytes -= len(items.popleft().data)
            self._dropped += 1
        if not self._told:
            self._told = True
            with contextlib.suppress(RuntimeError):  # the viewer's event loop is closed
                self._loop.call_soon_threadsafe(self._something.set)

    async def wait(self, seconds: float) -> None:
        """Return when there is something to take, when it is closed, or after this time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._something.wait()

    def take(self) -> tuple[list[Envelope], int]:
        """The messages since the last time, in order, and how many before them were let go."""
        with self._hub.lock:
            taken, dropped = list(self._items), self._dropped
            self._items.clear()
            self._bytes = self._dropped = 0
            self._told = False
            if not self.closed:
                self._something.clear()
        return taken, dropped

    def close(self) -> None:
        """See no more."""
        self.closed = True
        self._hub.remove_tap(self.saw)
        self._something.set()
