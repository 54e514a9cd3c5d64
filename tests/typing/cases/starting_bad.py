"""Wrong uses of steps that start and wait: each marked line must be refused by every checker."""

from __future__ import annotations

from datetime import timedelta

import tightbeam
from generated.upload import Upload, UploadEvent, upload_event
from shapes_bindings.events.deleted import Deleted, deleted_event
from shapes_bindings.events.ping import ping_event
from tightbeam import Context, ContextSync

SOON = timedelta(milliseconds=1)


async def process(ctx: Context[UploadEvent]) -> int:
    return 1


async def sending(ctx: Context, client: tightbeam.Client) -> None:
    client.function("p", on=upload_event)(process)
    await ctx.step.send_event("a", upload_event, {"uploadId": "u1"})  # bad
    await ctx.step.send_event("a", upload_event, {"uploadId": "u1", "filename": 5})  # bad
    await ctx.step.send_event("a", upload_event, Deleted(reason="x"))  # bad
    await ctx.step.send_event("a", upload_event)  # bad
    await ctx.step.send_event("a", ping_event, {"a": 1})  # bad
    await ctx.step.send_event("a", upload_event, {"uploadId": "u1", "filename": "x"}, key="k")  # bad
    await ctx.step.send_event("a", upload_event, {"uploadId": "u1", "filename": "x"}, delay=5)  # bad
    await ctx.step.send_event(upload_event, {"uploadId": "u1", "filename": "x"})  # bad
    await ctx.step.send_event("a", "app/plain", "text")  # bad
    await ctx.step.send_event("a", upload_event | deleted_event, {"reason": "x"})  # bad


async def waiting(ctx: Context, client: tightbeam.Client) -> None:
    await ctx.step.wait_for_event("a", event=upload_event)  # bad
    await ctx.step.wait_for_event("a", timeout=SOON)  # bad
    await ctx.step.wait_for_event("a", event=upload_event, timeout=5)  # bad
    await ctx.step.wait_for_event("a", event=5, timeout=SOON)  # bad
    await ctx.step.wait_for_event("a", event=upload_event, timeout=SOON, match="uploadId")  # bad
    await ctx.step.wait_for_event("a", event=upload_event, timeout=SOON, if_exp=5)  # bad
    await ctx.step.wait_for_event("a", upload_event, timeout=SOON)  # bad
    came = await ctx.step.wait_for_event("b", event=upload_event, timeout=SOON)
    print(came.data.filename)  # bad
    other = await ctx.step.wait_for_event("c", event=deleted_event, timeout=SOON)
    print(other and other.data.filename)  # bad, types only


async def invoking(ctx: Context, client: tightbeam.Client) -> None:
    process_here = client.function("process", on=upload_event)(process)
    upload = Upload(upload_id="u1", filename="x")
    await ctx.step.invoke("a", function=process, data=upload)  # bad
    await ctx.step.invoke("a", function="process", data=upload)  # bad
    await ctx.step.invoke("a", process_here, data=upload)  # bad
    await ctx.step.invoke("a", function=process_here, data=upload, timeout=5)  # bad
    wrong: str = await ctx.step.invoke("b", function=process_here, data=upload)  # bad, types only
    print(wrong)


def without_await(ctx: ContextSync, client: tightbeam.Client) -> None:
    ctx.step.send_event("a", upload_event, {"uploadId": "u1"})  # bad
    ctx.step.wait_for_event("a", event=upload_event, timeout=5)  # bad
    came = ctx.step.wait_for_event("b", event=upload_event, timeout=SOON)
    print(came.data.filename)  # bad
