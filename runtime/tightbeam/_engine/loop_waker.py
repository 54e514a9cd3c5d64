"""From the journal's thread to the client's event loop: what is done there is settled here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import weakref
from collections import deque
from collections.abc import Callable
from contextvars import Context

__all__ = ["Bell", "hang_bell"]


def hang_bell(loop: asyncio.AbstractEventLoop) -> Bell | None:
    """A bell for the running event loop; None where it can't watch one, or there are no descriptors left."""
    if not hasattr(os, "eventfd"):
        return None
    try:
        fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    except OSError:
        return None
    bell = Bell(loop, fd)
    try:
        Context().run(loop.add_reader, fd, bell.answer)  # not in the context of whoever enters the client
    except (NotImplementedError, OSError):
        bell.close_descriptor()
        return None
    return bell


class Bell:
    """Wakes one event loop as `call_soon_threadsafe` does, at half the cost.

    The loop runs what was handed over in the very turn that it wakes in, and has one number to read.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
        """Of an eventfd, which the bell closes, at the latest when nobody has it any more."""
        self.loop = loop
        self._descriptor = descriptor
        self._rung: deque[Callable[[], None]] = deque()
        self.close_descriptor = weakref.finalize(self, os.close, descriptor)
        self.close_descriptor.atexit = False

    def ring(self, settle: Callable[[], None]) -> bool:
        """Have it called on the loop; False if the bell is broken, and nobody will hear it.

        By one thread only, the one that takes it down: nobody writes to a number that means another file by
        then.
        """
        self._rung.append(settle)
        try:
            os.eventfd_write(self._descriptor, 1)
        except OSError:  # somebody closes descriptors that aren't his
            self._rung.pop()
            return False
        return True

    def answer(self) -> None:
        """On the loop: call what was handed over."""
        try:
            with contextlib.suppress(BlockingIOError):  # a forked child has read it
                os.eventfd_read(self._descriptor)
            self._call_all()
        finally:
            if self._rung:  # one of them was interrupted; the others are still to be called
                os.eventfd_write(self._descriptor, 1)

    def _call_all(self) -> None:
        while self._rung:
            self._rung.popleft()()

    def take_down(self) -> None:
        """After the last ring; what was rung before is still answered, unless the loop is closed."""
        try:
            self.loop.call_soon_threadsafe(self._take_down)
        except RuntimeError:
            self.close_descriptor()

    def _take_down(self) -> None:
        self.loop.remove_reader(self._descriptor)
        self.close_descriptor()
        self._call_all()
