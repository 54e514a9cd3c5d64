"""Runs that sleep for long aren't in memory, and keep nothing from starting; runs that wait for more stay."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, ContextSync
from tightbeam._engine import scheduler
from tightbeam._engine.requests import BeginSleep, LeaveMemory, PullBack
from tightbeam._engine.sqlite import checkup
from tightbeam._engine.step_log import StepLog

LONG = timedelta(hours=1)
LONGER = timedelta(hours=2)

Body = Callable[[Any], Awaitable[Any] | None]


async def direct(ctx: Context) -> None:
    await ctx.step.sleep("nap", LONG)


async def in_a_call(ctx: Context) -> None:
    await direct(ctx)


async def in_gather(ctx: Context) -> None:
    await asyncio.gather(ctx.step.sleep("nap", LONG), ctx.step.sleep("other", LONGER))


async def in_gather_swallowed(ctx: Context) -> None:
    await asyncio.gather(ctx.step.sleep("nap", LONG), direct_other(ctx), return_exceptions=True)


async def direct_other(ctx: Context) -> None:
    await ctx.step.sleep("other", LONGER)


async def in_nested_gathers(ctx: Context) -> None:
    await asyncio.gather(in_gather(ctx), asyncio.gather(ctx.step.sleep("third", LONGER)))


async def in_task_group(ctx: Context) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(ctx.step.sleep("nap", LONG))
        group.create_task(direct_other(ctx))


async def in_task(ctx: Context) -> None:
    await asyncio.create_task(ctx.step.sleep("nap", LONG))


async def without_limit(ctx: Context) -> None:
    async with asyncio.timeout(None):
        await ctx.step.sleep("nap", LONG)


async def beside_a_short_one(ctx: Context) -> None:
    await asyncio.gather(ctx.step.sleep("nap", LONG), ctx.step.sleep("short", timedelta(milliseconds=300)))


async def beside_a_step(ctx: Context) -> None:
    await asyncio.gather(ctx.step.sleep("nap", LONG), ctx.step.run("slow", asyncio.sleep, 0.3))


def plain(ctx: ContextSync) -> None:
    ctx.step.sleep("nap", LONG)


def has_left(storage: Storage) -> bool:
    """Return whether a run sleeps and none is in memory."""
    double = storage.double
    return double.requested(LeaveMemory) > 0 and not double.resident


def eventually(happened: Callable[[], bool]) -> bool:
    """Wait, on a thread, until something has happened; return whether it has."""
    for _ in range(5_000):
        if happened():
            return True
        time.sleep(0.002)
    return False


LEAVING: list[Body] = [
    direct,
    in_a_call,
    in_gather,
    in_gather_swallowed,
    in_nested_gathers,
    in_task_group,
    in_task,
    without_limit,
    beside_a_short_one,
    beside_a_step,
    plain,
]


@pytest.mark.slow
@pytest.mark.quick_in_memory
@pytest.mark.parametrize("body", LEAVING, ids=[one.__name__ for one in LEAVING])
async def test_a_run_that_only_sleeps_for_long_leaves_memory_and_comes_back(
    client: Client, storage: Storage, body: Body
) -> None:
    await leaves_and_comes_back(client, storage, body)


@pytest.mark.slow
@pytest.mark.quick_in_memory
async def test_a_plain_function_that_sleeps_in_two_threads_does_too(client: Client, storage: Storage) -> None:
    def body(ctx: ContextSync) -> None:
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(copy_context().run, ctx.step.sleep, "other", LONGER)
            # One that begins only when the other one's run is put to sleep isn't stored.
            assert eventually(lambda: storage.double.requested(BeginSleep) > 0)
            ctx.step.sleep("nap", LONG)
            other.result()

    await leaves_and_comes_back(client, storage, body)


async def leaves_and_comes_back(client: Client, storage: Storage, body: Body) -> None:
    """Have a run do nothing but sleep, see that it isn't in memory, and let the time pass."""
    executions: list[int] = []
    if asyncio.iscoroutinefunction(body):

        @client.function("work", on="app/work", retries=0)
        async def work(ctx: Context) -> str:
            executions.append(ctx.attempt)
            await body(ctx)  # type: ignore[misc]  # it is one of the async ones
            return "done"
    else:

        @client.function("work", on="app/work", retries=0)
        def work_sync(ctx: ContextSync) -> str:
            executions.append(ctx.attempt)
            body(ctx)
            return "done"

    began = datetime.now(UTC)
    async with client:
        (run_id,) = await client.send("app/work")
        await until(lambda: has_left(storage))
        detail = storage.run(run_id)
        due = detail.summary.due_at
        assert began + LONG <= due < began + LONG + timedelta(minutes=1)  # of several, the first to end
        assert (detail.summary.state, detail.summary.attempts, detail.deaths) == ("sleeping", 1, 0)
        await storage.wake(client)
        await until(lambda: storage.run(run_id).summary.state == "done")
    assert executions == [0, 0]
    assert {step.state for step in storage.run(run_id).steps} == {"done"}


class Ended(asyncio.Event):
    """Says that what a run waits for besides is over; sets an end to a timeout as well."""

    timeout: asyncio.Timeout | None = None

    def set(self) -> None:
        super().set()
        if self.timeout is not None:
            self.timeout.reschedule(asyncio.get_running_loop().time())


async def in_timeout(ctx: Context, ended: Ended) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3600) as ended.timeout:
            await ctx.step.sleep("nap", LONG)


async def in_wait_for(ctx: Context, ended: Ended) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ctx.step.sleep("nap", LONG), 5)


async def in_timeout_of_a_child(ctx: Context, ended: Ended) -> None:
    await asyncio.gather(in_timeout(ctx, ended), ctx.step.sleep("other", timedelta(milliseconds=400)))


async def race(ctx: Context, ended: Ended) -> None:
    tasks = {asyncio.create_task(ctx.step.sleep("nap", LONG)), asyncio.create_task(ended.wait())}
    _, pending = await asyncio.wait(tasks, return_when="FIRST_COMPLETED")
    for task in pending:
        task.cancel()
    await asyncio.wait(pending)


async def beside_an_event(ctx: Context, ended: Ended) -> None:
    nap = asyncio.create_task(ctx.step.sleep("nap", LONG))
    await ended.wait()
    nap.cancel()


async def gathered_with_an_event(ctx: Context, ended: Ended) -> None:
    nap = asyncio.create_task(ctx.step.sleep("nap", LONG))

    async def watch() -> None:
        await ended.wait()
        nap.cancel()

    await asyncio.gather(nap, watch(), return_exceptions=True)


STAYING = [in_timeout, in_wait_for, in_timeout_of_a_child, race, beside_an_event, gathered_with_an_event]


@pytest.mark.slow
@pytest.mark.quick_in_memory
@pytest.mark.parametrize("body", STAYING, ids=[one.__name__ for one in STAYING])
async def test_a_run_that_waits_for_something_else_too_stays(
    client: Client,
    storage: Storage,
    body: Callable[[Context, Ended], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    executions: list[int] = []
    ended = Ended()
    looked: list[int] = []
    really = StepLog.sleeps_longer_than

    def look(log: StepLog, seconds: float) -> bool:
        looked.append(1)
        return really(log, seconds)

    monkeypatch.setattr(StepLog, "sleeps_longer_than", look)

    @client.function("work", on="app/work", retries=0)
    async def work(ctx: Context) -> None:
        executions.append(ctx.attempt)
        await body(ctx, ended)

    async with client:
        (run_id,) = await client.send("app/work")
        await until(lambda: bool(storage.run(run_id).steps))
        await until(lambda: len(looked) >= 2)  # it was looked at twice, and left where it is
        assert storage.double.resident == {run_id}
        ended.set()
        await until(lambda: storage.run(run_id).summary.state == "done")
    assert executions == [0]


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_short_sleep_stays(client: Client, kind: str) -> None:
    executions: list[int] = []

    @client.function("async")
    async def async_(ctx: Context) -> None:
        executions.append(1)
        await ctx.step.sleep("nap", timedelta(milliseconds=50))

    @client.function("sync")
    def sync(ctx: ContextSync) -> None:
        executions.append(1)
        ctx.step.sleep("nap", timedelta(milliseconds=50))

    async with client:
        await client.run(async_ if kind == "async" else sync)
    assert executions == [1]


async def test_what_is_done_again_after_a_long_sleep_and_what_is_not(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    calls: list[str] = []

    async def call() -> str:
        calls.append("step")
        return "result"

    @client.function("work")
    async def work(ctx: Context) -> str:
        calls.append("handler")
        await ctx.publish(ch.tick, {"n": 1})
        await ctx.step.realtime.publish("tell", ch.tick, {"n": 2})
        result = await ctx.step.run("call", call)
        try:
            await ctx.step.sleep("nap", LONG)
        finally:
            calls.append("cleaned up")
        await ctx.step.realtime.publish("tell more", ch.tick, {"n": 3})
        return result

    subscription = client.realtime.subscribe(ch.tick)
    async with client:
        waiting = asyncio.ensure_future(client.run(work))  # waits however often it is executed
        await until(lambda: has_left(storage))
        assert not waiting.done()
        await storage.wake(client)
        assert await asyncio.wait_for(waiting, 30) == "result"
    assert calls == ["handler", "step", "cleaned up", "handler", "cleaned up"]
    assert [message.data.n async for message in subscription] == [1, 2, 1, 3]


async def test_a_handler_that_does_not_let_go_at_once_is_put_to_sleep_all_the_same(
    client: Client, storage: Storage
) -> None:
    @client.function("work", on="app/work", retries=0)
    async def work(ctx: Context) -> None:
        try:
            await ctx.step.sleep("nap", LONG)
        except BaseException:  # noqa: BLE001 - what is tested
            raise RuntimeError("cleaning up failed") from None

    async with client:
        await client.send("app/work")
        await until(lambda: has_left(storage))
    assert storage.runs()[0].state == "sleeping"


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_sleeping_runs_keep_nothing_from_starting(
    make_client: MakeClient, storage: Storage, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(scheduler, "_RESIDENT", 3)
    monkeypatch.setattr(scheduler, "_RESIDENT_THREADS", 2)

    def define() -> tuple[Client, Any]:
        client = make_client(shutdown_timeout=timedelta(milliseconds=200))
        if kind == "async":

            @client.function("trial", on="app/trial")
            async def trial(ctx: Context) -> None:
                await ctx.step.sleep("wait", LONG)

            @client.function("quick")
            async def quick(ctx: Context) -> str:
                return "done"

            return client, quick

        @client.function("trial", on="app/trial")
        def trial_sync(ctx: ContextSync) -> None:
            ctx.step.sleep("wait", LONG)

        @client.function("quick")
        def quick_sync(ctx: ContextSync) -> str:
            return "done"

        return client, quick_sync

    for turn in range(2):
        client, quick = define()
        async with client:
            for _ in range(0 if turn else 20):
                await client.send("app/trial")
            await until(lambda: len(storage.runs(state="sleeping")) == 20)
            assert await asyncio.wait_for(client.run(quick), 30) == "done"
            await until(lambda: not storage.double.resident)
        await storage.closed()


async def test_a_run_that_left_is_set_back_with_the_clock(client: Client, storage: Storage) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        await ctx.step.sleep("nap", LONG)

    async with client:
        await client.send("app/work")
        await until(lambda: has_left(storage))
        (before,) = storage.runs()
        await storage.double.store.submit(PullBack(60_000_000))
    (after,) = storage.runs()
    assert after.due_at == before.due_at - timedelta(minutes=1)


async def test_a_sleep_that_was_given_up_wakes_nobody(client: Client, storage: Storage) -> None:
    """Its row still says that it sleeps, and for less long: the run isn't executed over and over."""
    executions: list[int] = []

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        executions.append(1)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await ctx.step.sleep("given up", timedelta(milliseconds=60))
        await ctx.step.sleep("nap", LONG)

    async with client:
        await client.send("app/work")
        await until(lambda: has_left(storage))
        assert storage.runs()[0].due_at > datetime.now(UTC) + timedelta(minutes=50)
    assert executions == [1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["async", pytest.param("sync", marks=pytest.mark.soak)])
async def test_ten_thousand_sleeping_runs(make_client: MakeClient, storage: Storage, kind: str) -> None:
    before = threading.active_count()
    client = make_client()
    asleep = 0

    @client.function("trial", on="app/trial", concurrency=200)
    async def trial(ctx: Context) -> None:
        nonlocal asleep
        asleep += 1
        await ctx.step.sleep("wait", LONG)

    @client.function("trial, plain", on="app/trial-plain", concurrency=200)
    def trial_plain(ctx: ContextSync) -> None:
        nonlocal asleep
        asleep += 1
        ctx.step.sleep("wait", LONG)

    @client.function("quick")
    async def quick(ctx: Context) -> str:
        return "done"

    event = "app/trial" if kind == "async" else "app/trial-plain"
    async with client:
        await asyncio.gather(*(client.send(event) for _ in range(10_000)))
        assert await asyncio.wait_for(client.run(quick), 300) == "done"
        async with asyncio.timeout(300):
            while asleep < 10_000 or storage.double.resident:  # noqa: ASYNC110 - a store has no event
                await asyncio.sleep(0.05)
        assert threading.active_count() < before + 50
    async with client:
        assert await asyncio.wait_for(client.run(quick), 300) == "done"
    states = [run.state for run in storage.runs()]
    assert (states.count("sleeping"), states.count("done")) == (10_000, 2)
    assert asleep == 10_000


async def test_a_check_up_counts_a_run_that_left_as_asleep(
    client: Client, path: Path, storage: Storage
) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        await ctx.step.sleep("nap", LONG)

    async with client:
        await client.send("app/work")
        await until(lambda: has_left(storage))
        assert checkup.check_up(path).runs.states == {"sleeping": 1}
        assert checkup.check_up(path).runs.overdue == {}
