"""How far this process has followed the log of messages, shared by the threads of a store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tightbeam._engine.postgres import places
from tightbeam.errors import JournalFailed

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ["LAST", "Log"]

TRIMMED_US = "SELECT value::bigint FROM meta WHERE name = 'trimmed_us'"
NEWEST_TIMES = """
SELECT (SELECT created_at FROM message ORDER BY message.xid DESC, message.seq DESC LIMIT 1),
    (SELECT ended_at FROM run WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 1)
"""
"""When a message was stored last, and when a run has ended last."""
JOURNAL = "SELECT value FROM meta WHERE name = 'journal'"
LAST = """
SELECT message.xid::text::bigint, message.seq FROM message
WHERE message.xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY message.xid DESC, message.seq DESC LIMIT 1
"""
"""The last message that is followed by nothing that may still come before it."""

SETTLED_US = """
SELECT (extract(epoch FROM least(
    statement_timestamp(), min(coalesce(xact_start, statement_timestamp() - interval '1 minute'))
)) * 1000000)::bigint
FROM pg_stat_get_activity(NULL) WHERE backend_xid IS NOT NULL
"""
"""Since when the oldest transaction goes on that has an id; now if none does.

When one of another role began isn't shown to every role: it is taken for a minute old.
"""

_PATIENCE = 10.0
"""Seconds that a reader waits for the log to be followed once."""
_BETWEEN_LOOKS = 0.05
_FRESH = 0.1
"""Seconds between looks at the log while live messages are published."""
_MAX_CHANNELS = 4_096
_SECOND = 1_000_000


class Log:
    """The log as far as this process knows it.

    One thread follows the log and notes it here; all others read. Whoever reads messages takes none behind
    `followed`: those are fanned out to mailboxes later, and a reader would get them twice.
    """

    def __init__(self, journal: str, last_place: int, trimmed_us: int = 0) -> None:
        """Begin at the place up to which the log stood when the journal was opened.

        Args:
            journal: the journal's id, which all its positions begin with.
            last_place: the place of the last message that is followed.
            trimmed_us: the time of the latest message that was trimmed.
        """
        self.journal = journal
        self.followed = last_place
        """The place up to which all messages are fanned out."""
        self.horizon = 0
        """All messages of transactions with lower ids are fanned out."""
        self.trimmed_us = trimmed_us
        """The time of the latest message that was trimmed, as far as this process knows."""
        self.settled_us = 0
        """All messages that weren't followed when the journal was opened are later than this time."""
        self.newest_us = 0
        """When anything was stored last before the journal was opened."""
        self.ahead_us: int | None = None
        """By how much the server's clock is ahead of this process's, at least; None if that isn't known."""
        self._times: dict[str, int] = {}
        """By channel, the time of the last message of this process, where it may still matter."""
        self.wake: Callable[[], None] = _wake_none
        """Has the thread that follows the log look at it now."""
        self.is_followed = True
        """Whether a thread follows it; a command reads it as it stood when it was opened."""
        self._fresh_until = 0.0
        """Until when, by the monotonic clock, the log needn't be looked at again for live messages."""
        self._noted = threading.Condition()
        self._begun = 0
        self._ended = 0

    @classmethod
    def of(cls, connection: Connection[Any]) -> Log:
        """Return the log as it stands, to be followed from here.

        Args:
            connection: in autocommit.
        """
        (journal,) = connection.execute(JOURNAL).fetchone() or ("",)
        settled = connection.execute(SETTLED_US).fetchone()  # first: what ends after it is later, or followed
        row = connection.execute(LAST).fetchone()
        trimmed = connection.execute(TRIMMED_US).fetchone()
        log = cls(journal, 0 if row is None else places.place_at(*row), 0 if trimmed is None else trimmed[0])
        log.settled_us = 0 if settled is None else settled[0]
        times = connection.execute(NEWEST_TIMES).fetchone() or ()
        log.newest_us = max((time for time in times if time is not None), default=0)
        return log

    def position(self, place: int) -> str:
        """Return the position at which a reader resumes after a place."""
        return places.position(self.journal, place)

    def last_time(self, channel: str) -> int:
        """Return the time of this process's last message of a channel; 0 if that is long past."""
        return self._times.get(channel, 0)

    def note_times(self, stored: Iterable[tuple[str, int]]) -> None:
        """Note the times of messages that are being committed; called by the thread that writes.

        Args:
            stored: channels and times, in order.
        """
        self._times.update(stored)
        if len(self._times) > _MAX_CHANNELS:
            latest = max(self._times.values())
            self._times = {channel: at for channel, at in self._times.items() if at > latest - _SECOND}

    def begin_pass(self) -> None:
        """Note that the log is read now."""
        with self._noted:
            self._begun += 1

    def end_pass(self, followed: int, horizon: int | None) -> None:
        """Note that messages are fanned out.

        Args:
            followed: the place of the last of them.
            horizon: if there are no more, the first transaction whose messages may still come.
        """
        with self._noted:
            self.followed = followed
            if horizon is not None:
                self.horizon = max(self.horizon, horizon)
                self._ended = self._begun
                self._fresh_until = time.monotonic() + _FRESH
            self._noted.notify_all()

    def freshen(self) -> None:
        """Have the log looked at soon, if that was some time ago: what is live is dated by it."""
        now = time.monotonic()
        if now >= self._fresh_until:
            self._fresh_until = now + _FRESH
            self.wake()

    def reach(self, place: int) -> bool:
        """Wait until the log is followed up to a place, or a look at it has ended that began after this.

        Returns:
            Whether it is followed so far: it is if the place is one that another process has followed.

        Raises:
            JournalFailed: there was no such look in time, so that it can't be said.
        """
        if self.followed >= place or not self.is_followed:
            return self.followed >= place
        with self._noted:
            wanted = self._begun + 1
            self.wake()
            if self._noted.wait_for(lambda: self.followed >= place or self._ended >= wanted, _PATIENCE):
                return self.followed >= place
        raise JournalFailed(f"the log of messages couldn't be followed for {_PATIENCE:g} s")

    def look(self) -> int:
        """Wait until a look at the log has ended that began after this, and return what is followed then."""
        if not self.is_followed:
            return self.followed
        with self._noted:
            wanted = self._begun + 1
            self.wake()
            self._noted.wait_for(lambda: self._ended >= wanted, _PATIENCE)
            return self.followed

    def wait_for(self, place: int, within: float) -> bool:
        """Wait until the log is followed up to a place, also while another transaction holds it back.

        Args:
            place: of a message that is committed.
            within: seconds after which to give up.

        Returns:
            Whether it is followed so far.
        """
        deadline = time.monotonic() + within
        with self._noted:
            while self.followed < place and (left := deadline - time.monotonic()) > 0:
                self.wake()
                self._noted.wait_for(lambda: self.followed >= place, min(left, _BETWEEN_LOOKS))
            return self.followed >= place


def _wake_none() -> None:
    """Do nothing: no thread follows the log yet."""
