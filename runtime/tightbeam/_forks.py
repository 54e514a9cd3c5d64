"""Keep objects and locks usable in a forked child, where the threads of the parent process are gone."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

__all__ = ["Forkable", "fork_safe_lock", "watch_forks"]


class Forkable(Protocol):
    """An object that has to change in a forked child."""

    def after_fork(self) -> None:
        """Do what is due in the child."""
        ...


_watching: weakref.WeakKeyDictionary[Forkable, None] = weakref.WeakKeyDictionary()


def watch_forks(watcher: Forkable) -> None:
    """Have `after_fork` of an object called in forked children, in the order in which objects came here."""
    _watching[watcher] = None


def fork_safe_lock() -> threading.RLock:
    """Return a reentrant lock that the forking thread takes for the fork, so that it is free in the child.

    A lock that is taken while another one is held must be made before that one. Use it for locks of modules:
    it is never forgotten.
    """
    lock = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock


def _in_child() -> None:
    for watcher in tuple(_watching):
        watcher.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
