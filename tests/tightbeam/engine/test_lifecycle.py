"""Entering, leaving, crashing, forking."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sqlite3
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, ContextSync, EngineError, JournalRefused, NotEntered
from tightbeam._client import engine_of
from tightbeam._engine.records import NewRun
from tightbeam._engine.requests import MAX_DEATHS, AddRuns, Claim


async def test_what_needs_entering_says_so(client: Client, ch: JobChannel) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None: ...

    for _ in range(2):
        with pytest.raises(NotEntered, match="async with"):
            await client.run(work)
        with pytest.raises(NotEntered, match="async with"):
            await client.send("app/work")
        await client.realtime.publish(ch.tick, {"n": 1})
        client.realtime.publish_sync(ch.tick, {"n": 1})
        async with client:
            await client.run(work)


async def test_not_entered_is_said_before_what_may_come_of_it(client: Client) -> None:
    """A client whose functions are registered where it is entered has none before."""

    @Client().function("elsewhere")
    async def elsewhere(ctx: Context) -> None: ...

    for data in ({}, {"a": object()}):
        with pytest.raises(NotEntered, match="async with"):
            await client.send("app/nothing", data)
        with pytest.raises(NotEntered, match="async with"):
            await client.run(elsewhere, data)


async def test_entering_twice_is_refused_and_entering_again_is_fine(client: Client) -> None:
    async with client:
        with pytest.raises(EngineError, match="entered already"):
            async with client:
                pass

        @client.function("work")
        async def work(ctx: Context) -> str:
            return "ok"

        assert await client.run(work) == "ok"
    async with client:
        assert await client.run(work) == "ok"


async def test_lifespan_is_the_same(client: Client) -> None:
    @client.function("work")
    async def work(ctx: Context) -> str:
        return "ok"

    async with client.lifespan(object()):
        assert await client.run(work) == "ok"
    with pytest.raises(NotEntered):
        await client.run(work)


async def test_in_memory_everything_but_the_file(ch: JobChannel) -> None:
    client = Client(retry_delay=timedelta(0))
    fails = [1]

    @client.function("work")
    async def work(ctx: Context) -> int:
        tick = await ctx.step.realtime.publish("p", ch.tick, {"n": 1})
        if fails:
            raise ValueError(fails.pop())
        return tick.n

    async with client:
        assert await client.run(work) == 1
        subscription = client.realtime.subscribe(ch.tick, after="start")
        assert (await anext(subscription)).data.n == 1
    async with client:  # a journal of its own each time
        subscription = client.realtime.subscribe(ch.tick, after="start")
        await client.realtime.publish(ch.tick, {"n": 2})
        assert (await anext(subscription)).data.n == 2


IN_MEMORY = """
import asyncio, sys
import tightbeam

client = tightbeam.Client()

@client.function("work")
async def work(ctx: tightbeam.Context) -> None:
    await ctx.step.run("step", asyncio.sleep, 0)

async def main() -> None:
    async with client:
        await client.run(work)

asyncio.run(main())
print(sorted(sys.modules.keys() & {"sqlite3", "tightbeam._engine.memory.store"}))
"""


def test_a_client_without_a_file_imports_no_sqlite() -> None:
    done = subprocess.run([sys.executable, "-c", IN_MEMORY], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['tightbeam._engine.memory.store']"


async def test_a_run_that_does_not_stop_is_interrupted_and_resumes(
    make_client: MakeClient, storage: Storage
) -> None:
    order: list[str] = []
    started = asyncio.Event()

    def define(client: Client, hang: bool) -> None:
        @client.function("long", on="app/long")
        async def long(ctx: Context) -> None:
            order.append(f"step {await ctx.step.run('first', first)}")
            if hang:
                started.set()
                await asyncio.Event().wait()
            order.append(f"attempt {ctx.attempt}")

    async def first() -> int:
        order.append("first runs")
        return 1

    client = make_client(shutdown_timeout=timedelta(milliseconds=200))
    define(client, hang=True)
    async with client:
        (run_id,) = await client.send("app/long")
        await asyncio.wait_for(started.wait(), 30)
    await storage.closed()
    summary = storage.run(run_id)
    assert (summary.summary.state, summary.deaths) == ("ready", 0)
    again = make_client()
    define(again, hang=False)
    async with again:
        pass
    assert order == ["first runs", "step 1", "step 1", "attempt 0"]


@pytest.mark.parametrize("turns", range(12))
async def test_entering_and_leaving_cancelled_at_any_moment(
    client: Client, storage: Storage, turns: int
) -> None:
    """Whenever that is, the client can be entered again, and what was sent isn't lost."""
    done = []

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        done.append(ctx.run_id)

    async def cancelled(moving: Any) -> None:
        task = asyncio.ensure_future(moving)
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})

    engine = engine_of(client)
    await cancelled(client.__aenter__())
    if not engine.is_open:
        await client.__aenter__()
    (run_id,) = await client.send("app/work")
    await cancelled(client.__aexit__(None, None, None))
    if engine.is_open:  # cancelled before it began
        await client.__aexit__(None, None, None)
    await storage.closed()
    async with client:
        await until(lambda: storage.run(run_id).summary.state == "done")
    assert done[-1] == run_id


def runs_in_memory() -> list[asyncio.Task[Any]]:
    """Return the tasks that execute runs."""
    return [task for task in asyncio.all_tasks() if task.get_name().startswith("tightbeam-run")]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["async", "sync", "step"])
async def test_a_handler_that_refuses_to_stop_is_left_behind(
    make_client: MakeClient, storage: Storage, kind: str
) -> None:
    client = make_client(shutdown_timeout=timedelta(milliseconds=200))
    started = asyncio.Event()
    loop = asyncio.get_running_loop()
    release = threading.Event()
    refused: list[BaseException] = []
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: told.append(context))

    @client.function("async", on="app/async")
    async def async_(ctx: Context) -> None:
        started.set()
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
        try:
            await ctx.step.run("late", asyncio.sleep, 0)
        except BaseException as error:
            refused.append(error)
            raise

    @client.function("sync", on="app/sync")
    def sync(ctx: ContextSync) -> None:
        loop.call_soon_threadsafe(started.set)
        release.wait(30)
        try:
            ctx.step.run("late", len, "")
        except BaseException as error:
            refused.append(error)
            raise

    @client.function("step", on="app/step")
    async def step(ctx: Context) -> None:
        async def stubborn() -> None:
            started.set()
            while not release.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)
            refused.append(RuntimeError())

        await ctx.step.run("stubborn", stubborn)

    async with client:
        (run_id,) = await client.send(f"app/{kind}")
        await asyncio.wait_for(started.wait(), 30)
    release.set()
    await until(lambda: bool(refused))
    await until(lambda: not runs_in_memory())  # nothing of it waits for the store
    gc.collect()
    assert told == []  # nor is there an error that nobody asked for
    assert [step.id for step in storage.run(run_id).steps] == []
    assert storage.run(run_id).summary.state in ("ready", "running")


@pytest.mark.slow
async def test_runs_claimed_while_the_client_is_left_are_given_back(
    make_client: MakeClient, storage: Storage
) -> None:
    client = make_client(shutdown_timeout=timedelta(milliseconds=50))
    double = storage.double

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None: ...

    async with contextlib.AsyncExitStack() as held, client:
        await until(lambda: double.answered(Claim) > 0)
        await held.enter_async_context(double.held())
        sending = asyncio.ensure_future(client.send("app/work"))
        await asyncio.sleep(0)  # and leaving makes the engine claim, behind the run that is being sent
    (run_id,) = await sending
    await storage.closed()
    assert double.requested(Claim) == 2
    detail = storage.run(run_id)
    assert (detail.summary.state, detail.deaths) == ("ready", 0)


async def test_a_store_that_is_slow_to_close_is_waited_for(make_client: MakeClient, storage: Storage) -> None:
    """What runs leave of the shutdown's time is the store's."""
    client = make_client(shutdown_timeout=timedelta(minutes=1))
    async with client:
        store = storage.double.store
        close, given = store.close, list[float]()

        async def note(within: float) -> None:
            given.append(within)
            await close(within)

        store.close = note  # type: ignore[method-assign]
    assert given[0] > 30


@pytest.mark.usefixtures("path")
async def test_a_file_is_locked_until_it_is_let_go(make_client: MakeClient, storage: Storage) -> None:
    """The client has been left; what it asked last is still being stored."""
    client = make_client(shutdown_timeout=timedelta(milliseconds=50))
    async with contextlib.AsyncExitStack() as held:
        async with client:
            double = storage.double
            await held.enter_async_context(storage.double.held())
        with pytest.raises(JournalRefused, match="in use"):
            async with make_client():
                pass
    await double.store.close(30)
    async with make_client():
        pass


async def test_whoever_waits_for_a_run_hears_that_the_client_was_left(make_client: MakeClient) -> None:
    client = make_client(shutdown_timeout=timedelta(milliseconds=200))
    started = asyncio.Event()

    @client.function("long")
    async def long(ctx: Context) -> None:
        started.set()
        await asyncio.Event().wait()

    async with client:
        waiting = asyncio.ensure_future(client.run(long))
        await asyncio.wait_for(started.wait(), 30)
    with pytest.raises(NotEntered, match="left before the run ended"):
        await asyncio.wait_for(waiting, 30)


async def test_cancelling_the_wait_does_not_stop_the_run(client: Client) -> None:
    started, release = asyncio.Event(), asyncio.Event()
    done = []

    @client.function("work")
    async def work(ctx: Context) -> None:
        started.set()
        await release.wait()
        done.append(1)

    async with client:
        waiting = asyncio.ensure_future(client.run(work))
        await asyncio.wait_for(started.wait(), 30)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        release.set()
    assert done == [1]


async def test_a_run_whose_process_dies_again_and_again_is_given_up(
    make_client: MakeClient, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client()
    calls = []

    @client.function("deadly", on="app/deadly")
    async def deadly(ctx: Context) -> None:
        calls.append(ctx.attempt)

    ids = ["died ten times", "died nine times"]
    for run_id, more in zip(ids, (1, MAX_DEATHS - 1), strict=True):
        async with storage.opened() as store:
            store.call(AddRuns((NewRun(run_id, "deadly"),), "app/deadly", b"{}"))
        await storage.die("deadly", more)
    async with client:
        pass
    assert calls == [0]
    states = [(storage.run(run_id).summary.state, storage.run(run_id).deaths) for run_id in ids]
    assert states == [("failed", 10), ("done", 9)]
    assert any("given up" in record.getMessage() for record in caplog.records)


@pytest.mark.slow
@pytest.mark.one_process
async def test_an_unfinished_run_of_a_function_that_is_gone_is_parked(
    make_client: MakeClient, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(shutdown_timeout=timedelta(seconds=2))
    started = asyncio.Event()

    @client.function("old", on="app/old")
    async def old(ctx: Context) -> None:
        started.set()
        await asyncio.Event().wait()

    async with client:
        (run_id,) = await client.send("app/old")
        await asyncio.wait_for(started.wait(), 30)
    await storage.closed()
    async with make_client():
        pass
    assert any("old" in record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert storage.run(run_id).summary.state == "parked"


def test_one_client_on_two_event_loops(client: Client, ch: JobChannel) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> int:
        return (await ctx.step.realtime.publish("p", ch.tick, {"n": 5})).n

    entered, leave = threading.Event(), threading.Event()

    async def hold() -> None:
        async with client:
            entered.set()
            await asyncio.to_thread(leave.wait, 60)

    async def elsewhere() -> tuple[int, int]:
        with pytest.raises(EngineError, match="entered already"):
            async with client:
                pass
        await client.send("app/work")
        subscription = client.realtime.subscribe(ch.tick, after="start")
        return await client.run(work), (await anext(subscription)).data.n

    holder = threading.Thread(target=lambda: asyncio.run(hold()))
    holder.start()
    assert entered.wait(60)
    try:
        assert asyncio.run(asyncio.wait_for(elsewhere(), 30)) == (5, 5)
    finally:
        leave.set()
        holder.join(30)


def test_after_a_fork(client: Client, path: Path, ch: JobChannel) -> None:
    """In the child: live publishes work, the engine says that it isn't entered, and the parent goes on."""

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> int:
        return (await ctx.step.realtime.publish("p", ch.tick, {"n": 5})).n

    async def in_child() -> list[str]:
        outcomes = []
        subscription = client.realtime.subscribe(ch.tick)
        await client.realtime.publish(ch.tick, {"n": 1})
        outcomes.append(str((await anext(subscription)).data.n))
        for use in (client.run(work), client.send("app/work"), client.__aenter__()):
            try:
                await use
            except EngineError as error:
                outcomes.append(type(error).__name__)
        return outcomes

    async def parent(read_end: int, write_end: int) -> str:
        async with client:
            child = os.fork()
            if child == 0:
                try:
                    asyncio._set_running_loop(None)
                    os.write(
                        write_end, ",".join(asyncio.new_event_loop().run_until_complete(in_child())).encode()
                    )
                finally:
                    os._exit(0)
            os.close(write_end)
            await asyncio.to_thread(os.waitpid, child, 0)
            assert await client.run(work) == 5
        return os.read(read_end, 1000).decode()

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        outcomes = asyncio.run(parent(*os.pipe()))
    assert outcomes == "1,NotEntered,NotEntered,JournalRefused"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"


async def test_entering_can_be_cancelled(client: Client, storage: Storage) -> None:
    opening, go = threading.Event(), threading.Event()

    def slowly() -> None:
        opening.set()
        assert go.wait(30)

    storage.double.opening = slowly
    entering = asyncio.ensure_future(client.__aenter__())
    await asyncio.to_thread(opening.wait, 30)
    entering.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await entering
    async with client:  # neither the lock nor the client is stuck
        pass


@pytest.mark.quick_in_memory
async def test_shutdown_with_a_thousand_subscribers(client: Client, ch: JobChannel) -> None:
    """G10, in the process."""

    async def read() -> int:
        return len([message async for message in client.realtime.subscribe(ch.tick)])

    async with asyncio.timeout(30):
        async with client:
            readers = [asyncio.create_task(read()) for _ in range(1000)]
            await asyncio.sleep(0)
            await client.realtime.publish(ch.tick, {"n": 1})
        assert await asyncio.gather(*readers) == [1] * 1000


@pytest.mark.parametrize("name", ["retry_delay", "shutdown_timeout", "retain_for"])
def test_a_duration_is_a_timedelta(name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} is a timedelta, not int$"):
        Client(**{name: 5})  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("name", ["retry_delay", "shutdown_timeout", "retain_for"])
async def test_a_duration_is_as_long_as_one_likes_and_not_negative(
    path: Path, ch: JobChannel, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where SQLite's integers don't hold its microseconds."""
    with pytest.raises(ValueError, match=f"^{name} can't be negative$"):
        Client(**{name: timedelta(microseconds=-1)})  # type: ignore[arg-type]  # a duration it is
    client = Client(path, **{name: timedelta.max})  # type: ignore[arg-type]  # as above

    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 1})

    async with asyncio.timeout(60):
        async with client:
            await client.run(work)
        async with client:
            await client.run(work)
    assert not caplog.records


@pytest.mark.parametrize("path", [":memory:", Path(":memory:"), "", "a\0b"], ids=repr)
def test_a_path_that_can_name_no_file_is_refused(path: str | Path) -> None:
    with pytest.raises(JournalRefused, match="leave path out"):
        Client(path)


@pytest.mark.parametrize("step", ["step.run", "step.sleep", "step.realtime.publish"])
async def test_a_new_step_shows_that_the_process_did_not_die_of_the_run(
    client: Client, storage: Storage, ch: JobChannel, step: str
) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        if step == "step.run":
            await ctx.step.run("step", asyncio.sleep, 0)
        elif step == "step.sleep":
            await ctx.step.sleep("step", timedelta(0))
        else:
            await ctx.step.realtime.publish("step", ch.tick, {"n": 1})

    async with storage.opened() as store:
        store.call(AddRuns((NewRun("r", "work"),), "app/work", b"{}"))
    await storage.die("work", 3)
    assert storage.run("r").deaths == 2
    async with client:
        pass
    assert (storage.run("r").summary.state, storage.run("r").deaths) == ("done", 0)
