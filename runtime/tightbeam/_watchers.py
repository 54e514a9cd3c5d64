"""Callbacks on event loops, kept as long as the objects that they belong to."""

from __future__ import annotations

import contextlib
import weakref
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any, TypeVar

from tightbeam._forks import fork_safe_lock

__all__ = ["Watchers"]

Owner = TypeVar("Owner")


class Watchers:
    """Callbacks that any thread may have called, each on its own event loop."""

    def __init__(self) -> None:
        self._lock = fork_safe_lock()
        self._callbacks: weakref.WeakKeyDictionary[Any, tuple[AbstractEventLoop, Callable[[Any], None]]] = (
            weakref.WeakKeyDictionary()
        )

    def add(self, owner: Owner, loop: AbstractEventLoop, callback: Callable[[Owner], None]) -> None:
        """Have a function called with an object at each `notify`, as long as the object lives.

        Args:
            owner: the object.
            loop: the event loop on which the function is called.
            callback: the function; as a bound method it would keep the object alive.
        """
        with self._lock:
            self._callbacks[owner] = loop, callback

    def notify(self) -> None:
        """Have all callbacks called soon. Called on any thread."""
        with self._lock:
            callbacks = tuple(self._callbacks.items())
        for owner, (loop, callback) in callbacks:
            with contextlib.suppress(RuntimeError):  # that event loop is closed
                loop.call_soon_threadsafe(callback, owner)
