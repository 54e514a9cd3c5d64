"""Requests that wait for the end of another transaction, so that they hold up no others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tightbeam._engine.pending import Pending
from tightbeam._engine.postgres.adding import KeyHeld
from tightbeam.errors import JournalFailed

__all__ = ["PATIENCE", "Aside"]

PATIENCE = 30.0
"""Seconds after which the caller is told."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
"""Seconds between two tries, doubled from the first on: each try keeps the writer for a moment."""


@dataclass(slots=True)
class _Waiting:
    pending: Pending[Any]
    deadline: float
    pause: float
    due: float


class Aside:
    """Keeps the requests that met `KeyHeld`; used by the writer's thread."""

    def __init__(self) -> None:
        self._waiting: dict[int, _Waiting] = {}

    @property
    def seconds(self) -> float | None:
        """How long until one is to be tried again; None if there is none."""
        if not self._waiting:
            return None
        return max(min(each.due for each in self._waiting.values()) - time.monotonic(), 0.0)

    def due(self, *, all_of_them: bool) -> list[Pending[Any]]:
        """Return the requests that are to be tried now.

        Args:
            all_of_them: also those whose time hasn't come.
        """
        now = time.monotonic()
        return [each.pending for each in self._waiting.values() if all_of_them or each.due <= now]

    def keep(self, tried: Sequence[Pending[Any]], *, for_longer: bool) -> list[Pending[Any]]:
        """Keep what has to wait, and return the requests to be answered.

        Args:
            tried: what was carried out, or wasn't.
            for_longer: whether waiting has an end: not if the store is being closed.
        """
        answered = [pending for pending in tried if not self._waits(pending, for_longer=for_longer)]
        for pending in answered:
            self._waiting.pop(id(pending), None)
        return answered

    def _waits(self, pending: Pending[Any], *, for_longer: bool) -> bool:
        if not isinstance(pending.error, KeyHeld):
            return False
        now = time.monotonic()
        before = self._waiting.get(id(pending))
        deadline = now + PATIENCE if before is None else before.deadline
        if now >= deadline or not for_longer:
            pending.error = JournalFailed(
                "another transaction has used the same id, and is still open: try again once it has ended"
            )
            return False
        pause = _FIRST_PAUSE if before is None else min(2 * before.pause, _LONGEST_PAUSE)
        self._waiting[id(pending)] = _Waiting(pending, deadline, pause, now + pause)
        return True
