"""``ctx.step.run(…, timeout=…)`` on the embedded engine."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from tests.tightbeam.engine.conftest import MakeClient
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, ContextSync, NonRetriableError, StepError, StepMisuse, StepTimeout
from tightbeam._engine import scheduler
from tightbeam.testing import Clock, Started, settle

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class Slow:
    """A step's function that takes for ever, and says so; as often as it is told to."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.begun = asyncio.Event()
        self.interrupted = 0

    async def __call__(self, value: str) -> str:
        if not self.left:
            return value
        self.left -= 1
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.interrupted += 1
            raise
        raise AssertionError

    async def time_out(self, clock: Clock) -> None:
        await self.begun.wait()
        self.begun.clear()
        clock.advance(MINUTE)


async def test_an_attempt_that_takes_too_long_is_interrupted_and_tried_again(
    client: Client, clock: Clock, storage: Storage
) -> None:
    slow = Slow(2)

    @client.function("work", on="app/work", retries=2)
    async def work(ctx: Context) -> str:
        return await ctx.step.run("slow", slow, "done", timeout=MINUTE)

    async with client, asyncio.timeout(30):
        running = asyncio.ensure_future(client.run(work))
        for _ in range(2):
            await slow.time_out(clock)
        assert await running == "done"
        assert slow.interrupted == 2
        (run,) = storage.runs()
        assert run.failures == 2


async def test_the_handler_catches_it_in_its_step_also_after_a_replay(
    client: Client, clock: Clock, storage: Storage
) -> None:
    slow, caught = Slow(2), list[StepTimeout]()

    @client.function("work", retries=1)
    async def work(ctx: Context) -> str:
        try:
            await ctx.step.run("slow", slow, "", timeout=MINUTE)
        except StepTimeout as error:
            caught.append(error)
        await ctx.step.run("next", fail_once)
        return "went on"

    failures = [ValueError()]

    async def fail_once() -> None:
        if failures:
            raise failures.pop()

    async with client, asyncio.timeout(30):
        running = asyncio.ensure_future(client.run(work))
        for _ in range(2):
            await slow.time_out(clock)
        assert await running == "went on"
    assert [str(error) for error in caught] == [
        'Step "slow" failed: StepTimeout: it took longer than its timeout of 0:01:00'
    ] * 2
    assert isinstance(caught[0], StepError)
    (run,) = storage.runs()
    (slow_step, _) = storage.run(run.id).steps
    assert (slow_step.state, slow_step.error_type) == ("failed", "StepTimeout")


async def test_unhandled_it_fails_the_run(client: Client, clock: Clock) -> None:
    slow = Slow(1)

    @client.function("work", retries=0)
    async def work(ctx: Context) -> None:
        await ctx.step.run("slow", slow, "", timeout=MINUTE)

    async with client, asyncio.timeout(30):
        running = asyncio.ensure_future(client.run(work))
        await slow.time_out(clock)
        with pytest.raises(StepTimeout):
            await running


async def test_one_of_several_steps_at_a_time(client: Client, clock: Clock) -> None:
    slow = Slow(1)

    async def quick() -> str:
        return "quick"

    @client.function("work", retries=0)
    async def work(ctx: Context) -> list[str]:
        results = await asyncio.gather(
            ctx.step.run("slow", slow, "", timeout=MINUTE),
            ctx.step.run("quick", quick, timeout=MINUTE),
            return_exceptions=True,
        )
        return [str(result) for result in results]

    async with client, asyncio.timeout(30):
        running = asyncio.ensure_future(client.run(work))
        await slow.time_out(clock)
        slow_result, quick_result = await running
    assert slow_result.startswith('Step "slow" failed: StepTimeout: ')
    assert quick_result == "quick"


async def test_a_function_that_ignores_it_has_failed_all_the_same(client: Client, clock: Clock) -> None:
    begun = asyncio.Event()

    async def stubborn() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "as if nothing had been"
        raise AssertionError

    async def wraps_it() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("an error of its own") from None
        raise AssertionError

    @client.function("work", retries=0)
    async def work(ctx: Context) -> list[str]:
        caught = []
        for fn in (stubborn, wraps_it):
            try:
                await ctx.step.run(fn.__name__, fn, timeout=MINUTE)
            except StepTimeout as error:
                caught.append(error.step_id)
        return caught

    async with client, asyncio.timeout(30):
        running = asyncio.ensure_future(client.run(work))
        for _ in range(2):
            await begun.wait()
            begun.clear()
            clock.advance(MINUTE)
        assert await running == ["stubborn", "wraps_it"]


async def test_a_plain_function_is_judged_at_its_end(client: Client, clock: Clock) -> None:
    begun, release, calls = threading.Event(), threading.Event(), list[str]()

    def slow(value: str) -> str:
        calls.append(value)
        if len(calls) == 1:
            begun.set()
            assert release.wait(60)
        return value

    @client.function("work", retries=1)
    def work(ctx: ContextSync) -> str:
        return ctx.step.run("slow", slow, "done", timeout=MINUTE)

    async with client, asyncio.timeout(30):
        running = asyncio.ensure_future(client.run(work))
        await asyncio.to_thread(begun.wait, 60)
        clock.advance(MINUTE)
        await asyncio.sleep(0.01)
        assert len(calls) == 1
        release.set()
        assert await running == "done"
    assert len(calls) == 2


async def test_a_plain_function_that_raises_too_late_has_timed_out(client: Client, clock: Clock) -> None:
    def slow(error: Exception) -> None:
        clock.advance(MINUTE)
        raise error

    @client.function("work", retries=0)
    def work(ctx: ContextSync) -> str:
        for error in (ValueError("own"), NonRetriableError("final")):
            with pytest.raises(StepTimeout) as caught:
                ctx.step.run("slow", slow, error, timeout=MINUTE)
            cause = caught.value.__cause__
            assert cause is not None
            assert cause.__cause__ is error
        return "done"

    async with client, asyncio.timeout(30):
        assert await client.run(work) == "done"


async def test_in_time_it_is_as_without(client: Client, clock: Clock) -> None:
    """Errors of its own, `TimeoutError` among them, are its own."""

    async def times_out_itself() -> None:
        async with asyncio.timeout(0):
            await asyncio.sleep(10)

    async def quick(n: int) -> int:
        return n

    @client.function("work", retries=0)
    async def work(ctx: Context) -> int:
        with pytest.raises(StepError) as caught:
            await ctx.step.run("own", times_out_itself, timeout=MINUTE)
        assert not isinstance(caught.value, StepTimeout)
        assert caught.value.error_type == "TimeoutError"
        return await ctx.step.run("quick", quick, 5, timeout=MINUTE)

    async with client:
        assert await client.run(work) == 5
        clock.advance(timedelta(days=1))
        await settle()


async def test_leaving_the_client_is_no_timeout(
    make_client: MakeClient,
    clock: Clock,
    started: Started,
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduler, "LEAST_GRACE", 20.0)
    client = make_client(shutdown_timeout=timedelta(0))
    slow = Slow(1)

    @client.function("work", on="app/work", retries=0)
    async def work(ctx: Context) -> str:
        return await ctx.step.run("slow", slow, "done", timeout=MINUTE)

    async with client:
        await client.send("app/work")
        await slow.begun.wait()
    await storage.closed()
    assert [run.state for run in started.runs] == ["stopped"]
    async with client:
        await settle()
        assert [run.state for run in started.runs] == ["done"]


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (5, "timeout is a timedelta, not int"),
        (timedelta(0), "more than no time"),
        (-SECOND, "more than no time"),
        (timedelta.max, "at most 3650 days"),
    ],
)
async def test_what_can_be_no_timeout(client: Client, limit: timedelta, message: str) -> None:
    async def never() -> None:
        raise AssertionError

    @client.function("async")
    async def async_(ctx: Context) -> None:
        await ctx.step.run("step", never, timeout=limit)

    @client.function("sync")
    def sync(ctx: ContextSync) -> None:
        ctx.step.run("step", len, "", timeout=limit)

    async with client:
        for function in (async_, sync):
            with pytest.raises(StepMisuse, match=f'step "step": .*{message}'):
                await client.run(function)
