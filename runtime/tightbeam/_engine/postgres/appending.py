"""Storing durable messages: all publishes of a batch in one statement, and one round trip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tightbeam._engine.postgres.arrays import Blobs, Integers, Texts
from tightbeam._engine.postgres.fencing import IS_EXECUTED
from tightbeam._engine.postgres.places import place_at
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import ClaimLost, MemoizedAlready, Publish, run_is_over
from tightbeam._engine.requests import MemoizePublish
from tightbeam._message import MILLISECOND, Envelope, now_us

__all__ = ["append", "memoize_publish"]

_CLOCK = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
APPEND = f"""
INSERT INTO message (
    channel, topic, run, run_id, step, number, started_at, ended_at, created_at, data, metadata
)
SELECT
    publish.channel, publish.topic, run.number, run.id, publish.step, publish.number, publish.started_at,
    %(now)s::bigint, greatest(publish.floor, {_CLOCK} + publish.gap), publish.data, publish.metadata
FROM unnest(
    %(channels)s::text[], %(topics)s::text[], %(runs)s::bigint[], %(claims)s::bigint[], %(steps)s::text[],
    %(numbers)s::bigint[], %(starts)s::bigint[], %(floors)s::bigint[], %(gaps)s::bigint[], %(data)s::bytea[],
    %(metadata)s::bytea[]
) WITH ORDINALITY AS publish (
    channel, topic, run, claim, step, number, started_at, floor, gap, data, metadata, rank
)
CROSS JOIN LATERAL (
    SELECT run.number, run.id FROM run
    WHERE run.number = publish.run AND {IS_EXECUTED}
        AND run.owner = %(process)s::bigint AND run.claim = publish.claim
    OFFSET 0 FOR SHARE
) AS run
WHERE NOT EXISTS (
    SELECT FROM step WHERE step.run_id = run.id AND step.id = CASE
        WHEN publish.number > 0 THEN publish.step || ':' || publish.number ELSE publish.step END
    OFFSET 0
)
ORDER BY publish.rank
ON CONFLICT DO NOTHING
RETURNING run, step, number, xid::text::bigint, seq, created_at, {_CLOCK}
"""  # noqa: S608 - of a constant
"""The memo of a step is its message, or a row of its own: also of a publish whose message was trimmed.

A run that has ended publishes nothing more, nor one that another process has claimed since: who ends it or
takes it away changes its row, which is locked until the message is there. Order and times of one channel
agree within the batch. ``OFFSET 0`` has each run and step searched for by its key, whatever the planner
thinks of the tables. The time is read behind the lock, when the transaction has its id: see `Follower`.
"""
APPEND_ONE = f"""
INSERT INTO message (
    channel, topic, run, run_id, step, number, started_at, ended_at, created_at, data, metadata
)
SELECT
    %(channel)s, %(topic)s, number, id, %(step)s, %(number)s, %(start)s, %(now)s,
    greatest(%(floor)s, {_CLOCK}), %(data)s, %(metadata)s
FROM (
    SELECT run.number, run.id FROM run WHERE run.number = %(run)s AND {IS_EXECUTED}
    AND run.owner = %(process)s AND run.claim = %(claim)s
    AND NOT EXISTS (SELECT FROM step WHERE step.run_id = run.id AND step.id = %(step_id)s OFFSET 0)
    FOR SHARE OF run
) AS run
ON CONFLICT DO NOTHING
RETURNING run, step, number, xid::text::bigint, seq, created_at, {_CLOCK}
"""  # noqa: S608 - of a constant
"""The same for a single message, at half the cost."""
STORED = (
    "SELECT xid::text::bigint, seq, created_at FROM message "
    "WHERE run = %s::bigint AND step = %s::text AND number = %s::integer "
    "AND started_at = %s::bigint AND data = %s::bytea"
)
"""Another process that has the run by now may have published in the same step, which is another message."""
FORGET_FAILURES = """
DELETE FROM step USING unnest(%s::text[], %s::text[]) AS failed (run_id, id)
WHERE step.run_id = failed.run_id AND step.id = failed.id AND step.state = 'failing'
"""
"""Of steps of another kind: the code has changed."""
START_OVER = "UPDATE run SET attempt = 0, deaths = 0 WHERE number = ANY(%s::bigint[])"
GOES_ON = f"SELECT owner, claim, {IS_EXECUTED} FROM run WHERE id = %s AND ended_at IS NULL"  # noqa: S608 - of a constant

_Key = tuple[int, str, int]
"""The run, the step and its number: unique among messages."""


def memoize_publish(tx: Transaction, request: MemoizePublish) -> None:
    """Answer `MemoizePublish`."""
    (error,) = append(tx, [request])
    if error is not None:
        raise error


def append(tx: Transaction, requests: Sequence[MemoizePublish]) -> list[BaseException | None]:
    """Store messages, each of which is the memo of its step too, or say why one is refused.

    A refusal takes no other message with it. Times are the server's, a millisecond apart in a channel, and
    later than those of messages that this process has handed out before: so a reader can resume by the time
    of its last message.

    Args:
        tx: the transaction; gets the messages that are stored.
        requests: in the order of the log.

    Returns:
        For each request None, or what its caller gets raised.
    """
    claimed = [request for request in requests if request.publish.run_id in tx.claims]
    stored = _insert(tx, claimed) if claimed else {}
    errors: list[BaseException | None] = []
    start_over: set[int] = set()
    for request in requests:
        publish = request.publish
        written = stored.pop(_key(request), None)
        if written is None:
            written = _stored_before(tx, publish) if tx.again else None
        if written is None:
            errors.append(_refusal(tx, request))
            continue
        errors.append(None)
        tx.written += len(publish.data)
        place, created = written
        # The id as Inngest's messages carry it, so that a subscriber may rely on one form.
        message_id = f"{publish.run_id}:{publish.step}:{publish.number}"
        message = (publish.channel, publish.topic, publish.data, publish.run_id, message_id, created, place)
        tx.sent.append(Envelope(*message, publish.metadata))
        if request.replaced.counted:
            start_over.add(publish.run)
    if start_over:
        tx.execute(START_OVER, (sorted(start_over),))
    return errors


def _insert(tx: Transaction, requests: Sequence[MemoizePublish]) -> dict[_Key, tuple[int, int]]:
    """Insert what may be inserted; return the place and the time of each message."""
    failed = [request for request in requests if request.replaced.failed]
    if failed:
        ids = [request.publish.run_id for request in failed], [request.step_id for request in failed]
        tx.execute(FORGET_FAILURES, ids)
    before = now_us()
    if len(requests) == 1:
        rows = tx.execute(APPEND_ONE, _values_of_one(tx, requests[0], before)).fetchall()
    else:
        rows = tx.execute(APPEND, _values(tx, requests, before)).fetchall()
    if not rows:
        return {}
    tx.log.ahead_us = rows[0][6] - now_us()  # at most what it is: the answer took a while
    stored = {(run, step, number): (place_at(xid, seq), at) for run, step, number, xid, seq, at, _ in rows}
    tx.log.note_times(
        (request.publish.channel, stored[key][1]) for request in requests if (key := _key(request)) in stored
    )
    return stored


def _key(request: MemoizePublish) -> _Key:
    publish = request.publish
    return publish.run, publish.step, publish.number


def _stored_before(tx: Transaction, publish: Publish) -> tuple[int, int] | None:
    """Return place and time of a message whose commit was cut off, if it was stored all the same."""
    key = (publish.run, publish.step, publish.number)
    rows = tx.execute(STORED, (*key, publish.started_at, publish.data)).fetchall()
    return next(((place_at(xid, seq), created) for xid, seq, created in rows), None)


def _floor(tx: Transaction, channel: str, now: int) -> int:
    """Return the earliest time of a channel's next message, by the server's clock."""
    ahead = tx.log.ahead_us
    earliest = max(0 if ahead is None else now + ahead, tx.log.last_time(channel) + MILLISECOND)
    return tx.reserve(channel, earliest, _unknown)


def _values_of_one(tx: Transaction, request: MemoizePublish, now: int) -> dict[str, Any]:
    publish = request.publish
    return {
        "channel": publish.channel,
        "topic": publish.topic,
        "run": publish.run,
        "claim": tx.claims[publish.run_id].claim,
        "step": publish.step,
        "number": publish.number,
        "step_id": request.step_id,
        "start": publish.started_at,
        "floor": _floor(tx, publish.channel, now),
        "data": publish.data,
        "metadata": publish.metadata,
        "now": now,
        "process": tx.process,
    }


def _values(tx: Transaction, requests: Sequence[MemoizePublish], now: int) -> dict[str, Any]:
    publishes = [request.publish for request in requests]
    gaps: Counter[str] = Counter()
    floors, apart = list[int](), list[int]()
    for publish in publishes:
        floors.append(_floor(tx, publish.channel, now))
        apart.append(gaps[publish.channel] * MILLISECOND)
        gaps[publish.channel] += 1
    return {
        "channels": Texts(publish.channel for publish in publishes),
        "topics": Texts(publish.topic for publish in publishes),
        "runs": Integers(publish.run for publish in publishes),
        "claims": Integers(tx.claims[publish.run_id].claim for publish in publishes),
        "steps": Texts(publish.step for publish in publishes),
        "numbers": Integers(publish.number for publish in publishes),
        "starts": Integers(publish.started_at for publish in publishes),
        "floors": Integers(floors),
        "gaps": Integers(apart),
        "data": Blobs([publish.data for publish in publishes]),
        "metadata": Blobs([publish.metadata for publish in publishes]),
        "now": now,
        "process": tx.process,
    }


def _unknown() -> int:
    """Return no time: what other processes have stored of a channel isn't asked for."""
    return 0


def _refusal(tx: Transaction, request: MemoizePublish) -> BaseException:
    """Return why a message was not stored."""
    publish = request.publish
    row = tx.execute(GOES_ON, (publish.run_id,)).fetchone()
    if row is None:
        return run_is_over(publish.run_id)
    *claim, is_executed = row
    held = tx.claims.get(publish.run_id)
    if held is None or [tx.process, held.claim] != claim:
        return ClaimLost(publish.run_id)
    if not is_executed:
        return run_is_over(publish.run_id)
    return MemoizedAlready(publish.run_id, request.step_id)
