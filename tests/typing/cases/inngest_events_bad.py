"""Lines with typed events on Inngest that every checker must refuse.

`types only` where running it would need a server, or only a checker can know.
"""

from __future__ import annotations

import inngest

import tightbeam
from generated.upload import Upload, UploadEvent, upload_event
from shapes_bindings.events.deleted import Deleted, DeletedEvent, deleted_event
from shapes_bindings.events.ping import ping_event
from tightbeam import cron
from tightbeam.inngest import Client, Context, ContextSync, create_function

client = Client(app_id="app", is_production=False)
plain = inngest.Inngest(app_id="plain", is_production=False)
TRIGGER = inngest.TriggerEvent(event="app/upload")


async def deleted(ctx: Context[DeletedEvent]) -> int:
    return 1


def deleted_sync(ctx: ContextSync[DeletedEvent]) -> int:
    return 1


async def deleted_any(ctx: tightbeam.Context[DeletedEvent]) -> int:
    return 1


async def upload(ctx: Context[UploadEvent]) -> int:
    print(ctx.event.data["uploadId"])  # bad, types only
    print(ctx.event.id)  # bad, types only
    return 1


async def raw(ctx: Context) -> int:
    print(ctx.event.data.filename)  # bad, types only
    return 1


client.function("a", on=upload_event)(deleted)  # bad, types only
client.function("b", on=upload_event)(deleted_sync)  # bad, types only
client.function("c", on=upload_event)(deleted_any)  # bad, types only
client.function("d", on=upload_event)(raw)  # bad, types only
client.function("e", on="app/upload")(upload)  # bad, types only
client.function("f", on=upload_event | deleted_event)(upload)  # bad, types only
client.function("g", on=cron("0 9 * * *"))(upload)  # bad, types only
client.function("h", on=[upload_event])(upload)  # bad
client.function("i", on=Upload)(upload)  # bad
client.create_function(fn_id="g", trigger=upload_event)(deleted)  # bad, types only
client.create_function(fn_id="h", trigger=upload_event)(deleted_any)  # bad, types only
client.create_function(fn_id="i", trigger=TRIGGER)(upload)  # bad, types only
client.create_function(fn_id="j", trigger=upload_event, nonsense=1)(upload)  # bad
client.create_function(fn_id="j", trigger=upload_event, retries="three")(upload)  # bad
client.create_function(fn_id="k", trigger=TRIGGER, nonsense=1)(raw)  # bad
client.create_function(fn_id="l", trigger="app/upload")(raw)  # bad, types only
client.create_function(trigger=upload_event)(upload)  # bad
client.create_function(fn_id="m", trigger=[upload_event, deleted_event])(upload)  # bad
create_function(plain, fn_id="n", trigger=upload_event)(deleted)  # bad, types only
create_function(plain, fn_id="o", trigger=upload_event, nonsense=1)(upload)  # bad
create_function(plain, trigger=upload_event)(upload)  # bad
create_function("plain", fn_id="p", trigger=upload_event)(upload)  # bad


async def sending() -> None:
    await client.send(upload_event, {"uploadId": "u1"})  # bad, types only
    await client.send(upload_event, {"uploadId": "u1", "filename": "x", "extra": 1})  # bad, types only
    await client.send(upload_event, Deleted(reason="x"))  # bad, types only
    await client.send(upload_event)  # bad, types only
    await client.send(upload_event, {"uploadId": "u1"}, id="x")  # bad, types only
    await client.send(upload_event, {"uploadId": "u1", "filename": "x"}, id=5)  # bad, types only
    await client.send(upload_event, {"uploadId": "u1", "filename": "x"}, skip_middleware=True)  # bad, types only
    await client.send(ping_event, {"a": 1})  # bad, types only
    await client.send("app/upload", 5)  # bad, types only
    await client.send(inngest.Event(name="app/upload"), id="x")  # bad, types only
    await client.send(inngest.Event(name="app/upload"), {"a": 1})  # bad, types only
    await client.send(upload_event | deleted_event, {"reason": "x"})  # bad, types only
    client.send_sync(upload_event, {"uploadId": "u1"})  # bad, types only
    client.send_sync(ping_event, {"a": 1})  # bad, types only
