"""The requests of people who look at runs: lists, the graph of one run, what a run or a message holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
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
from tightbeam._engine.records import Excerpt, Recent
from tightbeam._engine.requests import (
    FindRun,
    FindSettled,
    ListFunctions,
    ListRuns,
    ReadMessage,
    ReadPart,
    ReadRun,
    RecentMessages,
    ScanRuns,
)
from tightbeam._engine.sqlite.epochs import place_of, position_at
from tightbeam._engine.sqlite.messages import bounds
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._message import Envelope, now_us

__all__ = [
    "SHOWN_STATE",
    "find_run",
    "list_functions",
    "list_runs",
    "read_message",
    "read_part",
    "read_run",
    "recent_messages",
    "scan_runs",
    "shown_state",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SHOWN_STATE = (
    "iif(state = 'ready' AND due_at > ? AND EXISTS "
    "(SELECT 1 FROM step WHERE run_id = run.id AND step.state IN ('sleeping', 'waiting')), 'sleeping', state)"
)
"""A run's state for people, in SQL; its one parameter is the time now.

A run that sleeps for long isn't in memory, and its row is ready to be executed when it wakes.
"""
_OF_STEP = "WHERE run = (SELECT number FROM run WHERE id = ?) AND id = ?"
_RUNS = (
    f"SELECT id, function, event, {SHOWN_STATE} AS shown, "  # noqa: S608 - of constants
    "attempt, failures, created_at, started_at, ended_at, due_at, error_type, error_text, "
    "deaths, number, traceback, length(data), length(result) FROM run"
)
"""All runs; its one parameter is the time now."""
_PLACE = "coalesce((SELECT number FROM run WHERE id = ?), (SELECT max(number) + 1 FROM run WHERE id < ?), 0)"
"""The number of a run by its id, given twice; of one that is gone about that, since ids sort by time."""
_SUMMARY = 12
"""Columns of that query that make a `RunSummary`."""


def list_runs(tx: Transaction, request: ListRuns) -> list[RunSummary]:
    """Answer `ListRuns`."""
    state, function = request.state, request.function
    rows = tx.execute(
        f"SELECT * FROM ({_RUNS}) WHERE number > ? "  # noqa: S608 - of constants
        "AND (? IS NULL OR shown = ?) AND (? IS NULL OR function = ?) ORDER BY number DESC",
        (now_us(), _before_latest(tx, request.among), state, state, function, function),
    )
    # Row by row; the words are looked for here, since SQLite knows the cases of ASCII's letters only.
    summaries = (row[:_SUMMARY] for row in rows)
    found = [*islice((row for row in summaries if has_words(request.words, _searched(row))), request.limit)]
    rows.close()
    return [_summary(row) for row in reversed(found)]


def _searched(row: Sequence[Any]) -> tuple[str | None, ...]:
    """Return the texts in which the words of a search are looked for."""
    run_id, function, event, *_, error_type, error_text = row
    return (run_id, function, event, error_type, error_text)


def scan_runs(tx: Transaction, request: ScanRuns) -> RunsPage:
    """Answer `ScanRuns`."""
    before = request.before
    place = "" if before is None else f"AND number < {_PLACE}"
    rows = tx.execute(
        f"{_RUNS} WHERE true {place} ORDER BY number DESC LIMIT ?",
        (now_us(), *([] if before is None else [before, before]), SCANNED),
    )
    found: list[RunSummary] = []
    last, count = None, 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - read below
        summary = row[:_SUMMARY]
        last = str(summary[0])
        if _is_searched(request, summary):
            found.append(_summary(summary))
            if len(found) == request.limit:
                break
    rows.close()
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
    rows = tx.execute("SELECT DISTINCT function FROM run WHERE number > ? ORDER BY function", (floor,))
    return [name for (name,) in rows]


def _before_latest(tx: Transaction, among: int | None) -> int:
    """Return the number after which the latest runs come; 0 where all are meant."""
    last = tx.execute("SELECT coalesce(max(number), 0) FROM run").fetchone()[0]
    return 0 if among is None else max(0, int(last) - among)


def find_run(tx: Transaction, request: FindRun) -> RunDetail | None:
    """Answer `FindRun`."""
    row = tx.execute(f"{_RUNS} WHERE id = ?", (now_us(), request.id)).fetchone()
    if row is None:
        return None
    summary, (deaths, number, traceback, data_size, result_size) = row[:_SUMMARY], row[_SUMMARY:]
    steps = tx.execute(
        "SELECT id, kind, channel, topic, state, attempts, started_at, ended_at, wake_at, error_type, "
        "error_text, length(result) FROM memo WHERE run = ? ORDER BY started_at, id",
        (number,),
    ).fetchall()
    messages = tx.execute(
        "SELECT id, seq, channel, topic, created_at, length(data) FROM message WHERE run = ? ORDER BY seq",
        (number,),
    ).fetchall()
    return RunDetail(
        _summary(summary),
        deaths,
        traceback,
        data_size,
        result_size,
        tuple(_step(row) for row in steps),
        tuple(
            MessageDetail(message_id, position_at(tx.execute, seq), channel, topic, _time(created), size)
            for message_id, seq, channel, topic, created, size in messages
        ),
    )


def read_run(tx: Transaction, request: ReadRun) -> RunRecord | None:
    """Answer `ReadRun`."""
    row = tx.execute(f"{_RUNS} WHERE id = ?", (now_us(), request.id)).fetchone()
    if row is None:
        return None
    number, traceback = row[_SUMMARY + 1 : _SUMMARY + 3]
    data, result = tx.execute("SELECT data, result FROM run WHERE number = ?", (number,)).fetchone()
    return RunRecord(_summary(row[:_SUMMARY]), data, result, traceback)


def find_settled(tx: Transaction, request: FindSettled) -> list[str]:
    """Answer `FindSettled`."""
    return [
        run_id
        for run_id in request.ids
        if tx.execute(
            "SELECT 1 FROM run WHERE id = ? AND state IN ('done', 'failed', 'cancelled', 'parked')", (run_id,)
        ).fetchone()
    ]


def shown_state(tx: Transaction, run_id: str) -> str:
    """Return the state of a run that is there, as it is shown."""
    row = tx.execute(f"{_RUNS} WHERE id = ?", (now_us(), run_id)).fetchone()
    return str(row[3])


def read_message(tx: Transaction, request: ReadMessage) -> Excerpt | None:
    """Answer `ReadMessage`."""
    run_id, _, step = request.id.partition(":")
    run = tx.execute("SELECT number FROM run WHERE id = ?", (run_id,)).fetchone()
    # It may outlive its run, a little: then only a look at every message finds it.
    place, value = ("run", run[0]) if run is not None else ("run_id", run_id)
    row = tx.execute(
        f"{_beginning('data')} FROM message WHERE {place} = ? AND step = ? AND number = ? AND id = ?",
        (_most(request.limit), value, *step.rpartition(":")[::2], request.id),
    ).fetchone()
    return _excerpt(row)


def read_part(tx: Transaction, request: ReadPart) -> Excerpt | None:
    """Answer `ReadPart`."""
    where: tuple[str, ...] = (request.run_id,)
    if request.part == "step":
        query = f"{_beginning('result')} FROM memo {_OF_STEP}"
        where = (request.run_id, request.step)
    else:
        column = "data" if request.part == "event" else "result"
        query = f"{_beginning(column)} FROM run WHERE id = ?"
    return _excerpt(tx.execute(query, (_most(request.limit), *where)).fetchone())


def _excerpt(row: tuple[Any, Any] | None) -> Excerpt | None:
    return None if row is None or row[1] is None else Excerpt(bytes(row[0]), row[1])


def _beginning(column: str) -> str:
    """Return the beginning of a query for the first bytes of a column, and the size of all."""
    return f"SELECT substr({column}, 1, ?), length({column})"


def _most(limit: int | None) -> int:
    return 2**31 - 1 if limit is None else limit  # no blob of SQLite is larger


def recent_messages(tx: Transaction, request: RecentMessages) -> Recent:
    """Answer `RecentMessages`."""
    known_places = bounds(tx)
    place = place_of(tx.execute, request.after or "")
    known = place is not None and known_places.trimmed <= place <= known_places.last
    floor = place if place is not None and known else 0
    rows = tx.execute(
        "SELECT channel, topic, data, run_id, id, created_at, seq, metadata FROM message WHERE seq > ? "
        "ORDER BY seq DESC LIMIT ?",
        (floor, request.limit),
    ).fetchall()
    missed = 0
    if known and len(rows) == request.limit:
        missed = tx.execute(
            "SELECT count(*) FROM message WHERE seq > ? AND seq < ?", (floor, rows[-1][6])
        ).fetchone()[0]
    return Recent([Envelope(*row) for row in reversed(rows)], missed, known)


def _summary(row: Sequence[Any]) -> RunSummary:
    run_id, function, event, state, attempt, failures, created, started, ended, due, *error = row
    tried = attempts_shown(state, failures, begun=started is not None, retried=error[0] is not None)
    times = _time(created), _maybe(started), _maybe(ended), _time(due)
    return RunSummary(run_id, function, event, state, attempt, tried, failures, *times, *error)


def _step(row: Sequence[Any]) -> StepDetail:
    step_id, kind, channel, topic, state, attempts, started, ended, wake, error_type, error_text, size = row
    times = _time(started), _maybe(ended), _maybe(wake)
    return StepDetail(step_id, kind, channel, topic, state, attempts, *times, error_type, error_text, size)


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _maybe(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _time(microseconds)
