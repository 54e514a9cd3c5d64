"""What a user's own transaction stores: messages and runs, on a connection of the user.

That connection knows nothing of us, so that each name has its schema, also that of a type: a temporary table
may be called `text`. Parameters are plain types with a cast. A statement is a round trip; each begins with
WITH, since SQLAlchemy may fetch a bare SELECT piecemeal. psycopg isn't needed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tightbeam._clock import now_us
from tightbeam._engine.postgres.notifications import Notice, channel_of, notices
from tightbeam._engine.records import NewRun
from tightbeam._message import Envelope
from tightbeam._transactions.work import Parameter, Statement, Work
from tightbeam.errors import EngineError, NotRegistered, NotStorable

if TYPE_CHECKING:
    from tightbeam._engine.requests import SendEvent

__all__ = ["Outbox"]

_PUBLISH = """
WITH stored AS (
    INSERT INTO {schema}.message
        (channel, topic, run_id, started_at, ended_at, created_at, data, metadata, id)
    SELECT
        CAST($1 AS pg_catalog.text), CAST($2 AS pg_catalog.text), CAST($3 AS pg_catalog.text),
        clock.us, clock.us, clock.us,
        CAST($4 AS pg_catalog.bytea), CAST($5 AS pg_catalog.bytea), CAST($6 AS pg_catalog.text)
    FROM (SELECT CAST(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000 AS bigint) AS us) AS clock
    RETURNING 1
)
SELECT pg_catalog.pg_notify(CAST($7 AS pg_catalog.text), CAST(pg_catalog.json_build_object(
    'upto', CAST(CAST(pg_catalog.pg_current_xact_id() AS pg_catalog.text) AS bigint)
) AS pg_catalog.text)) FROM stored
"""
_NEW_RUN = """
    INSERT INTO {schema}.run
        (id, function, event, data, state, due_at, created_at, key, metadata, concurrency_key, dated)
    VALUES (
        CAST({0} AS pg_catalog.text), CAST({1} AS pg_catalog.text), CAST({2} AS pg_catalog.text),
        CAST({3} AS pg_catalog.bytea), 'ready', CAST({4} AS bigint), CAST({5} AS bigint),
        CAST({6} AS pg_catalog.text), CAST({7} AS pg_catalog.bytea), CAST({8} AS pg_catalog.text),
        CAST({9} AS boolean)
    )
    ON CONFLICT (function, key) WHERE key IS NOT NULL DO NOTHING
    RETURNING id
"""
_NEW_RUN_ALONE = f"WITH added AS ({_NEW_RUN}) SELECT id FROM added"  # noqa: S608 - of a constant
_EARLIER_RUN = """
WITH earlier AS (
    SELECT id FROM {schema}.run
    WHERE function = CAST($1 AS pg_catalog.text) AND key = CAST($2 AS pg_catalog.text)
)
SELECT id FROM earlier
"""
_WAITING = """
WITH waiting AS (
    SELECT 1 FROM {schema}.step WHERE state = 'waiting' AND event = CAST($1 AS pg_catalog.text) LIMIT 1
)
SELECT 1 FROM waiting
"""
_NEW_EVENT = """
    INSERT INTO {schema}.sent (name, data, id, at)
    VALUES (
        CAST({0} AS pg_catalog.text), CAST({1} AS pg_catalog.bytea), CAST({2} AS pg_catalog.text),
        CAST({3} AS bigint)
    )
    RETURNING 1
"""
_NOTIFY = "pg_catalog.pg_notify(CAST({0} AS pg_catalog.text), CAST({1} AS pg_catalog.text))"
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
        self._quoted = quoted
        sql = (_PUBLISH, _EARLIER_RUN, _WAITING)
        self._publish, self._earlier_run, self._waiting = (each.replace("{schema}", quoted) for each in sql)

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
        added = (yield self._sending(request, now))[0]
        ids: tuple[str, ...] = ()
        for run, run_id in zip(request.runs, added, strict=False):  # what notifies is behind them
            ids += (run.id if run_id is not None else (yield from self._earlier(run, request, now)),)
        return ids

    def _sending(self, request: SendEvent, now: int) -> Statement:
        """Return the one statement that stores all of an event: a call that is cancelled stores no half.

        Its row has the ids of the runs it has added, in order, with nulls for those that were there.
        """
        values: list[Parameter] = []

        def completed(sql: str, *parameters: Parameter) -> str:
            numbers = [f"${len(values) + number}" for number in range(1, len(parameters) + 1)]
            values.extend(parameters)
            return sql.format(*numbers, schema=self._quoted)

        parts = [
            f"run{number} AS ({completed(_NEW_RUN, *_values(run, request, now))})"
            for number, run in enumerate(request.runs)
        ]
        stored = completed(_NEW_EVENT, request.event, request.data, request.id, now)
        notice = Notice(due={run.function for run in request.runs}, sent=True)
        shown = [f"(SELECT id FROM run{number})" for number in range(len(request.runs))]  # noqa: S608 - numbers
        shown += [completed(_NOTIFY, self._channel, text) for text in notices(notice)]
        parts.append(f"stored AS ({stored})")
        sql = f"WITH {', '.join(parts)} SELECT {', '.join(shown)} FROM stored"  # noqa: S608 - of constants
        return Statement(sql, tuple(values))

    def _earlier(self, run: NewRun, request: SendEvent, now: int) -> Work[str]:
        """Return the id of the run of a function with the same key; add this one if that is gone by now."""
        for _ in range(_TRIES):
            # In a statement of its own, which sees what others have committed while the first one waited.
            earlier = yield Statement(self._earlier_run, (run.function, run.key))
            if earlier:
                return str(earlier[0][0])
            numbers = (f"${number}" for number in range(1, 11))
            again = _NEW_RUN_ALONE.format(*numbers, schema=self._quoted)
            if (yield Statement(again, _values(run, request, now))):
                return run.id
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


def _values(run: NewRun, request: SendEvent, now: int) -> tuple[Parameter, ...]:
    """Return the parameters with which a run is added."""
    due_at = now if run.due_at is None else run.due_at
    what = (run.id, run.function, request.event, request.data)
    return (*what, due_at, now, run.key, run.metadata, run.concurrency_key, run.dated)


def _check_text(*texts: str | None) -> None:
    """Refuse text that PostgreSQL can't hold.

    Raises:
        NotStorable: there is a NUL in it.
    """
    if any(text is not None and "\0" in text for text in texts):
        raise NotStorable("PostgreSQL holds no text with a NUL: a name or an id has one")
