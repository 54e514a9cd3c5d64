"""Runs by id that every checker must pass; `test_running.py` runs what takes a context and a client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

import pydantic

import tightbeam
from generated.upload import UploadEvent, upload_event
from tightbeam import Context, ContextSync, Function, Run, Runs, RunState, RunSummary


class Invoice(pydantic.BaseModel):
    total: int


functions = tightbeam.Client()


@functions.function("invoice", on="app/invoice")
async def invoice(ctx: Context) -> Invoice:
    return Invoice(total=1)


@functions.function("count", on=upload_event)
def count(ctx: ContextSync[UploadEvent]) -> int:
    return len(ctx.event.data.filename)


async def without_a_function(ctx: Context, client: tightbeam.Client) -> None:
    assert_type(client.runs, Runs)
    run = await client.runs.get(ctx.run_id)
    assert_type(run, Run[Any])
    assert_type(run.state, RunState)
    assert_type(run.created_at, datetime)
    assert_type(run.ended_at, datetime | None)
    assert_type(run.error_type, str | None)
    total: int | None = run.result
    print(total, run.data["uploadId"], run.attempts)
    listed = await client.runs.list(state="running", since=datetime.now(UTC) - timedelta(hours=1), limit=10)
    assert_type(listed, list[RunSummary])
    assert_type(client.runs.list_sync(function="case"), list[RunSummary])
    assert_type(client.runs.get_sync(ctx.run_id), Run[Any])


async def with_a_function(client: tightbeam.Client, id: str) -> None:
    run = await client.runs.get(id, function=invoice)
    assert_type(run, Run[Invoice])
    if run.state == "done" and run.result is not None:
        assert_type(run.result.total, int)
    assert_type(await client.runs.wait(id, function=invoice, timeout=timedelta(minutes=1)), Invoice)
    assert_type(await client.runs.wait(id, function=count), int)
    assert_type(client.runs.get_sync(id, function=count), Run[int])
    assert_type(client.runs.wait_sync(id, function=invoice), Invoice)
    assert_type(await client.runs.list(function=invoice), list[RunSummary])
    await client.runs.cancel(id)
    await client.runs.retry(id)
    await client.runs.resume(id)
    client.runs.cancel_sync(id)
    client.runs.retry_sync(id)
    client.runs.resume_sync(id)


async def of_any_function(client: tightbeam.Client, id: str, function: Function[Invoice]) -> int:
    return (await client.runs.wait(id, function=function)).total


def shown(run: Run[object]) -> str:
    return f"{run.id} {run.state}"


def passed_on(run: Run[Invoice]) -> str:
    return shown(run)
