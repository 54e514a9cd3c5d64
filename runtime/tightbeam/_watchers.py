"""Callbacks on event loops, kept as long as the objects that they belong to."""

from __future__ import annotations

import contextlib
import weakref
from asyncio import AbstractEventLoop
from collections.abc import Callable

from tightbeam._forks import fork_safe_lock

__all__ = ["Watchers"]


class Watchers:
    """Callbacks that any thread may have called, each on its own event loop."""

    def __init__(self) -> None:
        self._lock = fork_safe_lock()
        self._callbacks: weakref.WeakKeyDictionary[object, tuple[AbstractEventLoop, Callable[[], None]]] = (
            weakref.WeakKeyDictionary()
        )

    def add(self, owner: object, loop: AbstractEventLoop, callback: Callable[[], None]) -> None:
        """Have a function called at each `notify`.

        Args:
            owner: as long as this object lives.
            loop: the event loop on which it is called.
            callback: the function.
        """
        with self._lock:
            self._callbacks[owner] = loop, callback

    def notify(self) -> None:
        """Have all callbacks called soon. Called on any thread."""
        with self._lock:
            callbacks = tuple(self._callbacks.values())
        for loop, callback in callbacks:
            with contextlib.suppress(RuntimeError):  # that event loop is closed
                loop.call_soon_threadsafe(callback)
