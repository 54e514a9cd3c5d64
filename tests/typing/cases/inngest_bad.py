"""Lines on Inngest that every checker must refuse.

`types only` where running it would need a server, or the SDK itself takes it.
"""

from __future__ import annotations

import inngest

import tightbeam
from generated.alerts import alerts_channel
from generated.uploads import Result, Status, uploads_channel
from tightbeam.inngest import Client, Context, ContextSync, create_function, on_failure

client = Client(app_id="app", is_production=False)
plain = inngest.Inngest(app_id="plain", is_production=False)
TRIGGER = inngest.TriggerEvent(event="app/upload")

Client(app_id="app", is_prod=True)  # bad
Client()  # bad
Client(app_id=5)  # bad, types only
Client(app_id="app", hooks=[object()])  # bad
Client(app_id="app", middleware=5)  # bad, types only


async def handler(ctx: Context) -> None:
    ch = uploads_channel(upload_id="u1")
    await ctx.publish(ch.status, {"mesage": "x"})  # bad, types only
    await ctx.publish(ch.status, Result(success=True, url="/x"))  # bad, types only
    await ctx.publish(ch.status)  # bad, types only
    await ctx.step.realtime.publish("id", ch.result, {"success": "yes", "url": "/x"})  # bad, types only
    await ctx.step.realtime.publish("id", ch.result, Status(message="x"))  # bad, types only
    await ctx.step.realtime.publish(ch.result, {"success": True, "url": "/x"})  # bad, types only
    await client.realtime.publish(alerts_channel.alert, {"message": "x", "severity": "urgent"})  # bad, types only
    wrong: int = await ctx.step.realtime.publish("id", ch.result, {"success": True, "url": "/x"})  # bad, types only
    await ctx.step.run(5, other)  # bad, types only


async def other() -> int:
    return 1


def handler_sync(ctx: ContextSync) -> None:
    ch = uploads_channel(upload_id="u1")
    ctx.publish(ch.status, {"message": 5})  # bad, types only
    ctx.step.realtime.publish("id", ch.result, {"success": True})  # bad, types only
    client.realtime.publish_sync(ch.status, {"message": None})  # bad, types only


async def not_a_handler(ctx: int) -> None: ...


async def two_arguments(ctx: Context, more: int) -> None: ...


client.create_function(fn_id="f", trigger=TRIGGER)(not_a_handler)  # bad, types only
client.create_function(fn_id="f", trigger=TRIGGER)(two_arguments)  # bad, types only
client.create_function(fn_id="f", trigger=TRIGGER, retry=3)(handler)  # bad
client.create_function(fn_id="f", trigger=TRIGGER, retries="3")(handler)  # bad
client.create_function(fn_id="f")(handler)  # bad
client.create_function(trigger=TRIGGER)(handler)  # bad
client.create_function(fn_id="f", trigger="app/upload")(handler)  # bad, types only
create_function(plain, fn_id="f")(handler)  # bad
create_function(plain, fn_id="f", trigger=TRIGGER, priority=5)(handler)  # bad
create_function(plain, fn_id="f", trigger=TRIGGER)(two_arguments)  # bad, types only
create_function("plain", fn_id="f", trigger=TRIGGER)(handler)  # bad
plain.create_function(fn_id="f", trigger=TRIGGER)(handler)  # bad, types only
plain.create_function(fn_id="f", trigger=TRIGGER)(handler_sync)  # bad, types only
client.create_function(fn_id="f", trigger=TRIGGER, on_failure=handler)(handler)  # bad, types only
client.function("f", on=5)(handler)  # bad, types only
client.function("f", retry=3)(handler)  # bad
client.function("f")(two_arguments)  # bad, types only
on_failure(two_arguments)  # bad, types only
function: inngest.Function[int] = client.create_function(fn_id="f", trigger=TRIGGER)(handler)  # bad, types only


async def tokens() -> None:
    await client.realtime.token(5)  # bad, types only
    await client.realtime.token([uploads_channel(upload_id="u1").status])  # bad, types only
    await client.realtime.token(uploads_channel(upload_id="u1"), [5])  # bad, types only
    await client.realtime.token(topics=[])  # bad, types only
    await client.send("app/upload", 5)  # bad, types only
    await client.send(5)  # bad, types only
    client.send_sync("app/upload", 5)  # bad, types only


async def reading(known: tightbeam.Client) -> None:
    async with client.realtime.subscribe(uploads_channel(upload_id="u1")) as messages:
        async for message in messages:
            message.data.nothing  # bad, types only
    client.realtime.subscribe("uploads:u1")  # bad, types only
    client.realtime.configure(on_invalid_message="ignore")  # bad, types only
