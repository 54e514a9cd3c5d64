"""The stores that the engine's tests run over: an entry in `STORES` for each.

A test that asks for the fixture `path`, or whose module does, looks at a journal's file, or at how SQLite
stores things. So it runs over the store that has a file: that is where kills and power cuts, the disk, locks,
backups, formats and other processes are tested. All other tests run over each store.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from tests.postgres.server import shared_server
from tests.tightbeam.engine.doubles import BackendDouble
from tightbeam import Client, Context
from tightbeam._client import client_over
from tightbeam._engine.addresses import Address
from tightbeam._engine.backends import backend_for
from tightbeam._engine.details import RunDetail, RunSummary
from tightbeam._engine.memory.backend import MemoryBackend
from tightbeam._engine.memory.journal import Journal
from tightbeam._engine.observing import ReadEnds
from tightbeam._engine.postgres.journal import JournalOnServer
from tightbeam._engine.postgres.places import place_at
from tightbeam._engine.postgres.store import PostgresStore
from tightbeam._engine.records import FunctionLimit
from tightbeam._engine.requests import Claim, FindLatest, FindRun, ListRuns, PullBack, Recover, Tick
from tightbeam._engine.settings import OnServer, Retention
from tightbeam._engine.sqlite.journal_file import JournalFile
from tightbeam._engine.store import Answer, Backend, Query, Store
from tightbeam._hooks.info import CommitInfo
from tightbeam._hub.hub import Loops
from tightbeam._message import Envelope

__all__ = ["KEEPS", "STORES", "PostgresStorage", "SqliteStorage", "Storage", "place_in"]

KEEPS = Retention(messages=100_000, age_us=30 * 24 * 3_600_000_000, size=1 << 30)
_NUDGE = "tests/nudge"
_LATER = PullBack(timedelta(days=4_000) // timedelta(microseconds=1))
"""Lets all be due; no sleep of a test is longer."""
_LAST_MESSAGE = "SELECT xid::text::bigint, seq FROM tightbeam.message ORDER BY xid DESC, seq DESC LIMIT 1"


def place_in(position: str | None) -> int:
    """Return the place that a position names, in any store's form."""
    assert position is not None
    *transaction, number = map(int, position.replace(":", ".").split(".")[1:])
    return sum(transaction) << 64 | number


class Storage(ABC):
    """Where the clients of one test keep their runs and messages: clients come and go, it stays."""

    def __init__(self) -> None:
        self.doubles: list[BackendDouble] = []
        """What the clients were made over, in order."""

    @abstractmethod
    def backend(self, retention: Retention) -> Backend:
        """Return a backend that goes on with what was stored before."""

    @abstractmethod
    def read(self, query: Query[Answer]) -> Answer:
        """Answer a query, whether or not a client is entered."""

    @property
    def double(self) -> BackendDouble:
        """Return what the latest client was made over."""
        return self.doubles[-1]

    async def kill(self, store: Store) -> None:
        """Do as if the process of an open store had died, and had been found dead."""
        await store.close(10)

    def client(self, **options: Any) -> Client:
        """Return a client that goes on with what was stored before, and retries at once."""
        kept = KEEPS._replace(
            **{
                name: options.pop(option)
                for name, option in (("messages", "retain_messages"), ("size", "retain_bytes"))
                if option in options
            }
        )
        if "retain_for" in options:
            kept = kept._replace(age_us=options.pop("retain_for") // timedelta(microseconds=1))
        double = BackendDouble(self.backend(kept), self.kill)
        self.doubles.append(double)
        # On a busy machine as well, what is due when a client is left is finished.
        defaults = {"retry_delay": timedelta(0), "shutdown_timeout": timedelta(minutes=1)}
        return client_over(double, **{**defaults, **options})

    def run(self, id: str) -> RunDetail:
        """Return a run as it is stored."""
        found = self.read(FindRun(id))
        assert found is not None, f"there is no run {id}"
        return found

    def runs(self, *, state: str | None = None, function: str | None = None) -> list[RunSummary]:
        """Return the runs as they are stored, oldest first."""
        return [one for one in self.read(ListRuns(100_000, state, function)) if one.event != _NUDGE]

    def ticks(self, function: str = "tick") -> list[str]:
        """Return the times of the ticks whose runs are stored, from the keys of what was requested."""
        stored = {run.id for run in self.runs(function=function)}
        requests = [each for double in self.doubles for each in double.requests]
        return [
            each.run.key.rpartition("+")[0][-19:]
            for each in requests
            if isinstance(each, Tick) and each.run.id in stored and each.run.key is not None
        ]

    async def wake(self, client: Client) -> None:
        """Do as if so much time had passed that all runs are due which a client doesn't execute."""
        await self.double.store.submit(_LATER)
        await self.nudge(client)

    async def let_time_pass(self) -> None:
        """Do as if so much time had passed, with no client entered, that all runs are due."""
        async with self.opened() as store:
            store.call(_LATER)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncGenerator[Store, None]:
        """Open the store without a client, to change what is stored."""
        if self.doubles and self.double.stores:
            await self.closed()
        store = self.backend(KEEPS).open(_NoOutlet())
        try:
            yield store
        finally:
            await store.close(30)

    async def nudge(self, client: Client) -> None:
        """Have the scheduler look for runs that are due: it does when another one is sent."""
        if not any(function.id == _NUDGE for function in client.functions):
            client.function(_NUDGE, on=_NUDGE)(_do_nothing)
        await client.send(_NUDGE)

    async def follow(self) -> None:  # noqa: B027 - most hand messages on before they answer
        """Have the latest client hand on all messages that are stored by now, where that takes a moment."""

    async def die(self, function: str, times: int) -> None:
        """Do as if a process had died so often under the runs of a function that are due."""
        for _ in range(times):
            store = self.backend(KEEPS).open(_NoOutlet())
            store.call(Recover(frozenset({function}), 0))
            store.call(Claim((), (FunctionLimit(function, 99, on_thread=False),), 99, 99, frozenset()))
            await self.kill(store)

    async def closed(self) -> None:
        """Wait until the latest client has let its store go, for which it may have taken too long to wait."""
        await self.double.store.close(30)


class MemoryStorage(Storage):
    """Dictionaries that outlive the clients of a test."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._journal = Journal()

    def backend(self, retention: Retention) -> Backend:
        """Return a backend over the dictionaries."""
        return MemoryBackend(retention, self._journal)

    def read(self, query: Query[Answer]) -> Answer:
        """Answer a query from the dictionaries."""
        with self._journal.lock:
            return self._journal.answer(query)


class SqliteStorage(Storage):
    """A file."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path = folder / "app.db"

    def backend(self, retention: Retention) -> Backend:
        """Return a backend over the file."""
        return backend_for(self.path, retention)

    def read(self, query: Query[Answer]) -> Answer:
        """Answer a query from the file, as another process does."""
        return JournalFile(self.path).read(query)


_journals: list[str] = []
"""The addresses of the databases of earlier tests: emptying one takes a fifth of the time of making one."""


def _empty_journal() -> str:
    """Return the address of a database with an empty journal, or with none, that nothing is connected to."""
    for address in _journals:
        with psycopg.connect(address, autocommit=True) as connection:
            others = connection.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            if others.fetchone() is None and _is_emptied(connection):
                return address
    _journals.append(shared_server().new())
    return _journals[-1]


def _is_emptied(connection: psycopg.Connection[Any]) -> bool:
    """Empty a journal; return False if there is none."""
    if connection.execute("SELECT to_regclass('tightbeam.live')").fetchone() == (None,):
        return False
    names = ("process", "run", "step", "message", "schedule", "sent", "live")
    tables = ", ".join(f"tightbeam.{name}" for name in names)
    connection.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())
    connection.execute("DELETE FROM tightbeam.meta WHERE name ~ '^(trimmed_|counted|clock_)'")
    connection.execute("UPDATE tightbeam.meta SET value = %s WHERE name = 'journal'", (os.urandom(4).hex(),))
    return True


class PostgresStorage(Storage):
    """A schema of a database."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.address = _empty_journal()
        self.lease = 60.0
        """Of each client: longer than a test waits for what has to come before one ends."""

    def backend(self, retention: Retention) -> Backend:
        """Return a backend over the schema."""
        return backend_for(self.address, retention, OnServer(lease=self.lease))

    async def kill(self, store: Store) -> None:
        """Do as if the process of an open store had died: its row goes, and it writes nothing more."""
        assert isinstance(store, PostgresStore)
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute("DELETE FROM tightbeam.process WHERE number = %s", (store.member.number,))
        await store.close(10)

    async def follow(self) -> None:
        """Wait until no transaction is open that messages which are stored by now have to wait for."""
        with psycopg.connect(self.address) as connection:
            row = connection.execute(_LAST_MESSAGE).fetchone()
        last = 0 if row is None else place_at(*row)
        async with asyncio.timeout(30):
            while (await self.double.store.submit(FindLatest(()))).end < last:  # noqa: ASYNC110 - another process ends it
                await asyncio.sleep(0.01)

    def read(self, query: Query[Answer]) -> Answer:
        """Answer a query from the database, as another process does."""
        return JournalOnServer(Address(self.address), OnServer(lease=self.lease)).read(query)


STORES: dict[str, Callable[[Path], Storage]] = {
    "memory": MemoryStorage,
    "sqlite": SqliteStorage,
    "postgres": PostgresStorage,
}


class _NoOutlet:
    """For a store that nothing is published to."""

    measures = False
    is_read = True

    def committed(self, commit: CommitInfo, /) -> None: ...

    def reserve(self, channel: str, at_least: int, last: Callable[[], int], /) -> int:
        raise AssertionError

    def release(self) -> None: ...

    def fan_out(self, committed: Sequence[Envelope], /, *, own: bool = True) -> None:
        assert not committed

    def sent(self, committed: Sequence[Envelope], /) -> None: ...

    def settled(self, runs: Collection[str] | None, read: ReadEnds, /) -> None: ...

    def live(self, envelopes: Sequence[Envelope], /, *, relayed: bool = False) -> Loops | None:
        raise AssertionError

    def ended(self, runs: Collection[str] | None, /) -> None: ...

    def cancelled(self, runs: Collection[str], /) -> None: ...

    def skip(self, place: int, /) -> bool:
        raise AssertionError

    def missed(self, place: int, /) -> None: ...

    def date_live_before(self, time_us: int, /) -> None: ...

    def lost(self, runs: Collection[str], /) -> None: ...

    def wake(self, runs: Collection[str], /) -> None: ...


async def _do_nothing(ctx: Context) -> None: ...
