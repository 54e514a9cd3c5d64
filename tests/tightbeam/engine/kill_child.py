"""The program that the nursery kills: functions of every kind, and a reader, on one journal.

Everything it does it tells through a pipe, line by line, after it was done: what was told must be true for
ever, whenever the process dies.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path

from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client, Context, ContextSync, NotEntered, RunState, RunStateError, RunSummary
from tightbeam._engine.session import Session
from tightbeam._engine.sqlite import file, runs

__all__ = ["PARALLEL", "STEPS", "Life", "live"]

STEPS = 3
PARALLEL = 4
STATES: tuple[RunState, ...] = ("ready", "running", "sleeping", "cancelled")
# Imported here, before the forks: a child then needs a few milliseconds to its first write.
assert Session is not None

everyone = job_channel(job_id="everyone")


@dataclass(frozen=True)
class Life:
    """What one child is to do until it is killed."""

    path: str
    told: int
    """The pipe to write to."""
    events: int = 0
    leave_after: int | None = None
    """Leave the client after so many acknowledged publishes."""
    autocheckpoint: int | None = None
    """Pages after which SQLite moves the log into the file; with few, hardly anything else goes on."""
    after: str = "start"
    """Where the reader resumes."""
    finish: bool = False
    """Do what is left, until every run has ended."""
    mended: str = ""
    """A folder with a file for each victim that is to end by itself: it was cancelled, and is retried."""


async def live(life: Life) -> None:
    runs.MAX_DEATHS = 1 << 30  # a run here dies more often than is fair
    tune = file._tune
    if life.autocheckpoint is not None:

        def tune_and_checkpoint(connection: sqlite3.Connection) -> None:
            tune(connection)
            connection.execute(f"PRAGMA wal_autocheckpoint = {life.autocheckpoint}")

        file._tune = tune_and_checkpoint
    # The last child is to close its store, as long as that takes: it looks whether a log is left.
    shutdown = timedelta(minutes=1) if life.finish else timedelta(seconds=1)
    client = Client(life.path, retry_delay=timedelta(milliseconds=1), shutdown_timeout=shutdown)
    child = Child(client, life)
    child.define()
    child.tell("phase:open")
    async with client:
        child.tell("phase:in")
        reading = asyncio.create_task(child.read())
        for n in range(life.events):
            for event in ("app/work", "app/victim") if n == 0 else ("app/work",):
                for run_id in await client.send(event, {"job": f"{os.getpid()}-{n}-{event[4:]}"}):
                    child.tell(f"sent:{run_id}")
        operating = asyncio.create_task(child.operate())
        if life.finish:
            while not operating.done():
                if await asyncio.to_thread(child.all_ended):
                    break
                await asyncio.sleep(0.02)  # the journal has no event
        elif life.leave_after is None:
            await asyncio.sleep(60)  # until killed
        else:
            await child.enough.wait()
        child.tell("phase:leave")
        operating.cancel()
    await reading
    with suppress(asyncio.CancelledError, NotEntered):
        await operating
    child.tell("phase:out")


class Child:
    def __init__(self, client: Client, life: Life) -> None:
        self.client = client
        self.life = life
        self.enough = asyncio.Event()
        self.acknowledged = 0
        self.loop = asyncio.get_running_loop()

    def tell(self, line: str) -> None:
        os.write(self.life.told, f"{line}\n".encode())  # short enough that threads don't mix

    def acknowledge(self, run_id: str, step_id: str) -> None:
        self.tell(f"ack:{run_id}:{step_id}:0")
        self.acknowledged += 1
        if self.acknowledged == self.life.leave_after:
            self.loop.call_soon_threadsafe(self.enough.set)

    def all_ended(self) -> bool:
        with closing(sqlite3.connect(f"file:{Path(self.life.path)}?mode=ro", uri=True)) as connection:
            left = "ended_at IS NULL OR (state = 'cancelled' AND substr(id, -1) < 'G')"  # see `operate`
            return connection.execute(f"SELECT 1 FROM run WHERE {left}").fetchone() is None

    async def read(self) -> None:
        """Tell what was durable, from where the last reader was; and which live ones are out of order."""
        last: dict[str, int] = {}
        async with self.client.realtime.subscribe(
            everyone.tick, everyone.status, after=self.life.after
        ) as subscription:
            async for message in subscription:
                if message.topic == "tick":
                    self.tell(f"got:{message.position}:{message.id}")
                else:
                    number = message.data.percent
                    before = last.get(message.data.message, -1)
                    last[message.data.message] = number
                    if number not in (0, before + 1):
                        self.tell(f"disorder:{message.data.message}:{before}:{number}")

    def define(self) -> None:
        client = self.client

        @client.function("work", on="app/work", concurrency=4)
        async def work(ctx: Context) -> None:
            ch = job_channel(job_id=ctx.event.data["job"])
            for n in range(STEPS):
                await ctx.publish(everyone.status, {"message": ctx.run_id, "percent": n})
                await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
                self.acknowledge(ctx.run_id, f"p{n}")
                assert await ctx.step.run(f"s{n}", self.triple, ctx.run_id, f"s{n}", n) == 3 * n
                self.tell(f"done:{ctx.run_id}:s{n}")
            await ctx.step.realtime.publish("all", everyone.tick, {"n": 0})
            self.acknowledge(ctx.run_id, "all")
            await ctx.step.sleep("nap", timedelta(milliseconds=2))
            await asyncio.gather(
                *(self.publish_one(ctx, n) for n in range(PARALLEL)),
                *(self.step_one(ctx, n) for n in range(PARALLEL)),
                ctx.step.sleep("beside", timedelta(milliseconds=1)),
            )
            if not ctx.attempt:
                raise RuntimeError("one retry, with everything remembered")

        @client.function("sync", on="app/work", concurrency=4)
        def sync(ctx: ContextSync) -> None:
            ch = job_channel(job_id=f"sync-{ctx.event.data['job']}")
            for n in range(STEPS):
                ctx.publish(ch.status, {"message": "live"})
                ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
                self.acknowledge(ctx.run_id, f"p{n}")
            ctx.step.sleep("nap", timedelta(milliseconds=1))
            ctx.step.realtime.publish("all", everyone.tick, {"n": 1})
            self.acknowledge(ctx.run_id, "all")

        @client.function("victim", on="app/victim", concurrency=4)
        async def victim(ctx: Context) -> None:
            ch = job_channel(job_id=ctx.event.data["job"])
            for n in range(STEPS):
                await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
                self.acknowledge(ctx.run_id, f"p{n}")
                assert await ctx.step.run(f"s{n}", self.triple, ctx.run_id, f"s{n}", n) == 3 * n
                self.tell(f"done:{ctx.run_id}:s{n}")
            if not self.is_mended(ctx.run_id):
                await asyncio.gather(ctx.step.sleep("nap", timedelta(days=1)), asyncio.sleep(60))
            await ctx.step.realtime.publish("after", ch.tick, {"n": 9})
            self.acknowledge(ctx.run_id, "after")

        @client.function("victim-sync", on="app/victim", concurrency=4)
        def victim_sync(ctx: ContextSync) -> None:
            ch = job_channel(job_id=f"sync-{ctx.event.data['job']}")
            for n in range(STEPS):
                ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
                self.acknowledge(ctx.run_id, f"p{n}")
            if not self.is_mended(ctx.run_id):
                ctx.step.sleep("nap", timedelta(days=1))
            ctx.step.realtime.publish("after", ch.tick, {"n": 9})
            self.acknowledge(ctx.run_id, "after")

    def is_mended(self, run_id: str) -> bool:
        """Whether a run was retried, so that it is to end."""
        return Path(self.life.mended, run_id).exists()

    def mend(self, run_id: str) -> None:
        Path(self.life.mended, run_id).touch()

    async def operate(self) -> None:
        """Cancel the victims, retry one half of them, and tell what was acknowledged."""
        chance, many = random.Random(os.getpid()), 10_000 if self.life.finish else 20
        while True:
            for state, function in product(STATES, ("victim", "victim-sync")):
                for run in await self.client.runs.list(function=function, state=state, limit=many):
                    await asyncio.sleep(0 if self.life.finish else chance.uniform(0, 0.004))
                    with suppress(RunStateError):  # it goes on meanwhile
                        await self.operate_one(run)
            await asyncio.sleep(0.002)

    async def operate_one(self, run: RunSummary) -> None:
        if run.state != "cancelled":
            if not self.is_mended(run.id):
                await self.client.runs.cancel(run.id)
                self.tell(f"cancelled:{run.id}")
        elif run.id[-1] < "G":  # ids end in chance
            self.mend(run.id)
            await self.client.runs.retry(run.id)
            self.tell(f"retried:{run.id}")

    async def publish_one(self, ctx: Context, n: int) -> None:
        ch = job_channel(job_id=ctx.event.data["job"])
        await ctx.step.realtime.publish(f"g{n}", ch.tick, {"n": 100 + n})
        self.acknowledge(ctx.run_id, f"g{n}")

    async def step_one(self, ctx: Context, n: int) -> None:
        assert await ctx.step.run(f"q{n}", self.triple, ctx.run_id, f"q{n}", n) == 3 * n
        self.tell(f"done:{ctx.run_id}:q{n}")

    async def triple(self, run_id: str, step_id: str, n: int) -> int:
        self.tell(f"runs:{run_id}:{step_id}")
        await asyncio.sleep(0)
        return n * 3
