"""``timeout=`` of a function: how long its runs may take, on the embedded engine."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, ContextSync, EngineError, RunTimeout
from tightbeam._engine import operating
from tightbeam.testing import Clock, Published, Started, settle

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


async def test_a_run_that_takes_too_long_is_interrupted_and_has_failed(
    client: Client, clock: Clock, storage: Storage, published: Published, ch: JobChannel
) -> None:
    begun, seen = asyncio.Event(), list[str]()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("step")

    @client.function("work", timeout=HOUR, retries=5)
    async def work(ctx: Context) -> None:
        try:
            await ctx.step.realtime.publish("first", ch.tick, {"n": 1})
            await ctx.step.run("endless", endless)
        except Exception:  # noqa: BLE001 - what is tested: it isn't the handler's to catch
            seen.append("caught")
        finally:
            seen.append("handler")
        await ctx.step.realtime.publish("second", ch.tick, {"n": 2})

    async with client, asyncio.timeout(30):
        running = asyncio.ensure_future(client.run(work))
        await begun.wait()
        clock.advance(HOUR)
        with pytest.raises(RunTimeout, match="longer than its timeout of 1:00:00") as caught:
            await running
        assert caught.value.run_id == storage.runs()[0].id
        await settle()
    assert sorted(seen) == ["handler", "step"]
    assert len(published(ch.tick)) == 1
    (run,) = storage.runs()
    assert (run.state, run.error_type, run.attempts) == ("failed", "RunTimeout", 1)


async def test_it_counts_from_the_first_start_over_sleeps_retries_and_restarts(
    make_client: MakeClient, clock: Clock, storage: Storage, started: Started
) -> None:
    calls: list[str] = []

    def define() -> Client:
        client = make_client(shutdown_timeout=timedelta(0), retry_delay=HOUR)

        @client.function("sleeps", on="app/work", timeout=3 * HOUR)
        async def sleeps(ctx: Context) -> None:
            calls.append("sleeps")
            await ctx.step.sleep("nap", 10 * HOUR)

        @client.function("short", on="app/work", timeout=3 * HOUR)
        async def short(ctx: Context) -> None:
            for n in range(1000):
                await ctx.step.sleep(f"nap{n}", timedelta(seconds=50))

        @client.function("fails", on="app/work", timeout=3 * HOUR, retry_delay=[2 * HOUR])
        async def fails(ctx: Context) -> None:
            calls.append("fails")
            raise ValueError

        return client

    async with define() as client:
        await client.send("app/work")
        await settle()
        clock.advance(HOUR)
        await settle()
    await storage.closed()
    clock.advance(HOUR)
    async with define():
        await settle()
        assert {run.function for run in storage.runs() if run.state == "failed"} == set()
        clock.advance(HOUR)
        await settle()
        assert {run.function: run.error_type for run in storage.runs()} == {
            "sleeps": "RunTimeout",
            "short": "RunTimeout",
            "fails": "RunTimeout",
        }
    assert calls == ["sleeps", "fails", "fails"], "the handler isn't called when the time is over"


async def test_time_before_the_first_start_does_not_count(
    client: Client, clock: Clock, storage: Storage
) -> None:
    held, release = asyncio.Event(), asyncio.Event()

    @client.function("work", on="app/work", concurrency=1, timeout=HOUR)
    async def work(ctx: Context) -> None:
        held.set()
        if ctx.event.data["first"]:
            await release.wait()

    async with client, asyncio.timeout(30):
        await client.send("app/work", {"first": True})
        await held.wait()
        await client.send("app/work", {"first": False})
        clock.advance(HOUR)
        await settle()
        assert [run.state for run in storage.runs()] == ["failed", "done"]


async def test_it_ends_in_time_although_all_slots_are_taken(
    make_client: MakeClient, clock: Clock, storage: Storage
) -> None:
    client = make_client(retry_delay=2 * HOUR)
    release = asyncio.Event()

    @client.function("work", on="app/work", concurrency=1, timeout=HOUR)
    async def work(ctx: Context) -> None:
        if ctx.event.data["fails"]:
            raise ValueError
        await release.wait()

    async with client, asyncio.timeout(30):
        await client.send("app/work", {"fails": True})
        await settle()
        clock.advance(MINUTE)
        await client.send("app/work", {"fails": False})
        await until(lambda: storage.runs()[1].state == "running")
        clock.advance(HOUR - MINUTE)
        await until(lambda: storage.runs()[0].state == "failed")
        assert storage.runs()[1].state == "running"
        release.set()
        await settle()
        assert [run.state for run in storage.runs()] == ["failed", "done"]


async def test_a_plain_function_ends_with_its_step(
    client: Client, clock: Clock, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operating, "GRACE", 60.0)
    begun, release, after = threading.Event(), threading.Event(), list[str]()

    def slow() -> str:
        begun.set()
        assert release.wait(60)
        return "done"

    @client.function("work", on="app/work", timeout=HOUR)
    def work(ctx: ContextSync) -> None:
        ctx.step.run("slow", slow)
        ctx.step.run("next", after.append, "went on")

    async with client, asyncio.timeout(20):
        (run_id,) = await client.send("app/work")
        await asyncio.to_thread(begun.wait, 60)
        clock.advance(HOUR)
        await asyncio.sleep(0.02)
        assert storage.run(run_id).summary.state == "running"
        release.set()
        await settle()
        run = storage.run(run_id)
    assert (run.summary.state, run.summary.error_type, after) == ("failed", "RunTimeout", [])
    assert [(step.id, step.state) for step in run.steps] == [("slow", "done")]


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_what_cannot_be_interrupted_is_waited_for_a_while(
    client: Client,
    clock: Clock,
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    """It is logged when it is stored, and not once more when the handler ends."""
    monkeypatch.setattr(operating, "GRACE", 0.05)
    begun, release = threading.Event(), threading.Event()

    async def stubborn(ctx: Context) -> None:
        begun.set()
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.001)

    def computes(ctx: ContextSync) -> None:
        begun.set()
        assert release.wait(60)

    client.function("async", on="app/async", timeout=HOUR)(stubborn)
    client.function("sync", on="app/sync", timeout=HOUR)(computes)
    async with client, asyncio.timeout(20):
        (run_id,) = await client.send(f"app/{kind}")
        await asyncio.to_thread(begun.wait, 60)
        clock.advance(HOUR)
        await until(lambda: storage.run(run_id).summary.state == "failed")
        await until(lambda: f"run {run_id} of" in caplog.text)
        release.set()
        await settle()
        assert storage.run(run_id).summary.error_type == "RunTimeout"
    assert [record.levelname for record in caplog.records if "failed" in record.getMessage()] == ["ERROR"]


async def test_a_run_that_is_retried_has_its_time_again(
    client: Client, clock: Clock, storage: Storage
) -> None:
    slow = [True]
    begun = asyncio.Event()

    async def first() -> str:
        return "once"

    @client.function("work", on="app/work", timeout=HOUR)
    async def work(ctx: Context) -> str:
        result = await ctx.step.run("first", first)
        begun.set()
        if slow:
            await asyncio.Event().wait()
        return result

    async with client, asyncio.timeout(30):
        (run_id,) = await client.send("app/work")
        await begun.wait()
        clock.advance(HOUR)
        await settle()
        assert storage.run(run_id).summary.error_type == "RunTimeout"
        slow.clear()
        await client.runs.retry(run_id)
        assert await client.runs.wait(run_id, function=work) == "once"


@pytest.mark.parametrize("way", ["resume", "deploy"])
async def test_the_time_in_which_a_run_is_parked_counts_and_does_not_end_it(
    make_client: MakeClient, clock: Clock, storage: Storage, way: str
) -> None:
    fits = [True]

    async def first() -> None: ...

    def define() -> Client:
        client = make_client()

        @client.function("work", on="app/work", timeout=3 * HOUR)
        async def work(ctx: Context) -> None:
            if fits:
                await ctx.step.run("first", first)
            else:
                await ctx.step.sleep("first", timedelta(0))
            await ctx.step.sleep("nap", 2 * HOUR)

        return client

    async with define() as client:
        (run_id,) = await client.send("app/work")
        await settle()
        fits.clear()
        clock.advance(2 * HOUR)
        await settle()
        clock.advance(timedelta(days=1))
        await settle()
        assert storage.run(run_id).summary.state == "parked"
        fits.append(True)
        if way == "resume":
            await client.runs.resume(run_id)
            await settle()
    await storage.closed()
    async with define() as client:
        await settle()
        assert storage.run(run_id).summary.error_type == "RunTimeout"
        await client.runs.retry(run_id)
        await client.runs.wait(run_id)


async def test_a_run_in_time_is_as_without(client: Client, clock: Clock, storage: Storage) -> None:
    @client.function("work", on="app/work", timeout=HOUR)
    async def work(ctx: Context) -> str:
        await ctx.step.sleep("nap", 59 * MINUTE)
        return "done"

    async with client:
        (run_id,) = await client.send("app/work")
        await settle()
        clock.advance(59 * MINUTE)
        assert await client.runs.wait(run_id, function=work) == "done"
        clock.advance(HOUR)
        await settle()
        assert storage.run(run_id).summary.state == "done"


@pytest.mark.parametrize("wrong", [5, timedelta(0), -HOUR, timedelta.max, "1h"])
def test_what_is_no_timeout(client: Client, wrong: Any) -> None:
    async def work(ctx: Context) -> None: ...

    with pytest.raises(EngineError, match='function "work": timeout is'):
        client.function("work", timeout=wrong)(work)
    assert client.functions == []
