"""Giving the event loops of readers a turn, so that a burst of live messages reaches them.

A publisher never waits for a reader: it lets the event loop run once, whatever the reader makes of that.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import weakref
from collections.abc import Callable
from functools import partial

from tightbeam._hub.hub import Loops

__all__ = ["give_turn", "give_turn_sync"]

_SECONDS = 0.1
"""How long to wait for an event loop that is busy: once, and not again before it has had its turn."""


class _Turn:
    """A turn that an event loop was asked for; all who ask meanwhile wait for the same one."""

    __slots__ = ("event", "late", "waiters")

    def __init__(self) -> None:
        self.event = threading.Event()
        self.late = False
        """Whether it didn't come in time: until it comes it is not waited for."""
        self.waiters: list[asyncio.Future[None]] = []


_locks = [threading.Lock()]
_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Turn] = weakref.WeakKeyDictionary()
"""The turns still to come: one for each event loop, so that nothing piles up on one that is stuck."""


async def give_turn(loops: Loops) -> None:
    """Let each of these event loops run what is ready; the running one may be among them."""
    running = asyncio.get_running_loop()
    for loop in loops:
        if loop is running:
            await asyncio.sleep(0)
            continue
        waiter = running.create_future()
        turn = _ask(loop, waiter)
        if turn is not None and not (await asyncio.wait({waiter}, timeout=_SECONDS))[0]:
            turn.late = True


def give_turn_sync(loops: Loops) -> None:
    """Do the same from a thread; where an event loop runs on it, nothing can be done."""
    if asyncio._get_running_loop() is not None:
        return
    for loop in loops:
        turn = _ask(loop)
        if turn is not None and not turn.event.wait(_SECONDS):
            turn.late = True


def _ask(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None] | None = None) -> _Turn | None:
    """Ask for a turn, unless one is under way.

    Args:
        loop: whose turn.
        waiter: a future of another event loop, to be resolved when the turn is over.

    Returns:
        The turn, or None if there is no use in waiting: an earlier one is late, or the loop is closed.
    """
    with _locks[0]:
        turn, asked = _turns.get(loop), True
        if turn is None:
            turn, asked = _Turn(), False
            _turns[loop] = turn
        elif turn.late:
            return None
        if waiter is not None:
            turn.waiters.append(waiter)
    # In the first turn readers are woken, in the second they read.
    if asked or _soon(loop, lambda: loop.call_soon(_answer, loop)):
        return turn
    _answer(loop)
    return None


def _answer(loop: asyncio.AbstractEventLoop) -> None:
    with _locks[0]:
        turn = _turns.pop(loop, None)
    if turn is not None:
        turn.event.set()
        for waiter in turn.waiters:
            _soon(waiter.get_loop(), partial(_resolve, waiter))


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> bool:
    with contextlib.suppress(RuntimeError):  # it is closed
        loop.call_soon_threadsafe(callback)
        return True
    return False


def _after_fork() -> None:
    # The lock may have been held, and no event loop of the parent's runs here.
    _locks[0] = threading.Lock()
    _turns.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
