"""Good lines over definitions/: payloads that are not one closed object. Checked by all, and run."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal, assert_type
from uuid import UUID

import tightbeam
from shapes_bindings.fleet.vehicle import vehicle_channel
from shapes_bindings.parcels import parcels_channel
from shapes_bindings.shapes import (
    BatchItemAdd,
    BatchItemClear,
    ContactMail,
    ContactPhone,
    LineAdded,
    Moment,
    Money,
    MoneyDict,
    Node,
    Open,
    StateCancelled,
    StatePaid,
    StateShipped,
    StateShippedParcelsItem,
    Tree,
    shapes_channel,
)

ch = shapes_channel
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


async def tagged_unions(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(
        ch.state, {"kind": "paid", "at": "2026-01-02T12:00:00Z", "amount": {"currency": "E", "cents": 1}}
    )
    await ctx.publish(
        ch.state, {"kind": "shipped", "carrier": "x", "parcels": [{"weightG": 1.5}, {"weightG": 2}]}
    )
    await ctx.publish(ch.state, {"kind": "cancelled"})
    parcels = [StateShippedParcelsItem(weight_g=1)]
    await ctx.publish(ch.state, StateShipped(kind="shipped", carrier="x", parcels=parcels))
    paid = StatePaid(kind="paid", at=NOON, amount=Money(currency="E", cents=1))
    state = await ctx.step.realtime.publish("state", ch.state, paid)
    assert_type(state, StatePaid | StateShipped | StateCancelled)
    match state:
        case StatePaid(amount=amount):
            assert_type(amount.cents, int)
        case StateShipped(parcels=found):
            assert_type(found, list[StateShippedParcelsItem])
        case _:
            assert_type(state.reason, str | None)
    if state.kind == "paid":
        assert_type(state, StatePaid)


async def untagged_unions(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.contact, {"address": "a@b"})
    await ctx.publish(ch.contact, {"number": "1", "extension": 2})
    await ctx.publish(ch.contact, ContactPhone(number="1"))
    contact = await ctx.step.realtime.publish("contact", ch.contact, {"address": "a@b"})
    assert_type(contact, ContactMail | ContactPhone)
    assert isinstance(contact, ContactMail)


async def recursion(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.tree, {"label": "x", "children": [{"label": "y"}, {"label": "z", "children": []}]})
    await ctx.publish(ch.tree, Tree(label="x"))
    await ctx.publish(ch.tree, Node(label="x", children=[Node(label="y")]))
    await ctx.publish(ch.nest, 1)
    await ctx.publish(ch.nest, [1, [2, [3, []]]])


async def scalars(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.plain, "x")
    await ctx.publish(ch.count, 1)
    await ctx.publish(ch.ratio, 1.5)
    await ctx.publish(ch.ratio, 1)
    await ctx.publish(ch.flag, True)
    await ctx.publish(ch.colour, "red")
    await ctx.publish(ch.maybe, None)
    await ctx.publish(ch.maybe, "x")
    assert_type(await ctx.step.realtime.publish("plain", ch.plain, "x"), str)
    assert_type(await ctx.step.realtime.publish("maybe", ch.maybe, None), str | None)
    assert_type(await ctx.step.realtime.publish("colour", ch.colour, "red"), Literal["red", "green", "blue"])


async def collections(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.counters, {"a": 1})
    await ctx.publish(ch.counters, {})
    await ctx.publish(ch.pairs, [1, "a"])
    await ctx.publish(ch.grid, [[1, 2], []])
    assert_type(await ctx.step.realtime.publish("counters", ch.counters, {"a": 1}), dict[str, int])
    assert_type(await ctx.step.realtime.publish("grid", ch.grid, [[1]]), list[list[int]])


async def collections_of_objects(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    money = Money(currency="EUR", cents=1)
    models: list[Money] = [money]
    dictionaries: list[MoneyDict] = [{"currency": "EUR", "cents": 1}]
    await ctx.publish(ch.rows, [{"currency": "EUR", "cents": 1}])
    await ctx.publish(ch.rows, [{"currency": "EUR", "cents": cents} for cents in range(3)])
    await ctx.publish(ch.rows, [money, {"currency": "EUR", "cents": 1}])
    await ctx.publish(ch.rows, [])
    await ctx.publish(ch.rows, models)
    await ctx.publish(ch.rows, dictionaries)
    await ctx.publish(ch.by_name, {"a": {"currency": "EUR", "cents": 1}})
    await ctx.publish(ch.by_name, {"a": money})
    await ctx.publish(ch.table, [[{"currency": "EUR", "cents": 1}], []])
    await ctx.publish(ch.table, [models])
    await ctx.publish(ch.batch, [{"op": "add", "cents": 1}, {"op": "clear"}])
    await ctx.publish(ch.batch, [BatchItemAdd(op="add", cents=1), BatchItemClear(op="clear")])
    await ctx.publish(ch.batch, None)
    await ctx.publish(ch.notes, ["x", {"currency": "EUR", "cents": 1}])
    await ctx.publish(ch.notes, ["x", money])
    await ctx.publish(ch.json, {"a": [1, 1.5, None, True, {"b": "c"}]})
    assert_type(await ctx.step.realtime.publish("rows", ch.rows, models), list[Money])
    assert_type(await ctx.step.realtime.publish("by-name", ch.by_name, {"a": money}), dict[str, Money])


async def mixed(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.mixed, None)
    await ctx.publish(ch.mixed, "x")
    await ctx.publish(ch.mixed, {"text": "x"})


async def odd_keys(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(
        ch.line_added, {"sku": "x", "mustSay": None, "class": "a", "gift-for": "y", "tags": ["a"]}
    )
    await ctx.publish(ch.line_added, {"sku": "x", "mustSay": "m", "note": None})
    line = LineAdded(sku="x", must_say=None, class_="a", gift_for="y", note=None)
    back = await ctx.step.realtime.publish("line", ch.line_added, line)
    assert_type(back.class_, Literal["a", "b"] | None)
    assert_type(back.must_say, str | None)
    assert back == line


async def open_objects(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.open, {"message": "x"})
    await ctx.publish(ch.open, Open.model_validate({"message": "x", "extra": 1}))


async def formats(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.moment, {"at": "2026-01-02T12:00:00Z", "day": "2026-01-02"})
    moment = Moment(at=NOON, day=date(2026, 1, 2), id=UUID(int=7))
    back = await ctx.step.realtime.publish("moment", ch.moment, moment)
    assert_type(back.at, datetime)
    assert_type(back.day, date | None)
    assert_type(back.id, UUID | None)
    assert back == moment


async def folders_and_parameters(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    vehicle = vehicle_channel(depot="north", number=7, electric=True)
    await ctx.publish(vehicle.position, {"lat": 1.5, "lon": 2})
    assert vehicle.name == "vehicle:north:7:true"


async def uuid_parameters(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    parcel = UUID("0B0E1C9E-0000-4000-8000-000000000000")
    by_uuid = parcels_channel(parcel_id=parcel, shop="eu")
    assert by_uuid.name == f"parcels:{parcel}:eu"
    assert by_uuid == parcels_channel(parcel_id=str(parcel), shop="eu")


async def narrowing(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    async with client.realtime.subscribe(ch) as subscription:
        await client.realtime.publish(ch.state, {"kind": "cancelled"})
        await client.realtime.publish(ch.tree, {"label": "x"})
        async for message in subscription:
            if message.topic == "state" and message.data.kind == "cancelled":
                assert_type(message.data, StateCancelled)
            elif message.topic == "tree":
                assert_type(message.data, Node)
                break


async def eight_topics(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    some = client.realtime.subscribe(
        ch.plain, ch.count, ch.flag, ch.tree, ch.maybe, ch.grid, ch.colour, ch.moment
    )
    async with some as subscription:
        await client.realtime.publish(ch.count, 3)
        async for message in subscription:
            if message.topic == "count":
                assert_type(message.data, int)
                break
            if message.topic == "moment":
                assert_type(message.data, Moment)
