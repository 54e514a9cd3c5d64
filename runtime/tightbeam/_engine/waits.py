"""What a handler waits for: whether it does nothing but sleep, so that its execution may end meanwhile."""

from __future__ import annotations

import asyncio
import gc
import math
from collections.abc import Collection
from typing import Any

__all__ = ["only_sleeps"]


def only_sleeps(task: asyncio.Task[Any], asleep: Collection[asyncio.Task[Any]]) -> bool:
    """Return whether a suspended task waits for nothing but sleeps, in whichever of its tasks they are.

    It may await a sleep, a task, `asyncio.gather` or a `TaskGroup`. What else it awaits isn't known, and a
    time limit around any of it counts as something to wait for: the answer is False then.

    Args:
        task: the task, which isn't the running current.
        asleep: the tasks that are suspended in a sleep.
    """
    waiting, seen = [task], set[asyncio.Task[Any]]()
    while waiting:
        current = waiting.pop()
        if current.done() or current in seen:
            continue
        seen.add(current)
        coroutines = _coroutines(current)
        if any(map(_has_time_limit, coroutines)):
            return False
        if current in asleep:
            continue
        awaited = _awaited(current, coroutines)
        if awaited is None:
            return False
        waiting += awaited
    return True


def _coroutines(task: asyncio.Task[Any]) -> list[Any]:
    """Return the coroutines of a suspended task, each awaiting the next."""
    chain: list[Any] = []
    coroutine: Any = task.get_coro()
    while hasattr(coroutine, "cr_await"):
        chain.append(coroutine)
        coroutine = coroutine.cr_await
    return chain


def _has_time_limit(coroutine: Any) -> bool:
    """Return whether a suspended coroutine is inside `asyncio.timeout`, or a context manager like it."""
    for referent in gc.get_referents(coroutine):  # among them the exits of the `with` blocks it is in
        owner = getattr(referent, "__self__", None)
        if isinstance(owner, asyncio.Timeout):
            if owner.when() is not None:
                return True
        elif getattr(referent, "__name__", "") in ("__exit__", "__aexit__"):
            limit = getattr(owner, "deadline", None)
            if isinstance(limit, int | float) and limit != math.inf:
                return True
    return False


def _awaited(task: asyncio.Task[Any], coroutines: list[Any]) -> list[asyncio.Task[Any]] | None:
    """Return the tasks that a task awaits; None if it awaits something else."""
    # asyncio has no public way to ask; where an attribute is missing, the answer is "something else".
    waiting = [getattr(task, "_fut_waiter", None)]
    frame = coroutines[-1].cr_frame if coroutines else None
    group = None if frame is None else frame.f_locals.get("self")
    if isinstance(group, asyncio.TaskGroup):
        waiting = list(getattr(group, "_tasks", [None]))
    tasks: list[asyncio.Task[Any]] = []
    while waiting:
        waiter = waiting.pop()
        if isinstance(waiter, asyncio.Task):
            tasks.append(waiter)
        elif (gathered := getattr(waiter, "_children", None)) is not None:
            waiting += [each for each in gathered if not each.done()]
        else:
            return None
    return tasks
