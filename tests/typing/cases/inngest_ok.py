"""Functions, publishes and subscriptions on Inngest that every checker must pass; `test_inngest_cases.py` runs them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, assert_type

import inngest

import tightbeam
from generated.alerts import alerts_channel
from generated.uploads import Result, Status, uploads_channel
from tightbeam.inngest import Client, Context, ContextSync, create_function, on_failure, realtime

client = Client(app_id="app", is_production=False, env="branch", signing_key=None)
plain = inngest.Inngest(app_id="plain", is_production=False)
TRIGGER = inngest.TriggerEvent(event="app/upload")


async def measure(path: str, limit: int) -> dict[str, int]:
    return {path: limit}


def measure_sync(path: str, limit: int) -> dict[str, int]:
    return {path: limit}


@client.create_function(fn_id="three-ways", trigger=TRIGGER, retries=3, name="Three ways")
async def three_ways(ctx: Context) -> int:
    ch = uploads_channel(upload_id="u1")
    await ctx.publish(ch.status, {"message": "ok"})
    await ctx.publish(ch.status, Status(message="ok"))
    await client.realtime.publish(ch.status, {"message": "ok"})
    first = await ctx.step.realtime.publish("dict", ch.result, {"success": True, "url": "/x"})
    assert_type(first, Result)
    second = await ctx.step.realtime.publish("model", ch.result, Result(success=True, url="/x"))
    assert_type(second.url, str)
    assert_type(await ctx.step.run("measure", measure, "a", 1), dict[str, int])
    await ctx.step.sleep("wait", timedelta(seconds=1))
    return 1


assert_type(three_ways, inngest.Function[int])


@client.create_function(fn_id="sync", trigger=TRIGGER)
def sync(ctx: ContextSync) -> str:
    ch = uploads_channel(upload_id="u1")
    ctx.publish(ch.status, {"message": "ok"})
    client.realtime.publish_sync(ch.status, {"message": "ok"})
    assert_type(ctx.step.run("measure", measure_sync, "a", 1), dict[str, int])
    made = ctx.step.realtime.publish("done", ch.result, {"success": True, "url": "/x"})
    assert_type(made, Result)
    return made.url


assert_type(sync, inngest.Function[str])


@client.create_function(fn_id="sdk", trigger=[TRIGGER, inngest.TriggerCron(cron="* * * * *")])
async def of_the_sdk(ctx: inngest.Context) -> int:
    return await ctx.step.run("one", measure_of_the_sdk)


async def measure_of_the_sdk() -> int:
    return 1


assert_type(of_the_sdk, inngest.Function[int])


@client.create_function(fn_id="sdk-sync", trigger=TRIGGER)
def of_the_sdk_sync(ctx: inngest.ContextSync) -> int:
    return ctx.attempt


@client.create_function(fn_id="portable", trigger=TRIGGER)
async def portable(ctx: tightbeam.Context) -> None:
    await ctx.publish(uploads_channel(upload_id="u1").status, {"message": "ok"})


@client.create_function(fn_id="portable-sync", trigger=TRIGGER)
def portable_sync(ctx: tightbeam.ContextSync) -> None:
    ctx.publish(uploads_channel(upload_id="u1").status, {"message": "ok"})


@client.function("moved", on="app/upload", retries=3)
async def moved(ctx: tightbeam.Context) -> Result:
    ch = uploads_channel(upload_id=ctx.event.data["uploadId"])
    await ctx.publish(ch.status, {"message": "ok"})
    return await ctx.step.realtime.publish("done", ch.result, {"success": True, "url": "/x"})


@client.function("moved-sync", on="app/upload")
def moved_sync(ctx: tightbeam.ContextSync) -> int:
    return ctx.step.run("measure", measure_sync, "a", 1)["a"]


@client.function("ours", on="app/upload", concurrency=4)
async def ours(ctx: Context) -> None:
    ctx.logger.info("the SDK's own members are there")
    assert_type(ctx.run_id, str)
    await ctx.step.run("measure", measure, "a", 1)


@create_function(plain, fn_id="existing", trigger=TRIGGER, concurrency=[inngest.Concurrency(limit=1)])
async def existing(ctx: Context) -> int:
    await ctx.publish(uploads_channel(upload_id="u1").status, {"message": "ok"})
    await realtime(plain).publish(alerts_channel.alert, {"message": "disk full", "severity": "high"})
    return 1


assert_type(existing, inngest.Function[int])


@on_failure
async def failed(ctx: Context) -> None:
    await ctx.publish(uploads_channel(upload_id="u1").result, {"success": False, "url": ""})


@on_failure
def failed_sync(ctx: ContextSync) -> None:
    ctx.publish(uploads_channel(upload_id="u1").result, {"success": False, "url": ""})


@client.create_function(fn_id="fails", trigger=TRIGGER, on_failure=failed)
async def fails(ctx: Context) -> None:
    await ctx.publish(uploads_channel(upload_id="u1").status, {"message": "ok"})


@create_function(plain, fn_id="fails-sync", trigger=TRIGGER, on_failure=failed_sync)
def fails_sync(ctx: ContextSync) -> None:
    ctx.publish(uploads_channel(upload_id="u1").status, {"message": "ok"})


async def reading() -> None:
    ch = uploads_channel(upload_id="u1")
    async with client.realtime.subscribe(ch) as messages:
        await client.realtime.publish(ch.status, {"message": "ok"})
        async for message in messages:
            assert_type(message.topic, Literal["status", "result"])
            if message.topic == "status":
                assert_type(message.data, Status)
                break
            assert_type(message.data, Result)
    async with realtime(plain).subscribe(ch.status, ch.result) as both:
        await client.realtime.publish(ch.result, {"success": True, "url": "/x"})
        async for one in both:
            match one.topic:
                case "status":
                    assert_type(one.data, Status)
                case "result":
                    assert_type(one.data, Result)
                    break


async def tokens() -> None:
    ch = uploads_channel(upload_id="u1")
    token = await client.realtime.token(ch, topics=[ch.status])
    assert_type(token, tightbeam.SubscriptionToken)
    assert_type(token["apiBaseUrl"], str)
    assert_type(client.realtime.token_sync(ch)["key"], str)
    other = uploads_channel(upload_id="u2")
    await client.realtime.token([ch, other, alerts_channel])
    await client.realtime.token((ch, other), ["status"], since="latest")
    await client.realtime.token([ch, alerts_channel], [ch.status, alerts_channel.alert])
    named = await client.realtime.token("uploads:u1", ["status"], api_base_url="https://rt.example.com")
    assert_type(named.get("topics"), list[str] | None)


async def sending() -> None:
    assert_type(await client.send("app/upload", {"uploadId": "u1"}), list[str])
    assert_type(await client.send(inngest.Event(name="app/upload")), list[str])
    assert_type(await client.send([inngest.Event(name="app/upload")], skip_middleware=True), list[str])


functions: list[inngest.Function[Any]] = client.functions
