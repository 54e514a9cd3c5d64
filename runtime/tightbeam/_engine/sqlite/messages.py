"""The requests about messages: storing them, and reading on from a place, a position or a time."""

from __future__ import annotations

from heapq import merge
from operator import itemgetter
from typing import NamedTuple

from tightbeam._engine.records import Latest, Page, Publish, Seen, StoredOutcome
from tightbeam._engine.requests import (
    FindLatest,
    FindOutcome,
    FindStart,
    ListTopics,
    ReadPage,
    ReadPlaces,
    SeenUntil,
    TimeOf,
)
from tightbeam._engine.sqlite import epochs
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._hub.message_clock import MILLISECOND
from tightbeam._message import Address, Envelope
from tightbeam.errors import PositionLost

__all__ = [
    "Bounds",
    "append",
    "bounds",
    "find_latest",
    "find_outcome",
    "find_start",
    "list_topics",
    "meta",
    "read_page",
    "read_places",
    "seen_until",
    "set_meta",
    "time_of",
]

_TOPICS = """
WITH RECURSIVE found (topic) AS (
    SELECT min(topic) FROM message WHERE channel = :channel
    UNION ALL
    SELECT (SELECT min(topic) FROM message WHERE channel = :channel AND topic > found.topic)
    FROM found WHERE topic IS NOT NULL
)
"""
"""The topics that a channel has messages of, with one search in the index for each."""
_TOPICS_OF_CHANNEL = f"{_TOPICS} SELECT topic FROM found WHERE topic IS NOT NULL"  # noqa: S608 - of a constant
_LAST_OF_CHANNEL = f"""
{_TOPICS}
SELECT max((SELECT max(seq) FROM message WHERE channel = :channel AND topic = found.topic)) FROM found
"""  # noqa: S608 - of a constant
_FOLLOWING = (
    "SELECT channel, topic, data, run_id, id, created_at, seq, metadata FROM message "
    "WHERE channel = ? AND topic = ? AND seq > ? ORDER BY seq"
)
# A single search in the index by channel, topic and place, however many messages there are.
_LATEST = "SELECT max(seq) FROM message WHERE channel = ? AND topic = ?"
_MESSAGE = "SELECT channel, topic, data, run_id, id, created_at, seq, metadata FROM message WHERE seq = ?"


class Bounds(NamedTuple):
    """Which positions the journal can resume from."""

    trimmed: int
    """The last message that is gone."""
    last: int
    """The last message that was written."""


_APPEND = (
    "INSERT INTO message "
    "(channel, topic, run, run_id, step, number, started_at, ended_at, created_at, data, metadata) "
    "SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? "
    "WHERE NOT EXISTS (SELECT 1 FROM step WHERE run_id = ? AND id = ?) "
    "AND NOT EXISTS (SELECT 1 FROM run WHERE number = ? AND ended_at IS NOT NULL) "
    "ON CONFLICT DO NOTHING"
)
"""The memo of a step is its message, or a row of its own: also of a publish whose message was trimmed.

A run that has ended publishes nothing more, even if its handler goes on.
"""


def append(tx: Transaction, publish: Publish, step_id: str, ended_at: int) -> bool:
    """Store a message, which is the memo of its step too, and put it into the outbox with its place and time.

    In a channel times increase by a millisecond at least, whatever the clock does, and are later than those
    of live messages handed out before: so a reader can resume by the time of its last message.

    Args:
        tx: the transaction.
        publish: the message, and what published it.
        step_id: the id of its step, as a memo has it.
        ended_at: the time now.

    Returns:
        False if the step has a memo already, or the run has ended: nothing was written then.
    """
    run, run_id, step, number, channel, topic, data, started_at, metadata = publish
    created = tx.reserve(channel, started_at, lambda: _last_time(tx, channel))
    values = (channel, topic, run, run_id, step, number, started_at, ended_at, created, data, metadata)
    written = tx.execute(_APPEND, (*values, run_id, step_id, run))
    if not written.rowcount:
        return False
    tx.written += len(data)
    # The id as Inngest's messages carry it, so that a subscriber may rely on one form.
    message_id = f"{run_id}:{step}:{number}"
    place = written.lastrowid
    tx.outbox.append(Envelope(channel, topic, data, run_id, message_id, created, place, metadata))
    return True


def _last_time(tx: Transaction, channel: str) -> int:
    """Return when the last message of a channel was published; it may be trimmed by now."""
    return _stored_time(tx, channel) or meta(tx, "trimmed_created_at")


def _stored_time(tx: Transaction, channel: str) -> int:
    """Return when the last message that is left of a channel was published, or 0."""
    last = tx.execute(
        f"SELECT created_at FROM message WHERE seq = ({_LAST_OF_CHANNEL})",  # noqa: S608 - a constant
        {"channel": channel},
    ).fetchone()
    return last[0] if last else 0


def bounds(tx: Transaction) -> Bounds:
    """Return which positions the journal can resume from."""
    last = tx.execute("SELECT max(seq) FROM message").fetchone()[0]
    return Bounds(meta(tx, "trimmed"), last or 0)


def find_start(tx: Transaction, request: FindStart) -> int:
    """Answer `FindStart`."""
    return _start_of(tx, request.after)


def _start_of(tx: Transaction, after: str) -> int:
    edges = bounds(tx)
    if after == "start":
        return edges.trimmed
    place = epochs.place_of(tx.execute, after)
    if place is None or place > edges.last:
        raise PositionLost(
            "that position is not of this journal: the file was replaced, or an older copy of it was put "
            "back, or the engine is in memory"
        )
    if place < edges.trimmed:
        raise PositionLost("what came after that position is no longer retained")
    return place


def list_topics(tx: Transaction, request: ListTopics) -> list[str]:
    """Answer `ListTopics`."""
    return [topic for (topic,) in tx.execute(_TOPICS_OF_CHANNEL, {"channel": request.channel})]


def seen_until(tx: Transaction, request: SeenUntil) -> Seen:
    """Answer `SeenUntil`."""
    channel, since_ms = request.channel, request.since_ms
    edges = bounds(tx)
    if edges.trimmed and since_ms * MILLISECOND < meta(tx, "trimmed_created_at"):
        raise PositionLost("what came after that time is no longer retained")
    limit = (since_ms + 1) * MILLISECOND
    topics = list_topics(tx, ListTopics(channel))
    halved = [_last_before(tx, (channel, topic), limit, edges) for topic in topics]
    place, place_us, _ = max(halved, default=(edges.trimmed, 0, None), key=itemgetter(0))
    following = min((after for _, _, after in halved if after is not None), default=None)
    exact = place if place_us // MILLISECOND == since_ms else None
    return Seen(place, _stored_time(tx, channel), exact, following, edges.last)


def _last_before(tx: Transaction, address: Address, limit: int, edges: Bounds) -> tuple[int, int, int | None]:
    """Find the last message to an address with a time below the limit.

    In a channel times increase with places, so it is found by halving: publishers would wait for a scan of a
    long journal.

    Args:
        tx: the transaction.
        address: of the message.
        limit: the time.
        edges: the first and the last place.

    Returns:
        Place and time of the message, or the first place and 0; and the place of the message after it, if
        any.
    """
    low, low_us, high, after = edges.trimmed, 0, edges.last, None
    while low < high:
        middle = (low + high) // 2
        row = tx.execute(
            "SELECT seq, created_at FROM message WHERE channel = ? AND topic = ? AND seq > ? AND seq <= ? "
            "ORDER BY seq LIMIT 1",
            (*address, middle, high),
        ).fetchone()
        if row is not None and row[1] < limit:
            low, low_us = row
        else:
            high = middle
            after = after if row is None else row[0]
    return low, low_us, after


def time_of(tx: Transaction, request: TimeOf) -> int:
    """Answer `TimeOf`."""
    row = tx.execute(
        "SELECT created_at FROM message WHERE seq <= ? ORDER BY seq DESC LIMIT 1",
        (_start_of(tx, request.position),),
    ).fetchone()
    return row[0] if row else 0


def find_outcome(tx: Transaction, request: FindOutcome) -> StoredOutcome | None:
    """Answer `FindOutcome`."""
    row = tx.execute(
        "SELECT run.id, state, result, max(run.ended_at, message.created_at + 1) "  # noqa: S608 - of a constant
        "FROM message CROSS JOIN run ON run.id = message.run_id "
        f"WHERE message.seq = ({_LAST_OF_CHANNEL}) AND run.ended_at IS NOT NULL",
        {"channel": request.channel},
    ).fetchone()
    return StoredOutcome(*row) if row else None


def read_page(tx: Transaction, request: ReadPage) -> Page:
    """Answer `ReadPage`."""
    start = request.after
    after = start if isinstance(start, int) else _start_of(tx, start)
    edges = bounds(tx)
    if after < edges.trimmed:
        raise PositionLost("the messages right after that position are no longer retained")
    # The cursors are read row by row, so that no more is read than the page takes.
    cursors = [tx.execute(_FOLLOWING, (*address, after)) for address in request.addresses]
    rows = cursors[0] if len(cursors) == 1 else merge(*cursors, key=itemgetter(6))
    page: list[Envelope] = []
    size, upto = 0, edges.last
    for row in rows:
        page.append(Envelope(*row))
        size += len(row[2])
        if len(page) == request.messages or size >= request.size:
            upto = row[6]
            break
    for cursor in cursors:
        cursor.close()
    return Page(page, upto)


def find_latest(tx: Transaction, request: FindLatest) -> Latest:
    """Answer `FindLatest`."""
    places = (tx.execute(_LATEST, address).fetchone()[0] for address in request.addresses)
    return Latest(sorted(place for place in places if place is not None), bounds(tx).last)


def read_places(tx: Transaction, request: ReadPlaces) -> tuple[list[Envelope], int]:
    """Answer `ReadPlaces`."""
    page: list[Envelope] = []
    count, size = 0, 0
    for count, place in enumerate(request.places[: request.messages], 1):  # noqa: B007 - returned
        row = tx.execute(_MESSAGE, (place,)).fetchone()
        if row is not None:
            page.append(Envelope(*row))
            size += len(row[2])
            if size >= request.size:
                break
    return page, count


def meta(tx: Transaction, name: str) -> int:
    """Return a number that is kept beside the tables; 0 if it was never set."""
    row = tx.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def set_meta(tx: Transaction, name: str, value: int) -> None:
    """Keep a number beside the tables."""
    tx.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
