"""Executions that go on in this process after their client was left.

A plain function can't be interrupted, and an async one may refuse to be. Its run is put back all the same,
and isn't executed a second time beside it: the next client of this process that opens the journal waits for
its end.
"""

from __future__ import annotations

import os
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from tightbeam._watchers import Watchers

__all__ = ["going_on", "has_ended", "linger", "watch"]

Watcher = TypeVar("Watcher")


class _Lingering(NamedTuple):
    pid: int
    """The process in which it goes on; it doesn't in a forked child."""
    goes_on: Callable[[], bool]
    extra: Mapping[str, object]


_lock = threading.Lock()
_lingering: dict[str, _Lingering] = {}
_watchers = Watchers()


def linger(run_id: str, goes_on: Callable[[], bool], extra: Mapping[str, object]) -> None:
    """Note that an execution of a run goes on, until `has_ended`.

    Args:
        run_id: of the run.
        goes_on: returns whether it still does.
        extra: what a record about the run has as extras, for the log.
    """
    if goes_on():
        with _lock:
            _lingering[run_id] = _Lingering(os.getpid(), goes_on, extra)


def has_ended(run_id: str) -> None:
    """Note that an execution of a run has ended. Called on any thread."""
    with _lock:
        has_lingered = _lingering.pop(run_id, None) is not None
    if has_lingered:
        _watchers.notify()


def going_on() -> dict[str, Mapping[str, object]]:
    """Return the runs of which such an execution goes on, with the extras of a record about each."""
    if not _lingering:
        return {}
    with _lock:
        for run_id, execution in tuple(_lingering.items()):
            if execution.pid != os.getpid() or not execution.goes_on():
                del _lingering[run_id]
        return {run_id: execution.extra for run_id, execution in _lingering.items()}


def watch(watcher: Watcher, loop: AbstractEventLoop, nudge: Callable[[Watcher], None]) -> None:
    """Have a function called with an object whenever such an execution has ended, while the object lives.

    Args:
        watcher: the object.
        loop: the event loop on which the function is called.
        nudge: the function; no bound method of the object.
    """
    _watchers.add(watcher, loop, nudge)


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - another thread, which doesn't exist here, may have held it
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
