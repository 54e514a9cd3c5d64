"""The stores that the engine's tests run over: an entry in `STORES` for each.

A test that asks for the fixture `path` looks at the file of a client's journal, so it runs over the store
that has one. All others run over each store.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tightbeam._engine.memory.backend import MemoryBackend
from tightbeam._engine.memory.journal import Journal
from tightbeam._engine.settings import Retention
from tightbeam._engine.store import Backend

__all__ = ["STORES", "MemoryStorage", "Storage"]


class Storage(Protocol):
    """Where the clients of one test keep their runs and messages: clients come and go, it stays."""

    def backend(self, retention: Retention) -> Backend:
        """Return a backend that goes on with what was stored before."""
        ...


class MemoryStorage:
    """Dictionaries that outlive the clients of a test."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal()

    def backend(self, retention: Retention) -> Backend:
        """Return a backend that goes on with what was stored before."""
        return MemoryBackend(retention, self._journal)


STORES: dict[str, Callable[[Path], Storage]] = {"memory": MemoryStorage}
