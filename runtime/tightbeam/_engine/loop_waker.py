"""Waking the client's event loop from a store's thread, at half the cost of `call_soon_threadsafe`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import weakref
from collections import deque
from collections.abc import Callable
from contextvars import Context

__all__ = ["LoopWaker", "waker_of"]


def waker_of(loop: asyncio.AbstractEventLoop) -> LoopWaker | None:
    """Return a waker of the running event loop; None where it can't watch one, or no descriptor is left."""
    if not hasattr(os, "eventfd"):
        return None
    try:
        fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    except OSError:
        return None
    waker = LoopWaker(loop, fd)
    try:
        Context().run(loop.add_reader, fd, waker.run)  # in an empty context, not in that of the calling task
    except (NotImplementedError, OSError):
        waker.close_descriptor()
        return None
    return waker


class LoopWaker:
    """Has callbacks run on one event loop, in the very turn in which the loop wakes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
        """Wake by an eventfd, which is closed with the waker or when the waker is collected."""
        self.loop = loop
        self._descriptor = descriptor
        self._callbacks: deque[Callable[[], None]] = deque()
        self.close_descriptor = weakref.finalize(self, os.close, descriptor)
        self.close_descriptor.atexit = False

    def wake(self, callback: Callable[[], None]) -> bool:
        """Have a callback run on the loop; return False if the descriptor is broken and the loop won't wake.

        Called by one thread only, the one that calls `close`: the descriptor's number can't mean another
        file.
        """
        self._callbacks.append(callback)
        try:
            os.eventfd_write(self._descriptor, 1)
        except OSError:  # another part of the process closed our descriptor
            self._callbacks.pop()
            return False
        return True

    def run(self) -> None:
        """Run the callbacks. Called on the loop."""
        try:
            with contextlib.suppress(BlockingIOError):  # a forked child has read it
                os.eventfd_read(self._descriptor)
            self._run_all()
        finally:
            if self._callbacks:  # one of them was interrupted; the others are still to run
                os.eventfd_write(self._descriptor, 1)

    def _run_all(self) -> None:
        while self._callbacks:
            self._callbacks.popleft()()

    def close(self) -> None:
        """Close the descriptor, after the last `wake`; callbacks still run, unless the loop is closed."""
        try:
            self.loop.call_soon_threadsafe(self._close)
        except RuntimeError:
            self.close_descriptor()

    def _close(self) -> None:
        self.loop.remove_reader(self._descriptor)
        self.close_descriptor()
        self._run_all()
