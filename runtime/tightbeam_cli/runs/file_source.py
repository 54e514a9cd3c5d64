"""Runs in a database file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tightbeam import JournalRefused, TightbeamError
from tightbeam._engine.backends import journal_at
from tightbeam._engine.details import Part, RunDetail, RunSummary
from tightbeam._engine.requests import FindRun, ReadPart
from tightbeam_cli.runs.asked import Selection
from tightbeam_cli.runs.output import RunsFailed
from tightbeam_cli.runs.source import Action, scan

__all__ = ["FileSource"]

_Answer = TypeVar("_Answer")


class FileSource:
    """A `RunSource`. A client may have the file open while it is read, but not while a run is changed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._journal = journal_at(file)

    def runs(self, selection: Selection, /) -> tuple[list[RunSummary], bool]:
        """See `RunSource`."""
        return scan(selection, lambda query: self._done(lambda: self._journal.read(query)))

    def run(self, run_id: str, /) -> RunDetail:
        """See `RunSource`."""
        found = self._done(lambda: self._journal.read(FindRun(run_id)))
        if found is None:
            raise RunsFailed(f"there is no run {run_id} in {self._file}", kind="NoSuchRun")
        return found

    def part(self, run_id: str, part: Part, step: str = "", /) -> bytes | None:
        """See `RunSource`."""
        found = self._done(lambda: self._journal.read(ReadPart(run_id, part, step)))
        return None if found is None else found.data

    def act(self, action: Action, run_id: str, /) -> None:
        """See `RunSource`."""
        journal = self._journal
        change = {"retry": journal.retry, "cancel": journal.cancel, "resume": journal.resume}[action]
        try:
            self._done(lambda: change(run_id))
        except RunsFailed as failed:
            cause = failed.__cause__
            if isinstance(cause, JournalRefused) and cause.holder is not None:
                who = f"process {cause.holder}" if cause.holder else "a process"
                raise RunsFailed(
                    f"{who} has {self._file} open, so only its client can {action} runs",
                    f"Ask it through its gateway: tightbeam runs {action} RUN --url https://… with the "
                    "server key in TIGHTBEAM_SERVER_KEY; or stop it first.",
                    kind="JournalRefused",
                ) from cause
            raise

    def _done(self, work: Callable[[], _Answer]) -> _Answer:
        try:
            return work()
        except (TightbeamError, OSError) as error:
            raise RunsFailed(str(error), kind=type(error).__name__) from error
