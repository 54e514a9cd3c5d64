"""One section for each trap that the signatures and the generated form avoid; `test_typing_traps.py` says why.

The marks are those of bindings_bad.py; lines without one must be accepted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, assert_type

import tightbeam
from generated import uploads_channel
from generated.alerts import alerts_channel
from generated.common import Money
from generated.orders import Line, StatePaid, orders_channel
from generated.uploads import Result, Status, StatusDict, UploadsChannel
from shapes_bindings import shape_channel  # bad
from shapes_bindings.shapes import Open, shapes_channel


def variance(ref: tightbeam.TopicRef[[Status | StatusDict], Literal["status"], Status]) -> None:
    number: tightbeam.TopicRef[[int], Literal["status"], Status] = ref  # bad, types only
    wider: tightbeam.TopicRef[[Status | StatusDict | int], Literal["status"], Status] = ref  # bad, types only
    read: tightbeam.TopicRef[..., str, Status] = ref
    print(number, wider, read)


async def joining(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    async with client.realtime.subscribe(ch.status, ch.result) as subscription:
        async for message in subscription:
            if message.topic == "result":
                assert_type(message.data, Result)
                print(message.data.message)  # bad, types only


async def aliases(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    price = Money(currency="EUR", cents=5)
    line = Line(sku="a", quantity=1, unit_price=price, gift_note=None)
    assert line.model_dump(by_alias=True)["giftNote"] is None
    Line(sku="a", quantity=1, unitPrice=price)  # bad, types only


async def strictness(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    price = Money(currency="EUR", cents=5)
    Line(sku="a", quantity="1", unit_price=price)  # bad
    Line(sku="a", quantity=1, unit_price=price, gift_note=5)  # bad
    Money(currency="EUR", cents="5")  # bad


async def channel_attributes(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    assert_type(ch, UploadsChannel)
    assert_type(ch.status, tightbeam.TopicRef[[Status | StatusDict], Literal["status"], Status])
    ch.nowhere  # bad


def lazy_package() -> None:
    from generated import alert_channel  # bad

    from generated import orders_channel

    print(orders_channel)


async def measure(path: str, limit: int) -> int:
    return limit


async def step_arguments(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    assert_type(await ctx.step.run("m", measure, "a", 1), int)
    await ctx.step.run("n", measure, "a")  # bad except ty
    await ctx.step.run("o", measure, 1, "a")  # bad except ty, types only


async def recursion_without_an_object(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(shapes_channel.nest, [1, [2, []]])
    await ctx.publish(shapes_channel.nest, [1, ["x"]])  # bad


async def the_wrong_key(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(uploads_channel(upload_id="u1").status, {"mesage": "x"})  # bad


async def a_forgotten_await(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    client.realtime.publish(alerts_channel.alert, {"message": "x", "severity": "low"})  # bad except basedpyright ty, types only


async def dictionaries_are_the_wire(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    state = orders_channel(region="eu", order_id=7).state
    now = datetime(2026, 1, 2, tzinfo=UTC)
    price = Money(currency="EUR", cents=5)
    await ctx.publish(state, StatePaid(kind="paid", paid_at=now, amount=price))
    await ctx.publish(
        state, {"kind": "paid", "paidAt": "2026-01-02T00:00:00Z", "amount": {"currency": "EUR", "cents": 5}}
    )
    await ctx.publish(state, {"kind": "paid", "paidAt": now, "amount": {"currency": "EUR", "cents": 5}})  # bad
    await ctx.publish(state, {"kind": "paid", "paidAt": "2026-01-02T00:00:00Z", "amount": price})  # bad


async def undeclared_keys_of_open_objects(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(shapes_channel.open, {"message": "x", "more": 1})  # bad, types only
    await ctx.publish(shapes_channel.open, Open.model_validate({"message": "x", "more": 1}))
    loose: Any = {"message": "x", "more": 1}
    await ctx.publish(shapes_channel.open, loose)
