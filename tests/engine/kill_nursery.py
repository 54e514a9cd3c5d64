"""Run children that work on one journal and kill them at random; then let one finish, and say what there is.

A process of its own without threads, so that children can be forked from it: python -m
tests.engine.kill_nursery FILE KILLS SEED. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import signal
import sqlite3
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from tests.engine.samples import job_channel
from tightbeam import Client, Context, ContextSync
from tightbeam._engines.embedded import inspect

NEW_EVENTS = 3
PUBLISHES = 4


async def triple(n: int) -> int:
    return n * 3


def define(client: Client, acknowledge: int) -> None:
    def ack(run_id: str, step_id: str) -> None:
        os.write(acknowledge, f"{run_id}:{step_id}:0\n".encode())

    @client.function("work", on="app/work", concurrency=4)
    async def work(ctx: Context) -> None:
        ch = job_channel(job_id=ctx.event.data["job"])
        for n in range(PUBLISHES):
            await ctx.publish(ch.status, {"message": "live"})
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
            ack(ctx.run_id, f"p{n}")
            assert await ctx.step.run(f"s{n}", triple, n) == 3 * n
        await ctx.step.sleep("nap", timedelta(milliseconds=2))
        await asyncio.gather(*(parallel(ctx, n) for n in range(PUBLISHES)))
        if not ctx.attempt:
            raise RuntimeError("one retry, with everything remembered")

    async def parallel(ctx: Context, n: int) -> None:
        ch = job_channel(job_id=ctx.event.data["job"])
        await ctx.step.realtime.publish(f"g{n}", ch.tick, {"n": 100 + n})
        ack(ctx.run_id, f"g{n}")

    @client.function("sync", on="app/work")
    def sync(ctx: ContextSync) -> None:
        ch = job_channel(job_id=f"sync-{ctx.event.data['job']}")
        for n in range(PUBLISHES):
            ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
            ack(ctx.run_id, f"p{n}")


async def child(path: str, acknowledge: int, finish: bool) -> None:
    client = Client(path, retry_delay=timedelta(milliseconds=1))
    define(client, acknowledge)
    async with client:
        for n in range(0 if finish else NEW_EVENTS):
            for run_id in await client.send("app/work", {"job": f"{os.getpid()}-{n}"}):
                os.write(acknowledge, f"sent:{run_id}\n".encode())
        while finish and any(summary.ended_at is None for summary in inspect.runs(path)):  # noqa: ASYNC110 - see below
            await asyncio.sleep(0.02)  # the journal has no event to wait for
        if not finish:
            await asyncio.sleep(60)  # until killed


def spawn(path: str, acknowledge: int, finish: bool) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            asyncio.run(child(path, acknowledge, finish))
            code = 0
        finally:
            os._exit(code)
    return pid


def main() -> None:
    path, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    read_end, write_end = os.pipe()
    told = b""
    checks = set()
    unfinished = 0
    for _ in range(kills):
        pid = spawn(path, write_end, finish=False)
        if chance.random() < 0.3:
            time.sleep(chance.uniform(0, 0.05))  # starting, opening, recovering
        else:
            told += read_lines(read_end, chance.randint(1, 40), 1.0)
            time.sleep(chance.uniform(0, 0.004))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        told += read_lines(read_end, None, 0.0)
        if not Path(path).exists():
            continue  # killed before the file was made
        with closing(sqlite3.connect(path)) as connection, connection:
            checks.add(connection.execute("PRAGMA quick_check").fetchone()[0])
            # A run may not be given up for the deaths it had no time to make progress between.
            connection.execute("UPDATE run SET deaths = 0")
            unfinished += bool(connection.execute("SELECT 1 FROM run WHERE state = 'running'").fetchone())
    pid = spawn(path, write_end, finish=True)
    while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
        told += read_lines(read_end, 1, 0.02)
    status = ended[1]
    told += read_lines(read_end, None, 0.0)
    details = [inspect.run(path, summary.id) for summary in inspect.runs(path)]
    lines = told.decode().split()
    print(
        json.dumps(
            {
                "status": status,
                "checks": sorted(checks),
                "states": sorted({detail.summary.state for detail in details}),
                "killed_at_work": unfinished,
                "sent": [line.removeprefix("sent:") for line in lines if line.startswith("sent:")],
                "acknowledged": [line for line in lines if not line.startswith("sent:")],
                "messages": {
                    detail.summary.id: [detail.summary.function, [message.id for message in detail.messages]]
                    for detail in details
                },
            }
        )
    )


def read_lines(read_end: int, count: int | None, seconds: float) -> bytes:
    """What the child has told, up to a number of lines, waiting so long for each."""
    found = b""
    while (count is None or found.count(b"\n") < count) and select.select([read_end], [], [], seconds)[0]:
        found += os.read(read_end, 65536)
    return found


if __name__ == "__main__":
    main()
