"""A request on its way through a store, and the caller that waits for its answer: shared by all stores."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import Future as ThreadFuture
from typing import Any, Generic

from tightbeam._engine.store import After, Answer, Request

__all__ = ["Pending", "settle_all"]


class Pending(Generic[Answer]):
    """A request that was submitted from an event loop, or called by a thread (``loop`` is None)."""

    __slots__ = ("after", "error", "future", "loop", "request", "result")

    def __init__(
        self, request: Request[Answer], loop: asyncio.AbstractEventLoop | None, after: After | None = None
    ) -> None:
        self.request = request
        self.after = after
        self.loop = loop
        self.future: asyncio.Future[Answer] | ThreadFuture[Answer] = (
            loop.create_future() if loop is not None else ThreadFuture()
        )
        self.result: Any = None
        """The answer, once the store has it."""
        self.error: BaseException | None = None
        """What the caller gets raised instead."""

    def settle(self) -> None:
        """Give the caller its answer; on the caller's event loop, if there is one."""
        if self.after is not None:
            self.after(self.error is None)
        if self.future.done():  # its caller was cancelled
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def settle_all(answered: Iterable[Pending[Any]]) -> None:
    """Give several callers of one event loop their answers."""
    for pending in answered:
        pending.settle()
