"""Runs in a journal that the command opens itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tightbeam import JournalRefused, TightbeamError
from tightbeam._engine.details import Part, RunDetail, RunSummary
from tightbeam._engine.journal import Journal
from tightbeam._engine.requests import FindRun, ReadPart
from tightbeam_cli.runs.asked import Selection
from tightbeam_cli.runs.output import RunsFailed
from tightbeam_cli.runs.source import Action, scan

__all__ = ["JournalSource"]

_Answer = TypeVar("_Answer")


class JournalSource:
    """A `RunSource`. A client may have the journal open while it is read; see `Journal.is_shared`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def runs(self, selection: Selection, /) -> tuple[list[RunSummary], bool]:
        """See `RunSource`."""
        return scan(selection, lambda query: self._done(lambda: self._journal.read(query)))

    def run(self, run_id: str, /) -> RunDetail:
        """See `RunSource`."""
        found = self._done(lambda: self._journal.read(FindRun(run_id)))
        if found is None:
            raise RunsFailed(f"there is no run {run_id} in {self._journal.name}", kind="NoSuchRun")
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
                    f"{who} has {journal.name} open, so only its client can {action} runs",
                    f"Ask it through its gateway: tightbeam runs {action} RUN --url https://… with the "
                    "server key in TIGHTBEAM_SERVER_KEY; or stop it first.",
                    kind="JournalRefused",
                ) from cause
            raise

    def close(self) -> None:
        """See `RunSource`."""
        self._journal.close()

    def _done(self, work: Callable[[], _Answer]) -> _Answer:
        try:
            return work()
        except (TightbeamError, OSError) as error:
            raise RunsFailed(str(error), kind=type(error).__name__) from error
