"""What a client without a file keeps until it is entered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tightbeam._engine.memory.unheard import unheard
from tightbeam._engine.settings import Retention
from tightbeam._engine.store import Outlet, Store

if TYPE_CHECKING:
    from tightbeam._engine.memory.journal import Journal

__all__ = ["MemoryBackend"]


class MemoryBackend:
    """A `Backend`; each time it is opened the journal is a new one. The store is imported then."""

    name = "memory"
    is_shared = False

    def __init__(self, retention: Retention, journal: Journal | None = None) -> None:
        """Prepare a journal in memory.

        Args:
            retention: what is kept.
            journal: what every opening goes on with, as it would with a file; None for a new one each time.
        """
        self._retention = retention
        self._journal = journal

    def open(self, outlet: Outlet, /) -> Store:
        """See `Backend`."""
        from tightbeam._engine.memory.journal import Journal
        from tightbeam._engine.memory.store import MemoryStore

        journal = Journal() if self._journal is None else self._journal
        return MemoryStore(journal, self._retention, outlet)

    def unheard(self, *, forked: bool) -> str | None:
        """See `Backend`."""
        return unheard(forked=forked)
