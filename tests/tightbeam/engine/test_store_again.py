"""What can't be stored is stored again, not computed again; what never can be stored is an error."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.work import Look
from tightbeam import Client, Context, ContextSync, NotStorable
from tightbeam._engine.requests import BeginSleep, EndRun, EndSleep, MemoizeStep
from tightbeam._engine.sqlite import inspect
from tightbeam._engine.sqlite.answers import ANSWERS

LARGE = "x" * 100_000


def in_journal(client: Client, work: Callable[[Any], None]) -> Any:
    return client._engine._session.store.submit(Look(work))  # type: ignore[attr-defined]


def room(pages: int | None) -> Callable[[Any], None]:
    """Leave room for so many pages more, as a full disk would; None gives all the room back."""

    def work(tx: Any) -> None:
        (count,) = tx.execute("PRAGMA page_count").fetchone()
        tx.execute(f"PRAGMA max_page_count = {count + pages if pages is not None else 1 << 30}").fetchone()

    return work


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("what", ["step", "result", "failed step"])
async def test_what_was_computed_waits_for_room(
    make_client: MakeClient, path: Path, caplog: pytest.LogCaptureFixture, kind: str, what: str
) -> None:
    client = make_client()
    loop = asyncio.get_running_loop()
    calls: list[int] = []

    async def compute() -> str:
        calls.append(1)
        await in_journal(client, room(2))
        if what == "failed step":
            raise ValueError(LARGE)
        return LARGE

    def compute_sync() -> str:
        return asyncio.run_coroutine_threadsafe(compute(), loop).result(10)

    @client.function("async", on="app/async", retries=0)
    async def async_(ctx: Context) -> str:
        return await (compute() if what == "result" else ctx.step.run("compute", compute))

    @client.function("sync", on="app/sync", retries=0)
    def sync(ctx: ContextSync) -> str:
        return compute_sync() if what == "result" else ctx.step.run("compute", compute_sync)

    async with client:
        (run_id,) = await client.send(f"app/{kind}")
        await until(lambda: caplog.text.count("can't be stored, trying again") >= 2)
        await in_journal(client, room(None))
        await until(lambda: inspect.run(path, run_id).summary.ended_at is not None)
    assert calls == [1]
    summary = inspect.run(path, run_id).summary
    assert (summary.state, summary.attempts) == ("failed" if what == "failed step" else "done", 1)


class Broken:
    """Requests of one kind fail a few times, as a disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: type[Any], times: int = 4) -> None:
        self.left = times
        really = ANSWERS[kind]

        def fail(*arguments: Any) -> Any:
            if self.left:
                self.left -= 1
                raise sqlite3.OperationalError("disk I/O error")
            return really(*arguments)

        monkeypatch.setitem(ANSWERS, kind, fail)


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("request_kind", [MemoizeStep, BeginSleep, EndSleep, EndRun])
async def test_an_error_of_the_disk_costs_no_execution(
    client: Client, monkeypatch: pytest.MonkeyPatch, kind: str, request_kind: type[Any]
) -> None:
    executions: list[int] = []
    calls: list[int] = []
    broken = Broken(monkeypatch, request_kind)

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
    assert broken.left == 0
    assert (executions, calls) == ([0], [1])


async def test_steps_beside_one_another_wait_for_the_disk_each(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that fails meanwhile interrupts none of them."""
    calls: list[int] = []
    Broken(monkeypatch, MemoizeStep, 6)

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
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    client = make_client(shutdown_timeout=timedelta(milliseconds=50))
    Broken(monkeypatch, MemoizeStep, 1 << 30)

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
        session: Any = client._engine._session  # type: ignore[attr-defined]
    await until(session.store._ended.done)
    detail = inspect.run(path, run_id)
    assert (detail.summary.state, detail.deaths, detail.summary.attempt) == ("ready", 0, 0)
    assert "did not stop in time" not in caplog.text


async def test_a_timeout_of_the_handlers_own_ends_the_wait(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step is over then, and its id may be used again."""
    broken = Broken(monkeypatch, MemoizeStep, 1 << 30)

    async def call() -> int:
        return 7

    @client.function("work", retries=0)
    async def work(ctx: Context) -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ctx.step.run("call", call)
        broken.left = 0
        return await ctx.step.run("call", call)

    async with client, asyncio.timeout(20):
        assert await client.run(work) == 7


def limit_values(client: Client) -> None:
    connection = client._engine._session.store._connection  # type: ignore[attr-defined]
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 50_000)


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_result_that_the_journal_can_never_hold_is_an_error_at_once(
    client: Client, path: Path, ch: JobChannel, kind: str
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
        limit_values(client)
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
    assert [run.state for run in inspect.runs(path)] == ["failed"] * 3 + ["done"]
    assert {run.error_type for run in inspect.runs(path)} == {"NotStorable", None}
