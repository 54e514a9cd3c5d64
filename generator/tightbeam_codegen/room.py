"""A large stack for recursion: schemas that refer to each other are followed to any depth."""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["with_room"]

_Result = TypeVar("_Result")

_STACKS = (512 * 1024 * 1024, 64 * 1024 * 1024)
"""Sizes in bytes; the first that the system grants is taken. Unused stack takes no memory."""

_FRAMES = 400_000
"""For the longest chain that the normaliser follows."""


def with_room(work: Callable[[], _Result]) -> _Result:
    """Call a function in a thread with a large stack, and return or raise what it returns or raises.

    The caller's own stack may be small, or nearly used up.
    """
    outcome: list[_Result] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()

    def run() -> None:
        usual = sys.getrecursionlimit()
        sys.setrecursionlimit(max(usual, _FRAMES))
        try:
            outcome.append(context.run(work))
        except BaseException as error:  # noqa: BLE001  # raised again by the caller
            errors.append(error)
        finally:
            sys.setrecursionlimit(usual)

    thread = _started(run)
    if thread is None:
        return work()
    thread.join()
    if errors:
        raise errors[0]
    return outcome[0]


def _started(run: Callable[[], None]) -> threading.Thread | None:
    """Start a thread with the largest stack that the system grants; None where there are no threads."""
    for size in _STACKS:
        usual = threading.stack_size()
        try:
            threading.stack_size(size)
            thread = threading.Thread(target=run, name="tightbeam-generate", daemon=True)
            thread.start()
        except (RuntimeError, ValueError):  # no memory for it, or a size that the platform refuses
            continue
        finally:
            threading.stack_size(usual)
        return thread
    return None
