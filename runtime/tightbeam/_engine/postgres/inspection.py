"""The requests of people who look at runs: lists, the graph of one run, what a run or a message holds."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any

from tightbeam._engine.details import (
    SCANNED,
    MessageDetail,
    RunDetail,
    RunRecord,
    RunsPage,
    RunSummary,
    StepDetail,
    attempts_shown,
    has_words,
)
from tightbeam._engine.postgres.following import MESSAGE, envelope_of
from tightbeam._engine.postgres.messages import TOPICS_FOUND, known_place, trimmed
from tightbeam._engine.postgres.places import halves, place_at
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import Excerpt, Recent
from tightbeam._engine.requests import (
    FindRun,
    ListFunctions,
    ListRuns,
    ListTopics,
    ReadMessage,
    ReadPart,
    ReadRun,
    RecentMessages,
    ScanRuns,
)
from tightbeam._message import now_us, time_of

__all__ = [
    "SHOWN_STATE",
    "find_run",
    "list_functions",
    "list_runs",
    "list_topics",
    "read_message",
    "read_part",
    "read_run",
    "recent_messages",
    "scan_runs",
]

SHOWN_STATE = (
    "CASE WHEN run.state = 'ready' AND run.due_at > %(now)s::bigint AND EXISTS (SELECT FROM step "
    "WHERE step.run_id = run.id AND step.state IN ('sleeping', 'waiting')) THEN 'sleeping' ELSE run.state END"
)
"""A run's state for people, in SQL.

A run that sleeps for long isn't in memory, and its row is ready to be executed when it wakes.
"""
SUMMARY = (
    f"run.id, run.function, run.event, {SHOWN_STATE}, run.attempt, run.failures, run.created_at, "
    "run.started_at, run.ended_at, run.due_at, run.error_type, run.error_text"
)
"""What makes a `RunSummary`."""
_SUMMARY = 12
LATEST = f"""
SELECT {SUMMARY}, run.number FROM run
WHERE run.number < %(before)s::bigint AND run.number > %(floor)s::bigint
ORDER BY run.number DESC LIMIT %(limit)s::bigint
"""  # noqa: S608 - of constants
DETAIL = f"""
SELECT {SUMMARY}, run.deaths, run.number, run.traceback, octet_length(run.data), octet_length(run.result)
FROM run WHERE run.id = %(id)s
"""  # noqa: S608 - of constants
RECORD = f"""
SELECT {SUMMARY}, run.data, run.result, run.traceback FROM run WHERE run.id = %(id)s
"""  # noqa: S608 - of constants
STEPS = """
SELECT id, kind, channel, topic, state, attempts, started_at, ended_at, wake_at, error_type, error_text,
    octet_length(result)
FROM step WHERE run_id = %(id)s
UNION ALL
SELECT CASE WHEN number = 0 THEN step ELSE step || ':' || number END, 'step.realtime.publish', channel, topic,
    'done', 1, started_at, ended_at, NULL, NULL, NULL, octet_length(data)
FROM message WHERE run = %(number)s::bigint
"""
MESSAGES = """
SELECT run_id || ':' || step || ':' || number, message.xid::text::bigint, seq, channel, topic, created_at,
    octet_length(data)
FROM message WHERE run = %s::bigint ORDER BY message.xid, seq
"""
NUMBER_OF = "SELECT number FROM run WHERE id = %s"
LAST_NUMBER = "SELECT number FROM run ORDER BY number DESC LIMIT 1"
BEFORE = (
    "SELECT coalesce((SELECT number FROM run WHERE id = %(id)s), "
    "(SELECT number + 1 FROM run WHERE id < %(id)s ORDER BY id DESC LIMIT 1), 0)"
)
"""The number of a run by its id; of one that is gone about that, since ids sort by time."""
FUNCTIONS = "SELECT DISTINCT function FROM run WHERE number > %s::bigint"
TOPICS = f"{TOPICS_FOUND}SELECT topic FROM found WHERE topic IS NOT NULL"  # noqa: S608 - of a constant
OF_MESSAGE = """
SELECT substring(data FROM 1 FOR %s::integer), octet_length(data) FROM message
WHERE run = %s::bigint AND step = %s AND number = %s::integer
"""
OF_MESSAGE_BY_ID = """
SELECT substring(data FROM 1 FOR %s::integer), octet_length(data) FROM message WHERE id = %s
"""
OF_EVENT = "SELECT substring(data FROM 1 FOR %s::integer), octet_length(data) FROM run WHERE id = %s"
OF_RESULT = "SELECT substring(result FROM 1 FOR %s::integer), octet_length(result) FROM run WHERE id = %s"
OF_STEP = """
SELECT substring(result FROM 1 FOR %s::integer), octet_length(result) FROM step WHERE run_id = %s AND id = %s
"""
RECENT = f"""
SELECT {MESSAGE} FROM message WHERE (message.xid, message.seq) > (%s::xid8, %s::bigint)
AND (message.xid, message.seq) <= (%s::xid8, %s::bigint)
ORDER BY message.xid DESC, message.seq DESC LIMIT %s::bigint
"""  # noqa: S608 - of a constant
MISSED = """
SELECT count(*) FROM message WHERE (message.xid, message.seq) > (%s::xid8, %s::bigint)
AND (message.xid, message.seq) < (%s::xid8, %s::bigint)
"""
_NO_NUMBER = (1 << 63) - 1
_ALL_BYTES = (1 << 31) - 1


def list_runs(tx: Transaction, request: ListRuns) -> list[RunSummary]:
    """Answer `ListRuns`."""
    found = (
        row
        for row in _latest(tx, _NO_NUMBER, _before_latest(tx, request.among), min(request.limit, SCANNED))
        if request.state in (None, row[3])
        and request.function in (None, row[1])
        and has_words(request.words, _searched(row))
    )
    return [_summary(row) for row in islice(found, request.limit)][::-1]


def _latest(tx: Transaction, before: int, floor: int, page: int) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of runs, latest first, as far as they are looked at.

    Args:
        tx: the transaction.
        before: the number before which they are.
        floor: the number after which they are.
        page: how many are read first; if more are looked at, more are read at once.
    """
    while True:
        values = {"now": now_us(), "before": before, "floor": floor, "limit": page}
        rows = tx.execute(LATEST, values).fetchall()
        yield from rows
        if len(rows) < page:
            return
        before, page = rows[-1][_SUMMARY], SCANNED


def _searched(row: Sequence[Any]) -> tuple[str | None, ...]:
    """Return the texts in which the words of a search are looked for."""
    run_id, function, event, *_, error_type, error_text = row[:_SUMMARY]
    return (run_id, function, event, error_type, error_text)


def scan_runs(tx: Transaction, request: ScanRuns) -> RunsPage:
    """Answer `ScanRuns`."""
    before = _NO_NUMBER
    if request.before is not None:
        (before,) = tx.execute(BEFORE, {"id": request.before}).fetchone() or (0,)
    found: list[RunSummary] = []
    last, count = None, 0
    rows = _latest(tx, before, 0, min(request.limit, SCANNED))
    for count, row in enumerate(islice(rows, SCANNED), 1):  # noqa: B007 - read below
        last = str(row[0])
        if _is_searched(request, row):
            found.append(_summary(row))
            if len(found) == request.limit:
                break
    return RunsPage(found, last if count == SCANNED or len(found) == request.limit else None)


def _is_searched(request: ScanRuns, row: Sequence[Any]) -> bool:
    _, function, _, state, _, _, created_at, *_ = row
    return (
        (not request.states or state in request.states)
        and request.function in (None, function)
        and (request.since_us is None or created_at >= request.since_us)
        and has_words(request.words, _searched(row))
    )


def list_functions(tx: Transaction, request: ListFunctions) -> list[str]:
    """Answer `ListFunctions`."""
    floor = _before_latest(tx, request.among)
    return sorted(name for (name,) in tx.execute(FUNCTIONS, (floor,)).fetchall())


def list_topics(tx: Transaction, request: ListTopics) -> list[str]:
    """Answer `ListTopics`."""
    return [str(topic) for (topic,) in tx.execute(TOPICS, {"channel": request.channel})]


def _before_latest(tx: Transaction, among: int | None) -> int:
    """Return the number after which the latest runs come; 0 where all are meant."""
    if among is None:
        return 0
    row = tx.execute(LAST_NUMBER).fetchone()
    return 0 if row is None else max(0, int(row[0]) - among)


def find_run(tx: Transaction, request: FindRun) -> RunDetail | None:
    """Answer `FindRun`."""
    with _one_moment(tx):
        row = tx.execute(DETAIL, {"now": now_us(), "id": request.id}).fetchone()
        if row is None:
            return None
        deaths, number, traceback, data_size, result_size = row[_SUMMARY:]
        messages = tx.execute(MESSAGES, (number,)).fetchall()
        steps = tx.execute(STEPS, {"id": request.id, "number": number}).fetchall()
    return RunDetail(
        _summary(row),
        deaths,
        traceback,
        data_size,
        result_size,
        tuple(_step(each) for each in sorted(steps, key=lambda step: (step[6], step[0]))),
        tuple(
            MessageDetail(
                message_id, tx.log.position(place_at(xid, seq)), channel, topic, time_of(created), size
            )
            for message_id, xid, seq, channel, topic, created, size in messages
        ),
    )


@contextmanager
def _one_moment(tx: Transaction) -> Generator[None, None, None]:
    """Have all statements see what was committed before the first of them."""
    tx.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        yield
    finally:
        tx.execute("COMMIT")  # after an error it rolls back


def read_run(tx: Transaction, request: ReadRun) -> RunRecord | None:
    """Answer `ReadRun`."""
    row = tx.execute(RECORD, {"now": now_us(), "id": request.id}).fetchone()
    if row is None:
        return None
    data, result, traceback = row[_SUMMARY:]
    return RunRecord(_summary(row), bytes(data), None if result is None else bytes(result), traceback)


def read_message(tx: Transaction, request: ReadMessage) -> Excerpt | None:
    """Answer `ReadMessage`."""
    most = _most(request.limit)
    run_id, _, rest = request.id.partition(":")
    run = tx.execute(NUMBER_OF, (run_id,)).fetchone()
    step, _, number = rest.rpartition(":")
    if run is None:  # of a user's transaction; or it outlives its run, a little
        row = tx.execute(OF_MESSAGE_BY_ID, (most, request.id)).fetchone()
    elif number == str(_number(number)):
        row = tx.execute(OF_MESSAGE, (most, run[0], step, int(number))).fetchone()
    else:
        row = None
    return _excerpt(row)


def _number(digits: str) -> int:
    """Return the number that a message's id ends with; -1 if it doesn't end with one."""
    is_one = digits.isascii() and digits.isdigit() and len(digits) < 10
    return int(digits) if is_one else -1


def read_part(tx: Transaction, request: ReadPart) -> Excerpt | None:
    """Answer `ReadPart`."""
    most = _most(request.limit)
    if request.part != "step":
        query = OF_EVENT if request.part == "event" else OF_RESULT
        return _excerpt(tx.execute(query, (most, request.run_id)).fetchone())
    row = tx.execute(OF_STEP, (most, request.run_id, request.step)).fetchone()
    if row is None:  # its memo may be a message
        step, _, number = request.step.rpartition(":")
        is_again = bool(step) and number == str(_number(number)) and number != "0"
        message_id = f"{request.run_id}:{request.step}" if is_again else f"{request.run_id}:{request.step}:0"
        return read_message(tx, ReadMessage(message_id, request.limit))
    return _excerpt(row)


def _excerpt(row: tuple[Any, ...] | None) -> Excerpt | None:
    return None if row is None or row[1] is None else Excerpt(bytes(row[0]), row[1])


def _most(limit: int | None) -> int:
    return _ALL_BYTES if limit is None else limit  # no value is larger


def recent_messages(tx: Transaction, request: RecentMessages) -> Recent:
    """Answer `RecentMessages`."""
    place = known_place(tx, request.after or "")
    known = place is not None and place >= trimmed(tx).place
    floor = halves(place if place is not None and known else 0)
    values = (*floor, *halves(tx.log.followed), request.limit)
    messages = [envelope_of(row) for row in tx.execute(RECENT, values).fetchall()][::-1]
    missed = 0
    if known and len(messages) == request.limit and messages:
        row = tx.execute(MISSED, (*floor, *halves(messages[0].seq or 0))).fetchone()
        missed = 0 if row is None else row[0]
    return Recent(messages, missed, known)


def _summary(row: Sequence[Any]) -> RunSummary:
    run_id, function, event, state, attempt, failures, created, started, ended, due, *error = row[:_SUMMARY]
    tried = attempts_shown(state, failures, begun=started is not None, retried=error[0] is not None)
    times = time_of(created), _maybe(started), _maybe(ended), time_of(due)
    return RunSummary(run_id, function, event, state, attempt, tried, failures, *times, *error)


def _step(row: Sequence[Any]) -> StepDetail:
    step_id, kind, channel, topic, state, attempts, started, ended, wake, error_type, error_text, size = row
    times = time_of(started), _maybe(ended), _maybe(wake)
    return StepDetail(step_id, kind, channel, topic, state, attempts, *times, error_type, error_text, size)


def _maybe(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else time_of(microseconds)
