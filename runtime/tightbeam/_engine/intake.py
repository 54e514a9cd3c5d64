"""Where a store takes requests, from any thread and any event loop, until it is closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future as ThreadFuture
from typing import Any

from tightbeam._engine.pending import Pending
from tightbeam._engine.store import After, Answer, Request
from tightbeam._forks import watch_forks
from tightbeam.errors import NotEntered

__all__ = ["Intake"]


class Intake:
    """Takes requests and puts them into queues of the store's threads."""

    def __init__(self, put: Callable[[Pending[Any]], None]) -> None:
        """Take requests.

        Args:
            put: queues one; called by one thread at a time, and not after `close`.
        """
        self._put = put
        self._gate = threading.Lock()
        self._closed = False
        self._why_closed = "the client has been left: its journal is closed"
        watch_forks(self)

    def submit(self, request: Request[Answer], after: After | None = None) -> asyncio.Future[Answer]:
        """Queue a request from a coroutine: see `Store`."""
        pending = Pending(request, asyncio.get_running_loop(), after)
        self._enqueue(pending)
        assert isinstance(pending.future, asyncio.Future)  # noqa: S101 - made so for a loop; for the checker
        return pending.future

    def call(self, request: Request[Answer]) -> Answer:
        """Carry out a request for a thread that runs no event loop: see `Store`."""
        pending = Pending(request, None)
        self._enqueue(pending)
        assert isinstance(pending.future, ThreadFuture)  # noqa: S101 - as in `submit`
        return pending.future.result()

    def _enqueue(self, pending: Pending[Any]) -> None:
        with self._gate:  # so that nothing is queued behind the end
            if self._closed:
                raise NotEntered(self._why_closed)
            self._put(pending)

    def close(self, last: Callable[[], None]) -> bool:
        """Take nothing more.

        Args:
            last: queues what is the last; not called where it was closed before.

        Returns:
            False if it was closed before.
        """
        with self._gate:
            if self._closed:
                return False
            self._closed = True
            last()
            return True

    def after_fork(self) -> None:
        """Refuse all requests in a forked child: the threads that would answer aren't there."""
        self._gate = threading.Lock()
        self._closed = True
        self._why_closed = (
            "the client was entered by the process this one was forked from: enter it after the fork"
        )
