"""Typed events on Inngest that every checker must pass; `test_inngest_cases.py` runs them."""

from __future__ import annotations

from typing import Any, assert_type

import inngest

import tightbeam
from generated.upload import Upload, UploadEvent, upload_event
from shapes_bindings.events.deleted import Deleted, DeletedEvent, deleted_event
from shapes_bindings.events.ping import PingEvent, ping_event
from tightbeam import CronEvent, cron
from tightbeam.inngest import Client, Context, ContextSync, create_function

client = Client(app_id="app", is_production=False)
plain = inngest.Inngest(app_id="plain", is_production=False)
embedded = tightbeam.Client()


@client.function("process", on=upload_event, retries=3)
async def process(ctx: Context[UploadEvent]) -> int:
    assert_type(ctx.event.data, Upload)
    assert_type(ctx.events, list[inngest.Event])
    return len(ctx.event.data.filename)


@client.function("process-sync", on=upload_event)
def process_sync(ctx: ContextSync[UploadEvent]) -> int:
    assert_type(ctx.event.data, Upload)
    return len(ctx.event.data.filename)


async def both(ctx: tightbeam.Context[UploadEvent]) -> int:
    assert_type(ctx.event.data, Upload)
    return len(ctx.event.data.filename)


def both_sync(ctx: tightbeam.ContextSync[UploadEvent]) -> int:
    return len(ctx.event.data.filename)


async def bare(ctx: tightbeam.Context) -> str:
    return str(ctx.event.name)


embedded.function("both", on=upload_event)(both)
client.function("both", on=upload_event)(both)
client.function("both-sync", on=upload_event)(both_sync)
client.function("bare", on=upload_event)(bare)
client.function("bare-name", on="app/upload")(bare)


@client.function("plain", on="app/upload")
async def named(ctx: Context) -> str:
    assert_type(ctx.event, inngest.Event)
    assert_type(ctx.event.id, str)
    return ctx.event.id


@client.function("either", on=upload_event | deleted_event)
async def either(ctx: Context[UploadEvent | DeletedEvent]) -> str:
    if ctx.event.name == "app/upload":
        assert_type(ctx.event.data, Upload)
        return ctx.event.data.filename
    assert_type(ctx.event.data, Deleted)
    return ctx.event.data.reason


@client.function("timed", on=upload_event | ping_event | cron("0 9 * * *", tz="Europe/Berlin"))
async def timed(ctx: tightbeam.Context[UploadEvent | PingEvent | CronEvent]) -> str:
    if ctx.event.data is None:
        return ctx.event.name
    return ctx.event.data.filename


@client.create_function(fn_id="created", trigger=inngest.TriggerEvent(event="app/upload"), retries=1)
async def created(ctx: Context) -> str:
    assert_type(ctx.event, inngest.Event)
    return ctx.event.name


@client.create_function(fn_id="created-typed", trigger=upload_event, retries=1, name="Created")
async def created_typed(ctx: Context[UploadEvent]) -> int:
    assert_type(ctx.event.data, Upload)
    return len(ctx.event.data.filename)


assert_type(created_typed, inngest.Function[int])


@client.create_function(fn_id="created-typed-sync", trigger=upload_event | deleted_event)
def created_typed_sync(ctx: ContextSync[UploadEvent | DeletedEvent]) -> str:
    return ctx.event.name


@create_function(plain, fn_id="existing", trigger=upload_event, concurrency=[inngest.Concurrency(limit=1)])
async def existing(ctx: Context[UploadEvent]) -> int:
    return len(ctx.event.data.filename)


@create_function(plain, fn_id="existing-sdk", trigger=inngest.TriggerEvent(event="app/upload"))
async def existing_of_the_sdk(ctx: inngest.Context) -> str:
    return ctx.event.name


async def sending() -> None:
    await client.send(upload_event, {"uploadId": "u1", "filename": "cat.png"})
    assert_type(await client.send(upload_event, Upload(upload_id="u1", filename="cat.png")), list[str])
    await client.send(ping_event)
    await client.send("app/other", {"uploadId": "u1"}, id="e1")
    await client.send(inngest.Event(name="app/other", data={"uploadId": "u1"}))
    await client.send([inngest.Event(name="app/other")], skip_middleware=True)
    await client.send(upload_event, {"uploadId": "u2", "filename": "cat.png"}, id="e2")


async def calling(ctx: Context[UploadEvent], untyped: Any) -> None:
    assert_type(await process(ctx), int)
    assert_type(await ctx.step.invoke("again", function=process, data={"uploadId": "u1"}), int)
    await client.send(upload_event, untyped)
