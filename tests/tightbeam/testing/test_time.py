"""`tightbeam.testing`: a clock that a test moves, sleeps that are skipped, and waiting for the end."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tightbeam import Client, Context, ContextSync, CronEvent, cron
from tightbeam._engine.step_log import StepCall, StepLog
from tightbeam.testing import Clock, Faults, Started, settle

HOUR = timedelta(hours=1)
SHORT = timedelta(seconds=30)
"""So short that a run which waits stays in memory."""


@pytest.fixture(params=["memory", "file"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    path = None if request.param == "memory" else tmp_path / "app.db"
    client = Client(path, retry_delay=HOUR, shutdown_timeout=timedelta(milliseconds=200))

    @client.function("async", on="app/sleep")
    async def sleepy(ctx: Context) -> str:
        await ctx.step.sleep("wait", timedelta(seconds=ctx.event.data["seconds"]))
        return "awake"

    @client.function("sync", on="app/sleep")
    def sleepy_sync(ctx: ContextSync) -> str:
        ctx.step.sleep("wait", timedelta(seconds=ctx.event.data["seconds"]))
        return "awake"

    @client.function("flaky", on="app/flaky")
    async def flaky(ctx: Context) -> int:
        if ctx.attempt < 3:
            raise ValueError("not yet")
        return ctx.attempt

    return client


@pytest.mark.parametrize("seconds", [30, 3600, 40 * 86_400])
async def test_sleeps_follow_the_clock(client: Client, clock: Clock, started: Started, seconds: int) -> None:
    """In memory, and out of it."""
    async with client:
        await client.send("app/sleep", {"seconds": seconds})
        await settle()
        assert {run.state for run in started.runs} == {"sleeping"}
        clock.advance(timedelta(seconds=seconds - 29))
        await settle()
        assert {run.state for run in started.runs} == {"sleeping"}
        clock.advance(timedelta(seconds=29))
        await settle()
        assert [(run.function, run.state, run.result) for run in started.runs] == [
            ("async", "done", "awake"),
            ("sync", "done", "awake"),
        ]


async def test_retries_follow_the_clock(client: Client, clock: Clock, started: Started) -> None:
    async with client:
        await client.send("app/flaky")
        for attempt in range(3):
            await settle()
            (run,) = started("flaky")
            assert (run.state, run.executions) == ("retrying", attempt + 1)
            assert isinstance(run.error, ValueError)
            clock.advance(HOUR)  # the longest delay, as the first one is an hour
        await settle()
    (run,) = started("flaky")
    assert (run.state, run.result, run.error) == ("done", 3, None)


@pytest.mark.parametrize("sleeps", ["async", "sync"])
async def test_a_sleep_is_skipped_once(client: Client, faults: Faults, started: Started, sleeps: str) -> None:
    (function,) = (each for each in client.functions if each.id == sleeps)
    faults.skip("wait")
    async with client:
        assert await client.run(function, {"seconds": 86_400}) == "awake"
        assert faults.waiting == []
        await client.send("app/sleep", {"seconds": 86_400})
        await settle()
        assert [run.state for run in started.runs] == ["done", "sleeping", "sleeping"]


async def test_a_skip_of_the_second_use(faults: Faults) -> None:
    client = Client()

    @client.function("work")
    async def work(ctx: Context) -> None:
        for _ in range(2):
            await ctx.step.sleep("wait", HOUR)

    faults.skip("wait:1")
    faults.skip("wait")
    async with client:
        await asyncio.wait_for(client.run(work), 60)


async def test_what_is_wrong_with_a_time(client: Client, clock: Clock) -> None:
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-HOUR)
    with pytest.raises(ValueError, match="time zone"):
        clock.set(datetime(2026, 1, 1))  # noqa: DTZ001 - what is tested
    clock.set(datetime(2026, 1, 1, 8, 59, tzinfo=UTC))
    assert clock.now - datetime(2026, 1, 1, 8, 59, tzinfo=UTC) < HOUR
    async with client:
        with pytest.raises(ValueError, match="doesn't go back"):
            clock.set(datetime(2025, 1, 1, tzinfo=UTC))
        clock.set(datetime(2026, 1, 1, 9, 0, tzinfo=UTC))


def test_a_clock_is_set_right_in_the_end() -> None:
    clock = Clock()
    before = clock.now
    clock.start()
    clock.set(datetime(2000, 1, 1, tzinfo=UTC))
    clock.advance(HOUR)
    assert clock.now.year == 2000
    clock.stop()
    assert timedelta(0) <= clock.now - before < HOUR


async def test_only_calls_of_the_handler_are_counted(client: Client, clock: Clock, started: Started) -> None:
    @client.function("limited", on="app/limited", timeout=HOUR)
    async def limited(ctx: Context) -> None:
        await ctx.step.sleep("wait", 2 * HOUR)

    async with client:
        (delayed,) = await client.send("app/limited", delay=HOUR)
        (sleeping,) = await client.send("app/limited")
        await settle()
        await client.send("app/limited")
        await settle()
        await client.runs.cancel(delayed)
        await client.runs.cancel(sleeping)
        clock.advance(HOUR)
        await settle()
        assert [(run.state, run.executions) for run in started(limited)] == [("cancelled", 1), ("failed", 1)]


async def test_what_does_not_become_quiet_is_named(client: Client) -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    @client.function("endless", on="app/endless")
    async def endless(ctx: Context) -> None:
        begun.set()
        await release.wait()

    async with client:
        (run_id,) = await client.send("app/endless")
        await begun.wait()
        with pytest.raises(TimeoutError, match=f'run {run_id} of "endless"'):
            await settle(within=timedelta(milliseconds=20))
        release.set()
        await settle()


async def test_runs_that_runs_start_are_waited_for(client: Client, started: Started) -> None:
    @client.function("chain", on="app/chain")
    async def chain(ctx: Context) -> None:
        if ctx.event.data["left"]:
            await client.send("app/chain", {"left": ctx.event.data["left"] - 1})

    async with client:
        await client.send("app/chain", {"left": 5})
        await settle()
        assert [run.state for run in started("chain")] == ["done"] * 6


@pytest.mark.parametrize("waits_for", ["event", "run"])
async def test_a_plain_function_that_was_woken_is_waited_for(
    client: Client, started: Started, monkeypatch: pytest.MonkeyPatch, waits_for: str
) -> None:
    """Its thread may go on only later."""
    release = threading.Event()
    really = StepLog.wake_up

    def wake_up(log: StepLog, call: StepCall) -> None:
        if log.function == "plain":
            release.wait()
        really(log, call)

    monkeypatch.setattr(StepLog, "wake_up", wake_up)

    @client.function("other")
    async def other(ctx: Context) -> None:
        await ctx.step.wait_for_event("signal", event="app/signal", timeout=SHORT)

    @client.function("plain", on="app/plain")
    def plain(ctx: ContextSync) -> None:
        if waits_for == "event":
            ctx.step.wait_for_event("signal", event="app/signal", timeout=SHORT)
        else:
            ctx.step.invoke("other", function=other, timeout=SHORT)

    try:
        async with client:
            await client.send("app/plain")
            await settle()
            assert [run.state for run in started("plain")] == ["sleeping"]
            await client.send("app/signal")
            with pytest.raises(TimeoutError):
                await settle(within=timedelta(milliseconds=20))
            release.set()
            await settle()
            assert [run.state for run in started("plain")] == ["done"]
    finally:
        release.set()


async def test_a_run_without_a_result_says_so(client: Client, started: Started) -> None:
    async with client:
        await client.send("app/sleep", {"seconds": 60})
        await settle()
        run = started("async")[0]
        with pytest.raises(ValueError, match="it is sleeping"):
            _ = run.result
        assert repr(run) == "<StartedRun 'async' sleeping>"


async def test_schedules_and_delays_follow_the_clock(client: Client, clock: Clock, started: Started) -> None:
    clock.set(datetime(2026, 3, 2, 8, 59, tzinfo=UTC))

    @client.function("daily", on=cron("0 9 * * *"))
    async def daily(ctx: Context[CronEvent]) -> None: ...

    @client.function("later", on="app/later")
    async def later(ctx: Context) -> None: ...

    async with client:
        await client.send("app/later", delay=HOUR)
        await settle()
        assert started.runs == []
        clock.set(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
        await settle()
        assert [run.function for run in started.runs] == ["daily"]
        clock.advance(HOUR)
        await settle()
        assert [(run.function, run.state) for run in started.runs] == [("daily", "done"), ("later", "done")]
