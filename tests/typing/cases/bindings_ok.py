"""Publishes, subscriptions and constructors over generated/ that every checker must pass, and that must run.

Each function gets a live context and client; `test_checkers.py` runs it as a function of the engine.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal, assert_type

import tightbeam
from generated.alerts import Alert, alerts_channel
from generated.common import Money, Severity, UploadResult
from generated.orders import Line, Placed, PlacedCustomer, StateCancelled, StatePaid, orders_channel
from generated.pipeline import Status as PipelineStatus
from generated.pipeline import Tokens, pipeline_channel
from generated.uploads import Result, Status, UploadsChannel, uploads_channel

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


async def measure(path: str, limit: int) -> dict[str, int]:
    return {path: limit}


def measure_sync(path: str, limit: int) -> dict[str, int]:
    return {path: limit}


async def all_three_ways(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    assert_type(ch, UploadsChannel)
    await ctx.publish(ch.status, {"message": "ok"})
    await ctx.publish(ch.status, Status(message="ok"))
    await client.realtime.publish(ch.status, {"message": "ok"})
    await client.realtime.publish(ch.status, Status(message="ok"))
    await client.realtime.publish(alerts_channel.alert, {"message": "disk full", "severity": "high"})
    first = await ctx.step.realtime.publish("dict", ch.result, {"success": True, "url": "/x"})
    assert_type(first, Result)
    assert_type(first, UploadResult)
    second = await ctx.step.realtime.publish("model", ch.result, Result(success=True, url="/x"))
    assert_type(second.url, str)


async def context(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    assert_type(ctx.attempt, int)
    assert_type(ctx.run_id, str)
    assert_type(ctx.event.name, str)
    assert_type(await ctx.step.run("measure", measure, "a", 1), dict[str, int])
    await ctx.step.sleep("wait", timedelta(milliseconds=1))


def context_sync(ctx: tightbeam.ContextSync, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    ctx.publish(ch.status, {"message": "ok"})
    ctx.publish(ch.status, Status(message="ok"))
    assert_type(ctx.step.run("measure", measure_sync, "a", 1), dict[str, int])
    assert_type(ctx.step.realtime.publish("done", ch.result, {"success": True, "url": "/x"}), Result)
    ctx.step.sleep("wait", timedelta(milliseconds=1))
    client.realtime.publish_sync(alerts_channel.alert, {"message": "m", "severity": "low"})


async def optional_and_enum(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = pipeline_channel(run_id="r1")
    await ctx.publish(ch.status, {"message": "Searching…"})
    await ctx.publish(ch.status, {"message": "Searching…", "step": "search"})
    await ctx.publish(ch.status, PipelineStatus(message="Searching…", step=None))
    await ctx.publish(ch.tokens, Tokens(token=" the"))
    urgent: Severity = "critical"
    await client.realtime.publish(alerts_channel.alert, Alert(message="fire", severity=urgent))
    sent: Alert = Alert(message="fire", severity="critical")
    assert_type(sent.severity, Severity)


async def nested(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = orders_channel(region="eu", order_id=7)
    await ctx.publish(
        ch.placed,
        {
            "placedAt": "2026-01-02T12:00:00Z",
            "priority": "express",
            "customer": {"displayName": "Ada", "email": None},
            "lines": [
                {"sku": "a", "quantity": 1, "unitPrice": {"currency": "EUR", "cents": 5}, "giftNote": None}
            ],
            "labels": {"source": "shop"},
        },
    )
    line = Line(sku="a", quantity=1, unit_price=Money(currency="EUR", cents=5), class_="fragile")
    assert_type(line.class_, Literal["standard", "fragile", "frozen"] | None)
    placed = Placed(
        placed_at=NOON,
        customer=PlacedCustomer(display_name="Ada", email=None),
        lines=[line],
        labels={"a": "b"},
    )
    returned = await ctx.step.realtime.publish("placed", ch.placed, placed)
    assert_type(returned.placed_at, datetime)
    assert_type(returned.lines, list[Line])
    assert_type(returned.customer.email, str | None)
    assert_type(returned.labels, dict[str, str] | None)
    await ctx.publish(ch.line_added, line)
    await ctx.publish(
        ch.line_added, {"sku": "a", "quantity": 2, "unitPrice": {"currency": "EUR", "cents": 5}}
    )


async def unions(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = orders_channel(region="us", order_id=7)
    await ctx.publish(ch.state, {"kind": "cancelled"})
    await ctx.publish(ch.state, {"kind": "cancelled", "reason": "no stock"})
    await ctx.publish(ch.state, StateCancelled(kind="cancelled"))
    await ctx.publish(
        ch.state,
        {
            "kind": "shipped",
            "carrier": "x",
            "parcels": [{"trackingCode": "t"}, {"trackingCode": "u", "weightKg": 2}],
        },
    )
    paid = StatePaid(kind="paid", paid_at=NOON, amount=Money(currency="EUR", cents=5))
    state = await ctx.step.realtime.publish("state", ch.state, paid)
    if state.kind == "paid":
        assert_type(state, StatePaid)
    match state:
        case StatePaid(amount=amount):
            assert_type(amount.cents, int)
        case _:
            pass


async def untyped_data_passes_the_checkers(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    loose: Any = {"message": "ok"}
    await ctx.publish(uploads_channel(upload_id="u1").status, loose)


async def reading_a_channel(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u2")
    async with client.realtime.subscribe(ch) as subscription:
        await client.realtime.publish(ch.status, {"message": "ok"})
        await client.realtime.publish(ch.result, {"success": True, "url": "/x"})
        async for message in subscription:
            assert_type(message.topic, Literal["status", "result"])
            if message.topic == "status":
                assert_type(message.data, Status)
            else:
                assert_type(message.data, Result)
                break


async def reading_topics(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u3")
    async with client.realtime.subscribe(ch.status, ch.result) as both:
        await client.realtime.publish(ch.status, {"message": "ok"})
        await client.realtime.publish(ch.result, {"success": True, "url": "/x"})
        async for picked in both:
            match picked.topic:
                case "status":
                    assert_type(picked.data, Status)
                case "result":
                    assert_type(picked.data, Result)
                    break
    async with client.realtime.subscribe(ch.status) as one:
        await client.realtime.publish(ch.status, {"message": "ok"})
        async for single in one:
            assert_type(single.data, Status)
            break


async def matching_on_the_class(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u4")
    async with client.realtime.subscribe(ch) as subscription:
        await client.realtime.publish(ch.result, {"success": True, "url": "/x"})
        async for message in subscription:
            match message.data:
                case Status(message=text):
                    assert_type(text, str)
                case Result(url=url):
                    assert_type(url, str)
                    break
