"""Retention: what is too old or too much leaves the journal, in slices, by one process at a time.

Each slice is a short transaction of its own, since a transaction that writes holds back the log of all.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from tightbeam._clock import moved_us
from tightbeam._engine import trimming
from tightbeam._engine.doubt import Doubt
from tightbeam._engine.postgres.log import Log
from tightbeam._engine.postgres.messages import TRIMMED
from tightbeam._engine.postgres.places import halves, place_at
from tightbeam._engine.settings import Retention

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ["Kept", "Trimmer"]

_log = logging.getLogger("tightbeam")

_COUNTED, _COUNTS = 20_000, 5
"""Messages that are counted in one statement, and how many statements there are at once."""
_SAMPLES, _OF_A_SAMPLE = 16, 250
"""Runs that are measured, if there are more: so many, at so many points of the table."""

LOCK = "SELECT pg_try_advisory_lock(hashtext(current_schema() || '.retention'))"
UNLOCK = "SELECT pg_advisory_unlock(hashtext(current_schema() || '.retention'))"
NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
META = "SELECT value FROM meta WHERE name = %s"
SET_META = """
INSERT INTO meta (name, value) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
FORGET_META = "DELETE FROM meta WHERE name = %s"
COUNT = """
SELECT count(*), coalesce(sum(400 + octet_length(data) + coalesce(octet_length(metadata), 0)), 0)::bigint,
    max(page.xid::text::numeric * 18446744073709551616 + page.seq)
FROM (
    SELECT message.xid, message.seq, message.data, message.metadata FROM message
    WHERE (message.xid, message.seq) > (%s::xid8, %s::bigint)
    AND (message.xid, message.seq) <= (%s::xid8, %s::bigint)
    ORDER BY message.xid, message.seq LIMIT %s::bigint
) AS page
"""
"""A message takes some 400 bytes beside its data: its row, and its entries in the indexes."""
RUN_NUMBERS = """
SELECT (SELECT number FROM run ORDER BY number LIMIT 1), (SELECT number FROM run ORDER BY number DESC LIMIT 1)
"""
RUN_SIZES = """
SELECT coalesce(sum(
    800 + octet_length(run.data) + coalesce(octet_length(run.result), 0)
    + coalesce(octet_length(run.traceback), 0) + coalesce(octet_length(run.error_text), 0)
    + (SELECT coalesce(sum(300 + coalesce(octet_length(step.result), 0)), 0) FROM step
       WHERE step.run_id = run.id)
), 0)::bigint
FROM unnest(%s::bigint[]) AS sample (number)
JOIN run ON run.number >= sample.number AND run.number < sample.number + %s::bigint
"""
OLDEST = """
SELECT message.created_at FROM message
WHERE (message.xid, message.seq) > (%s::xid8, %s::bigint)
AND (message.xid, message.seq) <= (%s::xid8, %s::bigint)
ORDER BY message.xid, message.seq LIMIT %s::bigint
"""
NTH = """
SELECT message.xid::text::bigint, message.seq, coalesce(run.created_at, message.created_at)
FROM message LEFT JOIN run ON run.number = message.run
WHERE (message.xid, message.seq) > (%s::xid8, %s::bigint)
ORDER BY message.xid, message.seq OFFSET %s::bigint LIMIT 1
"""
KEEP_MEMOS = """
INSERT INTO step (run_id, id, kind, channel, topic, state, attempts, started_at, ended_at, result)
SELECT message.run_id,
    CASE WHEN message.number = 0 THEN message.step ELSE message.step || ':' || message.number END,
    'step.realtime.publish', message.channel, message.topic, 'done', 1, message.started_at, message.ended_at,
    CASE WHEN run.state = 'done' THEN NULL ELSE message.data END
FROM message JOIN run ON run.number = message.run
WHERE (message.xid, message.seq) <= (%s::xid8, %s::bigint)
ON CONFLICT DO NOTHING
"""
"""A message is the memo of its publish too: without it an unfinished run would publish it once more."""
DROP_MESSAGES = """
WITH dropped AS (
    DELETE FROM message WHERE (message.xid, message.seq) <= (%s::xid8, %s::bigint)
    RETURNING created_at, 400 + octet_length(data) + coalesce(octet_length(metadata), 0) AS size
)
SELECT count(*), coalesce(max(created_at), 0), coalesce(sum(size), 0)::bigint FROM dropped
"""
ENDED = """
SELECT id, number FROM run WHERE ended_at < %s::bigint
ORDER BY ended_at LIMIT %s::bigint FOR UPDATE SKIP LOCKED
"""
NAME_MESSAGES = """
UPDATE message SET id = run_id || ':' || step || ':' || number WHERE run = ANY(%s::bigint[]) AND id IS NULL
"""
"""A message may outlive its run, a little, and is looked up by its own id then."""
DROP_STEPS = "DELETE FROM step WHERE run_id = ANY(%s::text[])"
DROP_RUNS = "DELETE FROM run WHERE number = ANY(%s::bigint[])"
OLDEST_TIMES = """
SELECT (SELECT created_at FROM message ORDER BY message.xid, message.seq LIMIT 1),
    (SELECT ended_at FROM run WHERE ended_at IS NOT NULL ORDER BY ended_at LIMIT 1)
"""

_DOUBTED = "clock_doubted"


class _Count(NamedTuple):
    """How many messages there are up to a place, and what they take."""

    place: int
    messages: int
    size: int


class Trimmer:
    """Drops what is no longer retained, where no other process does at this moment."""

    def __init__(self, log: Log, retention: Retention) -> None:
        """Begin without having looked.

        Args:
            log: how far this process has followed; nothing behind that is dropped.
            retention: what is kept.
        """
        self._log = log
        self._retention = retention
        self._doubt = Doubt()

    def __call__(self, connection: Connection[Any]) -> bool:
        """Drop some of what is no longer retained; an error of the server leaves whole slices done.

        Args:
            connection: in autocommit, and between transactions.

        Returns:
            Whether there is more to drop.
        """
        if not _value(connection, LOCK):
            return False
        try:
            return self._trim(connection)
        finally:
            if not connection.closed:
                connection.execute(UNLOCK)

    def _trim(self, connection: Connection[Any]) -> bool:
        kept = Kept(connection, self._log)
        if not self._log.reach(kept.counted_place):  # another process has followed, and counted, more
            return False
        has_more = not kept.is_all_counted
        is_too_large = trimming.shrink(kept, self._retention.size)
        now = _value(connection, NOW) + moved_us()
        horizon = 0 if self._is_doubted(connection, kept, now) else now
        return trimming.trim(kept, self._retention, horizon) or is_too_large or has_more

    def _is_doubted(self, connection: Connection[Any], kept: Kept, now: int) -> bool:
        """Return whether the server's clock is doubted; when that began is stored, for all processes."""
        before = int(_value(connection, META, _DOUBTED) or 0)
        since = self._doubt.since(kept, now, now - self._retention.age_us, before)
        if since and since != before:
            connection.execute(SET_META, (_DOUBTED, str(since)))
        elif before and not since:
            connection.execute(FORGET_META, (_DOUBTED,))
        return since > 0


class Kept:
    """What is in the journal: see `Trimmable` and `Stored`.

    Its places are ranks among the messages that are there: in a log of several writers numbers have gaps, so
    that they don't say how many messages there are.
    """

    def __init__(self, connection: Connection[Any], log: Log) -> None:
        """Count the messages that are new since they were counted last.

        Args:
            connection: in autocommit.
            log: how far messages may be counted and dropped.
        """
        self._connection = connection
        self._log = log
        self._last_place = log.followed
        values: dict[str, int] = dict(connection.execute(TRIMMED).fetchall())
        self._trimmed_place = place_at(values.get("trimmed_xid", 0), values.get("trimmed_seq", 0))
        self._trimmed_us = log.trimmed_us = values.get("trimmed_us", 0)
        self._counted = self._count()
        self.trimmed = 0
        """How many messages were dropped by this object."""
        self.last = self._counted.messages
        """The rank of the last message."""

    @property
    def counted_place(self) -> int:
        """The place up to which messages are counted."""
        return self._counted.place

    def _count(self) -> _Count:
        """Return how many messages there are, by counting on from where that was done last."""
        text = _value(self._connection, META, "counted")
        before = counted = _Count(0, 0, 0) if text is None else _Count(*map(int, text.split()))
        for _ in range(_COUNTS):
            if counted.place >= self._last_place:
                break
            values = (*halves(counted.place), *halves(self._last_place), _COUNTED)
            found: tuple[Any, ...] | None = self._connection.execute(COUNT, values).fetchone()
            more, size, last = found or (0, 0, 0)
            place = self._last_place if more < _COUNTED else int(last)
            counted = _Count(place, counted.messages + more, counted.size + size)
        self.is_all_counted = counted.place >= self._last_place
        """Whether there are no more messages than those that were counted: later ones aren't looked at."""
        self._last_place = counted.place
        if counted != before:
            self._connection.execute(SET_META, ("counted", _text(counted)))
        return counted

    def size(self) -> int:
        """Return about how many bytes the journal takes: of many runs some are measured."""
        numbers: tuple[Any, ...] = self._connection.execute(RUN_NUMBERS).fetchone() or (None, None)
        first, last = numbers
        if first is None:
            return self._counted.size
        width = last - first + 1
        step = _OF_A_SAMPLE
        samples, share = list(range(first, last + 1, step)), 1.0
        if len(samples) > _SAMPLES:
            samples = [first + (width - step) * n // (_SAMPLES - 1) for n in range(_SAMPLES)]
            share = width / (_SAMPLES * step)
        return self._counted.size + int(_value(self._connection, RUN_SIZES, samples, step) * share)

    def older_than(self, time_us: int, most: int, /) -> int:
        """See `Trimmable`."""
        bounds = (*halves(self._trimmed_place), *halves(self._last_place))
        count = 0
        for (created,) in self._connection.execute(OLDEST, (*bounds, most)).fetchall():
            if created >= time_us:
                break
            count += 1
        return self.trimmed + count if count else 0

    def begun_before(self, place: int, /) -> int:
        """See `Trimmable`."""
        begun: int = self._nth(place + 1)[1]
        return begun

    def _nth(self, rank: int) -> tuple[int, int]:
        """Return the place of the message of a rank, and when its run began."""
        values = (*halves(self._trimmed_place), rank - self.trimmed - 1)
        row = self._connection.execute(NTH, values).fetchone()
        assert row is not None  # noqa: S101 - it was counted, and only this process drops any
        return place_at(*row[:2]), row[2]

    def drop_messages(self, upto: int, /) -> None:
        """See `Trimmable`."""
        place, _ = self._nth(upto)
        connection, counted = self._connection, self._counted
        with connection.transaction():
            connection.execute(KEEP_MEMOS, halves(place))
            dropped, newest, size = connection.execute(DROP_MESSAGES, halves(place)).fetchone() or (0, 0, 0)
            counted = _Count(counted.place, max(counted.messages - dropped, 0), max(counted.size - size, 0))
            trimmed_us = max(self._trimmed_us, newest)
            xid, seq = halves(place)
            for name, value in (
                ("trimmed_xid", xid),
                ("trimmed_seq", seq),
                ("trimmed_us", trimmed_us),
                ("counted", _text(counted)),
            ):
                connection.execute(SET_META, (name, str(value)))
        self._counted, self._trimmed_place, self.trimmed = counted, place, upto
        self._trimmed_us = self._log.trimmed_us = trimmed_us

    def drop_runs(self, before: int, most: int, /) -> int:
        """See `Trimmable`."""
        connection = self._connection
        with connection.transaction():
            ended = connection.execute(ENDED, (before, most)).fetchall()
            if ended:
                ids, numbers = [run_id for run_id, _ in ended], [number for _, number in ended]
                connection.execute(NAME_MESSAGES, (numbers,))
                connection.execute(DROP_STEPS, (ids,))
                connection.execute(DROP_RUNS, (numbers,))
        return len(ended)

    def oldest(self) -> int | None:
        """See `Stored`."""
        times = self._connection.execute(OLDEST_TIMES).fetchone() or ()
        return min((time for time in times if time is not None), default=None)

    def newest(self) -> int:
        """See `Stored`."""
        return self._log.newest_us or self.oldest() or 0  # nothing was there then


def _text(counted: _Count) -> str:
    return " ".join(map(str, counted))


def _value(connection: Connection[Any], query: str, *values: object) -> Any:
    """Return the first column of the first row; None if there is no row."""
    row = connection.execute(query.encode(), values).fetchone()
    return None if row is None else row[0]
