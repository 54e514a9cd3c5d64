"""Functions, events, runs: what starts, what comes back, what is retried."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient, let_stores_close, until
from tests.tightbeam.engine.samples import JobChannel, Status
from tests.tightbeam.engine.stores import Storage
from tightbeam import (
    Client,
    Context,
    ContextSync,
    EngineError,
    InvalidPayload,
    NonRetriableError,
    NotJson,
    NotRegistered,
    RunFailed,
    StepError,
)
from tightbeam._engine import scheduler
from tightbeam._engine.records import FunctionLimit, NewRun, RunError
from tightbeam._engine.requests import AddRuns, Claim, RetryRun, SendEvent


async def test_a_run_returns_the_functions_result(client: Client) -> None:
    @client.function("double", on="app/double")
    async def double(ctx: Context) -> int:
        return int(ctx.event.data["n"]) * 2

    async with client:
        assert await client.run(double, {"n": 21}) == 42


async def test_the_result_comes_back_as_annotated(client: Client) -> None:
    @dataclass
    class Receipt:
        at: datetime
        lines: list[int]

    # Not a string annotation's business here: the class is local, so the function says it as an object.
    async def work(ctx: Context):  # type: ignore[no-untyped-def]  # what is tested
        return Receipt(datetime(2026, 1, 1, tzinfo=UTC), [1])

    work.__annotations__["return"] = Receipt
    function = client.function("work")(work)
    async with client:
        assert await client.run(function) == Receipt(datetime(2026, 1, 1, tzinfo=UTC), [1])


async def test_a_sync_handler_runs_on_a_thread_with_its_own_context(client: Client, ch: JobChannel) -> None:
    @client.function("sync", on="app/sync")
    def work(ctx: ContextSync) -> list[str]:
        ctx.publish(ch.status, {"message": "live"})
        done = ctx.step.realtime.publish("done", ch.status, {"message": "durable"})
        assert type(done) is Status
        length = ctx.step.run("length", len, "four")
        return [str(length), done.message, str(threading.current_thread() is threading.main_thread())]

    subscription = client.realtime.subscribe(ch.status)
    async with client:
        assert await client.run(work) == ["4", "durable", "False"]
    assert [message.data.message async for message in subscription] == ["live", "durable"]


async def test_the_log_names_the_users_line_and_not_the_text(
    client: Client, ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.publish(ch.status, {"mesage": "secret"})  # type: ignore[arg-type]  # what is tested

    let_stores_close()
    caplog.clear()  # of what earlier tests have left
    async with client:
        with pytest.raises(InvalidPayload):
            await client.run(work)
    line = work.__wrapped__.__code__.co_firstlineno + 2
    [said] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said.endswith(f'of "work" failed: InvalidPayload at {__file__}:{line}')


def test_a_registered_handler_is_still_the_function_it_was(client: Client) -> None:
    @client.function("plain")
    def handler(ctx: ContextSync) -> str:
        """Says who."""
        return ctx.run_id

    class Fake:
        run_id = "me"

    assert handler(Fake()) == "me"  # type: ignore[arg-type]  # a stand-in for the context
    named: Any = handler
    assert (named.__name__, named.__doc__) == ("handler", "Says who.")


async def test_send_starts_every_function_that_listens(client: Client) -> None:
    seen: list[tuple[str, str]] = []
    both = asyncio.Event()

    def note(name: str, ctx: Context) -> None:
        seen.append((name, ctx.run_id))
        if len(seen) == 2:
            both.set()

    @client.function("one", on="app/go")
    async def one(ctx: Context) -> None:
        note("one", ctx)

    @client.function("two", on="app/go")
    async def two(ctx: Context) -> None:
        note("two", ctx)

    async with client:
        ids = await client.send("app/go", {"x": 1})
        await asyncio.wait_for(both.wait(), 30)
    assert sorted(seen) == sorted(zip(["one", "two"], ids, strict=True))


async def test_leaving_finishes_what_was_sent(client: Client) -> None:
    done = []

    @client.function("late", on="app/late")
    async def late(ctx: Context) -> None:
        await ctx.step.run("a", asyncio.sleep, 0)
        done.append(ctx.run_id)

    async with client:
        (run_id,) = await client.send("app/late")
    assert done == [run_id]


@pytest.mark.parametrize("retries", [0, 1, 3])
async def test_retries_allow_one_attempt_more(client: Client, retries: int) -> None:
    attempts = []

    @client.function("failing", retries=retries)
    async def failing(ctx: Context) -> None:
        attempts.append(ctx.attempt)
        raise ValueError("again")

    async with client:
        with pytest.raises(ValueError, match="again"):
            await client.run(failing)
    assert attempts == list(range(retries + 1))


async def test_a_newly_memoized_step_starts_the_attempts_over(client: Client) -> None:
    attempts: list[int] = []

    @client.function("failing", retries=1)
    async def failing(ctx: Context) -> str:
        attempts.append(ctx.attempt)
        if len(attempts) == 1:
            raise ValueError("before")
        await ctx.step.run("step", asyncio.sleep, 0)
        attempts.append(ctx.attempt)
        if len(attempts) == 3:
            raise ValueError("after")  # would be the last attempt if the step hadn't been memoized
        return "done"

    async with client:
        assert await client.run(failing) == "done"
    assert attempts == [0, 1, 0, 1, 1]


async def test_errors_that_cannot_be_retried_fail_at_once(client: Client, ch: JobChannel) -> None:
    calls = []

    @client.function("refused")
    async def refused(ctx: Context) -> None:
        calls.append("refused")
        raise NonRetriableError("no use")

    @client.function("invalid")
    async def invalid(ctx: Context) -> None:
        calls.append("invalid")
        await ctx.publish(ch.tick, {"n": "secret-value"})  # type: ignore[arg-type]  # what is tested

    @client.function("grouped")
    async def grouped(ctx: Context) -> None:
        calls.append("grouped")
        raise ExceptionGroup("several", [ValueError(), NonRetriableError("no use")])

    async with client:
        with pytest.raises(NonRetriableError, match="no use"):
            await client.run(refused)
        with pytest.raises(InvalidPayload):
            await client.run(invalid)
        with pytest.raises(ExceptionGroup):
            await client.run(grouped)
    assert calls == ["refused", "invalid", "grouped"]


async def test_no_payload_value_is_stored_with_an_error(
    make_client: MakeClient, path: Path, storage: Storage, ch: JobChannel
) -> None:
    client = make_client()

    @client.function("invalid")
    async def invalid(ctx: Context) -> None:
        data: Any = {"n": secret}
        await ctx.step.realtime.publish("p", ch.tick, data)

    secret = "secret-" + "value"  # in two parts: a traceback holds lines of the source
    async with client:
        with pytest.raises(InvalidPayload):
            await client.run(invalid)
    (summary,) = storage.runs()
    assert (summary.state, summary.error_type) == ("failed", "InvalidPayload")
    assert "/n" in (summary.error_text or "")
    assert b"secret-value" not in path.read_bytes()  # noqa: ASYNC240 - the client has been left


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        BaseException("odd"),
        asyncio.CancelledError(),
        GeneratorExit(),
        ExceptionGroup("two", [ValueError("one"), KeyError("other")]),
        BaseExceptionGroup("two", [ValueError("one"), KeyboardInterrupt()]),
    ],
)
@pytest.mark.parametrize("kind", ["async", "sync", "step"])
async def test_odd_exceptions_are_failed_attempts(client: Client, error: BaseException, kind: str) -> None:
    calls = []

    def fail() -> None:
        calls.append(1)
        raise error

    @client.function("async", retries=1)
    async def async_(ctx: Context) -> None:
        fail()

    @client.function("sync", retries=1)
    def sync(ctx: ContextSync) -> None:
        fail()

    @client.function("step", retries=1)
    async def step(ctx: Context) -> None:
        async def failing() -> None:
            fail()

        await ctx.step.run("failing", failing)

    functions = {function.id: function for function in client.functions}
    async with client:
        expected: type[BaseException] = StepError if kind == "step" else RunFailed
        if isinstance(error, ExceptionGroup) and kind != "step":
            expected = ExceptionGroup  # an Exception reaches whoever waits as it is
        with pytest.raises(expected, match=type(error).__name__ if expected is not ExceptionGroup else "two"):
            await client.run(functions[kind])

        @client.function("after")
        async def after(ctx: Context) -> str:
            return "still working"

        assert await client.run(after) == "still working"
    assert len(calls) == 2


@pytest.mark.parametrize(
    "result", [{1, 2}, float("nan"), object(), b"bytes", "\ud800", {"a": datetime.now(UTC)}]
)
async def test_a_result_that_is_not_json_is_not_retried(client: Client, result: object) -> None:
    calls = []

    @client.function("odd")
    async def odd(ctx: Context):  # type: ignore[no-untyped-def]  # what is tested
        calls.append(1)
        return result

    async with client:
        with pytest.raises(NotJson, match='The result of function "odd"'):
            await client.run(odd)
    assert calls == [1]


@pytest.mark.parametrize("data", [["a", "list"], {1: "key"}, {"a": {1, 2}}, {"a": float("inf")}, "text"])
async def test_event_data_must_be_a_json_object(client: Client, data: object) -> None:
    @client.function("listening", on="app/go")
    async def listening(ctx: Context) -> None: ...

    async with client:
        with pytest.raises(NotJson, match='event "app/go"'):
            await client.send("app/go", data)  # type: ignore[arg-type]  # what is tested
        with pytest.raises(NotJson):
            await client.run(listening, data)  # type: ignore[arg-type]


async def test_a_handler_cannot_change_what_the_next_attempt_sees(client: Client) -> None:
    seen = []

    @client.function("changing", retries=1)
    async def changing(ctx: Context) -> None:
        seen.append(list(ctx.event.data["list"]))
        ctx.event.data["list"].append("more")
        raise ValueError("once more")

    async with client:
        with pytest.raises(ValueError, match="once more"):
            await client.run(changing, {"list": []})
    assert seen == [[], []]


async def test_unknown_events_and_functions(client: Client, make_client: MakeClient) -> None:
    @client.function("known", on="app/known")
    async def known(ctx: Context) -> None: ...

    other = make_client()

    @other.function("known", on="app/known")
    async def of_another(ctx: Context) -> None: ...

    async def plain(ctx: Context) -> None: ...

    async with client:
        with pytest.raises(NotRegistered, match=r"app/unknown.*app/known"):
            await client.send("app/unknown", {})
        with pytest.raises(NotRegistered):
            await client.run(of_another)
        with pytest.raises(NotRegistered):
            await client.run(plain)  # type: ignore[arg-type]  # what is tested


def test_functions_that_cannot_be(client: Client) -> None:
    @client.function("taken")
    async def taken(ctx: Context) -> None: ...

    async def generator(ctx: Context):  # type: ignore[no-untyped-def]  # what is tested
        yield 1

    for name, settings, handler in [
        ("taken", {}, taken),
        ("", {}, taken.__wrapped__),
        ("retries", {"retries": -1}, taken.__wrapped__),
        ("concurrency", {"concurrency": 0}, taken.__wrapped__),
        ("generator", {}, generator),
        ("number", {}, 5),
    ]:
        with pytest.raises(EngineError):
            client.function(name, **settings)(handler)  # type: ignore[arg-type,call-overload]  # what is tested
    assert [function.id for function in client.functions] == ["taken"]


async def test_runs_of_one_function_are_limited(client: Client) -> None:
    running = most = 0
    release = asyncio.Event()
    full = asyncio.Event()

    @client.function("limited", on="app/limited", concurrency=3)
    async def limited(ctx: Context) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            full.set()
        await release.wait()
        running -= 1

    @client.function("other")
    async def other(ctx: Context) -> str:
        return "not held up"

    async with client:
        for _ in range(8):
            await client.send("app/limited")
        await asyncio.wait_for(full.wait(), 30)
        assert await client.run(other) == "not held up"
        release.set()
    assert (most, running) == (3, 0)


async def test_a_handler_that_blocks_holds_up_nobody_else(client: Client, ch: JobChannel) -> None:
    """A sync one has a thread of its own; an async one has the event loop, and says how to do better."""
    release = threading.Event()
    blocked = threading.Barrier(4)

    @client.function("blocking", on="app/block", concurrency=3)
    def blocking(ctx: ContextSync) -> None:
        blocked.wait(30)
        assert release.wait(30)
        ctx.step.realtime.publish("p", ch.tick, {"n": 1})

    @client.function("rude")
    async def rude(ctx: Context) -> int:
        time.sleep(0.05)  # noqa: ASYNC251 - what is tested
        return (await ctx.step.realtime.publish("p", ch.tick, {"n": 2})).n

    @client.function("quick")
    async def quick(ctx: Context) -> int:
        return (await ctx.step.realtime.publish("p", ch.tick, {"n": 3})).n

    subscription = client.realtime.subscribe(ch.tick)
    async with client, asyncio.timeout(30):
        for _ in range(3):
            await client.send("app/block")
        await asyncio.to_thread(blocked.wait, 30)
        assert await client.run(quick) == 3
        assert await asyncio.gather(client.run(rude), client.run(quick)) == [2, 3]
        release.set()
    assert sorted([message.data.n async for message in subscription]) == [1, 1, 1, 2, 3, 3]


@pytest.mark.slow
async def test_ten_thousand_runs_wait_in_the_journal_not_in_memory() -> None:
    client = Client()
    count = most = 0
    all_done = asyncio.Event()

    @client.function("one", on="app/one", concurrency=50)
    async def one(ctx: Context) -> None:
        nonlocal count, most
        count += 1
        if count == 10_000:
            all_done.set()
        most = max(
            most, len([task for task in asyncio.all_tasks() if task.get_name().startswith("tightbeam-run")])
        )

    async with client:
        await asyncio.gather(*(client.send("app/one") for _ in range(10_000)))
        await asyncio.wait_for(all_done.wait(), 300)
    assert count == 10_000
    assert most <= 50


@pytest.mark.parametrize("functions", [1, 6])
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_so_many_runs_are_in_memory_at_most(
    client: Client, storage: Storage, monkeypatch: pytest.MonkeyPatch, kind: str, functions: int
) -> None:
    """Of all functions together; those of sync ones have a thread each. Whoever ends makes room."""
    monkeypatch.setattr(scheduler, "_RESIDENT", 3)
    monkeypatch.setattr(scheduler, "_RESIDENT_THREADS", 2)
    resident: list[int] = []

    def look() -> None:
        resident.append(len(storage.double.resident))

    async def look_async(ctx: Context) -> None:
        look()

    def look_sync(ctx: ContextSync) -> None:
        look()

    for n in range(functions):
        client.function(f"f{n}", on="app/event")(look_async if kind == "async" else look_sync)
    async with client:
        async with storage.double.held(SendEvent) as held:
            sending = [asyncio.ensure_future(client.send("app/event")) for _ in range(8 // functions)]
            await until(lambda: len(held.waiting) == len(sending))
        await asyncio.gather(*sending)
        await until(lambda: len(resident) == 8 // functions * functions)
    assert max(resident) == {"async": 3, "sync": 2}[kind]


async def test_a_run_may_fail_thousands_of_times(client: Client, storage: Storage) -> None:
    attempts: list[int] = []

    @client.function("failing", on="app/fail", retries=3_000)
    async def failing(ctx: Context) -> None:
        attempts.append(ctx.attempt)
        if len(attempts) == 1:
            raise ValueError

    async with storage.opened() as store:
        store.call(AddRuns((NewRun("r", "failing"),), "app/fail", b"{}"))
        store.call(Claim((), (FunctionLimit("failing", 1, on_thread=False),), 1, 1, frozenset()))
        store.call(RetryRun("r", 2_000, 0, RunError("ValueError", "", None), ()))  # as if it had
    async with client:
        await until(lambda: len(attempts) == 2)
    assert attempts == [2_000, 2_001]


async def test_a_function_with_many_runs_waits_for_one_with_few(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "_RESIDENT", 2)
    begun: list[str] = []
    release = asyncio.Event()

    @client.function("many", on="app/many")
    async def many(ctx: Context) -> None:
        begun.append("many")
        await release.wait()

    @client.function("few", on="app/few")
    async def few(ctx: Context) -> None:
        begun.append("few")

    async with client:
        for _ in range(6):
            await client.send("app/many")
        await until(lambda: len(begun) == 2)
        await client.send("app/few")
        release.set()
        await until(lambda: len(begun) == 7)
    assert begun.index("few") <= 4  # both may have ended at once, and then it was the other's turn


async def test_a_delay_of_hours_is_kept(make_client: MakeClient, storage: Storage) -> None:
    """Five minutes are for delays that have been doubled."""
    slow = make_client(retry_delay=timedelta(hours=1))

    @slow.function("failing", on="app/fail")
    async def failing(ctx: Context) -> None:
        raise ValueError

    async with slow:
        (run_id,) = await slow.send("app/fail")
        await until(lambda: storage.run(run_id).summary.error_type == "ValueError")
    summary = storage.run(run_id).summary
    assert summary.due_at >= summary.created_at + timedelta(minutes=30)
