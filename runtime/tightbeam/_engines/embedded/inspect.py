"""Looking at a journal without a client, or while one writes: runs, and the graph of one run."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tightbeam._engines.embedded.file import open_readonly
from tightbeam.errors import EngineError, JournalRefused

__all__ = ["MessageDetail", "RunDetail", "RunSummary", "StepDetail", "run", "runs"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RUN = "id, function, event, state, attempt, created_at, started_at, ended_at, due_at, error_type, error_text"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run."""

    id: str
    function: str
    event: str
    state: str
    """``ready`` (due now or later), ``running``, ``sleeping``, ``done`` or ``failed``."""
    attempt: int
    """Failures since the last newly memoized step."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    due_at: datetime
    """When it is, or was last, to be executed."""
    error_type: str | None
    """Of the failure, or of the last one that is retried."""
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
    steps: tuple[StepDetail, ...]
    messages: tuple[MessageDetail, ...]


def runs(path: str | os.PathLike[str], *, limit: int = 1_000) -> list[RunSummary]:
    """The latest runs of a journal, oldest first.

    Raises:
        JournalRefused: the file isn't a journal that this version can read.
    """
    with _reading(path) as connection:
        rows = connection.execute(f"SELECT {_RUN} FROM run ORDER BY number DESC LIMIT ?", (limit,)).fetchall()  # noqa: S608 - a constant
    return [_summary(row) for row in reversed(rows)]


def run(path: str | os.PathLike[str], id: str) -> RunDetail:
    """One run: its steps and the messages it published.

    Raises:
        JournalRefused: the file isn't a journal that this version can read.
        EngineError: there is no such run.
    """
    with _reading(path) as connection:
        row = connection.execute(f"SELECT {_RUN}, deaths FROM run WHERE id = ?", (id,)).fetchone()  # noqa: S608 - a constant
        if row is None:
            raise EngineError(f"there is no run {id} in {path}")
        steps = connection.execute(
            "SELECT id, kind, channel, topic, state, attempts, started_at, ended_at, wake_at, error_type, "
            "error_text FROM step WHERE run_id = ? ORDER BY started_at, id",
            (id,),
        ).fetchall()
        epoch = connection.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0]
        # Message ids begin with the run's: the index on them serves as one on runs. ';' is the next after
        # ':'.
        messages = connection.execute(
            "SELECT id, seq, channel, topic, created_at, length(data) FROM message "
            "WHERE id >= ? AND id < ? ORDER BY seq",
            (f"{id}:", f"{id};"),
        ).fetchall()
    *summary, deaths = row
    return RunDetail(
        _summary(summary),
        deaths,
        tuple(_step(row) for row in steps),
        tuple(
            MessageDetail(message_id, f"{epoch}:{seq}", channel, topic, _time(created), size)
            for message_id, seq, channel, topic, created, size in messages
        ),
    )


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


def _summary(row: Sequence[Any]) -> RunSummary:
    run_id, function, event, state, attempt, created, started, ended, due, error_type, error_text = row
    times = _time(created), _maybe(started), _maybe(ended), _time(due)
    return RunSummary(run_id, function, event, state, attempt, *times, error_type, error_text)


def _step(row: Sequence[Any]) -> StepDetail:
    step_id, kind, channel, topic, state, attempts, started, ended, wake, error_type, error_text = row
    times = _time(started), _maybe(ended), _maybe(wake)
    return StepDetail(step_id, kind, channel, topic, state, attempts, *times, error_type, error_text)


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _maybe(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _time(microseconds)
