"""Looking at a journal without a client, or while one writes: runs, and the graph of one run."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from tightbeam._engine.sqlite.epochs import place_of, position_at
from tightbeam._engine.sqlite.file import open_readonly
from tightbeam._engine.sqlite.runs import now_us
from tightbeam._engine.sqlite.schema import USER_VERSION
from tightbeam._message import Envelope
from tightbeam.errors import EngineError, JournalRefused

__all__ = [
    "SHOWN_STATE",
    "MessageDetail",
    "Part",
    "RunDetail",
    "RunSummary",
    "StepDetail",
    "find_run",
    "functions",
    "latest_runs",
    "part_of_run",
    "payload",
    "recent_messages",
    "run",
    "runs",
]

Execute = Callable[..., sqlite3.Cursor]
"""A connection's ``execute``, or a transaction's."""

Part = Literal["event", "result", "step"]
"""Data that a run keeps: of its event, what it returned, or what one of its steps returned."""

_WITH_FAILURES = 3
"""The format from which on failures are counted and tracebacks kept."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run."""

    id: str
    function: str
    event: str
    state: str
    """``ready`` (due now or later), ``running``, ``sleeping``, ``parked``, ``done`` or ``failed``."""
    attempt: int
    """Failures since the last newly memoized step."""
    attempts: int
    """How often it was tried, over all its steps: 1 for a run that succeeds at once, 0 before it begins."""
    failures: int
    """How many of these attempts failed."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    due_at: datetime
    """When it is, or was last, to be executed."""
    error_type: str | None
    """Of the failure, of the last one that is retried, or of what the run is parked for."""
    error_text: str | None


@dataclass(frozen=True, slots=True)
class StepDetail:
    """One step of a run, in the order of the first starts."""

    id: str
    kind: str
    """``step.run``, ``step.sleep`` or ``step.realtime.publish``."""
    channel: str | None
    topic: str | None
    state: str
    """``done``, ``failed`` (attempts used up), ``failing`` (not memoized) or ``sleeping``."""
    attempts: int
    started_at: datetime
    ended_at: datetime | None
    wake_at: datetime | None
    error_type: str | None
    error_text: str | None
    result_size: int | None
    """Bytes of the JSON that it returned, or published; None where there is none."""


@dataclass(frozen=True, slots=True)
class MessageDetail:
    """A durable message that a run published and that is still retained; its data isn't shown."""

    id: str
    position: str
    channel: str
    topic: str
    created_at: datetime
    size: int
    """Bytes of its JSON."""


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with its steps and messages."""

    summary: RunSummary
    deaths: int
    """How often the process died under it since its last newly memoized step."""
    traceback: str | None
    """Of the failure, or of the last one that is retried: the frames of this package left out."""
    data_size: int
    """Bytes of the JSON of its event's data."""
    result_size: int | None
    """Bytes of the JSON that it returned; None while it isn't done."""
    steps: tuple[StepDetail, ...]
    messages: tuple[MessageDetail, ...]


def runs(
    path: str | os.PathLike[str],
    *,
    limit: int = 1_000,
    state: str | None = None,
    function: str | None = None,
) -> list[RunSummary]:
    """List the latest runs of a journal, oldest first.

    Args:
        path: the journal's file.
        limit: how many at most.
        state: only runs in this state.
        function: only runs of this function.

    Raises:
        JournalRefused: the file isn't a journal that this version can read.
    """
    with _reading(path) as connection:
        return latest_runs(connection.execute, limit, state=state, function=function)


def run(path: str | os.PathLike[str], id: str) -> RunDetail:
    """One run: its steps and the messages it published.

    Raises:
        JournalRefused: the file isn't a journal that this version can read.
        EngineError: there is no such run.
    """
    with _reading(path) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != USER_VERSION:
            raise JournalRefused(
                f"{path} has format {version}, and format {USER_VERSION} is needed to look at one run: "
                "open it with a client once"
            )
        found = find_run(connection.execute, id)
    if found is None:
        raise EngineError(f"there is no run {id} in {path}")
    return found


def latest_runs(
    execute: Execute,
    limit: int,
    *,
    state: str | None = None,
    function: str | None = None,
    words: Sequence[str] = (),
    among: int | None = None,
) -> list[RunSummary]:
    """List the latest runs of an open journal, oldest first.

    Args:
        execute: of the open journal.
        limit: how many at most.
        state: only runs in this state.
        function: only runs of this function.
        words: only runs that have each of these in their id, function, event or error.
        among: look at so many of the latest runs only.
    """
    has_words = f" AND instr(lower({_RUN_TEXT}), lower(?))" * len(words)
    rows = execute(
        f"SELECT * FROM ({_runs_query(execute)}) WHERE number > ? "  # noqa: S608 - of constants
        f"AND (? IS NULL OR shown = ?) AND (? IS NULL OR function = ?){has_words} "
        "ORDER BY number DESC LIMIT ?",
        (now_us(), _before_latest(execute, among), state, state, function, function, *words, limit),
    ).fetchall()
    return [_summary(row[:_SUMMARY]) for row in reversed(rows)]


def functions(execute: Execute, among: int) -> list[str]:
    """List the functions that so many of the latest runs are of, by name."""
    floor = _before_latest(execute, among)
    rows = execute("SELECT DISTINCT function FROM run WHERE number > ? ORDER BY function", (floor,))
    return [name for (name,) in rows]


def _before_latest(execute: Execute, among: int | None) -> int:
    """Return the number after which the latest runs come; 0 where all are meant."""
    last = execute("SELECT coalesce(max(number), 0) FROM run").fetchone()[0]
    return 0 if among is None else max(0, int(last) - among)


def find_run(execute: Execute, id: str) -> RunDetail | None:
    """One run of an open journal, if it is there."""
    row = execute(f"{_runs_query(execute)} WHERE id = ?", (now_us(), id)).fetchone()
    if row is None:
        return None
    summary, (deaths, number, traceback, data_size, result_size) = row[:_SUMMARY], row[_SUMMARY:]
    steps = execute(
        "SELECT id, kind, channel, topic, state, attempts, started_at, ended_at, wake_at, error_type, "
        "error_text, length(result) FROM memo WHERE run = ? ORDER BY started_at, id",
        (number,),
    ).fetchall()
    messages = execute(
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
            MessageDetail(message_id, position_at(execute, seq), channel, topic, _time(created), size)
            for message_id, seq, channel, topic, created, size in messages
        ),
    )


def payload(execute: Execute, id: str, limit: int | None = None) -> tuple[bytes, int] | None:
    """Return the data of a durable message that is still retained, and its size.

    Args:
        execute: of the open journal.
        id: of the message.
        limit: no more than so many bytes of the data.
    """
    run_id, _, step = id.partition(":")
    run = execute("SELECT number FROM run WHERE id = ?", (run_id,)).fetchone()
    # It may outlive its run, a little: then only a look at every message finds it.
    place, value = ("run", run[0]) if run is not None else ("run_id", run_id)
    row = execute(
        f"{_beginning('data')} FROM message WHERE {place} = ? AND step = ? AND number = ?",
        (_most(limit), value, *step.rpartition(":")[::2]),
    ).fetchone()
    return None if row is None else (bytes(row[0]), row[1])


def part_of_run(
    execute: Execute, run_id: str, part: Part, step: str, limit: int | None = None
) -> tuple[bytes, int] | None:
    """Return data of a run, JSON, and its size; None where there is none, or none any more.

    Args:
        execute: of the open journal.
        run_id: the run.
        part: which of its data.
        step: the step's id, if it is a step's.
        limit: no more than so many bytes of the data.
    """
    where: tuple[str, ...] = (run_id,)
    if part == "step":
        query = f"{_beginning('result')} FROM memo {_OF_STEP}"
        where = (run_id, step)
    else:
        query = f"{_beginning('data' if part == 'event' else 'result')} FROM run WHERE id = ?"
    row = execute(query, (_most(limit), *where)).fetchone()
    return None if row is None or row[1] is None else (bytes(row[0]), row[1])


def _beginning(column: str) -> str:
    """Return the beginning of a query for the first bytes of a column, and the size of all."""
    return f"SELECT substr({column}, 1, ?), length({column})"


def _most(limit: int | None) -> int:
    return 2**31 - 1 if limit is None else limit  # no blob of SQLite is larger


def recent_messages(execute: Execute, after: str | None, limit: int) -> tuple[list[Envelope], int, bool]:
    """The latest durable messages of all channels, in order, at most so many.

    Args:
        execute: of the open journal.
        after: a position; only what came after it. None for whatever there is.
        limit: how many at most.

    Returns:
        The messages, how many between the position and them were left out, and whether the position is one
        of this journal that nothing after it has been trimmed from.
    """
    last = execute("SELECT coalesce(max(seq), 0) FROM message").fetchone()[0]
    trimmed = execute("SELECT coalesce(max(value), 0) FROM meta WHERE name = 'trimmed'").fetchone()[0]
    place = place_of(execute, after or "")
    known = place is not None and trimmed <= place <= last
    floor = place if place is not None and known else 0
    rows = execute(
        "SELECT channel, topic, data, run_id, id, created_at, seq FROM message WHERE seq > ? "
        "ORDER BY seq DESC LIMIT ?",
        (floor, limit),
    ).fetchall()
    missed = 0
    if known and len(rows) == limit:
        missed = execute(
            "SELECT count(*) FROM message WHERE seq > ? AND seq < ?", (floor, rows[-1][6])
        ).fetchone()[0]
    return [Envelope(*row) for row in reversed(rows)], missed, known


@contextlib.contextmanager
def _reading(path: str | os.PathLike[str]) -> Generator[sqlite3.Connection, None, None]:
    """One consistent view of the journal."""
    place = Path(path)
    try:
        with contextlib.closing(open_readonly(place)) as connection:
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise JournalRefused(f"{place} can't be read: {error}") from error
    except OSError as error:
        raise JournalRefused(f"{place} can't be read: {error.strerror}") from error


SHOWN_STATE = (
    "iif(state = 'ready' AND due_at > ? AND EXISTS "
    "(SELECT 1 FROM step WHERE run_id = run.id AND step.state = 'sleeping'), 'sleeping', state)"
)
"""A run's state for people, in SQL; its one parameter is the time now.

A run that sleeps for long isn't in memory, and its row is ready to be executed when it wakes.
"""

_OF_STEP = "WHERE run = (SELECT number FROM run WHERE id = ?) AND id = ?"
_ERROR_TEXT = "coalesce(error_type, '') || ' ' || coalesce(error_text, '')"
_RUN_TEXT = f"id || ' ' || function || ' ' || event || ' ' || {_ERROR_TEXT}"
"""What the words of a search are looked for in, in SQL."""

_SUMMARY = 12
"""Columns of the query below that make a `RunSummary`."""


def _runs_query(execute: Execute) -> str:
    """Return the query for runs; its one parameter is the time now."""
    old = execute("PRAGMA user_version").fetchone()[0] < _WITH_FAILURES
    failures, traceback = (
        ("attempt + (state = 'failed')", "NULL AS traceback") if old else ("failures", "traceback")
    )
    return (
        f"SELECT id, function, event, {SHOWN_STATE} AS shown, "  # noqa: S608 - of constants
        f"attempt, {failures} AS failures, created_at, started_at, ended_at, due_at, error_type, error_text, "
        f"deaths, number, {traceback}, length(data), length(result) FROM run"
    )


def _summary(row: Sequence[Any]) -> RunSummary:
    run_id, function, event, state, attempt, failures, created, started, ended, due, *error = row
    tried = _attempts(state, failures, begun=started is not None, retried=error[0] is not None)
    times = _time(created), _maybe(started), _maybe(ended), _time(due)
    return RunSummary(run_id, function, event, state, attempt, tried, failures, *times, *error)


def _attempts(state: str, failures: int, *, begun: bool, retried: bool) -> int:
    """Count as a person does: the first try is 1, one that was interrupted is still the same one."""
    if not begun:
        return 0
    if state == "failed":
        return max(1, failures)
    return int(failures) if state == "ready" and retried else failures + 1


def _step(row: Sequence[Any]) -> StepDetail:
    step_id, kind, channel, topic, state, attempts, started, ended, wake, error_type, error_text, size = row
    times = _time(started), _maybe(ended), _maybe(wake)
    return StepDetail(step_id, kind, channel, topic, state, attempts, *times, error_type, error_text, size)


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _maybe(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _time(microseconds)
