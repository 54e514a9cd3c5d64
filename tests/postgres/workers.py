"""Open stores of one database with shorthands for runs: each store is to the others another process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from tests.postgres.opened import Heard, open_store
from tightbeam._engine.postgres.store import PostgresStore
from tightbeam._engine.records import Claimed, FunctionLimit, Memo, NewRun, Replaced
from tightbeam._engine.requests import (
    AddRuns,
    Awaken,
    BeginSleep,
    Claim,
    EndRun,
    FindRun,
    MemoizeStep,
    Recover,
)
from tightbeam._engine.store import Request
from tightbeam._message import now_us

__all__ = ["HOUR", "KNOWN", "NEW", "Worker", "workers"]

HOUR = 3_600_000_000
KNOWN = frozenset({"work"})
NEW = Replaced(failed=False, counted=False)


class Worker:
    """A store of one process."""

    def __init__(self, address: str, lease: float = 15.0) -> None:
        self.address = address
        self.heard = Heard()
        self.store: PostgresStore = open_store(address, lease=lease, outlet=self.heard)
        self.ask(Recover(KNOWN, HOUR))

    def ask(self, request: Request[Any]) -> Any:
        return self.store.call(request)

    def add(self, *ids: str, key: str | None = None, function: str = "work") -> None:
        for one in ids:
            self.ask(AddRuns((NewRun(one, function, concurrency_key=key),), "app/work", b"{}"))

    def claimed(self, runs: int = 100, **limits: Any) -> Claimed:
        """Claim runs, and return all that is answered."""
        limit = FunctionLimit("work", runs, on_thread=False, **limits)
        claimed: Claimed = self.ask(Claim((), (limit,), 1_000, 1_000, frozenset()))
        return claimed

    def claim(self, runs: int = 100, **limits: Any) -> list[str]:
        """Claim runs, and return their ids."""
        return [run.id for run in self.claimed(runs, **limits).runs]

    def step(self, run: str, id: str = "s") -> None:
        """Remember a step."""
        memo = Memo("step.run", None, None, "done", None, b"1", None, None)
        self.ask(MemoizeStep(run, id, memo, now_us(), NEW))

    def sleep(self, run: str, id: str = "nap", us: int = HOUR) -> None:
        """Have a run sleep."""
        self.ask(BeginSleep(run, id, now_us() + us, now_us(), NEW, alone=True))

    def awaken(self, run: str, limit: int | None = None, key_limit: int | None = None) -> bool | None:
        """Have a run execute that slept."""
        is_awake: bool | None = self.ask(Awaken(run, limit, key_limit))
        return is_awake

    def end(self, run: str) -> None:
        """End a run."""
        self.ask(EndRun(run, b"1", None, ()))

    def state(self, run: str) -> str:
        found: str = self.ask(FindRun(run)).summary.state
        return found

    def falls_silent(self) -> None:
        """Do as if the process had been stopped for longer than its lease, and nobody had noticed yet."""
        silence = (
            "UPDATE tightbeam.process SET lease = '0', beat_at = clock_timestamp() - interval '1 s' "
            "WHERE number = %s"
        )
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(silence, (self.store.member.number,))


@asynccontextmanager
async def workers(address: str, number: int = 2, lease: float = 15.0) -> AsyncIterator[list[Worker]]:
    """Open so many stores of one database."""
    opened = [Worker(address, lease) for _ in range(number)]
    try:
        yield opened
    finally:
        for worker in opened:
            await worker.store.close(30)
