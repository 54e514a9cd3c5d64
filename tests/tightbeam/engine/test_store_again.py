"""What can't be stored is stored again, not computed again; what never can be stored is an error."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.doubles import Fault
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, ContextSync, NotStorable
from tightbeam._engine import retry, scheduler
from tightbeam._engine.requests import BeginSleep, EndRun, EndSleep, MemoizeStep
from tightbeam._engine.store import Request

LARGE = "x" * 100_000


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what can't be stored be stored again sooner."""
    monkeypatch.setattr(retry, "_FIRST", 0.01)


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("what", ["step", "result", "failed step"])
async def test_what_was_computed_waits_for_room(
    make_client: MakeClient, storage: Storage, caplog: pytest.LogCaptureFixture, kind: str, what: str
) -> None:
    client = make_client()
    loop = asyncio.get_running_loop()
    calls: list[int] = []
    faults: list[Fault] = []

    async def compute() -> str:
        calls.append(1)
        faults.append(storage.double.fail((MemoizeStep, EndRun)))
        if what == "failed step":
            raise ValueError(LARGE)
        return LARGE

    def compute_sync() -> str:
        return asyncio.run_coroutine_threadsafe(compute(), loop).result(30)

    @client.function("async", on="app/async", retries=0)
    async def async_(ctx: Context) -> str:
        return await (compute() if what == "result" else ctx.step.run("compute", compute))

    @client.function("sync", on="app/sync", retries=0)
    def sync(ctx: ContextSync) -> str:
        return compute_sync() if what == "result" else ctx.step.run("compute", compute_sync)

    async with client:
        (run_id,) = await client.send(f"app/{kind}")
        await until(lambda: caplog.text.count("can't be stored, trying again") >= 2)
        faults[0].left = 0
        await until(lambda: storage.run(run_id).summary.ended_at is not None)
    assert calls == [1]
    summary = storage.run(run_id).summary
    assert (summary.state, summary.attempts) == ("failed" if what == "failed step" else "done", 1)
    told = [vars(record) for record in caplog.records if "can't be stored, trying" in record.getMessage()]
    step = None if what == "result" else "compute"
    extra = {"run_id": run_id, "function": kind, "step": step, "attempt": 0}
    assert all(extra.items() <= each.items() for each in told)


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("request_", [MemoizeStep, BeginSleep, EndSleep, EndRun])
async def test_an_error_of_the_disk_costs_no_execution(
    client: Client, storage: Storage, kind: str, request_: type[Request[Any]]
) -> None:
    executions: list[int] = []
    calls: list[int] = []
    fault = storage.double.fail(request_, 2)

    async def call() -> int:
        calls.append(1)
        return 7

    def call_sync() -> int:
        calls.append(1)
        return 7

    @client.function("async", retries=0)
    async def async_(ctx: Context) -> int:
        executions.append(ctx.attempt)
        await ctx.step.sleep("nap", timedelta(milliseconds=1))
        return await ctx.step.run("call", call)

    @client.function("sync", retries=0)
    def sync(ctx: ContextSync) -> int:
        executions.append(ctx.attempt)
        ctx.step.sleep("nap", timedelta(milliseconds=1))
        return ctx.step.run("call", call_sync)

    async with client, asyncio.timeout(20):
        assert await client.run(async_ if kind == "async" else sync) == 7
    assert fault.left == 0
    assert (executions, calls) == ([0], [1])


async def test_steps_beside_one_another_wait_for_the_disk_each(client: Client, storage: Storage) -> None:
    """And one that fails meanwhile interrupts none of them."""
    calls: list[int] = []
    storage.double.fail(MemoizeStep, 6)

    async def call(n: int) -> int:
        calls.append(n)
        return n

    async def fail_once() -> int:
        calls.append(-1)
        if calls.count(-1) == 1:
            raise ValueError
        return -1

    @client.function("work", retries=1)
    async def work(ctx: Context) -> list[int]:
        some = (ctx.step.run(f"call {n}", call, n) for n in range(3))
        return await asyncio.gather(*some, ctx.step.run("fail", fail_once))

    async with client, asyncio.timeout(20):
        assert await client.run(work) == [0, 1, 2, -1]
    assert sorted(calls) == [-1, -1, 0, 1, 2]


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_stop_does_not_wait_for_the_disk(
    make_client: MakeClient,
    storage: Storage,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    monkeypatch.setattr(scheduler, "LEAST_GRACE", 20.0)
    client = make_client(shutdown_timeout=timedelta(milliseconds=50))
    storage.double.fail(MemoizeStep)

    async def call() -> None: ...

    @client.function("async", on="app/async", retries=0)
    async def async_(ctx: Context) -> None:
        await ctx.step.run("call", call)

    @client.function("sync", on="app/sync", retries=0)
    def sync(ctx: ContextSync) -> None:
        ctx.step.run("call", len, "")

    async with client:
        (run_id,) = await client.send(f"app/{kind}")
        await until(lambda: "trying again" in caplog.text)
    await storage.closed()
    detail = storage.run(run_id)
    assert (detail.summary.state, detail.deaths, detail.summary.attempt) == ("ready", 0, 0)
    assert "did not stop in time" not in caplog.text


async def test_a_timeout_of_the_handlers_own_ends_the_wait(client: Client, storage: Storage) -> None:
    """The step is over then, and its id may be used again."""
    fault = storage.double.fail(MemoizeStep)

    async def call() -> int:
        return 7

    @client.function("work", retries=0)
    async def work(ctx: Context) -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ctx.step.run("call", call)
        fault.left = 0
        return await ctx.step.run("call", call)

    async with client, asyncio.timeout(20):
        assert await client.run(work) == 7


def never_fits() -> Exception:
    return NotStorable("a value is more than the journal can hold: string or blob too big")


def is_large(request: Request[Any]) -> bool:
    return LARGE in repr(request)


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_result_that_the_journal_can_never_hold_is_an_error_at_once(
    client: Client, storage: Storage, ch: JobChannel, kind: str
) -> None:
    calls: list[str] = []

    async def compute() -> str:
        calls.append("step")
        return LARGE

    def compute_sync() -> str:
        calls.append("step")
        return LARGE

    @client.function("async step")
    async def async_step(ctx: Context) -> None:
        await ctx.step.run("compute", compute)

    @client.function("sync step")
    def sync_step(ctx: ContextSync) -> None:
        ctx.step.run("compute", compute_sync)

    @client.function("async result")
    async def async_result(ctx: Context) -> str:
        calls.append("result")
        return LARGE

    @client.function("sync result")
    def sync_result(ctx: ContextSync) -> str:
        calls.append("result")
        return LARGE

    @client.function("async publish")
    async def async_publish(ctx: Context) -> None:
        calls.append("publish")
        await ctx.step.realtime.publish("tell", ch.token, LARGE)

    @client.function("sync publish")
    def sync_publish(ctx: ContextSync) -> None:
        calls.append("publish")
        ctx.step.realtime.publish("tell", ch.token, LARGE)

    @client.function("goes on", on="app/goes-on")
    async def goes_on(ctx: Context) -> str:
        with pytest.raises(NotStorable):
            await ctx.step.run("compute", compute)
        return await ctx.step.run("compute less", asyncio.sleep, 0, "little")

    functions = {function.id: function for function in client.functions}
    async with client, asyncio.timeout(20):
        storage.double.fail(Request, error=never_fits, where=is_large)
        with pytest.raises(
            NotStorable, match=r'outcome of step "compute" can\'t be stored: .*string or blob too big'
        ):
            await client.run(functions[f"{kind} step"])
        with pytest.raises(NotStorable, match=f'result of function "{kind} result" can\'t be stored'):
            await client.run(functions[f"{kind} result"])
        with pytest.raises(NotStorable):
            await client.run(functions[f"{kind} publish"])
        with pytest.raises(NotStorable):
            await client.send("app/goes-on", {"large": LARGE})
        assert await client.run(goes_on) == "little"
    assert calls == ["step", "result", "publish", "step"]
    assert [run.state for run in storage.runs()] == ["failed"] * 3 + ["done"]
    assert {run.error_type for run in storage.runs()} == {"NotStorable", None}
