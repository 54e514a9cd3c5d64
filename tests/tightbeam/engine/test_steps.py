"""Steps: what is remembered, under which id, and what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypedDict

import pydantic
import pytest

from tests.tightbeam.engine.conftest import MakeClient, let_stores_close, until
from tests.tightbeam.engine.samples import JobChannel, Tick, job_channel
from tests.tightbeam.engine.stores import Storage
from tightbeam import (
    Client,
    Context,
    ContextSync,
    InvalidPayload,
    NotJson,
    PayloadTooLarge,
    StepError,
    StepMismatch,
    StepMisuse,
)
from tightbeam._engine import step_rules
from tightbeam._engine.records import MemoizedAlready
from tightbeam._engine.requests import BeginSleep, MarkAwake, MemoizePublish, PutBack


class Receipt(pydantic.BaseModel):
    at: datetime
    total: int = pydantic.Field(alias="sum")


class Shape(TypedDict):
    day: date


async def receipt() -> Receipt:
    return Receipt(at=datetime(2026, 1, 1, tzinfo=UTC), sum=3)


async def days() -> list[date]:
    return [date(2026, 1, 1)]


async def shape() -> Shape:
    # Before Python 3.12 Pydantic can't build from a TypedDict: JSON as it is.
    return {"day": date(2026, 1, 1) if sys.version_info >= (3, 12) else "2026-01-01"}  # type: ignore[typeddict-item]


async def bare():  # type: ignore[no-untyped-def]  # what is tested
    return {"when": ("a", 1)}


async def nothing() -> None: ...


async def failing_once(failures: list[int]) -> str:
    failures.append(1)
    if len(failures) == 1:
        raise ValueError("once")
    return "ok"


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (receipt, Receipt(at=datetime(2026, 1, 1, tzinfo=UTC), sum=3)),
        (days, [date(2026, 1, 1)]),
        (shape, {"day": date(2026, 1, 1) if sys.version_info >= (3, 12) else "2026-01-01"}),
        (bare, {"when": ["a", 1]}),
        (nothing, None),
    ],
)
async def test_results_are_the_same_fresh_and_memoized(
    client: Client, function: Any, expected: object
) -> None:
    seen = []

    @client.function("work", retries=1)
    async def work(ctx: Context) -> None:
        seen.append(await ctx.step.run("step", function))
        if ctx.attempt == 0 and len(seen) == 1:
            raise ValueError

    async with client:
        await client.run(work)
    assert seen == [expected, expected]


async def test_a_memoized_step_does_not_run_again(client: Client) -> None:
    calls: list[int] = []
    fails = [1]

    async def call() -> int:
        calls.append(1)
        return len(calls)

    @client.function("work")
    async def work(ctx: Context) -> list[int]:
        results = [await ctx.step.run("step", call) for _ in range(3)]
        if fails:
            raise ValueError(fails.pop())
        return results

    async with client:
        assert await client.run(work) == [1, 2, 3]
    assert len(calls) == 3


async def test_arguments_reach_the_step(client: Client) -> None:
    async def add(a: int, b: int) -> int:
        return a + b

    @client.function("work")
    async def work(ctx: Context) -> int:
        return await ctx.step.run("add", add, 1, 2)

    async with client:
        assert await client.run(work) == 3


@pytest.mark.parametrize("result", [{1}, float("nan"), object(), b"x"])
async def test_a_step_result_that_is_not_json_is_not_retried(client: Client, result: object) -> None:
    calls = []

    async def odd():  # type: ignore[no-untyped-def]  # what is tested
        calls.append(1)
        return result

    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.run("odd", odd)

    async with client:
        with pytest.raises(NotJson, match='step "odd"'):
            await client.run(work)
    assert calls == [1]


async def test_an_error_names_the_step_it_belongs_to(client: Client) -> None:
    async def odd() -> list[object]:
        return [object()]

    @client.function("work")
    async def work(ctx: Context) -> None:
        for name in ("first", "second"):
            with pytest.raises(NotJson, match=f'step "{name}"'):
                await ctx.step.run(name, odd)

    async with client:
        await client.run(work)


async def test_a_result_that_is_not_what_was_annotated(
    client: Client, recwarn: pytest.WarningsRecorder
) -> None:
    let_stores_close()
    recwarn.clear()  # of what earlier tests have left

    async def wrong() -> int:
        return "secret-value"  # type: ignore[return-value]  # what is tested

    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.run("wrong", wrong)

    async with client:
        with pytest.raises(NotJson) as caught:
            await client.run(work)
    assert "secret-value" not in str(caught.value)
    assert not recwarn.list


async def test_an_annotation_nobody_can_build_is_refused_before_the_function_runs(client: Client) -> None:
    class Custom: ...

    calls = []

    async def custom():  # type: ignore[no-untyped-def]  # what is tested
        calls.append(1)

    custom.__annotations__["return"] = Custom

    async def unresolvable() -> NoSuchName:  # type: ignore[name-defined]  # noqa: F821 - what is tested
        calls.append(1)

    @client.function("work")
    async def work(ctx: Context) -> None:
        with pytest.raises(NotJson, match="Pydantic can't build"):
            await ctx.step.run("custom", custom)
        await ctx.step.run("unresolvable", unresolvable)

    async with client:
        with pytest.raises(NotJson, match="Pydantic can't build"):
            await client.run(work)
    assert not calls


async def test_a_step_uses_up_its_attempts_and_the_handler_may_go_on(client: Client) -> None:
    calls: list[str] = []
    errors: list[tuple[str, str, str]] = []

    async def broken() -> None:
        calls.append("broken")
        raise ValueError("broken")

    @client.function("work", retries=2)
    async def work(ctx: Context) -> str:
        try:
            await ctx.step.run("broken", broken)
        except StepError as error:
            errors.append((error.step_id, error.error_type, error.error_text))
        calls.append("after")
        if calls.count("after") == 1:
            raise RuntimeError("the memoized failure must come again")
        return "went on"

    async with client:
        assert await client.run(work) == "went on"
    assert calls == ["broken", "broken", "broken", "after", "after"]
    assert errors == [("broken", "ValueError", "broken")] * 2


async def test_the_handler_does_not_see_a_failure_that_is_retried(client: Client) -> None:
    failures: list[int] = []
    seen = []

    @client.function("work")
    async def work(ctx: Context) -> str:
        try:
            return await ctx.step.run("step", failing_once, failures)
        except Exception as error:  # noqa: BLE001 - what is tested
            seen.append(error)
            return "caught"

    async with client:
        assert await client.run(work) == "ok"
    assert not seen


@pytest.mark.parametrize("how", ["gather", "TaskGroup"])
async def test_parallel_steps_are_finished_before_the_retry(
    client: Client, storage: Storage, how: str
) -> None:
    failures: list[int] = []
    slow_calls = []
    failed = asyncio.Event()

    async def failing() -> None:
        failures.append(1)
        if len(failures) == 1:
            failed.set()
            raise ValueError

    async def slow() -> str:
        slow_calls.append(1)
        await failed.wait()
        for _ in range(30):  # time enough for the store to begin the retry, if it were to begin now
            await storage.double.store.submit(PutBack(()))
        return "slow" if len(failures) == 1 else "the retry has begun"

    @client.function("work")
    async def work(ctx: Context) -> str:
        if how == "gather":
            return str(
                (await asyncio.gather(ctx.step.run("slow", slow), ctx.step.run("failing", failing)))[0]
            )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(ctx.step.run("slow", slow))
            group.create_task(ctx.step.run("failing", failing))
        return task.result()

    async with client:
        assert await client.run(work) == "slow"
    assert (len(slow_calls), len(failures)) == (1, 2)


async def test_a_timeout_of_the_handlers_own_cancels_the_step(client: Client) -> None:
    cancelled = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    @client.function("work")
    async def work(ctx: Context) -> str:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await ctx.step.run("endless", endless)
        return await ctx.step.run("next", bare_text)

    async with client:
        assert await client.run(work) == "text"
    assert cancelled == [1]


async def bare_text() -> str:
    return "text"


async def test_one_id_for_two_things_is_a_mismatch(client: Client, ch: JobChannel) -> None:
    other = job_channel(job_id="other")

    async def kinds(ctx: Context) -> None:
        await ctx.step.run("id", nothing)
        await ctx.step.realtime.publish("id", ch.tick, {"n": 1})

    async def topics(ctx: Context) -> None:
        await ctx.step.realtime.publish("id", ch.tick, {"n": 1})
        await ctx.step.realtime.publish("id", ch.token, "x")

    async def channels(ctx: Context) -> None:
        await ctx.step.realtime.publish("id", ch.tick, {"n": 1})
        await ctx.step.realtime.publish("id", other.tick, {"n": 1})

    functions = [client.function(body.__name__)(body) for body in (kinds, topics, channels)]
    async with client:
        for function in functions:
            with pytest.raises(StepMismatch, match=r'step "id" was step.* before'):
                await client.run(function)


async def test_a_later_execution_with_another_topic_is_a_mismatch(client: Client, ch: JobChannel) -> None:
    refs: list[Any] = [ch.tick, ch.token]
    data: list[Any] = [{"n": 1}, "x"]

    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("id", refs[ctx.attempt], data[ctx.attempt])
        if not ctx.attempt:
            raise ValueError

    @client.function("channel")
    async def channel(ctx: Context) -> None:
        await ctx.step.realtime.publish("id", job_channel(job_id=str(ctx.attempt)).token, "x")
        raise ValueError

    async with client:
        with pytest.raises(StepMismatch, match=r'"tick".*"token"'):
            await client.run(work)
        with pytest.raises(StepMismatch):
            await client.run(channel)


@pytest.mark.parametrize("id", ["a:1", "a:007", ":0", ""])
async def test_ids_that_would_collide_with_counted_ones(client: Client, id: str) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.run(id, nothing)

    async with client:
        with pytest.raises(StepMisuse):
            await client.run(work)


async def test_ids_with_other_colons_are_fine(client: Client) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.run("a:b", nothing)
        await ctx.step.run("1", nothing)

    async with client:
        await client.run(work)


async def test_a_second_use_in_flight_is_refused(client: Client, ch: JobChannel) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        await asyncio.gather(
            ctx.step.realtime.publish("id", ch.tick, {"n": 1}),
            ctx.step.realtime.publish("id", ch.tick, {"n": 2}),
        )

    async with client:
        with pytest.raises(StepMisuse, match="in flight"):
            await client.run(work)


async def test_steps_cannot_be_nested(client: Client, ch: JobChannel) -> None:
    calls = []

    def nested(ctx: Context, what: str) -> Any:
        async def inner() -> None:
            calls.append(what)
            if what == "run":
                await ctx.step.run("inner", nothing)
            elif what == "sleep":
                await ctx.step.sleep("inner", timedelta(0))
            else:
                await ctx.step.realtime.publish("inner", ch.tick, {"n": 1})

        return inner

    @client.function("work")
    async def work(ctx: Context) -> None:
        what = ctx.event.data["what"]
        await ctx.step.run("outer", nested(ctx, what))

    @client.function("sync")
    def sync(ctx: ContextSync) -> None:
        ctx.step.run("outer", lambda: ctx.step.run("inner", len, ""))

    subscription = client.realtime.subscribe(ch.tick)
    async with client:
        for what in ("run", "sleep", "publish"):
            with pytest.raises(StepMisuse, match="nested"):
                await client.run(work, {"what": what})
        with pytest.raises(StepMisuse, match="nested"):
            await client.run(sync)
    assert calls == ["run", "sleep", "publish"]
    assert [message async for message in subscription] == []


async def test_live_publishes_work_inside_a_step(client: Client, ch: JobChannel) -> None:
    @client.function("work")
    async def work(ctx: Context) -> str:
        async def inner() -> None:
            await ctx.publish(ch.tick, {"n": 1})
            await client.realtime.publish(ch.tick, {"n": 2})

        await ctx.step.run("outer", inner)
        return ctx.run_id

    subscription = client.realtime.subscribe(ch.tick)
    async with client:
        run_id = await client.run(work)
    assert [(message.data.n, message.run_id) async for message in subscription] == [(1, run_id), (2, run_id)]


async def test_a_plain_function_for_an_async_step_and_the_reverse(client: Client) -> None:
    @client.function("async")
    async def async_(ctx: Context) -> None:
        await ctx.step.run("plain", len, "x")  # type: ignore[arg-type]  # what is tested

    @client.function("sync")
    def sync(ctx: ContextSync) -> None:
        ctx.step.run("async", nothing)  # type: ignore[unused-coroutine]  # what is tested

    @client.function("thread")
    async def thread(ctx: Context) -> int:
        return await ctx.step.run("plain", lambda: asyncio.to_thread(len, "x"))

    async with client:
        with pytest.raises(StepMisuse, match=r"async function .* `lambda: asyncio\.to_thread\("):
            await client.run(async_)
        assert await client.run(thread) == 1
        with pytest.raises(StepMisuse, match="plain function"):
            await client.run(sync)


async def test_a_coroutine_in_place_of_the_function_is_refused_at_once(client: Client) -> None:
    """Calling the function oneself is the likeliest slip: it must not burn the attempts."""
    executions: list[str] = []

    @client.function("async", retries=3)
    async def async_(ctx: Context) -> None:
        executions.append("async")
        await ctx.step.run("s", nothing())  # type: ignore[arg-type]  # what is tested

    @client.function("sync", retries=3)
    def sync(ctx: ContextSync) -> None:
        executions.append("sync")
        ctx.step.run("s", 5)  # type: ignore[arg-type]  # what is tested

    async with client:
        with pytest.raises(StepMisuse, match=r'step.run\("s", function, .*not what calling it gave'):
            await client.run(async_)
        with pytest.raises(StepMisuse, match="not int"):
            await client.run(sync)
    assert executions == ["async", "sync"]


async def test_a_context_is_of_no_use_after_its_run(client: Client, ch: JobChannel) -> None:
    kept: list[Any] = []

    @client.function("work")
    async def work(ctx: Context) -> None:
        kept.append(ctx)

    @client.function("sync")
    def sync(ctx: ContextSync) -> None:
        kept.append(ctx)

    subscription = client.realtime.subscribe(ch.tick)
    async with client:
        await client.run(work)
        await client.run(sync)
        ctx, ctx_sync = kept
        for use in (
            ctx.publish(ch.tick, {"n": 1}),
            ctx.step.run("id", nothing),
            ctx.step.sleep("id", timedelta(0)),
            ctx.step.realtime.publish("id", ch.tick, {"n": 1}),
        ):
            with pytest.raises(StepMisuse, match="has ended"):
                await use
        with pytest.raises(StepMisuse, match="has ended"):
            ctx_sync.publish(ch.tick, {"n": 1})
        with pytest.raises(StepMisuse, match="has ended"):
            ctx_sync.step.realtime.publish("id", ch.tick, {"n": 1})
    assert [message async for message in subscription] == []


async def test_steps_on_another_event_loop_are_refused(client: Client, ch: JobChannel) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        await asyncio.to_thread(asyncio.run, ctx.step.realtime.publish("id", ch.tick, {"n": 1}))

    async with client:
        with pytest.raises(StepMisuse, match="event loop"):
            await client.run(work)


# ----------------------------------------------------------------------------------------------- sleep


async def test_a_sleep_ends_at_the_recorded_time_after_a_restart(
    make_client: MakeClient, storage: Storage
) -> None:
    woke: list[str] = []

    def define(client: Client, slept: asyncio.Event | None) -> None:
        @client.function("napping", on="app/nap")
        async def napping(ctx: Context) -> None:
            if slept is not None:
                slept.set()
            await ctx.step.sleep("nap", timedelta(seconds=1000) if slept else timedelta(days=1000))
            woke.append(ctx.run_id)

    first = make_client(shutdown_timeout=timedelta(seconds=1))
    began = asyncio.Event()
    define(first, began)
    async with first:
        (run_id,) = await first.send("app/nap")
        await asyncio.wait_for(began.wait(), 30)
        await until(lambda: bool(storage.run(run_id).steps))
    await storage.closed()
    detail = storage.run(run_id)
    assert detail.steps[0].state == "sleeping"
    await storage.let_time_pass()  # the recorded time is what counts
    second = make_client()
    define(second, None)
    async with second:
        pass
    assert woke == [run_id]
    assert storage.run(run_id).steps[0].state == "done"


async def test_a_sleep_ends_when_its_time_has_come(client: Client, storage: Storage) -> None:
    @client.function("async")
    async def async_(ctx: Context) -> None:
        await ctx.step.sleep("nap", timedelta(milliseconds=30))

    @client.function("sync")
    def sync(ctx: ContextSync) -> None:
        ctx.step.sleep("nap", timedelta(milliseconds=30))

    async with client:
        await client.run(async_)
        await client.run(sync)
    for summary in storage.runs():
        (step,) = storage.run(summary.id).steps
        assert step.wake_at == step.started_at + timedelta(milliseconds=30)
        assert step.ended_at is not None
        assert step.ended_at >= step.wake_at - timedelta(milliseconds=5)  # two clocks are at work


def due(storage: Storage, run_id: str) -> tuple[str, datetime]:
    """Return a run's state, and when it is due."""
    summary = storage.run(run_id).summary
    return summary.state, summary.due_at


async def test_of_several_sleeps_the_first_to_end_is_woken_for(client: Client, storage: Storage) -> None:
    @client.function("naps", on="app/naps")
    async def naps(ctx: Context) -> None:
        hours = [ctx.step.sleep(f"{n}", timedelta(hours=n)) for n in (1, 48, 2)]
        await asyncio.gather(*hours)

    async with client:
        (run_id,) = await client.send("app/naps")
        await until(lambda: len(storage.run(run_id).steps) == 3)
        await until(lambda: not storage.double.resident)
        _, at = due(storage, run_id)
        assert at < datetime.now(UTC) + timedelta(hours=1)


@pytest.mark.slow
@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
async def test_a_kill_while_a_run_sleeps_beside_a_step_that_has_ended_is_not_its_fault(
    make_client: MakeClient, storage: Storage, monkeypatch: pytest.MonkeyPatch, sync: bool
) -> None:
    monkeypatch.setattr(step_rules, "REST_AFTER", 0.01)
    monkeypatch.setattr(step_rules, "LEAVE_AFTER", 1e9)  # as if the handler waited for something else too
    executions: list[str] = []
    began: list[int] = []

    def define(client: Client) -> None:
        @client.function("async", on="app/async")
        async def async_(ctx: Context) -> None:
            executions.append(ctx.run_id)
            await asyncio.gather(
                ctx.step.run("short", work), ctx.step.sleep("long", timedelta(days=1)), return_exceptions=True
            )

        @client.function("sync", on="app/sync")
        def sync_(ctx: ContextSync) -> None:
            executions.append(ctx.run_id)
            with ThreadPoolExecutor(1) as pool:
                short = pool.submit(copy_context().run, ctx.step.run, "short", slow)
                assert slow_began.wait(60)
                ctx.step.sleep("long", timedelta(days=1))
                short.result()

    slow_began, go_on = threading.Event(), threading.Event()

    async def work() -> None:
        began.append(1)
        assert await asyncio.to_thread(go_on.wait, 60)

    def slow() -> None:
        began.append(1)
        slow_began.set()
        assert go_on.wait(60)

    first = make_client(shutdown_timeout=timedelta(seconds=1))
    define(first)
    async with first:
        (run_id,) = await first.send("app/sync" if sync else "app/async")
        await until(lambda: "step.sleep" in {step.kind for step in storage.run(run_id).steps})
        assert due(storage, run_id)[0] == "running"
        go_on.set()
        await until(lambda: due(storage, run_id)[0] == "sleeping")
        assert due(storage, run_id)[1] <= datetime.now(UTC)  # it would resume at once
        storage.double.is_crashed = True
    second = make_client(shutdown_timeout=timedelta(seconds=1))
    define(second)
    async with second:
        await until(lambda: len(executions) == 2)
    assert storage.run(run_id).deaths == 0
    assert began == [1]


async def test_sleeping_runs_give_up_their_place(client: Client) -> None:
    asleep = 0
    all_asleep = asyncio.Event()

    @client.function("sleeping", on="app/sleep", concurrency=1)
    async def sleeping(ctx: Context) -> None:
        nonlocal asleep
        asleep += 1
        if asleep == 5:
            all_asleep.set()
        await ctx.step.sleep("nap", timedelta(days=1))

    async with client:
        for _ in range(5):
            await client.send("app/sleep")
        await asyncio.wait_for(all_asleep.wait(), 30)


@pytest.mark.parametrize("duration", [timedelta(seconds=-1), timedelta(days=4000), timedelta.max, 5])
async def test_sleeps_that_cannot_be(client: Client, duration: Any) -> None:
    @client.function("async")
    async def async_(ctx: Context) -> None:
        await ctx.step.sleep("nap", duration)

    @client.function("sync")
    def sync(ctx: ContextSync) -> None:
        ctx.step.sleep("nap", duration)

    async with client:
        with pytest.raises(StepMisuse, match="sleep"):
            await client.run(async_)
        with pytest.raises(StepMisuse, match="sleep"):
            await client.run(sync)


# --------------------------------------------------------------------------------------------- publish


async def test_a_retry_returns_the_first_data_whatever_is_passed(
    client: Client, ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    returned: list[Tick] = []
    passed: list[Any] = [{"n": 1}, {"n": 424242}, {"n": "invalid-424242"}, {"n": 1}]

    @client.function("work")
    async def work(ctx: Context) -> None:
        returned.append(await ctx.step.realtime.publish("id", ch.tick, passed[len(returned)]))
        if len(returned) < 4:
            raise ValueError

    subscription = client.realtime.subscribe(ch.tick)
    with caplog.at_level(logging.WARNING, "tightbeam"):
        async with client:
            await client.run(work)
    assert returned == [Tick(n=1)] * 4
    assert [message.data.n async for message in subscription] == [1]
    warnings = [record.getMessage() for record in caplog.records if "first data" in record.getMessage()]
    assert len(warnings) == 2
    assert not any("424242" in text for text in warnings)


@pytest.mark.parametrize("how", ["gather", "TaskGroup"])
async def test_parallel_publishes_are_sent_once(client: Client, ch: JobChannel, how: str) -> None:
    fails = [1, 1]

    @client.function("work")
    async def work(ctx: Context) -> list[int]:
        publishes = [ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n}) for n in range(10)]
        if how == "gather":
            results = await asyncio.gather(*publishes)
        else:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(publish) for publish in publishes]
            results = [task.result() for task in tasks]
        if fails:
            raise ValueError(fails.pop())
        return [tick.n for tick in results]

    subscription = client.realtime.subscribe(ch.tick)
    async with client:
        assert await client.run(work) == list(range(10))
    assert [message.data.n async for message in subscription] == list(range(10))


async def test_an_invalid_payload_sends_and_memoizes_nothing(
    make_client: MakeClient, storage: Storage, ch: JobChannel
) -> None:
    client = make_client(max_payload_bytes=100)

    @client.function("work")
    async def work(ctx: Context) -> str:
        with pytest.raises(InvalidPayload):
            await ctx.step.realtime.publish("id", ch.tick, {"n": "x"})  # type: ignore[arg-type]
        with pytest.raises(PayloadTooLarge):
            await ctx.step.realtime.publish("large", ch.token, "x" * 99)
        with pytest.raises(PayloadTooLarge):
            await ctx.publish(ch.token, "x" * 99)
        await ctx.step.realtime.publish("id", ch.tick, {"n": 1})
        return ctx.run_id

    subscription = client.realtime.subscribe(ch)
    async with client:
        run_id = await client.run(work)
        with pytest.raises(PayloadTooLarge):
            await client.realtime.publish(ch.token, "x" * 99)
    assert [message.id async for message in subscription] == [f"{run_id}:id:1"]
    assert [step.id for step in storage.run(run_id).steps] == ["id:1"]


async def test_a_cancelled_publish_is_committed_and_delivered(client: Client, ch: JobChannel) -> None:
    @client.function("work")
    async def work(ctx: Context) -> Tick:
        task = asyncio.create_task(ctx.step.realtime.publish("id", ch.tick, {"n": 1}))
        await asyncio.sleep(0)  # it is queued now
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        never = asyncio.create_task(ctx.step.realtime.publish("never", ch.tick, {"n": 2}))
        never.cancel()  # before it began: nothing
        with pytest.raises(asyncio.CancelledError):
            await never
        if ctx.event.data.get("again") and not ctx.attempt:
            raise ValueError
        return Tick(n=0)

    subscription = client.realtime.subscribe(ch.tick)
    async with client:
        await client.run(work)
    assert [message.data.n async for message in subscription] == [1]


@pytest.mark.parametrize("held", [False, True], ids=["", "disk busy"])
@pytest.mark.parametrize("turns", range(8))
async def test_cancelled_at_any_moment_everything_or_nothing(
    client: Client, ch: JobChannel, storage: Storage, turns: int, held: bool
) -> None:
    """Live, durable, and `step.run`: after so many turns of the event loop."""
    received: list[int] = []
    double = storage.double

    async def give(n: int) -> int:
        await asyncio.sleep(0)
        return n

    @client.function("work")
    async def work(ctx: Context) -> None:
        async with double.held() if held else contextlib.nullcontext():
            tasks = [
                asyncio.ensure_future(ctx.step.realtime.publish("durable", ch.tick, {"n": 1})),
                asyncio.ensure_future(ctx.publish(ch.tick, {"n": 2})),
                asyncio.ensure_future(client.realtime.publish(ch.tick, {"n": 3})),
                asyncio.ensure_future(ctx.step.run("step", give, 4)),
            ]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
        live = [task.done() for task in tasks[1:3]]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await double.store.submit(PutBack(()))  # behind whatever was queued
        detail = storage.run(ctx.run_id)
        stored = {step.id for step in detail.steps}
        assert [message.id for message in detail.messages] == (
            [f"{ctx.run_id}:durable:0"] if "durable" in stored else []
        )
        for step_id, outcome in (("durable", outcomes[0]), ("step", outcomes[3])):
            assert step_id in stored or isinstance(outcome, asyncio.CancelledError)
        if turns == 0:
            assert stored == set()
        else:
            assert "durable" in stored  # it was queued at its first turn
        expected.update({1} if "durable" in stored else set())
        expected.update(n for n, sent in zip((2, 3), live, strict=True) if sent)
        # What was stored stands, what wasn't can be done now.
        assert (await ctx.step.realtime.publish("afterwards", ch.tick, {"n": 5})).n == 5
        assert await ctx.step.run("other", give, 6) == 6

    expected = {5}
    subscription = client.realtime.subscribe(ch.tick)
    async with client:
        await client.run(work)
    received += [message.data.n async for message in subscription]
    assert sorted(received) == sorted(expected)


async def test_a_publish_that_another_execution_has_memoized_is_an_error(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    """The last line of defence: the store says so, whatever the step log says."""

    @client.function("work", retries=0)
    async def work(ctx: Context) -> None:
        storage.double.fail(MemoizePublish, 1, error=lambda: MemoizedAlready(ctx.run_id, "id"))
        await ctx.step.realtime.publish("id", ch.tick, {"n": 1})

    subscription = client.realtime.subscribe(ch.tick)
    async with client:
        with pytest.raises(RuntimeError, match="memoized already"):
            await client.run(work)
    assert [message.data.n async for message in subscription] == []


async def test_a_step_that_succeeds_meanwhile_gives_another_no_attempt_more(client: Client) -> None:
    calls: list[int] = []
    memoized = asyncio.Event()

    async def failing() -> None:
        calls.append(1)
        if len(calls) == 2:
            await memoized.wait()
        raise ValueError

    @client.function("work", retries=1)
    async def work(ctx: Context) -> None:
        async def other() -> None:
            await ctx.step.run("other", bare_text)
            memoized.set()

        if not ctx.attempt:
            await ctx.step.run("failing", failing)
        await asyncio.gather(other(), ctx.step.run("failing", failing))

    async with client, asyncio.timeout(30):
        with pytest.raises(StepError, match="failing"):
            await client.run(work)
    assert len(calls) == 2


async def test_a_step_may_use_another_client(client: Client, ch: JobChannel) -> None:
    """Whose runs are begun within the step, and have steps of their own."""
    other = Client()

    @other.function("inner")
    async def inner(ctx: Context) -> int:
        return (await ctx.step.realtime.publish("p", ch.tick, {"n": 5})).n

    async def ask() -> int:
        async with other:
            return await other.run(inner)

    @client.function("outer")
    async def outer(ctx: Context) -> int:
        return await ctx.step.run("ask", ask)

    async with client, asyncio.timeout(20):
        assert await client.run(outer) == 5


async def test_a_sleep_that_the_handler_leaves_behind_ends_with_the_run(client: Client) -> None:
    naps: list[asyncio.Task[None]] = []

    @client.function("work")
    async def work(ctx: Context) -> None:
        naps.append(asyncio.ensure_future(ctx.step.sleep("nap", timedelta(days=1))))
        for _ in range(3):  # it is being slept
            await ctx.step.run("step", asyncio.sleep, 0)

    async with client:
        await client.run(work)
        await asyncio.wait(naps, timeout=60)
        assert naps[0].done()
        naps[0].exception()


async def test_a_restart_leaves_a_run_alone_that_sleeps(make_client: MakeClient, storage: Storage) -> None:
    client = make_client()
    executions: list[str] = []

    @client.function("napping", on="app/nap")
    async def napping(ctx: Context) -> None:
        executions.append(ctx.run_id)
        await ctx.step.sleep("nap", timedelta(days=1))

    async with client:
        (run_id,) = await client.send("app/nap")
        await until(lambda: storage.run(run_id).summary.state == "sleeping")
    async with client:
        pass
    assert executions == [run_id]


async def test_a_sleep_that_the_handler_cancels_is_over(client: Client, storage: Storage) -> None:
    """If the process dies now, or is stopped, the run doesn't wait for the end of that sleep."""
    seen: list[tuple[str, datetime]] = []

    @client.function("work")
    async def work(ctx: Context) -> None:
        nap = asyncio.ensure_future(ctx.step.sleep("nap", timedelta(days=1)))
        await until(lambda: due(storage, ctx.run_id)[0] == "sleeping")
        nap.cancel()
        await asyncio.wait({nap})
        await storage.double.store.submit(PutBack(()))  # behind what the end of the sleep stores
        seen.append(due(storage, ctx.run_id))

    async with client:
        await client.run(work)
    ((state, at),) = seen
    assert state == "running"
    assert at <= datetime.now(UTC)


@pytest.mark.parametrize("first", ["ended", "cancelled", "sync"])
async def test_a_run_that_rests_after_another_sleep_says_so_again(
    make_client: MakeClient, storage: Storage, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    client = make_client(shutdown_timeout=timedelta(milliseconds=200))
    monkeypatch.setattr(step_rules, "REST_AFTER", 0.01)
    monkeypatch.setattr(step_rules, "LEAVE_AFTER", 1e9)  # as if the handler waited for something else too
    began, go_on = threading.Event(), threading.Event()

    def short() -> None:
        began.set()
        assert go_on.wait(60)

    async def short_async() -> None:
        await asyncio.to_thread(short)

    @client.function("async", on="app/async")
    async def async_(ctx: Context) -> None:
        if first == "cancelled":
            nap = asyncio.ensure_future(ctx.step.sleep("nap", timedelta(days=1)))
            await until(lambda: due(storage, ctx.run_id)[0] == "sleeping")
            nap.cancel()
            await asyncio.wait({nap})
        else:
            await ctx.step.sleep("nap", timedelta(milliseconds=1))
        await asyncio.gather(ctx.step.run("short", short_async), ctx.step.sleep("long", timedelta(days=1)))

    @client.function("sync", on="app/sync")
    def sync(ctx: ContextSync) -> None:
        ctx.step.sleep("nap", timedelta(milliseconds=1))
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(copy_context().run, ctx.step.run, "short", short)
            assert began.wait(60)
            ctx.step.sleep("long", timedelta(days=1))
            running.result()

    async with client:
        (run_id,) = await client.send("app/sync" if first == "sync" else "app/async")
        await until(lambda: "long" in {step.id for step in storage.run(run_id).steps})
        assert due(storage, run_id)[0] == "running"
        go_on.set()
        await until(lambda: due(storage, run_id)[0] == "sleeping")


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_step_that_begins_while_a_sleep_is_being_stored_keeps_the_run_awake(
    make_client: MakeClient, storage: Storage, kind: str
) -> None:
    """If the process died under that step, the run would otherwise wait for the end of the sleep."""
    client = make_client(shutdown_timeout=timedelta(milliseconds=50))
    stored, began, go_on = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        assert go_on.wait(60)

    def answering(request: Any) -> None:
        if isinstance(request, BeginSleep) and kind == "sync":
            stored.set()
            assert began.wait(60)

    @client.function("async", on="app/async")
    async def async_(ctx: Context) -> None:
        nap = ctx.step.sleep("nap", timedelta(days=1))
        await asyncio.gather(nap, ctx.step.run("work", asyncio.to_thread, work))

    @client.function("sync", on="app/sync")
    def sync(ctx: ContextSync) -> None:
        with ThreadPoolExecutor(1) as pool:
            nap = pool.submit(copy_context().run, ctx.step.sleep, "nap", timedelta(days=1))
            assert stored.wait(60)
            ctx.step.run("work", work)
            nap.result()

    storage.double.answering = answering
    async with client:
        (run_id,) = await client.send(f"app/{kind}")
        await until(began.is_set)
        await until(lambda: MarkAwake(run_id) in storage.double.requests)
        await until(lambda: due(storage, run_id)[0] == "running")
        go_on.set()
