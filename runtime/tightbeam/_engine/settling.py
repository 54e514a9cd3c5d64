"""Answering callers from the threads of a store: one wake-up for each event loop, not one a request."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterable
from functools import partial
from typing import Any

from tightbeam._engine.loop_waker import LoopWaker, waker_of
from tightbeam._engine.pending import Pending, settle_all

__all__ = ["Settler"]


class Settler:
    """Gives callers their answers, on their event loops; used by one or more threads of a store."""

    def __init__(self) -> None:
        self._waker: LoopWaker | None = None
        self._lock = threading.Lock()

    def listen(self) -> None:
        """Make waking the running event loop cheap; takes a descriptor, until `close`."""
        self._waker = waker_of(asyncio.get_running_loop())

    def settle(self, batch: Iterable[Pending[Any]]) -> None:
        """Answer the callers of some requests."""
        by_loop: dict[asyncio.AbstractEventLoop, list[Pending[Any]]] = {}
        for pending in batch:
            if pending.loop is None:
                pending.settle()
            else:
                by_loop.setdefault(pending.loop, []).append(pending)
        for loop, answered in by_loop.items():
            settle = partial(settle_all, answered)
            if not self._wake(loop, settle):
                with contextlib.suppress(RuntimeError):  # that event loop is closed: no caller waits
                    loop.call_soon_threadsafe(settle)

    def _wake(self, loop: asyncio.AbstractEventLoop, settle: partial[None]) -> bool:
        with self._lock:
            return self._waker is not None and self._waker.loop is loop and self._waker.wake(settle)

    def close(self) -> None:
        """Let the descriptor go; what is settled later wakes its loop in the usual way."""
        with self._lock:
            if self._waker is not None:
                self._waker.close()
                self._waker = None
