"""Give the event loops of readers a turn, so that a burst of live messages reaches the readers.

A publisher never waits for a reader: it lets the event loop run once, whether or not the reader reads then.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import weakref
from collections.abc import Callable
from functools import partial

from tightbeam._forks import fork_safe_lock
from tightbeam._hub.hub import Loops

__all__ = ["give_turn", "give_turn_sync"]

_SECONDS = 0.1
"""How long to wait for a busy event loop. It isn't waited for again before it has had its turn."""


class _Turn:
    """A turn that was requested of an event loop; all requests before it is over wait for this one."""

    __slots__ = ("event", "late", "waiters")

    def __init__(self) -> None:
        self.event = threading.Event()
        self.late = False
        """Whether it didn't come in time, so that it is no longer waited for."""
        self.waiters: list[asyncio.Future[None]] = []


_lock = fork_safe_lock()
_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Turn] = weakref.WeakKeyDictionary()
"""The turns to come, one for each event loop at most, so that none pile up on one that is stuck."""


async def give_turn(loops: Loops) -> None:
    """Let each of some event loops, the running one included, run its ready callbacks."""
    running = asyncio.get_running_loop()
    for loop in loops:
        if loop is running:
            await asyncio.sleep(0)
            continue
        waiter = running.create_future()
        turn = _request(loop, waiter)
        if turn is not None and not (await asyncio.wait({waiter}, timeout=_SECONDS))[0]:
            turn.late = True


def give_turn_sync(loops: Loops) -> None:
    """Do as `give_turn` from a thread; do nothing on a thread that runs an event loop."""
    if asyncio._get_running_loop() is not None:
        return
    for loop in loops:
        turn = _request(loop)
        if turn is not None and not turn.event.wait(_SECONDS):
            turn.late = True


def _request(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None] | None = None) -> _Turn | None:
    """Request a turn, unless one is to come already.

    Args:
        loop: the event loop.
        waiter: a future of another event loop, to be resolved when the turn is over.

    Returns:
        The turn, or None if waiting for it is useless: an earlier one is late, or the event loop is closed.
    """
    with _lock:
        turn, requested = _turns.get(loop), True
        if turn is None:
            turn, requested = _Turn(), False
            _turns[loop] = turn
        elif turn.late:
            return None
        if waiter is not None:
            turn.waiters.append(waiter)
    # In the first turn readers are woken, in the second they read.
    if requested or _soon(loop, lambda: loop.call_soon(_end, loop)):
        return turn
    _end(loop)
    return None


def _end(loop: asyncio.AbstractEventLoop) -> None:
    with _lock:
        turn = _turns.pop(loop, None)
    if turn is not None:
        turn.event.set()
        for waiter in turn.waiters:
            _soon(waiter.get_loop(), partial(_resolve, waiter))


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> bool:
    with contextlib.suppress(RuntimeError):  # the event loop is closed
        loop.call_soon_threadsafe(callback)
        return True
    return False


if hasattr(os, "register_at_fork"):  # no event loop of the parent process runs in a child
    os.register_at_fork(after_in_child=_turns.clear)
