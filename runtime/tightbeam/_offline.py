"""The switch by which the test kit keeps messages for a server in this process. Nothing else sets it."""

from __future__ import annotations

import threading

__all__ = ["go_offline", "go_online", "is_offline"]

_lock = threading.Lock()
_holders = 0


def go_offline() -> None:
    """Send no message to a server until `go_online` has been called as often; hooks see them as sent."""
    global _holders  # noqa: PLW0603 - of the process: a test doesn't make the clients that it tests
    with _lock:
        _holders += 1


def go_online() -> None:
    """Undo one `go_offline`."""
    global _holders  # noqa: PLW0603 - as above
    with _lock:
        _holders -= 1


def is_offline() -> bool:
    """Tell whether messages are kept in this process."""
    return _holders > 0
