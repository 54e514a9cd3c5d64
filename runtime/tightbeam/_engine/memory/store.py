"""The store in memory: carries each request out where it is submitted, under a lock."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any, NoReturn, cast

from tightbeam._engine import trimming
from tightbeam._engine.doubt import Doubt
from tightbeam._engine.memory.journal import Journal
from tightbeam._engine.pending import Pending, settle_all
from tightbeam._engine.requests import MemoizePublish, PutBackAll
from tightbeam._engine.settings import Retention
from tightbeam._engine.store import After, Answer, Outlet, Query, Request
from tightbeam._message import Envelope, now_us
from tightbeam.errors import NotEntered

__all__ = ["MemoryStore"]

_log = logging.getLogger("tightbeam")


class MemoryStore:
    """A `Store` whose requests are carried out at once, by whichever thread submits them."""

    is_lost = False
    carries_live = False

    def __init__(self, journal: Journal, retention: Retention, outlet: Outlet) -> None:
        self._journal = journal
        self._retention = retention
        self._outlet = outlet
        self._pace = trimming.Pace(retention.size)
        self._doubt = Doubt()
        self._pid = os.getpid()
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        """Where most callers wait: they are answered together, once in a turn."""
        self._answered: list[Pending[Any]] = []
        self.last_place = journal.messages.last

    @property
    def trimmed_us(self) -> int:
        """Return the time of the latest message that was trimmed."""
        return self._journal.messages.trimmed_us

    def doubted(self, _run_id: str, /) -> None:
        """See `Store`."""

    def position_of(self, place: int, /) -> str:
        """Return the position at which a reader resumes after the message at a place."""
        return f"{self._journal.messages.epoch}:{place}"

    def publish_live(self, envelope: Envelope, /, *, relayed: bool = False) -> NoReturn:
        """Not called: all readers are in this process."""
        raise NotImplementedError

    def published_before(self) -> None:
        """Return None: messages are handed on before their requests are answered."""

    def listen(self) -> None:
        """Answer the callers of the running event loop together."""
        self._loop = asyncio.get_running_loop()

    def submit(self, request: Request[Answer], /, *, after: After | None = None) -> asyncio.Future[Answer]:
        """Carry out a request for a coroutine, which gets the answer in a later turn of its event loop."""
        loop = asyncio.get_running_loop()
        self._refuse_if_closed()
        pending = Pending(request, loop, after)
        try:
            pending.result = self._carry_out(request)
        except Exception as error:  # noqa: BLE001 - raised where the answer is awaited
            pending.error = error
        if loop is self._loop:
            if not self._answered:
                loop.call_soon(self._settle)
            self._answered.append(pending)
        else:
            loop.call_soon(pending.settle)
        return cast("asyncio.Future[Answer]", pending.future)

    def _settle(self) -> None:
        answered, self._answered = self._answered, []
        settle_all(answered)

    def call(self, request: Request[Answer], /) -> Answer:
        """Carry out a request for a thread."""
        self._refuse_if_closed()  # before the lock: a thread that isn't there any more may have held it
        return self._carry_out(request)

    def _carry_out(self, request: Request[Answer]) -> Answer:
        """Do what a request says.

        Messages are in the order in which requests get the lock, and reach the hub before it is released.
        """
        journal = self._journal
        with journal.lock:
            size = journal.size()
            if isinstance(request, MemoizePublish):
                self._publish(request)
                answer = cast("Answer", None)
            else:
                answer = journal.answer(request)
            if woken := journal.take_woken():
                self._outlet.wake(woken)
            if not isinstance(request, Query) and self._pace.is_time(max(journal.size() - size, 0)):
                self._keep_house()
        return answer

    def _refuse_if_closed(self) -> None:
        if self._pid != os.getpid():
            raise NotEntered(
                "the client was entered by the process this one was forked from: enter it after the fork"
            )
        if self._is_closed:
            raise NotEntered("the client has been left: its journal is closed")

    def _publish(self, request: MemoizePublish) -> None:
        try:
            self._outlet.fan_out([self._journal.publish(request, self._outlet.reserve)])
        finally:
            self._outlet.release()

    def _keep_house(self) -> None:
        """Drop a slice of what is no longer retained."""
        journal, retention = self._journal, self._retention
        try:
            is_too_large = trimming.shrink(journal, retention.size)
            now = now_us()
            since = self._doubt.since(journal, now, now - retention.age_us, journal.doubted_since)
            journal.doubted_since = since
            self._pace.has_more = trimming.trim(journal, retention, 0 if since else now) or is_too_large
        except Exception:  # noqa: BLE001 - the request was carried out; its caller must hear nothing else
            _log.exception("the journal's house-keeping failed")

    async def close(self, within: float, /) -> None:  # noqa: ARG002 - nothing is left to do that takes time
        """Refuse requests from now on."""
        self._is_closed = True

    def close_at_exit(self, within: float, /) -> None:  # noqa: ARG002 - as in `close`
        """Put back all runs, and refuse requests from now on."""
        if not self._is_closed:
            self.call(PutBackAll())
            self._is_closed = True
