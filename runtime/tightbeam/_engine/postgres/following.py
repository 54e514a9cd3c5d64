"""Following the log: what is committed is handed on in one order, which is the same in all processes.

A message is read once all transactions with lower ids have ended (``xid < pg_snapshot_xmin(…)``): until then
one of them could still commit a message that comes earlier in the log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tightbeam._engine.postgres.log import Log
from tightbeam._engine.postgres.places import halves, place_at
from tightbeam._message import Envelope

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ["MESSAGE", "FanOut", "Follower", "envelope_of"]

_log = logging.getLogger("tightbeam")

MESSAGE = (
    "message.channel, message.topic, message.data, message.run_id, "
    "coalesce(message.id, message.run_id || ':' || message.step || ':' || message.number), "
    "message.created_at, message.xid::text::bigint, message.seq, message.metadata"
)
"""The columns of an `Envelope`, in order, but for its place, which takes two."""

_HORIZON = """
    horizon.xmin::text::bigint,
    horizon.xmax::text::bigint,
    (extract(epoch FROM statement_timestamp()) * 1000000)::bigint,
    CASE WHEN %s THEN (
        SELECT max(mod(id::text::bigint - horizon.xmin::text::bigint + (1::bigint << 62), 1::bigint << 32))
        FROM (
            SELECT backend_xid FROM pg_stat_get_activity(NULL)
            UNION ALL SELECT transaction FROM pg_prepared_xact()
        ) AS begun (id)
    ) END,
    (SELECT value::bigint FROM meta WHERE name = 'trimmed_xid'),
    (SELECT value::bigint FROM meta WHERE name = 'trimmed_seq'),
    following.*
FROM (
    SELECT pg_snapshot_xmin(snapshot) AS xmin, pg_snapshot_xmax(snapshot) AS xmax
    FROM pg_current_snapshot() AS snapshot
) AS horizon
"""
"""What both of the following begin with: one row at least, so that the horizon is known without a message.

A snapshot says which transactions have ended. Ids that were given out since, to those that go on, are read
from the sessions where that is asked for: as how far the last one is behind the horizon.
"""
FOLLOW = f"""
SELECT {_HORIZON}
LEFT JOIN LATERAL (
    SELECT {MESSAGE} FROM message
    WHERE (message.xid, message.seq) > (%s::xid8, %s::bigint) AND message.xid < horizon.xmin
    ORDER BY message.xid, message.seq LIMIT %s::bigint
) AS following (channel, topic, data, run_id, id, created_at, transaction, seq, metadata) ON true
ORDER BY following.transaction, following.seq
"""  # noqa: S608 - of constants
SKIP = f"""
SELECT {_HORIZON}
LEFT JOIN LATERAL (
    SELECT message.xid::text::bigint, message.seq FROM message
    WHERE (message.xid, message.seq) > (%s::xid8, %s::bigint) AND message.xid < horizon.xmin
    ORDER BY message.xid DESC, message.seq DESC LIMIT 1
) AS following (transaction, seq) ON true
"""  # noqa: S608 - of a constant
"""The last place alone, where nobody reads: a worker needn't fetch what all others publish."""

_LEAST, _MOST = 16, 1_024
_BETWEEN_LOOKS = 0.02
"""Seconds between looks at the sessions: there may be many of them."""
_BYTES = 4 * 1024 * 1024
"""Of a page; the next one has fewer messages if it was more."""


def envelope_of(row: tuple[Any, ...]) -> Envelope:
    """Return the message whose columns are those of `MESSAGE`."""
    channel, topic, data, run_id, message_id, created_at, xid, seq, metadata = row
    place = place_at(xid, seq)
    return Envelope(channel, topic, bytes(data), run_id, message_id, created_at, place, _maybe(metadata))


def _maybe(data: Any) -> bytes | None:
    return None if data is None else bytes(data)


class FanOut(Protocol):
    """What gets the messages: an `Outlet`, or what stands before one."""

    @property
    def is_read(self) -> bool:
        """See `Outlet`."""
        ...

    def skip(self, place: int, /) -> bool:
        """See `Outlet`."""
        ...

    def fan_out(self, committed: Sequence[Envelope], /, *, own: bool = True) -> object:
        """Hand on messages, in the order of the log. Doesn't raise."""
        ...

    def missed(self, place: int, /) -> None:
        """See `Outlet`."""
        ...

    def date_live_before(self, time_us: int, /) -> None:
        """See `Outlet`."""
        ...


@dataclass(slots=True)
class _Look:
    """A look at the log and at the transactions that went on then."""

    at_us: int
    """When it began, by the server's clock."""
    last: int
    """The last transaction that went on, or one that had ended."""
    ended: int | None = None
    """Before this one are all that had ended; known from the look after it."""


class Follower:
    """Reads the log from where this process began, and fans out what is new.

    A message is as old as the id of its transaction, or younger. So once all transactions are read that had
    an id at an earlier look, all messages to come are younger than that look: live ones may be dated by it.
    """

    def __init__(self, log: Log, outlet: FanOut) -> None:
        """Begin at the place that the log is followed up to.

        Args:
            log: gets told how far it is followed.
            outlet: gets the messages.
        """
        self._log = log
        self._outlet = outlet
        self._count = 64
        self._looked: _Look | None = None
        """The look that live messages are dated by once its transactions are read."""
        self._next_look = 0.0
        """When to look at the sessions again, by the monotonic clock."""

    @property
    def horizon(self) -> int:
        """All messages of transactions with lower ids are fanned out."""
        return self._log.horizon

    def follow(self, connection: Connection[Any]) -> bool:
        """Fan out the messages that are new, a page of them at most; where nobody reads, pass them over.

        Args:
            connection: in autocommit.

        Returns:
            Whether there may be more.
        """
        log = self._log
        log.begin_pass()
        before = log.followed
        began = time.monotonic()
        with_sessions = began >= self._next_look
        is_read = self._outlet.is_read
        values = (with_sessions, *halves(before))
        if is_read:
            rows = connection.execute(FOLLOW, (*values, self._count), binary=True).fetchall()
        else:
            rows = connection.execute(SKIP, values, binary=True).fetchall()
        horizon, ended, at_us, behind, trimmed_xid, trimmed_seq = rows[0][:6]
        is_new = rows[0][6] is not None
        is_full = is_read and is_new and len(rows) == self._count
        if is_read and trimmed_xid is not None and place_at(trimmed_xid, trimmed_seq or 0) > before:
            _log.warning(
                "messages were dropped by retention before this process read them: it stood still, or the "
                "server was away, for longer than they are kept; all subscriptions end with PositionLost"
            )
            self._outlet.missed(before)
        last = before
        if is_new and is_read:
            messages = [envelope_of(row[6:]) for row in rows]
            self._outlet.fan_out(messages, own=False)
            self._adapt(sum(len(message.data) for message in messages), is_full)
            last = messages[-1].seq or 0
        elif is_new:
            last = place_at(*rows[0][6:])
            if not self._outlet.skip(last):  # somebody has begun to read meanwhile
                return True
        going_on = horizon - 1 if behind is None else horizon + behind
        look = _Look(at_us, going_on) if with_sessions else None
        if with_sessions:
            self._next_look = began + _BETWEEN_LOOKS
        self._date_live(look, ended, 0 if is_full else horizon)
        log.end_pass(last, None if is_full else horizon)
        return is_full

    def _date_live(self, look: _Look | None, ended: int, horizon: int) -> None:
        """Say which time all messages to come are later than.

        Args:
            look: the one at hand, if sessions were looked at.
            ended: before this transaction are all that had ended when it began.
            horizon: all messages of transactions before this one are fanned out; 0 if there is more to read.
        """
        looked = self._looked
        if looked is not None:
            if looked.ended is None:
                looked.ended = ended
            if horizon <= looked.last or horizon < looked.ended:
                return
            self._outlet.date_live_before(looked.at_us)
        self._looked = look

    def _adapt(self, size: int, is_full: bool) -> None:
        """Read fewer messages at once where they are large."""
        if size > _BYTES:
            self._count = max(self._count // 2, _LEAST)
        elif is_full:
            self._count = min(self._count * 2, _MOST)
