"""Locks that a forked child finds free."""

from __future__ import annotations

import os
import threading

__all__ = ["fork_safe_lock"]


def fork_safe_lock() -> threading.RLock:
    """Return a reentrant lock that is held during a fork, so that no other thread holds it in the child.

    Use it for module-level locks only: it is never forgotten.
    """
    lock = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock
