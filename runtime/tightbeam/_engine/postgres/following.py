"""Following the log: what is committed is handed on in one order, which is the same in all processes.

A message is read once all transactions with lower ids have ended (``xid < pg_snapshot_xmin(…)``): until then
one of them could still commit a message that comes earlier in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
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

FOLLOW = f"""
SELECT
    horizon.xmin::text::bigint,
    (SELECT value::bigint FROM meta WHERE name = 'trimmed_xid'),
    (SELECT value::bigint FROM meta WHERE name = 'trimmed_seq'),
    following.*
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin) AS horizon
LEFT JOIN LATERAL (
    SELECT {MESSAGE} FROM message
    WHERE (message.xid, message.seq) > (%s::xid8, %s::bigint) AND message.xid < horizon.xmin
    ORDER BY message.xid, message.seq LIMIT %s::bigint
) AS following (channel, topic, data, run_id, id, created_at, transaction, seq, metadata) ON true
ORDER BY following.transaction, following.seq
"""  # noqa: S608 - of a constant
"""One row at least, so that the horizon is known where there is no message."""

_LEAST, _MOST = 16, 1_024
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

    def fan_out(self, committed: Sequence[Envelope], /, *, own: bool = True) -> object:
        """Hand on messages, in the order of the log. Doesn't raise."""
        ...

    def missed(self, place: int, /) -> None:
        """See `Outlet`."""
        ...


class Follower:
    """Reads the log from where this process began, and fans out what is new."""

    def __init__(self, log: Log, outlet: FanOut) -> None:
        """Begin at the place that the log is followed up to.

        Args:
            log: gets told how far it is followed.
            outlet: gets the messages.
        """
        self._log = log
        self._outlet = outlet
        self._count = 64

    @property
    def horizon(self) -> int:
        """All messages of transactions with lower ids are fanned out."""
        return self._log.horizon

    def follow(self, connection: Connection[Any]) -> bool:
        """Fan out the messages that are new, a page of them at most.

        Args:
            connection: in autocommit.

        Returns:
            Whether there may be more.
        """
        log = self._log
        log.begin_pass()
        before = log.followed
        rows = connection.execute(FOLLOW, (*halves(before), self._count), binary=True).fetchall()
        horizon, trimmed_xid, trimmed_seq = rows[0][:3]
        if rows[0][3] is None:
            log.end_pass(before, horizon)
            return False
        if trimmed_xid is not None and place_at(trimmed_xid, trimmed_seq or 0) > before:
            _log.warning(
                "messages were dropped by retention before this process read them: it stood still, or the "
                "server was away, for longer than they are kept; all subscriptions end with PositionLost"
            )
            self._outlet.missed(before)
        messages = [envelope_of(row[3:]) for row in rows]
        self._outlet.fan_out(messages, own=False)
        is_full = len(messages) == self._count
        log.end_pass(messages[-1].seq or 0, None if is_full else horizon)
        self._adapt(sum(len(message.data) for message in messages), is_full)
        return is_full

    def _adapt(self, size: int, is_full: bool) -> None:
        """Read fewer messages at once where they are large."""
        if size > _BYTES:
            self._count = max(self._count // 2, _LEAST)
        elif is_full:
            self._count = min(self._count * 2, _MOST)
