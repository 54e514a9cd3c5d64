"""Requests of tests: any work on a transaction of the SQLite store, as one of a batch or as a query."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from tightbeam._engine.sqlite import file
from tightbeam._engine.sqlite.answers import ANSWERS
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._engine.store import Query, Request, Store

__all__ = ["Look", "Work", "busy", "open_memory"]


@dataclass(frozen=True, slots=True)
class Work(Request[Any]):
    """Do something in the transaction of a batch."""

    work: Callable[[Transaction], Any]


@dataclass(frozen=True, slots=True)
class Look(Query[Any]):
    """Do something between two batches."""

    work: Callable[[Transaction], Any]


@contextlib.asynccontextmanager
async def busy(store: Store) -> AsyncIterator[None]:
    """Keep the thread of a SQLite store at work meanwhile: what is requested then is one batch afterwards."""
    held, release = threading.Event(), threading.Event()

    def hold(tx: object) -> None:
        held.set()
        assert release.wait(30)

    holding = store.submit(Work(hold))
    await asyncio.to_thread(held.wait, 30)
    try:
        yield
        assert not holding.done()
    finally:
        release.set()
    await holding


ANSWERS[Work] = ANSWERS[Look] = lambda tx, request: request.work(tx)


def open_memory() -> sqlite3.Connection:
    """Open an empty journal that lives as long as its connection."""
    connection = file._connect(":memory:")
    file._initialize(connection)
    return connection
