"""Lines over generated/ that must be refused: by every checker, and when they are run.

`# bad` is both; `# bad except ty` names a checker that can't see it; `# bad, types only` is a line that would run.
(ty doesn't check the arguments of a TypeVarTuple; a forgotten await is only a warning in it and in basedpyright.)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import tightbeam
from generated import alert_channel  # bad
from generated.alerts import Alert, alerts_channel
from generated.common import Money
from generated.orders import Line, Placed, PlacedCustomer, StateCancelled, StatePaid, orders_channel
from generated.pipeline import Tokens, pipeline_channel
from generated.uploads import Result, Status, uploads_channel
from generated.uploads import TopicStatus  # bad

NOON = datetime(2026, 1, 2, 12)
PRICE = Money(currency="EUR", cents=5)


async def measure(path: str, limit: int) -> dict[str, int]:
    return {path: limit}


def measure_sync(path: str, limit: int) -> dict[str, int]:
    return {path: limit}


async def in_a_handler(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    await ctx.publish(ch.status, {"wrong": "field"})  # bad
    await ctx.publish(ch.status, {})  # bad
    await ctx.publish(ch.status, {"message": 3})  # bad
    await ctx.publish(ch.status, {"message": None})  # bad
    await ctx.publish(ch.status, {"message": b"bytes"})  # bad
    await ctx.publish(ch.status, {"message": "x", "extra": 1})  # bad
    await ctx.publish(ch.status, {"success": True, "url": "/x"})  # bad
    await ctx.publish(ch.status, Status(wrong="field"))  # bad
    await ctx.publish(ch.status, Status())  # bad
    await ctx.publish(ch.status, Status(message=5))  # bad
    await ctx.publish(ch.status, Result(success=True, url="/x"))  # bad
    await ctx.publish(ch.status, [{"message": "x"}])  # bad
    await ctx.publish(ch.status, "text")  # bad
    await ctx.publish(ch.status, None)  # bad
    await ctx.publish(ch.status)  # bad
    await ctx.publish(ch.status, {"message": "x"}, {"message": "y"})  # bad
    await ctx.publish(ch.status, data={"message": "x"})  # bad
    await ctx.publish(ch.nowhere, {"message": "x"})  # bad
    await ctx.publish("status", {"message": "x"})  # bad
    await ctx.publish(ch, {"message": "x"})  # bad


async def anywhere(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    await client.realtime.publish(ch.result, {"success": "yes", "url": "/x"})  # bad
    await client.realtime.publish(ch.result, {"success": 1, "url": "/x"})  # bad
    await client.realtime.publish(ch.result, {"success": True})  # bad
    await client.realtime.publish(ch.result, Status(message="x"))  # bad
    await client.realtime.publish(ch.result, Result(success=True))  # bad
    await client.realtime.publish(alerts_channel.alert, {"message": "x", "severity": "urgent"})  # bad
    await client.realtime.publish(alerts_channel.alert, {"message": "x", "severity": None})  # bad
    await client.realtime.publish(alerts_channel.alert, Alert(message="x", severity="urgent"))  # bad
    await client.realtime.publish(alerts_channel.alert, Alert(message="x", severity=1))  # bad
    await client.realtime.publish(alerts_channel.warning, {"message": "x", "severity": "low"})  # bad
    client.realtime.publish_sync(alerts_channel.alert, {"message": "x", "severity": "urgent"})  # bad
    client.realtime.publish_sync(alerts_channel.alert, {"message": "x"})  # bad
    client.realtime.publish_sync(alerts_channel.alert, Tokens(token="x"))  # bad


async def durable(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    await ctx.step.realtime.publish("id", ch.result, {"wrong": "field"})  # bad
    await ctx.step.realtime.publish("id", ch.result, {"success": True, "url": 7})  # bad
    await ctx.step.realtime.publish("id", ch.result, Status(message="x"))  # bad
    await ctx.step.realtime.publish("id", ch.result, Result(success="yes", url="/x"))  # bad
    await ctx.step.realtime.publish("id", ch.result)  # bad
    await ctx.step.realtime.publish("id", {"success": True, "url": "/x"})  # bad
    await ctx.step.realtime.publish(ch.result, {"success": True, "url": "/x"})  # bad
    (await ctx.step.realtime.publish("ok", ch.result, {"success": True, "url": "/x"})).message  # bad


async def steps(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.step.sleep("wait", 5)  # bad
    await ctx.step.run("measure", measure, "a")  # bad except ty
    await ctx.step.run("measure", measure, "a", "b")  # bad except ty, types only
    await ctx.step.run(measure, "a", 1)  # bad
    await ctx.step.run("measure", "measure")  # bad
    number: int = await ctx.step.run("measure", measure, "a", 1)  # bad, types only


def steps_sync(ctx: tightbeam.ContextSync, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    ctx.publish(ch.status, {"wrong": "field"})  # bad
    ctx.publish(ch.status, Status(message=5))  # bad
    ctx.publish(ch.status, Tokens(token="x"))  # bad
    ctx.step.realtime.publish("id", ch.result, {"success": True})  # bad
    ctx.step.realtime.publish(ch.result, {"success": True, "url": "/x"})  # bad
    ctx.step.run("measure", measure_sync, "a")  # bad except ty
    ctx.step.sleep("wait", 5)  # bad


async def channels(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    uploads_channel(upload_id=7)  # bad
    uploads_channel()  # bad
    uploads_channel("u1")  # bad
    uploads_channel(uploadId="u1")  # bad
    uploads_channel(upload_id="u1", more=1)  # bad
    orders_channel(region="mars", order_id=1)  # bad
    orders_channel(region="eu", order_id="1")  # bad
    alerts_channel()  # bad
    pipeline_channel(run_id="r1").tokens.nowhere  # bad


async def shapes(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = orders_channel(region="eu", order_id=7)
    tokens = pipeline_channel(run_id="r1").tokens
    line = Line(sku="a", quantity=1, unit_price=PRICE)
    await ctx.publish(tokens, {"token": "x", "step": "s"})  # bad
    await ctx.publish(tokens, {"token": ["x"]})  # bad
    await ctx.publish(pipeline_channel(run_id="r1").status, {"message": "x", "step": None})  # bad
    await ctx.publish(ch.line_added, {"sku": "a", "quantity": 1})  # bad
    await ctx.publish(ch.line_added, {"sku": "a", "quantity": 1, "unitPrice": PRICE})  # bad
    await ctx.publish(ch.line_added, {"sku": "a", "quantity": 1.5, "unitPrice": {"currency": "EUR", "cents": 5}})  # bad
    await ctx.publish(ch.line_added, {"sku": "a", "quantity": 1, "unit_price": {"currency": "EUR", "cents": 5}})  # bad
    await ctx.publish(ch.line_added, {"sku": "a", "quantity": 1, "unitPrice": {"currency": "EUR"}})  # bad
    await ctx.publish(ch.line_added, Line(sku="a", quantity="1", unit_price=PRICE))  # bad
    await ctx.publish(ch.line_added, Line(sku="a", quantity=1, unit_price=5))  # bad
    await ctx.publish(ch.line_added, Line(sku="a", quantity=1, unit_price=PRICE, gift_note=5))  # bad
    await ctx.publish(ch.line_added, Line(sku="a", quantity=1, unit_price=PRICE, class_="loud"))  # bad
    await ctx.publish(ch.line_added, Line(sku="a", quantity=1, unitPrice=PRICE))  # bad, types only
    await ctx.publish(ch.state, {"kind": "lost"})  # bad
    await ctx.publish(ch.state, {"kind": "paid"})  # bad
    await ctx.publish(ch.state, {"kind": "cancelled", "carrier": "x"})  # bad
    await ctx.publish(ch.state, {"kind": "shipped", "carrier": "x", "parcels": [{"weightKg": 1.5}]})  # bad
    await ctx.publish(ch.state, {"kind": "shipped", "carrier": "x", "parcels": {"trackingCode": "t"}})  # bad
    await ctx.publish(ch.state, StateCancelled(kind="paid"))  # bad
    await ctx.publish(ch.state, StatePaid(kind="paid", paid_at="2026-01-02T12:00:00Z", amount=PRICE))  # bad, types only
    await ctx.publish(ch.state, line)  # bad
    await ctx.publish(ch.placed, Placed(placed_at=NOON, customer=PlacedCustomer(display_name="Ada"), lines=[line]))  # bad


async def loose_values(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    loose: dict[str, str] = {"message": "x"}
    unknown: object = {"message": "x"}
    anything: Any = {"message": "x"}
    await ctx.publish(ch.status, loose)  # bad, types only
    await ctx.publish(ch.status, unknown)  # bad, types only
    client.realtime.publish(ch.status, anything)  # bad except basedpyright ty, types only


async def reading(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    client.realtime.subscribe("uploads:u1")  # bad
    client.realtime.subscribe(ch.nowhere)  # bad
    async with client.realtime.subscribe(ch) as subscription:
        async for message in subscription:
            if message.topic == "status":
                print(message.data.url)  # bad, types only
            if message.topic == "nowhere":  # bad except basedpyright ty pyrefly, types only
                print(message)
