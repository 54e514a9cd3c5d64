"""From the journal's thread to an event loop: what is done there is settled here."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable

__all__ = ["Bell"]

Settle = Callable[[], None]


class Bell:
    """Wakes one event loop; as `call_soon_threadsafe`, at half the cost where the system has an eventfd.

    The loop then runs what was handed over in the very turn that it wakes in, and has one number to read.
    Rung and closed by one thread only, so that nobody writes to a number that names another file by then.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """On the loop's thread."""
        self.loop = loop
        self._rung: deque[Settle] = deque()
        self._fd: int | None = None
        if hasattr(os, "eventfd"):
            fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            try:
                loop.add_reader(fd, self._answer, fd)
            except BaseException as error:
                os.close(fd)
                if not isinstance(error, NotImplementedError):  # not every loop can watch a file
                    raise
            else:
                self._fd = fd

    def ring(self, settle: Settle) -> None:
        """Have it called on the loop; never, if the loop is closed."""
        if self._fd is None:
            with contextlib.suppress(RuntimeError):  # closed: nobody waits
                self.loop.call_soon_threadsafe(settle)
        else:
            self._rung.append(settle)
            os.eventfd_write(self._fd, 1)

    def _answer(self, fd: int) -> None:
        os.eventfd_read(fd)
        try:
            while self._rung:
                self._rung.popleft()()
        finally:
            if self._rung:  # one of them was interrupted; the others are still to be called
                os.eventfd_write(fd, 1)

    def close(self) -> None:
        """After the last ring; what was rung before is still answered."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            try:
                self.loop.call_soon_threadsafe(self._take_down, fd)
            except RuntimeError:  # closed, and with it what watched the file
                os.close(fd)

    def _take_down(self, fd: int) -> None:
        self.loop.remove_reader(fd)
        os.close(fd)
        while self._rung:
            self._rung.popleft()()
