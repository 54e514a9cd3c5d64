"""A journal in a file: what a client keeps until it is entered."""

from __future__ import annotations

import os
from pathlib import Path

from tightbeam._engine.settings import Retention
from tightbeam._engine.store import Outlet, Store
from tightbeam._engine.unheard import WAY_OUT
from tightbeam._engine.waiting import process_name

__all__ = ["SqliteBackend"]


class SqliteBackend:
    """A `Backend`. SQLite is imported when it is opened: programs that only publish live go without."""

    is_shared = True

    def __init__(self, path: Path, retention: Retention) -> None:
        """Touch nothing.

        Args:
            path: of the file.
            retention: how much is kept.
        """
        self._path = path
        self._retention = retention

    @property
    def name(self) -> str:
        """See `Backend`."""
        return str(self._path)

    def open(self, outlet: Outlet, /) -> Store:
        """See `Backend`."""
        from tightbeam._engine.sqlite.opening import open_store

        return open_store(self._path, self._retention, outlet)

    def unheard(self, *, forked: bool) -> str | None:  # noqa: ARG002 - the file tells who has it open
        """See `Backend`."""
        from tightbeam._engine.sqlite.lock import holder_of

        holder = holder_of(self._path)
        if holder is None:
            return None
        who = "another client of this process" if holder == os.getpid() else process_name(holder)
        return (
            f"{self._path} is open in {who}, and the client here isn't entered: what is published here "
            f"reaches no reader there, and nothing from there arrives here: {WAY_OUT}"
        )
