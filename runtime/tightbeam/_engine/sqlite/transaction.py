"""What a request is carried out with."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from tightbeam._engine.store import Outlet
from tightbeam._message import Envelope

__all__ = ["Transaction"]


class Transaction:
    """A connection inside a transaction, and the messages to fan out once it is committed."""

    __slots__ = ("execute", "outbox", "reserve", "woken", "written")

    def __init__(self, connection: sqlite3.Connection, outlet: Outlet | None = None) -> None:
        """Begin with nothing to fan out.

        Args:
            connection: on which the transaction has begun.
            outlet: gives messages their times; None where none is stored.
        """
        self.execute = connection.execute
        self.reserve = _refuse if outlet is None else outlet.reserve
        """See `Outlet.reserve`."""
        self.outbox: list[Envelope] = []
        self.woken: list[str] = []
        """The runs to wake once it is committed: steps that they waited for have ended."""
        self.written = 0
        """Bytes of data that were stored, so that house-keeping knows when to look."""


def _refuse(_channel: str, _at_least: int, _last: Callable[[], int], /) -> int:
    raise AssertionError("no message is stored without an outlet")
