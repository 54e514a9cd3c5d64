"""Reading a journal's file without a client, or while one writes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator
from pathlib import Path

from tightbeam._engine.details import RunDetail, RunSummary
from tightbeam._engine.requests import FindRun, ListRuns
from tightbeam._engine.sqlite.answers import answer
from tightbeam._engine.sqlite.file import open_readonly
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._engine.store import Answer, Query
from tightbeam.errors import EngineError, JournalRefused

__all__ = ["read", "run", "runs"]


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
    return read(path, ListRuns(limit, state, function))


def run(path: str | os.PathLike[str], id: str) -> RunDetail:
    """Return one run with its steps and the messages it published.

    Raises:
        JournalRefused: the file isn't a journal that this version can read.
        EngineError: there is no such run.
    """
    detail = read(path, FindRun(id))
    if detail is None:
        raise EngineError(f"there is no run {id} in {path}")
    return detail


def read(path: str | os.PathLike[str], query: Query[Answer]) -> Answer:
    """Answer a query by the journal's file.

    Raises:
        JournalRefused: the file isn't a journal that this version can read.
    """
    with _reading(path) as connection:
        return answer(Transaction(connection), query)


@contextlib.contextmanager
def _reading(path: str | os.PathLike[str]) -> Generator[sqlite3.Connection, None, None]:
    """Open one consistent view of the journal."""
    place = Path(path)
    try:
        with contextlib.closing(open_readonly(place)) as connection:
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise JournalRefused(f"{place} can't be read: {error}") from error
    except OSError as error:
        raise JournalRefused(f"{place} can't be read: {error.strerror}") from error
