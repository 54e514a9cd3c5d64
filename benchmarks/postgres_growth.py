"""What a million messages, ten thousand unfinished runs and a hundred processes cost on Postgres."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from statistics import median
from typing import Self

import psycopg

from benchmarks.bindings import MEDIUM, payload_channel
from benchmarks.report import Bound, Report, Table
from tests.postgres.server import Server
from tightbeam import Client, Context

__all__ = ["grow"]

_PROCESSES = 100
_MESSAGES = """
INSERT INTO tightbeam.message (channel, topic, started_at, ended_at, created_at, data, id)
SELECT 'closed:' || n %% 100, 'medium', t, t, t, convert_to(%s, 'UTF8'), 'filled-' || n
FROM (SELECT n, (extract(epoch FROM now()) * 1e6)::bigint - (%s::bigint - n) * 1000 AS t
      FROM generate_series(1, %s) AS n) AS filled
"""
_BEAT = """
INSERT INTO tightbeam.process (functions, host, pid, version, lease, beat_at)
SELECT '{}', 'bench', n, '0', interval '15 s', clock_timestamp() FROM generate_series(1, %s) AS n
RETURNING number
"""


def grow(report: Report, server: Server, messages: int, *, quick: bool) -> None:
    """Do the same on an empty and on a full database, in turns, and compare."""
    asyncio.run(_grow(report, server, messages, 400 if quick else 10_000, 3 if quick else 15))


async def _grow(report: Report, server: Server, messages: int, runs: int, rounds: int) -> None:
    found: dict[str, dict[str, list[float]]] = {}
    full = server.new()
    stop = threading.Event()
    beating = threading.Thread(target=_beat, args=(full, stop))
    async with _Subject(server.new()) as small, _Subject(full) as large:
        await large.fill(messages, runs)
        beating.start()
        try:
            for _ in range(rounds):
                for name, subject in (("empty", small), ("full", large)):
                    for what, run in subject.timed.items():
                        start = time.perf_counter()
                        await run()
                        found.setdefault(what, {}).setdefault(name, []).append(time.perf_counter() - start)
        finally:
            stop.set()
            beating.join()
    rows = []
    for what, both in found.items():
        ratio = median(one / other for one, other in zip(both["full"], both["empty"], strict=True))
        times = (f"{median(both[name]) * 1e3:,.1f}" for name in ("empty", "full"))
        rows.append((what, *times, f"{ratio:.2f}"))
        # Not judged in CI, where a journal of the quick run is never full and other programs come between.
        report.bounds.append(Bound(f"full ÷ empty: {what}", ratio, "≤", 1.3, margin=None))
    title = f"Growth: {messages:,} messages, {runs:,} unfinished runs, {_PROCESSES} processes' heartbeats"
    report.tables.append(Table(title, ("", "empty, ms", "full, ms", "ratio"), tuple(rows)))


class _Subject:
    """An entered client on one database, and what is timed with it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._client = client = Client(address)
        self._ref = payload_channel("closed").closed_payloads_channel(id="own").medium

        @client.function("publish")
        async def publish(ctx: Context) -> None:
            await asyncio.gather(
                *(ctx.step.realtime.publish(f"p{number}", self._ref, MEDIUM) for number in range(500))
            )

        @client.function("nothing")
        async def nothing(ctx: Context) -> None: ...

        @client.function("sleeper", on="bench/sleep")
        async def sleeper(ctx: Context) -> None:
            await ctx.step.sleep("nap", timedelta(days=1))

        self._publish, self._nothing = publish, nothing
        self._position: str | None = "start"
        self.timed: dict[str, Callable[[], Awaitable[object]]] = {
            "500 durable publishes together": lambda: client.run(publish),
            "20 runs, one after the other": self._run,
            "100 messages of a channel resumed": self._resume,
            "the latest 100 runs listed": client.runs.list,
        }

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        await self._client.run(self._publish)
        await asyncio.gather(*(self._client.run(self._nothing) for _ in range(100)))  # to list as many
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.__aexit__(None, None, None)

    async def fill(self, messages: int, runs: int) -> None:
        """Add messages, and runs of which one half sleeps and the other waits for an absent process."""
        absent = Client(self._address, run_functions=False)

        @absent.function("elsewhere", on="bench/elsewhere")
        async def elsewhere(ctx: Context) -> None: ...

        async with absent:
            for client, event in ((self._client, "bench/sleep"), (absent, "bench/elsewhere")):
                for _ in range(runs // 2 // 100):
                    await asyncio.gather(*(client.send(event, {}) for _ in range(100)))
        while len(await self._client.runs.list(state="sleeping", limit=runs)) < runs // 2:  # noqa: ASYNC110 - bounded by the runs
            await asyncio.sleep(0.2)
        await asyncio.to_thread(self._write, messages)

    def _write(self, messages: int) -> None:
        data = '{"message": "filled"}' + " " * 200
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(_MESSAGES, (data, messages, messages))
            connection.execute("VACUUM ANALYZE")

    async def _run(self) -> None:
        for _ in range(20):
            await self._client.run(self._nothing)

    async def _resume(self) -> None:
        async with self._client.realtime.subscribe(self._ref, after="start") as subscription:
            for _ in range(100):
                await anext(subscription)


def _beat(address: str, stop: threading.Event) -> None:
    """Let a hundred processes beat, as often as those of the default lease do."""
    with psycopg.connect(address, autocommit=True) as connection:
        numbers = [number for (number,) in connection.execute(_BEAT, (_PROCESSES,))]
        while True:
            for number in numbers:
                connection.execute(
                    "UPDATE tightbeam.process SET beat_at = clock_timestamp() WHERE number = %s", (number,)
                )
                if stop.wait(5 / _PROCESSES):
                    return
