"""Runs that today's code doesn't fit: parked, shown with a reason, and taken up again by code that fits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import typing as _t
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pydantic as _p
import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, ContextSync, EngineError, JournalRefused, RunParked, StepMismatch
from tightbeam._codegen import v1
from tightbeam._engine.sqlite.journal_file import JournalFile


class SmallTick(v1.Payload, extra="forbid"):
    n: _t.Annotated[int, _p.Field(le=60)]


class SmallTickDict(_t.TypedDict):
    n: int


class JobChannelOfToday(
    v1.Channel[v1.Message[_t.Literal["tick"], SmallTick]],
    template="job:{jobId}",
    params={"jobId": "string"},
    schemas="tests.tightbeam.engine.samples_schemas",
):
    """As `JobChannel`, with bindings whose tick is at most 60."""

    tick: v1.TopicRef[[SmallTick | SmallTickDict], _t.Literal["tick"], SmallTick] = v1.topic(
        "tick", SmallTick
    )


TODAY = v1.open_channel(JobChannelOfToday, {"jobId": "j1"})
YESTERDAY: JobChannel = job_channel(job_id="j1")
SECRET = "secret-" + "value"

Body = Callable[[Any], Any]


async def give_text() -> str:
    return SECRET


async def give_int() -> int:
    return 7


async def give_map() -> dict[str, str]:
    return {SECRET: "text"}


async def give_map_of_int() -> dict[str, int]:
    return {}


def give_text_sync() -> str:
    return SECRET


def give_int_sync() -> int:
    return 7


async def publish_100(ctx: Any) -> None:
    await ctx.step.realtime.publish("eta", YESTERDAY.tick, {"n": 100})


async def publish_today(ctx: Any) -> None:
    with contextlib.suppress(Exception):  # it isn't the handler's to decide
        await ctx.step.realtime.publish("eta", TODAY.tick, {"n": 100})


async def run_text(ctx: Any) -> None:
    await ctx.step.run("eta", give_text)


async def run_int(ctx: Any) -> None:
    with contextlib.suppress(Exception):
        await ctx.step.run("eta", give_int)


async def run_int_in_gather(ctx: Any) -> None:
    await asyncio.gather(ctx.step.run("eta", give_int), return_exceptions=True)


async def run_map(ctx: Any) -> None:
    await ctx.step.run("eta", give_map)


async def run_map_of_int(ctx: Any) -> None:
    await ctx.step.run("eta", give_map_of_int)


async def run_unbuildable(ctx: Any) -> None:
    class Custom: ...

    async def custom():  # type: ignore[no-untyped-def]  # what is tested
        return 1

    custom.__annotations__["return"] = Custom
    await ctx.step.run("eta", custom)


async def sleep(ctx: Any) -> None:
    with contextlib.suppress(Exception):
        await ctx.step.sleep("eta", timedelta(0))


async def publish_elsewhere(ctx: Any) -> None:
    await ctx.step.realtime.publish("eta", job_channel(job_id="other").tick, {"n": 1})


def publish_100_sync(ctx: ContextSync) -> None:
    ctx.step.realtime.publish("eta", YESTERDAY.tick, {"n": 100})


def publish_today_sync(ctx: ContextSync) -> None:
    with contextlib.suppress(Exception):
        ctx.step.realtime.publish("eta", TODAY.tick, {"n": 100})


def run_text_sync(ctx: ContextSync) -> None:
    ctx.step.run("eta", give_text_sync)


def run_int_sync(ctx: ContextSync) -> None:
    ctx.step.run("eta", give_int_sync)


def define(client: Client, body: Body, log: list[str]) -> None:
    """The function as one deployment has it: the step, then a wait that only a shutdown ends."""
    if asyncio.iscoroutinefunction(body):

        @client.function("work", on="app/work", retries=0)
        async def work(ctx: Context) -> str:
            await body(ctx)
            await ctx.step.sleep("pause", timedelta(days=1))
            log.append("went on")
            return "done"
    else:

        @client.function("work", on="app/work", retries=0)
        def work_sync(ctx: ContextSync) -> str:
            body(ctx)
            ctx.step.sleep("pause", timedelta(days=1))
            log.append("went on")
            return "done"


CASES = [
    (publish_100, publish_today, "InvalidPayload", ['topic "tick"', "/n:"]),
    (run_text, run_int, "NotJson", ["return type"]),
    (run_text, run_int_in_gather, "NotJson", ["return type"]),
    (run_map, run_map_of_int, "NotJson", ["return type", ": *"]),
    (run_text, run_unbuildable, "NotJson", ["Pydantic can't build"]),
    (run_text, sleep, "StepMismatch", ["was step.run before", "is step.sleep"]),
    (publish_100, publish_elsewhere, "StepMismatch", ['topic "tick"', '"job:other"']),
    (publish_100_sync, publish_today_sync, "InvalidPayload", ['topic "tick"', "/n:"]),
    (run_text_sync, run_int_sync, "NotJson", ["return type"]),
]


@pytest.mark.parametrize(
    ("yesterday", "today", "kind", "words"),
    CASES,
    ids=[f"{one.__name__}, then {other.__name__}" for one, other, *_ in CASES],
)
async def test_a_run_that_todays_code_does_not_fit_waits_for_code_that_does(
    make_client: MakeClient,
    path: Path,
    storage: Storage,
    caplog: pytest.LogCaptureFixture,
    yesterday: Body,
    today: Body,
    kind: str,
    words: list[str],
) -> None:
    def deploy(body: Body) -> tuple[Client, list[str]]:
        client, log = make_client(shutdown_timeout=timedelta(milliseconds=50)), list[str]()
        define(client, body, log)
        return client, log

    client, log = deploy(yesterday)
    async with client:
        (run_id,) = await client.send("app/work")
        await until(lambda: storage.run(run_id).summary.state == "sleeping")
    await storage.let_time_pass()
    for _ in range(2):  # it is tried once at each start
        caplog.clear()
        client, log = deploy(today)
        async with client:
            await until(lambda: "is parked" in caplog.text)
        await storage.closed()
        detail = storage.run(run_id)
        assert log == []
        assert (detail.summary.state, detail.summary.attempt, detail.deaths) == ("parked", 0, 0)
        assert detail.summary.error_type == kind
        reason = detail.summary.error_text or ""
        assert all(word in reason for word in ["eta", *words]), reason
        [record] = [one for one in caplog.records if one.levelno >= logging.WARNING]
        assert (record.levelname, record.getMessage()) == (
            "WARNING",
            f'run {run_id} of "work" is parked: {reason}',
        )
        assert {"run_id": run_id, "function": "work", "step": "eta", "attempt": 0}.items() <= vars(
            record
        ).items()
        assert SECRET not in reason + caplog.text

    client, log = deploy(yesterday)
    async with client:
        await until(lambda: storage.run(run_id).summary.state == "done")
    assert log == ["went on"]
    assert [step.attempts for step in storage.run(run_id).steps] == [1, 1]


@pytest.mark.one_process
async def test_runs_of_a_function_that_is_gone_are_parked(
    make_client: MakeClient, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(shutdown_timeout=timedelta(milliseconds=50))
    define(client, run_text, [])
    async with client:
        ids = [(await client.send("app/work"))[0] for _ in range(3)]
        await until(lambda: {run.state for run in storage.runs()} == {"sleeping"})
    await storage.closed()
    for _ in range(2):
        caplog.clear()
        async with make_client():
            pass
        [record] = caplog.records
        assert record.getMessage() == "runs of functions that aren't registered are parked: work (3)"
        assert {(run.state, run.error_text) for run in storage.runs()} == {
            ("parked", 'no function "work" is registered')
        }
    log: list[str] = []
    later = make_client(shutdown_timeout=timedelta(milliseconds=50))

    @later.function("other")
    async def other(ctx: Context) -> None: ...

    async with later:
        define(later, run_text, log)  # registered after the client was entered
        await later.run(other)
        await until(lambda: {run.state for run in storage.runs(function="work")} == {"sleeping"})
    assert log == []  # they sleep on, and aren't executed for having been parked
    assert [run.id for run in storage.runs(state="sleeping")] == ids


async def test_whoever_waits_for_a_run_that_is_parked_is_told(client: Client, storage: Storage) -> None:
    @client.function("work", retries=3)
    async def work(ctx: Context) -> None:
        step = (run_text, sleep)[ctx.attempt]
        await step(ctx)
        raise ValueError

    async with client:
        with pytest.raises(RunParked, match=r'is parked: step "eta" was step\.run before') as caught:
            await client.run(work)
    assert isinstance(caught.value, StepMismatch)  # whoever caught that goes on catching it
    assert not caught.value.retryable
    (run,) = storage.runs()
    assert (run.id, run.state, run.attempts) == (caught.value.run_id, "parked", 2)
    assert caught.value.reason == run.error_text


@pytest.mark.parametrize("how", ["gather", "TaskGroup"])
async def test_a_step_beside_one_that_does_not_fit_is_remembered(
    make_client: MakeClient, path: Path, storage: Storage, how: str
) -> None:
    first = make_client(shutdown_timeout=timedelta(milliseconds=50))
    define(first, run_text, [])
    async with first:
        (run_id,) = await first.send("app/work")
        await until(lambda: storage.run(run_id).summary.state == "sleeping")
    await storage.let_time_pass()
    calls: list[int] = []

    async def slow() -> int:
        calls.append(1)
        await asyncio.sleep(0.05)
        return 1

    async def both(ctx: Any) -> None:
        if how == "gather":
            await asyncio.gather(ctx.step.run("slow", slow), run_int_in_gather(ctx))
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.step.run("slow", slow))
            await asyncio.sleep(0)
            group.create_task(ctx.step.run("eta", give_int))

    for body, state in ((both, "parked"), (both, "parked")):
        client = make_client()
        define(client, body, [])
        async with client:
            await until(lambda state=state: storage.run(run_id).summary.state == state)  # type: ignore[misc]
    assert calls == [1]


async def test_a_parked_run_is_resumed_by_hand(make_client: MakeClient, path: Path, storage: Storage) -> None:
    client = make_client()

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None: ...

    async with client:
        (run_id,) = await client.send("app/work")
        with pytest.raises(JournalRefused, match="in use"):
            JournalFile(path).resume(run_id)
    with pytest.raises(EngineError, match=f"run {run_id} is done: only a parked run can be resumed"):
        JournalFile(path).resume(run_id)
    with pytest.raises(EngineError, match="there is no run nobody"):
        JournalFile(path).resume("nobody")
    with pytest.raises(JournalRefused, match="not a file"):
        JournalFile(path.with_name("other.db")).resume(run_id)
    assert not path.with_name("other.db").exists()
    parked(path, run_id)
    JournalFile(path).resume(run_id)
    assert (storage.run(run_id).summary.state, storage.run(run_id).summary.error_type) == (
        "ready",
        None,
    )


def parked(path: Path, run_id: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE run SET state = 'parked', ended_at = NULL, error_type = 'NotJson' WHERE id = ?", (run_id,)
        )
