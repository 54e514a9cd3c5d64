"""Steps that start and wait, which every checker must pass; `test_running.py` runs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal, ParamSpec, assert_type

import tightbeam
from generated.upload import Upload, UploadEvent, upload_event
from shapes_bindings.events.deleted import Deleted, deleted_event
from shapes_bindings.events.ping import ping_event
from tightbeam import Context, ContextSync, Event, Sendable, cron

P = ParamSpec("P")
SOON = timedelta(milliseconds=1)
FILE = {"uploadId": "u1", "filename": "cat.png"}


async def process(ctx: Context[UploadEvent]) -> int:
    return len(ctx.event.data.filename)


def process_sync(ctx: ContextSync[UploadEvent]) -> str:
    return ctx.event.data.filename


async def plain(ctx: Context) -> tuple[int, str]:
    return 1, "x"


async def forward(
    step: tightbeam.Step, event: Sendable[P], /, *data: P.args, **options: P.kwargs
) -> list[str]:
    return await step.send_event("forwarded", event, *data, **options)


async def sending(ctx: Context, client: tightbeam.Client) -> None:
    client.function("p", on=upload_event)(process)
    client.function("plain", on="app/plain")(plain)
    step = ctx.step
    sent = await step.send_event("a", upload_event, {"uploadId": "u1", "filename": "cat.png"})
    assert_type(sent, list[str])
    await step.send_event("b", upload_event, Upload(upload_id="u1", filename="cat.png"), id="k")
    await step.send_event("c", ping_event, delay=SOON)
    await step.send_event("d", "app/plain", {"key": 1}, at=datetime.now(UTC))
    await step.send_event("e", "app/plain", id="k")
    await forward(step, upload_event, {"uploadId": "u1", "filename": "cat.png"}, id="f")
    await client.send(upload_event, {"uploadId": "u1", "filename": "cat.png"}, id="k", delay=SOON)
    await client.send("app/plain", id="k", at=datetime.now(UTC))


async def waiting(ctx: Context, client: tightbeam.Client) -> None:
    upload = await ctx.step.wait_for_event("a", event=upload_event, timeout=SOON)
    plain_event = await ctx.step.wait_for_event("b", event="app/plain", timeout=SOON, match={"key": 1})
    assert_type(upload, Event[Literal["app/upload"], Upload] | None)
    assert_type(plain_event, Event[str, Any] | None)
    if upload is not None:
        print(upload.data.filename)
    deleted = await ctx.step.wait_for_event(
        "c", event=deleted_event, timeout=SOON, match={"reason": "x"}, if_exp="async.data.reason != ''"
    )
    if deleted is not None:
        assert_type(deleted.data, Deleted)


async def invoking(ctx: Context, client: tightbeam.Client) -> None:
    process_here = client.function("process", on=upload_event)(process)
    sync_here = client.function("sync", on=upload_event | deleted_event)(process_either)
    plain_here = client.function("plain", on="app/plain")(plain)
    daily_here = client.function("daily", on=cron("0 9 * * *"))(plain)
    step = ctx.step
    assert_type(await step.invoke("a", function=process_here, data=FILE), int)
    upload = Upload(upload_id="u1", filename="cat.png")
    assert_type(await step.invoke("b", function=process_here, data=upload, timeout=timedelta(hours=1)), int)
    assert_type(await step.invoke("c", function=sync_here, data=upload), str)
    assert_type(await step.invoke("d", function=plain_here, data={"key": 1}), tuple[int, str])
    assert_type(await step.invoke("e", function=plain_here), tuple[int, str])
    assert_type(await step.invoke("f", function=daily_here), tuple[int, str])


def process_either(ctx: ContextSync) -> str:
    return ctx.event.name


def without_await(ctx: ContextSync, client: tightbeam.Client) -> None:
    process_here = client.function("process", on=upload_event)(process_sync)
    assert_type(
        ctx.step.send_event("a", upload_event, {"uploadId": "u1", "filename": "x"}, id="k"), list[str]
    )
    came = ctx.step.wait_for_event("b", event=upload_event, timeout=SOON)
    assert_type(came, Event[Literal["app/upload"], Upload] | None)
    assert_type(ctx.step.wait_for_event("c", event="app/x", timeout=SOON), Event[str, Any] | None)
    assert_type(ctx.step.invoke("d", function=process_here, data=FILE), str)
