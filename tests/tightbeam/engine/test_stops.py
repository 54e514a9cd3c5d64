"""Graceful stops, and programs that end without leaving their client: neither an attempt nor a death."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.stores import Storage
from tightbeam import Context, ContextSync
from tightbeam._engine import lingering, scheduler
from tightbeam._engine.details import RunDetail
from tightbeam._engine.requests import MAX_DEATHS, ListRuns, Recover

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])}


@pytest.mark.slow
async def test_a_plain_step_that_outlasts_every_stop_is_neither_failed_nor_executed_twice_at_once(
    make_client: MakeClient, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread goes on in this process; its run waits for it, and the step runs again when it has ended."""
    release = threading.Event()
    at_work: list[int] = []
    most: list[int] = []

    def encode() -> str:
        at_work.append(1)
        most.append(len(at_work))
        assert release.wait(300)
        at_work.pop()
        return "encoded"

    def define() -> Any:
        client = make_client(shutdown_timeout=timedelta(milliseconds=1))

        @client.function("encode", on="app/encode")
        def encode_one(ctx: ContextSync) -> str:
            return ctx.step.run("ffmpeg", encode)

        @client.function("other")
        async def other(ctx: Context) -> str:
            return "not held up"

        return client

    client = define()
    async with client:
        (run_id,) = await client.send("app/encode")
        await until(lambda: bool(at_work))
    await storage.closed()
    for _ in range(MAX_DEATHS):
        detail = storage.run(run_id)
        assert (detail.summary.state, detail.deaths, detail.summary.attempt) == ("ready", 0, 0)
        client = define()  # another client, as another import of the module would make
        async with client:
            assert await client.run(client.functions[1]) == "not held up"
        await storage.closed()
    assert most == [1]
    for text in ("did not stop in time", "waits: this process still executes it from before"):
        told = next(each for each in caplog.records if f"run {run_id} {text}" in each.getMessage())
        extra = {"run_id": run_id, "function": "encode", "step": None, "attempt": 0}
        assert extra.items() <= vars(told).items()
    client = define()
    async with client:
        release.set()
        await until(lambda: storage.run(run_id).summary.state == "done")
    assert most == [1, 1]
    assert storage.run(run_id).deaths == 0
    assert run_id not in lingering.going_on()


async def test_a_plain_handler_that_blocks_between_its_steps_is_not_executed_twice_at_once(
    make_client: MakeClient, storage: Storage
) -> None:
    """No step is in flight that would tell of it."""
    release = threading.Event()
    seen: list[str] = []

    def define() -> Any:
        client = make_client(shutdown_timeout=timedelta(0))

        @client.function("work", on="app/work")
        def work(ctx: ContextSync) -> None:
            seen.append("begins")
            assert release.wait(30)
            seen.append("ends")

        @client.function("other")
        async def other(ctx: Context) -> None: ...

        return client, other

    client, _ = define()
    async with client:
        (run_id,) = await client.send("app/work")
        await until(lambda: bool(seen))
    await storage.closed()
    client, other = define()
    async with client:
        await client.run(other)
        assert seen == ["begins"]
        release.set()
        await client.runs.wait(run_id)
    assert seen == ["begins", "ends", "begins", "ends"]


@pytest.mark.slow
async def test_an_async_handler_that_refuses_to_stop_is_waited_for_as_well(
    make_client: MakeClient, storage: Storage
) -> None:
    release = asyncio.Event()
    at_work: list[int] = []
    most: list[int] = []

    def define() -> Any:
        client = make_client(shutdown_timeout=timedelta(milliseconds=1))

        @client.function("stubborn", on="app/stubborn")
        async def stubborn(ctx: Context) -> None:
            at_work.append(1)
            most.append(len(at_work))
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue
            at_work.pop()

        return client

    client = define()
    async with client:
        (run_id,) = await client.send("app/stubborn")
        await until(lambda: bool(at_work))
    await storage.closed()
    assert (storage.run(run_id).summary.state, storage.run(run_id).deaths) == ("ready", 0)
    client = define()
    async with client:
        await client.send("app/stubborn")
        await until(lambda: len(most) == 2)  # the other run: this one waits
        assert storage.run(run_id).summary.state == "ready"
        release.set()
        await until(lambda: storage.run(run_id).summary.state == "done")
    assert storage.run(run_id).deaths == 0


PROGRAM = """
import asyncio, os, signal, sys, threading, time
from datetime import timedelta
from tightbeam import Client
from tightbeam._engine import session
from tests.tightbeam.engine.inspection import runs

session.LEAST_GRACE = 30  # at the end of the program, on a busy machine too

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell started the tests behind it
client = Client(sys.argv[1], retry_delay=timedelta(0))
begun = threading.Event()

def wait_sync(): begun.set(); time.sleep(3600)
async def wait_async(): begun.set(); await asyncio.sleep(3600)

@client.function("plain step", on="app/go", retries=0)
def plain_step(ctx): ctx.step.run("wait", wait_sync)

@client.function("plain", on="app/go", retries=0)
def plain(ctx): time.sleep(3600)

@client.function("async step", on="app/go", retries=0)
async def async_step(ctx): await ctx.step.run("wait", wait_async)

@client.function("async", on="app/go", retries=0)
async def async_(ctx): await asyncio.sleep(3600)

@client.function("swallows", on="app/go", retries=0)
async def swallows(ctx):
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        raise RuntimeError("told to end")

@client.function("asleep", on="app/go", retries=0)
async def asleep(ctx): await ctx.step.sleep("nap", timedelta(seconds=59))

@client.function("asleep, plain", on="app/go", retries=0)
def asleep_plain(ctx): ctx.step.sleep("nap", timedelta(seconds=59))

async def main():
    await client.__aenter__()      # and never left
    await client.send("app/go")
    while sorted(run.state for run in runs(sys.argv[1])) != ["running"] * 5 + ["sleeping"] * 2:
        await asyncio.sleep(0.01)
    while not begun.is_set():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    end = sys.argv[2]
    if end == "ctrl-c": os.kill(os.getpid(), signal.SIGINT); await asyncio.sleep(60)
    if end == "exit": sys.exit(0)
    if end == "cancel":
        for task in asyncio.all_tasks() - {asyncio.current_task()}: task.cancel()
        await asyncio.sleep(1)
    if end == "loop": asyncio.get_running_loop().stop(); await asyncio.sleep(0)
    if end == "kill": os.kill(os.getpid(), signal.SIGKILL)
    if end == "fork":
        child = os.fork()
        if not child: sys.exit(0)
        os.waitpid(child, 0)
        os._exit(0)

if sys.argv[2] == "loop":
    loop = asyncio.new_event_loop()
    loop.create_task(main())
    loop.run_forever()
else:
    asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "deaths"),
    [
        ("return", 0),
        ("ctrl-c", 0),
        ("exit", 0),
        ("cancel", 0),
        ("loop", 0),
        ("kill", 1),
        ("fork", 1),  # the child's end is not the parent's, which then dies
    ],
)
async def test_how_a_program_ends_that_never_leaves_its_client(
    path: Path, storage: Storage, end: str, deaths: int
) -> None:
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(path), end],
        env=ENVIRONMENT,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,  # nothing waits for what sleeps an hour
    )
    assert (ended.returncode == -signal.SIGKILL) == (end == "kill"), ended.stderr
    opened = await read_after_start(storage)
    for one in opened:  # one that sleeps is ready for when it wakes, or at once if its task was cancelled
        assert one.summary.state in (
            ("ready", "sleeping") if "asleep" in one.summary.function else ("ready",)
        )
    assert {one.summary.function: (one.summary.attempt, one.deaths) for one in opened} == {
        name: (0, 0 if "asleep" in name else deaths)
        for name in ("plain step", "plain", "async step", "async", "swallows", "asleep", "asleep, plain")
    }, ended.stderr


async def read_after_start(storage: Storage) -> list[RunDetail]:
    """Return what the next start makes of the runs, without executing anything."""
    async with storage.opened() as store:
        functions = frozenset(one.function for one in store.call(ListRuns(99)))
        store.call(Recover(functions, 1 << 60))
        return [storage.run(one.id) for one in store.call(ListRuns(99))]


async def test_a_step_that_is_cancelled_before_it_begins_holds_nothing_up(
    storage: Storage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the turn of the event loop in which the client is left."""
    monkeypatch.setattr(scheduler, "LEAST_GRACE", 20.0)
    for turns in range(16):
        client = storage.client(shutdown_timeout=timedelta(0))

        @client.function("steps")
        async def steps(ctx: Context) -> None:
            while True:
                await ctx.step.run("step", asyncio.sleep, 0)

        async with client:
            running = asyncio.ensure_future(client.run(steps))
            for _ in range(turns):
                await asyncio.sleep(0)
        await asyncio.gather(running, return_exceptions=True)
        await storage.closed()
    assert "did not stop in time" not in caplog.text
