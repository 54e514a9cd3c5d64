"""Objects that change in a forked child, where the threads and locks of the parent process are gone."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["Forkable", "watch_forks"]


class Forkable(Protocol):
    """An object that has to change in a forked child."""

    def after_fork(self) -> None:
        """Do what is due in the child."""
        ...


_watching: weakref.WeakKeyDictionary[Forkable, None] = weakref.WeakKeyDictionary()


def watch_forks(watcher: Forkable) -> None:
    """Have `after_fork` of an object called in forked children, in the order in which objects came here."""
    _watching[watcher] = None


def _in_child() -> None:
    for watcher in tuple(_watching):
        watcher.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
