"""The program that the harness kills, stops and cuts off: functions of every kind, senders and a reader.

Several of them work on one server at once. Each reports what it did through one pipe, line by line, after it
was done: what was reported must hold for ever, whatever happens to a process or to the server.

Each execution of a handler has a number of its own, which its messages and the results of its steps carry.
So the log shows which execution wrote what.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path

import psycopg

from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client, Context, ContextSync, RunState, RunStateError, RunSummary

__all__ = ["LIMIT", "PARALLEL", "STEPS", "WORKERS", "Life", "live"]

WORKERS = 4
STEPS = 3
PARALLEL = 3
LIMIT = 6
"""How many runs of ``work`` may execute at a time, in all processes."""
_SENDERS = 2
_UNENDED: tuple[RunState, ...] = ("ready", "running", "sleeping")
_STATES: tuple[RunState, ...] = (*_UNENDED, "cancelled")

everyone = job_channel(job_id="everyone")


@dataclass(frozen=True)
class Life:
    """What one worker does until it is killed."""

    address: str
    number: int
    """Of this life; no two have the same."""
    slot: int
    """Which of the workers this is: one that takes the place of another goes on for it."""
    reports: int
    """The pipe to write to."""
    after: str
    """Where the reader resumes."""
    lease: timedelta
    mended: str
    """A folder with a file for each victim that is to end by itself: it was cancelled, and is retried."""
    finish: bool = False
    """Start nothing new, and leave when every run has ended."""


async def live(life: Life) -> None:
    """Work until a signal says that it is enough, or until all is done."""
    client = Client(
        life.address,
        lease=life.lease,
        retry_delay=timedelta(milliseconds=1),
        shutdown_timeout=timedelta(seconds=2),
        wait_for_file=timedelta(seconds=60),
    )
    worker = Worker(client, life)
    worker.define()
    enough = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, enough.set)
    worker.report("phase", "open")
    async with client:
        worker.report("phase", "in")
        # One of them is a worker in which nobody reads, until the end: then all that it has passed over.
        reads = life.finish or life.slot > 0
        reading = asyncio.create_task(worker.read() if reads else _wait(enough))
        tasks = [asyncio.create_task(worker.operate())]
        if life.finish:
            while not (  # noqa: ASYNC110 - of others
                await worker.all_ended()
                and await asyncio.to_thread(worker.dead_are_gone)
                and await asyncio.to_thread(worker.has_read_all)
            ):
                await asyncio.sleep(0.05)
        else:
            tasks += [asyncio.create_task(worker.send_and_wait(n)) for n in range(_SENDERS)]
            ended = asyncio.create_task(enough.wait())
            await asyncio.wait((reading, ended, *tasks), return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            for task in (reading, *tasks):  # none ends by itself
                if task.done():
                    task.result()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        worker.report("phase", "leave")
    await reading
    worker.report("phase", "out")


class Worker:
    """One life: its handlers, senders and reader, and what they report."""

    def __init__(self, client: Client, life: Life) -> None:
        self.client = client
        self.life = life
        self._executions = itertools.count(life.number * 1_000_000)
        self._last_read = life.after

    def report(self, kind: str, *rest: object) -> None:
        """Write one line; it is short enough that those of several processes don't mix."""
        line = ":".join(map(str, (kind, self.life.number, *rest)))
        os.write(self.life.reports, f"{line}\n".encode())

    # -- senders, operators and readers --------------------------------------------------------------------

    async def send_and_wait(self, number: int) -> None:
        """Send one event after the other, each when the runs of the one before have ended, wherever."""
        for n in itertools.count():
            event = "app/victim" if n % 4 == 3 else "app/work"
            job = f"{self.life.number}-{number}-{n}"
            run_ids = await self.client.send(event, {"job": job}, id=f"job-{job}")
            for run_id in run_ids:
                self.report("sent", run_id)
            if event == "app/victim":
                continue
            for run_id in run_ids:
                await self.client.runs.wait(run_id)
                self.report("waited", run_id)

    async def all_ended(self) -> bool:
        """Whether there is nothing left to do for any process."""
        runs = self.client.runs
        for state in (*_UNENDED, "parked"):
            if await runs.list(state=state, limit=1):
                return False
        cancelled = [
            run
            for name in _VICTIMS
            for run in await runs.list(function=name, state="cancelled", limit=10_000)
        ]
        return not any(_is_to_mend(run.id) for run in cancelled)

    def dead_are_gone(self) -> bool:
        """Whether all processes that were killed have been taken for dead."""
        with psycopg.connect(self.life.address) as connection:
            pids = connection.execute("SELECT pid FROM tightbeam.process").fetchall()
        return all(Path(f"/proc/{pid}").exists() for (pid,) in pids)

    def has_read_all(self) -> bool:
        """Whether the reader has got the last message: leaving ends it, wherever it is."""
        with psycopg.connect(self.life.address) as connection:
            last = connection.execute(
                "SELECT xid::text, seq FROM tightbeam.message WHERE channel = %s AND topic = 'tick' "
                "ORDER BY message.xid DESC, seq DESC LIMIT 1",
                [str(everyone)],
            ).fetchone()
        return last is None or self._last_read.partition(".")[2] == f"{last[0]}.{last[1]}"

    async def read(self) -> None:
        """Report each durable message from where the last reader was, and live ones that are out of order."""
        last: dict[str, int] = {}
        async with self.client.realtime.subscribe(
            everyone.tick, everyone.status, after=self.life.after
        ) as subscription:
            async for message in subscription:
                if message.topic == "tick":
                    self.report("got", self.life.slot, message.position, message.id)
                    assert message.position is not None
                    self._last_read = message.position
                else:
                    execution, number = message.data.message, message.data.percent
                    assert number is not None
                    if number <= last.get(execution, -1):
                        self.report("disorder", execution, last[execution], number)
                    last[execution] = number

    async def operate(self) -> None:
        """Cancel the victims, and retry one half of them.

        Each victim belongs to one slot: so no worker cancels what another one has retried.
        """
        chance = random.Random(self.life.number)
        while True:
            for state, function in product(_STATES, _VICTIMS):
                for run in await self.client.runs.list(function=function, state=state, limit=10_000):
                    if sum(run.id.encode()) % WORKERS == self.life.slot:
                        with suppress(RunStateError):  # it goes on meanwhile
                            await self._operate_one(run)
            await asyncio.sleep(chance.uniform(0.02, 0.08))

    async def _operate_one(self, run: RunSummary) -> None:
        if run.state != "cancelled":
            if not self._is_mended(run.id):
                await self.client.runs.cancel(run.id)
                self.report("cancelled", run.id)
        elif _is_to_mend(run.id):
            self._mend(run.id)
            await self.client.runs.retry(run.id)
            self.report("retried", run.id)

    def _is_mended(self, run_id: str) -> bool:
        return Path(self.life.mended, run_id).exists()

    def _mend(self, run_id: str) -> None:
        Path(self.life.mended, run_id).touch()

    # -- handlers ------------------------------------------------------------------------------------------

    def define(self) -> None:
        """Register the functions; all workers have the same."""
        client = self.client

        @client.function("work", on="app/work", concurrency=LIMIT)
        async def work(ctx: Context) -> None:
            execution = self._begin(ctx)
            ch = job_channel(job_id=ctx.event.data["job"])
            for n in range(STEPS):
                await ctx.publish(everyone.status, {"message": f"{execution}", "percent": n})
                await self._publish(ctx, ch.tick, f"p{n}", execution)
                await self._step(ctx, f"s{n}", execution)
            await self._publish(ctx, everyone.tick, "all", execution)
            await ctx.step.sleep("nap", timedelta(milliseconds=2))
            await asyncio.gather(
                *(self._publish(ctx, ch.tick, f"g{n}", execution) for n in range(PARALLEL)),
                *(self._step(ctx, f"q{n}", execution) for n in range(PARALLEL)),
                ctx.step.sleep("beside", timedelta(milliseconds=1)),
            )
            if not ctx.attempt:
                raise RuntimeError("one retry, with everything remembered")

        @client.function("sync", on="app/work")
        def sync(ctx: ContextSync) -> None:
            execution = self._begin(ctx)
            ch = job_channel(job_id=f"sync-{ctx.event.data['job']}")
            for n in range(STEPS):
                ctx.publish(ch.status, {"message": "live"})
                self._publish_sync(ctx, ch.tick, f"p{n}", execution)
            ctx.step.sleep("nap", timedelta(milliseconds=1))
            self._publish_sync(ctx, everyone.tick, "all", execution)

        @client.function("victim", on="app/victim")
        async def victim(ctx: Context) -> None:
            execution = self._begin(ctx)
            ch = job_channel(job_id=ctx.event.data["job"])
            for n in range(STEPS):
                await self._publish(ctx, ch.tick, f"p{n}", execution)
                await self._step(ctx, f"s{n}", execution)
            if not self._is_mended(ctx.run_id):
                await asyncio.gather(ctx.step.sleep("nap", timedelta(days=1)), asyncio.sleep(600))
            await self._publish(ctx, ch.tick, "after", execution)

        @client.function("victim-sync", on="app/victim")
        def victim_sync(ctx: ContextSync) -> None:
            execution = self._begin(ctx)
            ch = job_channel(job_id=f"sync-{ctx.event.data['job']}")
            for n in range(STEPS):
                self._publish_sync(ctx, ch.tick, f"p{n}", execution)
            if not self._is_mended(ctx.run_id):
                ctx.step.sleep("nap", timedelta(days=1))
            self._publish_sync(ctx, ch.tick, "after", execution)

    def _begin(self, ctx: Context | ContextSync) -> int:
        execution = next(self._executions)
        self.report("begins", ctx.run_id, execution)
        return execution

    async def _publish(self, ctx: Context, ref: object, step: str, execution: int) -> None:
        stored = await ctx.step.realtime.publish(step, ref, {"n": execution})  # type: ignore[arg-type,var-annotated]  # of any of the channels
        self.report("published", ctx.run_id, step, stored.n)

    def _publish_sync(self, ctx: ContextSync, ref: object, step: str, execution: int) -> None:
        stored = ctx.step.realtime.publish(step, ref, {"n": execution})  # type: ignore[arg-type,var-annotated]  # of any of the channels
        self.report("published", ctx.run_id, step, stored.n)

    async def _step(self, ctx: Context, step: str, execution: int) -> None:
        result = await ctx.step.run(step, self._execute, ctx.run_id, step, execution)
        self.report("stepped", ctx.run_id, step, result)

    async def _execute(self, run_id: str, step: str, execution: int) -> int:
        self.report("executes", run_id, step, execution)
        await asyncio.sleep(0)
        return execution


_VICTIMS = ("victim", "victim-sync")


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


def _is_to_mend(run_id: str) -> bool:
    """Whether a victim is retried after it was cancelled; ids end in chance."""
    return run_id[-1] < "G"


def main(life: Life) -> None:
    """Be a worker in a process of its own."""
    logging.basicConfig(
        format=f"%(asctime)s {life.number}/{life.slot} %(levelname)s %(name)s %(message)s",
        level=logging.WARNING,
    )
    logging.Formatter.converter = time.gmtime
    asyncio.run(live(life))
