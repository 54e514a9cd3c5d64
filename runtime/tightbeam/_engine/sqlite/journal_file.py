"""A journal's file, as commands see it."""

from __future__ import annotations

from pathlib import Path

from tightbeam._engine.journal import Checkup, Copied
from tightbeam._engine.sqlite import inspect
from tightbeam._engine.sqlite.backup import back_up, restore
from tightbeam._engine.sqlite.checkup import check_up
from tightbeam._engine.sqlite.resume import resume
from tightbeam._engine.store import Answer, Query

__all__ = ["JournalFile"]


class JournalFile:
    """A `Journal`; constructing it touches nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, query: Query[Answer], /) -> Answer:
        """See `Journal`."""
        return inspect.read(self._path, query)

    def check_up(self) -> Checkup:
        """See `Journal`."""
        return check_up(self._path)

    def resume(self, run_id: str, /) -> None:
        """See `Journal`."""
        resume(self._path, run_id)

    def back_up(self, target: Path, /, *, overwrite: bool = False) -> Copied:
        """See `Journal`."""
        return back_up(self._path, target, overwrite=overwrite)

    def restore(self, backup: Path, /, *, replace: bool = False) -> Copied:
        """See `Journal`."""
        return restore(backup, self._path, replace=replace)
