"""The requests about messages: reading on from a place, a position or a time.

No answer holds a message behind `Log.followed`: it is still to be fanned out, and the reader would get it
twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tightbeam._engine.postgres.following import MESSAGE, envelope_of
from tightbeam._engine.postgres.places import halves, place_at, place_of
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import Latest, Page, Seen, StoredOutcome
from tightbeam._engine.requests import (
    FindLatest,
    FindOutcome,
    FindStart,
    ReadPage,
    ReadPlaces,
    SeenUntil,
    TimeOf,
)
from tightbeam._message import MILLISECOND, Envelope
from tightbeam.errors import PositionLost

__all__ = [
    "Trimmed",
    "find_latest",
    "find_outcome",
    "find_start",
    "known_place",
    "read_page",
    "read_places",
    "seen_until",
    "time_of",
    "trimmed",
]

TRIMMED = "SELECT name, value::bigint FROM meta WHERE name IN ('trimmed_xid', 'trimmed_seq', 'trimmed_us')"
_PLACES = "ORDER BY message.xid, message.seq LIMIT"
READ_PAGE = f"""
WITH place AS (
    SELECT following.xid, following.seq
    FROM unnest(%(channels)s::text[], %(topics)s::text[]) AS address (channel, topic)
    CROSS JOIN LATERAL (
        SELECT message.xid, message.seq FROM message
        WHERE message.channel = address.channel AND message.topic = address.topic
        AND (message.xid, message.seq) > (%(xid)s::xid8, %(seq)s::bigint)
        AND (message.xid, message.seq) <= (%(last_xid)s::xid8, %(last_seq)s::bigint)
        {_PLACES} %(messages)s::bigint
    ) AS following
    ORDER BY following.xid, following.seq LIMIT %(messages)s::bigint
),
page AS (
    SELECT message.*, sum(octet_length(message.data)) OVER (ORDER BY message.xid, message.seq)
        - octet_length(message.data) AS before
    FROM place JOIN message ON message.xid = place.xid AND message.seq = place.seq
)
SELECT {MESSAGE} FROM page AS message WHERE message.before < %(size)s::bigint
ORDER BY message.xid, message.seq
"""  # noqa: S608 - of constants
"""First the places, from the index alone; then the messages at the first of them, as many as fit the page."""
FIND_LATEST = """
SELECT latest.xid::text::bigint, latest.seq
FROM unnest(%s::text[], %s::text[]) AS address (channel, topic)
CROSS JOIN LATERAL (
    SELECT message.xid, message.seq FROM message
    WHERE message.channel = address.channel AND message.topic = address.topic
    AND (message.xid, message.seq) <= (%s::xid8, %s::bigint)
    ORDER BY message.xid DESC, message.seq DESC LIMIT 1
) AS latest
"""
READ_PLACES = f"""
WITH page AS (
    SELECT message.*, sum(octet_length(message.data)) OVER (ORDER BY message.xid, message.seq)
        - octet_length(message.data) AS before
    FROM unnest(%s::text[], %s::bigint[]) AS place (xid, seq)
    JOIN message ON message.xid = place.xid::xid8 AND message.seq = place.seq
)
SELECT {MESSAGE} FROM page AS message WHERE message.before < %s::bigint ORDER BY message.xid, message.seq
"""  # noqa: S608 - of a constant
TIME_OF = """
SELECT created_at FROM message WHERE (message.xid, message.seq) <= (%s::xid8, %s::bigint)
ORDER BY message.xid DESC, message.seq DESC LIMIT 1
"""
TOPICS_FOUND = """
WITH RECURSIVE found (topic) AS (
    (SELECT topic FROM message WHERE channel = %(channel)s ORDER BY topic LIMIT 1)
    UNION ALL
    SELECT (
        SELECT message.topic FROM message
        WHERE message.channel = %(channel)s AND message.topic > found.topic ORDER BY message.topic LIMIT 1
    )
    FROM found WHERE found.topic IS NOT NULL
)
"""
"""The topics of a channel that have messages, and a NULL: with one search in the index for each."""
LAST_OF_CHANNEL = f"""
{TOPICS_FOUND}SELECT last.xid::text::bigint, last.seq, last.run, last.created_at FROM found
CROSS JOIN LATERAL (
    SELECT message.xid, message.seq, message.run, message.created_at FROM message
    WHERE message.channel = %(channel)s AND message.topic = found.topic
    AND (message.xid, message.seq) <= (%(xid)s::xid8, %(seq)s::bigint)
    ORDER BY message.xid DESC, message.seq DESC LIMIT 1
) AS last
ORDER BY last.xid DESC, last.seq DESC LIMIT 1
"""  # noqa: S608 - of a constant
_ALL = {"xid": str((1 << 63) - 1), "seq": (1 << 63) - 1}
OUTCOME = "SELECT id, state, result, ended_at FROM run WHERE number = %s AND ended_at IS NOT NULL"
LAST_TIME = """
SELECT created_at FROM message WHERE channel = %s AND (message.xid, message.seq) <= (%s::xid8, %s::bigint)
ORDER BY created_at DESC LIMIT 1
"""
AT_TIME = """
SELECT message.xid::text::bigint, message.seq FROM message
WHERE channel = %s AND created_at >= %s::bigint AND created_at < %s::bigint
ORDER BY message.xid, message.seq LIMIT 1
"""
LATER = """
SELECT message.xid::text::bigint, message.seq FROM message
WHERE channel = %s AND created_at >= %s::bigint AND (message.xid, message.seq) <= (%s::xid8, %s::bigint)
ORDER BY message.xid, message.seq LIMIT 1
"""


class Trimmed(NamedTuple):
    """What retention has dropped."""

    place: int
    """The place of the last message that is gone; 0 if none is."""
    us: int
    """The time of the latest message that is gone."""


def trimmed(tx: Transaction) -> Trimmed:
    """Return what retention has dropped so far."""
    values: dict[str, int] = dict(tx.execute(TRIMMED).fetchall())
    place = place_at(values.get("trimmed_xid", 0), values.get("trimmed_seq", 0))
    found = Trimmed(place, values.get("trimmed_us", 0))
    tx.log.trimmed_us = max(tx.log.trimmed_us, found.us)
    return found


def find_start(tx: Transaction, request: FindStart) -> int:
    """Answer `FindStart`."""
    return _start_of(tx, request.after, trimmed(tx))


def known_place(tx: Transaction, position: str) -> int | None:
    """Return the place of a position; None if this journal hasn't handed it out.

    A position that another process has handed out may be ahead of what this one has followed: the log is
    followed once more then.
    """
    place = place_of(tx.log.journal, position)
    return place if place is not None and tx.log.reach(place) else None


def _start_of(tx: Transaction, after: str, gone: Trimmed) -> int:
    if after == "start":
        return gone.place
    place = known_place(tx, after)
    if place is None:
        raise PositionLost(
            "that position is not of this journal: the database is another one, or an older copy was put back"
        )
    if place < gone.place:
        raise PositionLost("what came after that position is no longer retained")
    return place


def read_page(tx: Transaction, request: ReadPage) -> Page:
    """Answer `ReadPage`."""
    after = request.after
    start = after if isinstance(after, int) else _start_of(tx, after, trimmed(tx))
    tx.log.reach(start)
    upto = max(tx.log.followed, start)
    xid, seq = halves(start)
    last_xid, last_seq = halves(upto)
    values = {
        "channels": [channel for channel, _ in request.addresses],
        "topics": [topic for _, topic in request.addresses],
        "xid": xid,
        "seq": seq,
        "last_xid": last_xid,
        "last_seq": last_seq,
        "messages": request.messages,
        "size": request.size,
    }
    page = _envelopes(tx.execute(READ_PAGE, values).fetchall())
    if start < trimmed(tx).place:  # after reading: what is gone now may have been gone before
        raise PositionLost("the messages right after that position are no longer retained")
    is_full = len(page) == request.messages or sum(len(one.data) for one in page) >= request.size
    return Page(page, page[-1].seq or 0 if is_full else upto)


def _envelopes(rows: Sequence[tuple[Any, ...]]) -> list[Envelope]:
    return [envelope_of(row) for row in rows]


def find_latest(tx: Transaction, request: FindLatest) -> Latest:
    """Answer `FindLatest`."""
    channels = [channel for channel, _ in request.addresses]
    topics = [topic for _, topic in request.addresses]
    end = tx.log.look()  # with what this process has stored just now
    rows = tx.execute(FIND_LATEST, (channels, topics, *halves(end))).fetchall()
    return Latest(sorted(place_at(xid, seq) for xid, seq in rows), end)


def read_places(tx: Transaction, request: ReadPlaces) -> tuple[list[Envelope], int]:
    """Answer `ReadPlaces`."""
    wanted = request.places[: request.messages]
    xids, seqs = [halves(place)[0] for place in wanted], [halves(place)[1] for place in wanted]
    page = _envelopes(tx.execute(READ_PLACES, (xids, seqs, request.size)).fetchall())
    if sum(len(one.data) for one in page) >= request.size:
        return page, wanted.index(page[-1].seq or 0) + 1
    return page, len(wanted)


def time_of(tx: Transaction, request: TimeOf) -> int:
    """Answer `TimeOf`."""
    place = _start_of(tx, request.position, trimmed(tx))
    row = tx.execute(TIME_OF, halves(place)).fetchone()
    return row[0] if row else 0


def find_outcome(tx: Transaction, request: FindOutcome) -> StoredOutcome | None:
    """Answer `FindOutcome`.

    While the channel's last message is still to be fanned out, its run goes on for readers: they hear of its
    end after that message.
    """
    last = tx.execute(LAST_OF_CHANNEL, {"channel": request.channel, **_ALL}).fetchone()
    if last is None or last[2] is None or not tx.log.reach(place_at(*last[:2])):
        return None
    row = tx.execute(OUTCOME, (last[2],)).fetchone()
    if row is None:
        return None
    run_id, state, result, ended_at = row
    ended_us = max(ended_at, last[3] + 1)
    return StoredOutcome(run_id, state, None if result is None else bytes(result), ended_us)


def seen_until(tx: Transaction, request: SeenUntil) -> Seen:
    """Answer `SeenUntil`.

    Times and places of messages of several processes, and of long transactions, may differ in order. Then it
    is the earliest place: a repeat is better than a gap.
    """
    channel, since = request.channel, request.since_ms * MILLISECOND
    gone = trimmed(tx)
    if gone.place and since < gone.us:
        raise PositionLost("what came after that time is no longer retained")
    end = tx.log.look()  # the reader may have seen what another process has followed
    limit = since + MILLISECOND
    exact = _first(tx, AT_TIME, (channel, since, limit))
    if exact is not None and not tx.log.reach(exact):
        exact = None
    following = _first(tx, LATER, (channel, limit, *halves(end)))
    last = tx.execute(LAST_TIME, (channel, *halves(end))).fetchone()
    place = exact or _last_before(tx, channel, end if following is None else following - 1) or gone.place
    return Seen(place, last[0] if last else 0, exact, following, end)


def _last_before(tx: Transaction, channel: str, place: int) -> int | None:
    """Return the place of the last message of a channel up to a place, or None."""
    xid, seq = halves(place)
    row = tx.execute(LAST_OF_CHANNEL, {"channel": channel, "xid": xid, "seq": seq}).fetchone()
    return None if row is None else place_at(*row[:2])


def _first(tx: Transaction, query: str, values: Sequence[object]) -> int | None:
    row = tx.execute(query, values).fetchone()
    return None if row is None else place_at(*row)
