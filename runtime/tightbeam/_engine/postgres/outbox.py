"""What a user's own transaction stores: messages and runs, on a connection of the user.

That connection knows nothing of us, so that each name has its schema, and parameters are plain types with a
cast. A statement is a round trip; each begins with WITH, since SQLAlchemy may fetch a bare SELECT piecemeal.
psycopg isn't needed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tightbeam._clock import now_us
from tightbeam._engine.postgres.notifications import Notice, channel_of, notices
from tightbeam._engine.records import NewRun
from tightbeam._message import Envelope
from tightbeam._transactions.work import Statement, Work
from tightbeam.errors import EngineError, NotRegistered, NotStorable

if TYPE_CHECKING:
    from tightbeam._engine.requests import SendEvent

__all__ = ["Outbox"]

_PUBLISH = """
WITH stored AS (
    INSERT INTO {schema}.message
        (channel, topic, run_id, started_at, ended_at, created_at, data, metadata, id)
    SELECT CAST($1 AS text), CAST($2 AS text), CAST($3 AS text), clock.us, clock.us, clock.us,
           CAST($4 AS bytea), CAST($5 AS bytea), CAST($6 AS text)
    FROM (SELECT CAST(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000 AS bigint) AS us) AS clock
    RETURNING 1
)
SELECT pg_catalog.pg_notify(CAST($7 AS text), CAST(pg_catalog.json_build_object(
    'upto', CAST(CAST(pg_catalog.pg_current_xact_id() AS text) AS bigint)
) AS text)) FROM stored
"""
_ADD_RUN = """
WITH added AS (
    INSERT INTO {schema}.run
        (id, function, event, data, state, due_at, created_at, key, metadata, concurrency_key, dated)
    VALUES (CAST($1 AS text), CAST($2 AS text), CAST($3 AS text), CAST($4 AS bytea), 'ready',
            CAST($5 AS bigint), CAST($6 AS bigint), CAST($7 AS text), CAST($8 AS bytea), CAST($9 AS text),
            CAST($10 AS boolean))
    ON CONFLICT (function, key) WHERE key IS NOT NULL DO NOTHING
    RETURNING id
)
SELECT id FROM added
"""
_EARLIER_RUN = """
WITH earlier AS (
    SELECT id FROM {schema}.run WHERE function = CAST($1 AS text) AND key = CAST($2 AS text)
)
SELECT id FROM earlier
"""
_WAITING = """
WITH waiting AS (
    SELECT 1 FROM {schema}.step WHERE state = 'waiting' AND event = CAST($1 AS text) LIMIT 1
)
SELECT 1 FROM waiting
"""
_SEND = """
WITH stored AS (
    INSERT INTO {schema}.sent (name, data, id, at)
    VALUES (CAST($1 AS text), CAST($2 AS bytea), CAST($3 AS text), CAST($4 AS bigint))
    RETURNING 1
)
SELECT 1 FROM stored
"""
_NOTIFY = """
WITH notified AS (SELECT pg_catalog.pg_notify(CAST($1 AS text), CAST($2 AS text))) SELECT 1 FROM notified
"""
_TRIES = 5
"""How often a key is looked up whose earlier run is being dropped by retention at the same time."""


class Outbox:
    """A `Transactional`."""

    def __init__(self, schema: str) -> None:
        """Prepare the statements.

        Args:
            schema: the name of the journal's.
        """
        self._schema = schema
        self._channel = channel_of(schema)
        quoted = '"' + schema.replace('"', '""') + '"'
        sql = (_PUBLISH, _ADD_RUN, _EARLIER_RUN, _WAITING, _SEND)
        self._publish, self._add_run, self._earlier_run, self._waiting, self._send = (
            each.replace("{schema}", quoted) for each in sql
        )

    def publish(self, envelope: Envelope, /) -> Work[None]:
        """See `Transactional`."""
        channel, topic, data, run_id, message_id, _, _, metadata = envelope
        _check_text(channel, topic)
        values = (channel, topic, run_id, data, metadata, message_id, self._channel)
        yield Statement(self._publish, values)

    def send(self, request: SendEvent, /) -> Work[tuple[str, ...]]:
        """See `Transactional`."""
        _check_text(request.event, request.id, *(run.concurrency_key for run in request.runs))
        if request.refusal is not None and not request.runs:
            waiting = yield Statement(self._waiting, (request.event,))
            if not waiting:
                raise NotRegistered(request.refusal)
        now = now_us()
        ids: tuple[str, ...] = ()
        for run in request.runs:
            ids += ((yield from self._add(run, request, now)),)
        yield Statement(self._send, (request.event, request.data, request.id, now))
        for text in notices(Notice(due={run.function for run in request.runs}, sent=True)):
            yield Statement(_NOTIFY, (self._channel, text))
        return ids

    def _add(self, run: NewRun, request: SendEvent, now: int) -> Work[str]:
        """Add a run, unless its function has one with the same key; return the id of either."""
        due_at = now if run.due_at is None else run.due_at
        more = (due_at, now, run.key, run.metadata, run.concurrency_key, run.dated)
        for _ in range(_TRIES):
            added = yield Statement(self._add_run, (run.id, run.function, request.event, request.data, *more))
            if added:
                return run.id
            # In a statement of its own, which sees what others have committed while the first one waited.
            earlier = yield Statement(self._earlier_run, (run.function, run.key))
            if earlier:
                return str(earlier[0][0])
        raise EngineError(f'the earlier run of function "{run.function}" with this id comes and goes')

    def explain(self, sqlstate: str, /) -> str | None:
        """See `Transactional`."""
        if sqlstate in ("3F000", "42P01", "42703", "42P10"):  # no such schema, table, column or index
            return (
                f'the database of this connection has no schema "{self._schema}" that this version can write '
                "to: is it another database than the client's, or was the client never entered on it?"
            )
        if sqlstate == "42501":  # insufficient_privilege
            return (
                f'the role of this connection may not write to the schema "{self._schema}": '
                f'grant it USAGE on the schema, INSERT on its tables "message", "run" and "sent", and SELECT '
                'on "run" and "step"'
            )
        return None


def _check_text(*texts: str | None) -> None:
    """Refuse text that PostgreSQL can't hold.

    Raises:
        NotStorable: there is a NUL in it.
    """
    if any(text is not None and "\0" in text for text in texts):
        raise NotStorable("PostgreSQL holds no text with a NUL: a name or an id has one")
