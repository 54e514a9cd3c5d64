"""Sleeps that the test kit has end at once. Nothing else skips any."""

from __future__ import annotations

import threading

__all__ = ["skip_sleep", "skipped", "take_skip", "unskip_all"]

_lock = threading.Lock()
_skipped: list[str] = []


def skip_sleep(step_id: str) -> None:
    """Have the next sleep under this id be over at once."""
    with _lock:
        _skipped.append(step_id)


def take_skip(step_id: str) -> bool:
    """Return whether a sleep that begins now is to be skipped, which is noted as done."""
    if not _skipped:
        return False
    with _lock:
        if step_id not in _skipped:
            return False
        _skipped.remove(step_id)
        return True


def skipped() -> tuple[str, ...]:
    """Return the ids of sleeps that are still to be skipped."""
    return tuple(_skipped)


def unskip_all() -> None:
    """Skip no sleep any more."""
    _skipped.clear()
