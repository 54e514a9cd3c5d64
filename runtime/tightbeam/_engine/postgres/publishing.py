"""Durable publishes: all those of a batch are one statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import MemoizedAlready, Publish, run_is_over
from tightbeam._engine.requests import MemoizePublish
from tightbeam._message import Envelope, now_us

__all__ = ["memoize_publishes"]

_NOTHING = -1
_APPEND = """
INSERT INTO message (channel, topic, run, run_id, step, number, started_at, ended_at, created_at,
                     data, metadata)
SELECT p.channel, p.topic, p.run, p.run_id, p.step, p.number, p.started_at, %(now)s,
       greatest(clock.us, p.floor) + p.offset_us, p.data, p.metadata
FROM (SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS us) AS clock,
     unnest(%(channel)s::text[], %(topic)s::text[], %(run)s::bigint[], %(run_id)s::text[], %(step)s::text[],
            %(number)s::int[], %(step_id)s::text[], %(started_at)s::bigint[], %(floor)s::bigint[],
            %(offset)s::bigint[], %(claim)s::bigint[], %(data)s::bytea[], %(metadata)s::bytea[])
     WITH ORDINALITY AS p (channel, topic, run, run_id, step, number, step_id, started_at, floor, offset_us,
                           claim, data, metadata, position)
JOIN run ON run.number = p.run AND run.owner = %(me)s AND run.claim = p.claim AND run.ended_at IS NULL
WHERE NOT EXISTS (SELECT FROM step WHERE step.run_id = p.run_id AND step.id = p.step_id)
ORDER BY p.position
ON CONFLICT DO NOTHING
RETURNING run, step, number, xid::text, seq, created_at
"""
"""The memo of a step is its message, or a row of its own: also of a publish whose message was trimmed."""
_ENDED = "SELECT id FROM run WHERE id = ANY(%s) AND ended_at IS NOT NULL"
_FORGET = (
    "DELETE FROM step USING unnest(%s::text[], %s::text[]) AS p (run_id, id) "
    "WHERE step.run_id = p.run_id AND step.id = p.id AND step.state = 'failing'"
)
_START_OVER = "UPDATE run SET attempt = 0, deaths = 0 WHERE id = ANY(%s)"


def memoize_publishes(tx: Transaction, requests: Sequence[MemoizePublish]) -> Sequence[BaseException | None]:
    """Answer several `MemoizePublish`: one row is message and memo, so that neither is there alone."""
    failed = [each for each in requests if each.replaced.failed]
    if failed:  # as steps of another kind: the code has changed
        tx.execute(_FORGET, ([each.publish.run_id for each in failed], [each.step_id for each in failed]))
    rows = tx.execute(_APPEND, _columns(tx, requests)).fetchall()
    stored = {row[:3]: (int(row[3]) << 64 | row[4], row[5]) for row in rows}
    outcome: list[BaseException | None] = []
    counted: list[str] = []
    refused: list[MemoizePublish] = []
    for request in requests:
        publish = request.publish
        key = (publish.run, publish.step, publish.number)
        placed = stored.pop(key, None)  # of two with the same step the second is refused
        if placed is not None:
            tx.effects.sent.append(_envelope(publish, *placed))
            tx.written += len(publish.data)
            counted += [publish.run_id] if request.replaced.counted else []
            outcome.append(None)
        else:
            refused.append(request)
            outcome.append(MemoizedAlready(publish.run_id, request.step_id))
    if counted:
        tx.execute(_START_OVER, (counted,))
    if refused:
        over = {row[0] for row in tx.execute(_ENDED, ([each.publish.run_id for each in refused],))}
        outcome = [
            run_is_over(request.publish.run_id)
            if error is not None and request.publish.run_id in over
            else error
            for request, error in zip(requests, outcome, strict=True)
        ]
    return outcome


def _envelope(publish: Publish, place: int, created_us: int) -> Envelope:
    """Return a message as readers get it; its id is as Inngest's messages carry it."""
    message_id = f"{publish.run_id}:{publish.step}:{publish.number}"
    return Envelope(
        publish.channel,
        publish.topic,
        publish.data,
        publish.run_id,
        message_id,
        created_us,
        place,
        publish.metadata,
    )


def _columns(tx: Transaction, requests: Sequence[MemoizePublish]) -> dict[str, Any]:
    """Return the parameters of `_APPEND`: a list for each column."""
    publishes = [request.publish for request in requests]
    before: Counter[str] = Counter()
    offsets = []
    for publish in publishes:  # in a channel times are a millisecond apart
        offsets.append(before[publish.channel] * 1000)
        before[publish.channel] += 1
    claims = tx.claims
    held = [claims.get(publish.run_id) for publish in publishes]
    return {
        "now": now_us(),
        "me": tx.process,
        "channel": [each.channel for each in publishes],
        "topic": [each.topic for each in publishes],
        "run": [each.run for each in publishes],
        "run_id": [each.run_id for each in publishes],
        "step": [each.step for each in publishes],
        "number": [each.number for each in publishes],
        "step_id": [each.step_id for each in requests],
        "started_at": [each.started_at for each in publishes],
        "floor": [0 for _ in publishes],
        "offset": offsets,
        "claim": [_NOTHING if each is None else each.claim for each in held],
        "data": [each.data for each in publishes],
        "metadata": [each.metadata for each in publishes],
    }
