"""The open journal: its threads, and what is left of it when they have ended."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future as ThreadFuture
from functools import partial
from typing import Any

from tightbeam._engine.intake import Intake
from tightbeam._engine.pending import Pending
from tightbeam._engine.postgres.bus import Bus
from tightbeam._engine.postgres.chores import Leave, Rejoin
from tightbeam._engine.postgres.fencing import Confirm
from tightbeam._engine.postgres.member import Member
from tightbeam._engine.postgres.reading import Reader
from tightbeam._engine.postgres.sent import HandingOver
from tightbeam._engine.postgres.transaction import Effects
from tightbeam._engine.postgres.writing import Writer
from tightbeam._engine.settling import Settler
from tightbeam._engine.store import After, Answer, Query, Request
from tightbeam._hub.hub import Loops
from tightbeam._hub.mailbox import IsOld
from tightbeam._message import Envelope

__all__ = ["PostgresStore"]


class PostgresStore:
    """A `Store` that other processes have open, too."""

    def __init__(self, member: Member) -> None:
        """Start the threads.

        Args:
            member: the store's part in the journal.
        """
        self.member = member
        """What the threads share."""
        self.last_place = member.log.followed
        """See `Store`."""
        self._settler = Settler()
        self._writer = Writer(member, self._settler, self._beginning, self._committed)
        self._reader = Reader(member, self._settler)
        self._bus = Bus(member, self._rejoin, self.keep_house, HandingOver(self._writer.put).look)
        self._intake = Intake(self._put)
        self._ended: ThreadFuture[None] = ThreadFuture()

    @property
    def trimmed_us(self) -> int:
        """See `Store`."""
        return self.member.log.trimmed_us

    @property
    def is_lost(self) -> bool:
        """See `Store`."""
        return self.member.outage.is_on

    carries_live = True
    """Readers may be in other processes."""

    def publish_live(self, envelope: Envelope, /, *, relayed: bool = False) -> Loops | None:
        """See `Store`."""
        return self._bus.publish(envelope, relayed)

    def published_before(self) -> IsOld | None:
        """See `Store`."""
        return self._bus.published_before()

    def doubted(self, run_id: str, /) -> Request[None] | None:
        """See `Store`."""
        return Confirm(run_id) if self.member.is_overdue else None

    def position_of(self, place: int, /) -> str:
        """See `Store`."""
        return self.member.log.position(place)

    def listen(self) -> None:
        """See `Store`. Takes a descriptor, until the threads have ended."""
        self.begin()
        self._settler.listen()

    def begin(self) -> None:
        """Hand on messages, and what becomes of runs, from now on."""
        self._bus.begin()

    def submit(self, request: Request[Answer], /, *, after: After | None = None) -> asyncio.Future[Answer]:
        """See `Store`."""
        return self._intake.submit(request, after)

    def call(self, request: Request[Answer], /) -> Answer:
        """See `Store`."""
        return self._intake.call(request)

    def _put(self, pending: Pending[Any]) -> None:
        (self._reader if isinstance(pending.request, Query) else self._writer).put(pending)

    def _beginning(self) -> None:
        self._bus.flush()

    def _rejoin(self) -> None:
        self._writer.put(Pending(Rejoin(), None))

    def _committed(self, effects: Effects) -> None:
        """Tell this process and others what was committed."""
        self.keep_house(effects.written)
        self._bus.committed(effects)

    def keep_house(self, written: int = 0) -> None:
        """Drop what is no longer retained, soon, if it is time to look: after each commit, and now and then.

        Args:
            written: the bytes of data that were stored.
        """
        self._reader.keep_house(written)

    async def close(self, within: float, /) -> None:
        """See `Store`."""
        self.member.outage.leave_within(within)
        self._intake.close(lambda: self._end(within))
        await asyncio.wait({asyncio.wrap_future(self._ended)}, timeout=within)

    def close_at_exit(self, within: float, /) -> None:
        """See `Store`."""
        self.member.outage.leave_within(within)
        self._intake.close(lambda: self._let_go(within, within))  # no thread can be started any more

    def _end(self, within: float) -> None:
        letting_go = partial(self._let_go, within)
        threading.Thread(target=letting_go, name="tightbeam-closing", daemon=True).start()

    def _let_go(self, within: float, patience: float | None = None) -> None:
        """Leave the journal, and end the threads, each behind what was submitted to it.

        Args:
            within: how long the log is followed, and others are told of what was committed.
            patience: how long each thread is waited for; None for as long as it takes.
        """
        try:
            self._writer.put(Pending(Leave(), None))
            self._writer.end()
            self._reader.end()
            self._writer.join(patience)
            self._reader.join(patience)
            self._bus.end(within)
            self._settler.close()
        finally:
            self._ended.set_result(None)
