"""What is seen of a failure: in the log, with the run in the file; and what is in neither."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pydantic
import pytest

from tests.engine.conftest import MakeClient, until
from tests.engine.samples import JobChannel
from tightbeam import Client, Context, ContextSync, InvalidPayload, NonRetriableError, StepError
from tightbeam._engines.embedded import inspect, traces

SECRET = "secret-" + "value"  # in two parts, since a traceback holds lines of the source


def deep() -> None:
    raise KeyError("x")


async def deep_async() -> None:
    deep()


async def from_handler(ctx: Context) -> None:
    deep()


async def from_step(ctx: Context) -> None:
    await ctx.step.run("look up", deep_async)


async def from_group(ctx: Context) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(ctx.step.run("look up", deep_async))


def from_sync(ctx: ContextSync) -> None:
    ctx.step.run("look up", deep)


@pytest.mark.parametrize(
    ("body", "step"),
    [(from_handler, None), (from_step, "look up"), (from_group, "look up"), (from_sync, "look up")],
)
async def test_the_traceback_of_a_failure_is_logged_and_kept(
    client: Client, path: Path, caplog: pytest.LogCaptureFixture, body: Any, step: str | None
) -> None:
    client.function("work", on="app/work", retries=1)(body)
    async with client:
        (run_id,) = await client.send("app/work")
        await until(lambda: inspect.run(path, run_id).summary.state == "failed")
    records: list[Any] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.levelname for record in records] == ["WARNING", "ERROR"]
    for attempt, record in enumerate(records):
        assert (record.run_id, record.function, record.step, record.attempt) == (
            run_id,
            "work",
            step,
            attempt,
        )
        assert record.exc_info is not None
        text = logging.Formatter().formatException(record.exc_info)
        assert "in deep" in text
        assert "KeyError: 'x'" in text
    detail = inspect.run(path, run_id)
    kept = detail.traceback or ""
    assert f'File "{__file__}", line {deep.__code__.co_firstlineno + 1}, in deep' in kept
    assert "KeyError: 'x'" in kept
    assert "_engines/embedded" not in kept
    assert detail.summary.attempts == 2


async def test_an_attempt_that_is_retried_keeps_its_traceback_until_the_run_has_succeeded(
    make_client: MakeClient, path: Path
) -> None:
    client = make_client(retry_delay=timedelta(hours=1), shutdown_timeout=timedelta(milliseconds=100))
    fails = True

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        await ctx.step.run("first", asyncio.sleep, 0)
        if fails:
            deep()

    async with client:
        (run_id,) = await client.send("app/work")
        await until(lambda: inspect.run(path, run_id).summary.error_type == "KeyError")
    detail = inspect.run(path, run_id)
    assert (detail.summary.state, detail.summary.attempts) == ("ready", 1)
    assert "in deep" in (detail.traceback or "")
    fails = False
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE run SET due_at = 1")
    async with client:
        await until(lambda: inspect.run(path, run_id).summary.state == "done")
    detail = inspect.run(path, run_id)
    assert (detail.summary.attempts, detail.traceback, detail.summary.error_type) == (2, None, None)


class Model(pydantic.BaseModel):
    kind: int


def refused() -> None:
    Model.model_validate({"kind": SECRET})


def refused_inside() -> None:
    try:
        refused()
    except ValueError as error:
        raise RuntimeError("the caller's own words") from error


def refused_in_passing() -> None:
    try:
        refused()
    finally:
        deep()


def refused_in_group() -> None:
    try:
        refused()
    except ValueError as error:
        raise ExceptionGroup("several", [error, LookupError("x")]) from None


def refused_to_serialize() -> None:
    made = Model.model_construct(kind=SECRET)
    pydantic.TypeAdapter(Model).dump_python(made, mode="json", warnings="error")


@pytest.mark.parametrize(
    ("fail", "kind"),
    [
        (refused, "ValidationError"),
        (refused_inside, "RuntimeError"),
        (refused_in_passing, "KeyError"),
        (refused_in_group, "ExceptionGroup"),
        (refused_to_serialize, "PydanticSerializationError"),
    ],
)
@pytest.mark.parametrize("kind_of_handler", ["handler", "step"])
async def test_no_input_of_pydantics_is_logged_or_kept(
    client: Client,
    path: Path,
    caplog: pytest.LogCaptureFixture,
    fail: Callable[[], None],
    kind: str,
    kind_of_handler: str,
) -> None:
    async def step() -> None:
        fail()

    @client.function("work", on="app/work", retries=0)
    async def work(ctx: Context) -> None:
        await (step() if kind_of_handler == "handler" else ctx.step.run("step", step))

    async with client:
        (run_id,) = await client.send("app/work")
        await until(lambda: inspect.run(path, run_id).summary.state == "failed")
    detail = inspect.run(path, run_id)
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.exc_info is not None
    logged = logging.Formatter().format(record)
    for text in (logged, detail.traceback or "", detail.summary.error_text or "", caplog.text):
        assert SECRET not in text
    for text in (logged, detail.traceback or ""):
        assert f"in {fail.__name__}" in text
        assert kind in text
    assert SECRET.encode() not in path.read_bytes()  # noqa: ASYNC240 - the client has been left


async def test_the_step_is_named_also_where_its_data_is_refused(
    client: Client, ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    @client.function("work", retries=0)
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("tell", ch.tick, {"n": SECRET})  # type: ignore[arg-type]  # what is tested

    async with client:
        with pytest.raises(InvalidPayload):
            await client.run(work)
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert vars(record)["step"] == "tell"
    assert SECRET not in logging.Formatter().format(record)


async def test_a_step_that_failed_for_good_is_named_after_a_replay(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    executions: list[int] = []

    @client.function("work", retries=1)
    async def work(ctx: Context) -> None:
        executions.append(ctx.attempt)
        try:
            await ctx.step.run("look up", deep_async)
        except StepError:
            if len(executions) == 2:
                raise ValueError("once more") from None
            raise

    async with client:
        with pytest.raises(StepError):
            await client.run(work)
    assert [vars(record).get("step") for record in caplog.records] == ["look up", None, "look up"]


def endless(n: int) -> None:
    if n:
        endless(n - 1)
    raise ValueError("x" * 1_000)


def chain() -> None:
    error: Exception = ValueError("first")
    for n in range(80):
        try:
            raise RuntimeError(f"number {n} {'y' * 1_000}") from error
        except RuntimeError as raised:
            error = raised
    raise error


def text() -> None:
    raise NonRetriableError("é" * 50_000 + "\udcff")


@pytest.mark.parametrize("fail", [lambda: endless(900), chain, text])
def test_what_is_kept_of_a_traceback_is_bounded(fail: Callable[[], None]) -> None:
    try:
        fail()
    except Exception as error:  # noqa: BLE001 - whatever it is
        kept = traces.run_error(error).traceback
    assert kept is not None
    assert len(kept.encode()) <= 16 * 1024
