"""What each process does now and then: it says that it lives, and looks after what dead ones have left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from tightbeam._engine.postgres.horizon import HorizonWatch
from tightbeam._engine.postgres.member import Member
from tightbeam._engine.postgres.processes import beat, bury_dead
from tightbeam._engine.store import Request

__all__ = ["Heart", "Leave", "Rejoin", "drop_live_rows"]

_log = logging.getLogger("tightbeam")
_DROP = b"DELETE FROM live WHERE at < clock_timestamp() - interval '1 minute'"


@dataclass(frozen=True, slots=True)
class Rejoin(Request[None]):
    """Change nothing: a process that was declared dead goes on as another one before it carries this out."""


@dataclass(frozen=True, slots=True)
class Leave(Request[None]):
    """Put back the runs that this process has claimed, and take it off the others: its last request."""


class Heart:
    """Beats for this process, and declares others dead that don't."""

    def __init__(
        self,
        member: Member,
        due: Callable[[set[str]], None],
        rejoin: Callable[[], None],
        hand_over_sent: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            member: the store's part in the journal.
            due: has all processes look for due runs, of some functions or, if there are none, of all.
            rejoin: has this process go on as another one, since it was declared dead.
            hand_over_sent: hands on the events that users' transactions have sent.
        """
        self._member = member
        self._due = due
        self._rejoin = rejoin
        self._hand_over_sent = hand_over_sent
        self._horizon = HorizonWatch()
        self._connection: Connection[Any] | None = None
        self._since = 0.0
        """Since when this process has seen others beat, by the monotonic clock."""
        self._last = 0.0

    def beat(self, connection: Connection[Any]) -> None:
        """Beat once, and look whether others do."""
        member, now = self._member, time.monotonic()
        if connection is not self._connection or now - self._last > member.lease * 2 / 3:
            # The server was away, or this process stood still: others had no chance to be seen.
            self._connection, self._since = connection, now
        self._last = now
        seen = beat(connection.execute, member.number)
        if seen is None:
            self._rejoin()
            return
        member.beaten_at = max(member.beaten_at, now)
        if seen.others_are_dead and now - self._since >= member.lease:
            self._bury(connection)
        if seen.events_are_left:
            self._hand_over_sent()

    def look_for_lag(self, connection: Connection[Any]) -> None:
        """Look whether a transaction holds the log back."""
        self._horizon.look(connection)

    def _bury(self, connection: Connection[Any]) -> None:
        dead, orphans = bury_dead(connection, self._member.number)
        for number in dead:
            _log.warning(
                "process %d hasn't been heard of for its lease: its runs go on elsewhere",
                number,
            )
        if dead:  # it may have died before it has told of other runs, too
            self._due({orphan.function for orphan in orphans})


def drop_live_rows(connection: Connection[Any]) -> None:
    """Delete large live messages that all processes have read."""
    connection.execute(_DROP)
