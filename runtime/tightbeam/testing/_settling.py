"""Waiting until the clients of this process have nothing left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future as ThreadFuture
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tightbeam._engine.scheduler import Scheduler

__all__ = ["settle", "settle_sync"]

_WITHIN = timedelta(seconds=10)


async def settle(*, within: timedelta = _WITHIN) -> None:
    """Wait until no run executes and none is due, in all clients that are entered in this process.

    Runs that sleep, wait for an event or for their next attempt don't hold it up: their time hasn't come.

    Args:
        within: how long to wait.

    Raises:
        TimeoutError: some run still executes; the text says which.
    """
    try:
        async with asyncio.timeout(within.total_seconds()):
            while not all([await _settled(scheduler) for scheduler in _schedulers()]):
                pass
    except TimeoutError:
        raise TimeoutError(_still_at_work(within)) from None


def settle_sync(*, within: timedelta = _WITHIN) -> None:
    """Wait as `settle` does, on a thread without an event loop: in a test with Starlette's test client."""
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("settle_sync would hold up this thread's event loop: use `await settle()`")
    left = within.total_seconds()
    try:
        while not all([_begin(scheduler).result(left) for scheduler in _schedulers()]):  # noqa: C419 - each
            pass
    except TimeoutError:
        raise TimeoutError(_still_at_work(within)) from None


async def _settled(scheduler: Scheduler) -> bool:
    if scheduler.loop is asyncio.get_running_loop():
        return await scheduler.settle()
    return await asyncio.wrap_future(_begin(scheduler))


def _begin(scheduler: Scheduler) -> ThreadFuture[bool]:
    settling: Coroutine[Any, Any, bool] = scheduler.settle()
    return asyncio.run_coroutine_threadsafe(settling, scheduler.loop)


def _schedulers() -> list[Scheduler]:
    from tightbeam._engine.session import open_schedulers  # not at import: it loads the engine

    return open_schedulers()


def _still_at_work(within: timedelta) -> str:
    runs = [run for scheduler in _schedulers() for run in scheduler.at_work]
    what = f"still executing: {', '.join(runs)}" if runs else "runs are due and don't begin"
    return f"not quiet after {within.total_seconds():g} s; {what}"
