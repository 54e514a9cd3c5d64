"""Runs as a journal's file has them, whether or not a client is entered."""

from __future__ import annotations

from pathlib import Path

from tightbeam._engine.details import RunDetail, RunSummary
from tightbeam._engine.requests import FindRun, ListRuns
from tightbeam._engine.sqlite.journal_file import JournalFile

__all__ = ["run", "runs"]


def runs(path: str | Path) -> list[RunSummary]:
    """List the latest runs, oldest first."""
    return JournalFile(Path(path)).read(ListRuns(1_000))


def run(path: str | Path, id: str) -> RunDetail:
    """Return one run with its steps and the messages it published."""
    detail = JournalFile(Path(path)).read(FindRun(id))
    assert detail is not None, f"there is no run {id} in {path}"
    return detail
