"""Kill processes that start, await, invoke, cancel and retry runs; let one finish, and say what there is.

A process of its own without threads, so that children can be forked from it: python -m
tests.tightbeam.engine.kill_starts FILE KILLS SEED. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import sqlite3
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tightbeam import (
    Client,
    Context,
    ContextSync,
    CronEvent,
    FailureEvent,
    NotRegistered,
    RunState,
    RunStateError,
    cron,
)
from tightbeam._engine.session import Session
from tightbeam._engine.sqlite import runs

__all__ = ["HOUR", "LIMIT"]

HOUR = timedelta(hours=1)
LIMIT = timedelta(milliseconds=60)
TENANTS = 2
CANCELLED = ("parent", "replier", "tenant", "late", "fails")
STATES: tuple[RunState, ...] = ("ready", "running", "sleeping")
BACKLOG = 40
SENDS = 10
"""One child of so many sends all events before it is killed, however slow the machine is."""
# Imported here, before the forks: a child then needs a few milliseconds to its first write.
assert Session is not None


def define(client: Client) -> None:
    @client.function("leaf", concurrency=8)
    def leaf(ctx: ContextSync) -> int:
        return int(ctx.event.data["n"]) + 1

    @client.function("keyed", on="app/keyed", concurrency=8)
    async def keyed(ctx: Context) -> None: ...

    @client.function("replier", on="app/ask", concurrency=8)
    async def replier(ctx: Context) -> None:
        data = ctx.event.data
        for n in range(10_000):
            try:
                await ctx.step.send_event(f"reply{n}", "app/reply", {"to": data["from"], "n": 40})
            except NotRegistered:  # nobody waits yet
                await ctx.step.sleep(f"pause{n}", timedelta(milliseconds=3))
            else:
                return

    @client.function("parent", on="app/parent", concurrency=8)
    async def parent(ctx: Context) -> list[int]:
        asked = await ctx.step.send_event("ask", "app/ask", {"from": ctx.run_id})
        reply, n = await asyncio.gather(
            ctx.step.wait_for_event("reply", event="app/reply", timeout=HOUR, match={"to": ctx.run_id}),
            ctx.step.invoke("leaf", function=leaf, data={"n": 1}),
        )
        assert reply is not None
        if not ctx.attempt:
            raise RuntimeError("one retry, with everything remembered")
        again = await ctx.step.invoke("again", function=leaf, data={"n": reply.data["n"]})
        return [len(asked), n, again]

    async def failed(ctx: Context[FailureEvent]) -> str:
        return await ctx.step.run("note", _give, ctx.event.data.run_id)

    @client.function("late", on="app/late", concurrency=8, timeout=LIMIT, on_failure=failed)
    async def late(ctx: Context) -> None:
        """Executes, or is out of memory, when its time is over."""
        if ctx.event.data["n"] % 2:
            await ctx.step.sleep("nap", HOUR)
        await asyncio.sleep(60)

    @client.function("fails", on="app/fails", concurrency=8, retries=1, on_failure=failed)
    async def fails(ctx: Context) -> None:
        await ctx.step.run("once", _give, "")
        raise ValueError("as it is meant to")

    executing: Counter[str] = Counter()

    @client.function("tenant", on="app/tenant", concurrency=[2 * TENANTS, (1, "event.data.tenant")])
    async def tenant(ctx: Context) -> str:
        """Is the only one of its key, whatever was held back when a process died."""
        key = ctx.event.data["tenant"]
        for n in range(2):
            executing[key] += 1
            crowd = executing[key]
            try:
                await ctx.step.run(f"work{n}", _give, "")
            finally:
                executing[key] -= 1
            if crowd > 1:
                return f"{crowd} at a time"
            await ctx.step.sleep(f"pause{n}", timedelta(milliseconds=2))
        return ""

    @client.function("tick", on=cron("* * * * * *"))
    async def tick(ctx: Context[CronEvent]) -> None: ...


async def _give(value: str) -> str:
    await asyncio.sleep(0)
    return value


async def live(path: str, told: int, events: int, finish: bool) -> None:
    runs.MAX_DEATHS = 1 << 30  # a run here dies more often than is fair
    client = Client(path, retry_delay=timedelta(milliseconds=1), shutdown_timeout=timedelta(seconds=1))
    define(client)
    async with client:
        os.write(told, b"in\n")
        for n in range(events):
            await client.send("app/parent")
            due = datetime.now(UTC) + timedelta(milliseconds=20)
            await asyncio.gather(
                *(client.send("app/keyed", id=f"{os.getpid()}-{n}") for _ in range(3)),
                client.send("app/keyed", id=f"{os.getpid()}-{n}-later", at=due),
                client.send("app/late", {"n": n}),
                client.send("app/fails"),
                *(client.send("app/tenant", {"tenant": str(n % TENANTS)}) for _ in range(3)),
            )
        os.write(told, b"sent\n")
        operating = asyncio.create_task(operate(client, finish=finish))
        while not finish or (any(left(path)) and not operating.done()):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.02)
        operating.cancel()


async def operate(client: Client, *, finish: bool) -> None:
    """Cancel runs in whatever they are doing, and retry all that are cancelled: that starts nothing twice."""
    chance = random.Random(os.getpid())
    for number in itertools.count():
        await asyncio.sleep(0.002)
        with suppress(RunStateError):  # it goes on meanwhile
            for run in await client.runs.list(state="cancelled", limit=1_000 if finish else 3):
                await client.runs.retry(run.id)
            if finish and number >= 100:
                continue
            found = await client.runs.list(state=chance.choice(STATES), limit=200)
            if some := [run for run in found if run.function in CANCELLED]:
                await client.runs.cancel(chance.choice(some).id)


def left(path: str) -> Iterator[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        yield from (
            row[0]
            for row in connection.execute("SELECT id FROM run WHERE ended_at IS NULL OR state = 'cancelled'")
        )


def spawn(path: str, told: int, events: int, *, finish: bool = False) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            asyncio.run(live(path, told, events, finish))
            code = 0
        except BaseException:  # noqa: BLE001 - the child ends below, and says why before it does
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return pid


def main() -> None:
    path, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    for number in range(kills):
        read_end, write_end = os.pipe()
        unfinished = sum(1 for _ in left(path)) if Path(path).exists() else 0
        pid = spawn(path, write_end, 3 if unfinished < BACKLOG or number % SENDS == 0 else 0)
        os.close(write_end)
        if number % SENDS == 0:
            while os.read(read_end, 100) not in (b"sent\n", b"in\nsent\n", b""):  # or it has died
                pass
        elif chance.random() < 0.8:
            os.read(read_end, 3)  # it is in, or has died
        time.sleep(chance.uniform(0, 0.12))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(read_end)
    pid = spawn(path, os.open(os.devnull, os.O_WRONLY), 0, finish=True)
    status = os.waitpid(pid, 0)[1]
    with closing(sqlite3.connect(path)) as connection:
        found = {
            "status": status,
            "check": connection.execute("PRAGMA integrity_check").fetchone()[0],
            "runs": connection.execute(
                "SELECT id, function, key, state, parent_run, parent_step, CAST(result AS TEXT), error_type, "
                "held, ended_at - started_at FROM run"
            ).fetchall(),
            "steps": connection.execute(
                "SELECT run_id, id, kind, state, CAST(result AS TEXT) FROM step ORDER BY run_id, started_at"
            ).fetchall(),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
