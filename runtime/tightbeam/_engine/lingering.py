"""Executions that go on in this process after their client was left.

A plain function can't be interrupted, and an async one may refuse to be. Its run is put back all the same,
and is not executed a second time beside it: whoever opens the journal next in this process waits for its end.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["going_on", "has_ended", "linger", "watch"]


class _Lingering(NamedTuple):
    pid: int
    """The process it goes on in: not in a forked child."""
    goes_on: Callable[[], bool]


_lock = threading.Lock()
_lingering: dict[str, _Lingering] = {}
_watchers: weakref.WeakKeyDictionary[object, tuple[AbstractEventLoop, Callable[[], None]]] = (
    weakref.WeakKeyDictionary()
)


def linger(run_id: str, goes_on: Callable[[], bool]) -> None:
    """Note that an execution of a run goes on, for as long as ``goes_on`` says so or until `has_ended`."""
    if goes_on():
        with _lock:
            _lingering[run_id] = _Lingering(os.getpid(), goes_on)


def has_ended(run_id: str) -> None:
    """Note that an execution of a run has ended; from any thread."""
    with _lock:
        if _lingering.pop(run_id, None) is None:
            return
        watchers = tuple(_watchers.values())
    for loop, nudge in watchers:
        with contextlib.suppress(RuntimeError):  # that event loop is closed
            loop.call_soon_threadsafe(nudge)


def going_on() -> frozenset[str]:
    """Return the runs that are still being executed from before."""
    if not _lingering:
        return frozenset()
    with _lock:
        for run_id, one in tuple(_lingering.items()):
            if one.pid != os.getpid() or not one.goes_on():
                del _lingering[run_id]
        return frozenset(_lingering)


def watch(watcher: object, loop: AbstractEventLoop, nudge: Callable[[], None]) -> None:
    """Have ``nudge`` called on an event loop when an execution has ended, while the watcher lives."""
    with _lock:
        _watchers[watcher] = loop, nudge


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - another thread, which doesn't exist here, may have held it
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
