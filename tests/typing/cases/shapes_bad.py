"""Bad lines over definitions/; the marks are those of bindings_bad.py."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import tightbeam
from shapes_bindings.fleet import vehicle_channels  # bad
from shapes_bindings.fleet.vehicle import vehicle_channel
from shapes_bindings.parcels import parcels_channel
from shapes_bindings.shapes import ContactMail, ContactPhone, LineAdded, Moment, Node, StateCancelled, Tree, shapes_channel

ch = shapes_channel


async def unions(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.state, {"kind": "lost"})  # bad
    await ctx.publish(ch.state, {"kind": "paid"})  # bad
    await ctx.publish(ch.state, {"kind": "shipped", "carrier": "x", "parcels": [{"weight": 1.5}]})  # bad
    await ctx.publish(ch.state, {"kind": "shipped", "carrier": "x", "parcels": [{"weightG": "1"}]})  # bad
    await ctx.publish(ch.state, {"kind": "cancelled", "carrier": "x"})  # bad
    await ctx.publish(ch.state, {"reason": "x"})  # bad
    await ctx.publish(ch.state, StateCancelled(kind="cancelled", carrier="x"))  # bad
    await ctx.publish(ch.contact, {"address": 5})  # bad
    await ctx.publish(ch.contact, {"nothing": "x"})  # bad
    await ctx.publish(ch.contact, ContactMail(number="1"))  # bad


async def recursion(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.tree, {"label": "x", "children": [{"lable": "y"}]})  # bad
    await ctx.publish(ch.tree, {"label": "x", "children": [{"label": "y", "children": [{}]}]})  # bad
    await ctx.publish(ch.tree, Node(label="x", children=[{"label": "y"}, 5]))  # bad
    await ctx.publish(ch.nest, "x")  # bad
    await ctx.publish(ch.nest, [1, ["x"]])  # bad


async def scalars(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.plain, 1)  # bad
    await ctx.publish(ch.plain, None)  # bad
    await ctx.publish(ch.count, "1")  # bad
    await ctx.publish(ch.count, 1.5)  # bad
    await ctx.publish(ch.ratio, "x")  # bad
    await ctx.publish(ch.flag, "yes")  # bad
    await ctx.publish(ch.flag, 1)  # bad
    await ctx.publish(ch.colour, "pink")  # bad
    await ctx.publish(ch.maybe, 5)  # bad


async def collections(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.counters, {"a": "1"})  # bad
    await ctx.publish(ch.counters, {1: 1})  # bad
    await ctx.publish(ch.counters, ["a"])  # bad
    await ctx.publish(ch.pairs, [1, None])  # bad
    await ctx.publish(ch.pairs, {1, 2})  # bad
    await ctx.publish(ch.grid, [1, 2])  # bad
    await ctx.publish(ch.rows, [{"currency": "EUR"}])  # bad
    await ctx.publish(ch.rows, [{"currency": "EUR", "cents": 1}, {"currency": "EUR", "cents": "1"}])  # bad
    await ctx.publish(ch.rows, [{"currency": "EUR", "cents": 1, "more": 1}])  # bad
    await ctx.publish(ch.rows, [ContactPhone(number="1")])  # bad
    await ctx.publish(ch.rows, {"currency": "EUR", "cents": 1})  # bad
    await ctx.publish(ch.rows, "text")  # bad
    await ctx.publish(ch.rows, b"bytes")  # bad
    await ctx.publish(ch.rows, {1})  # bad
    await ctx.publish(ch.rows, None)  # bad
    await ctx.publish(ch.by_name, {"a": {"currency": "EUR"}})  # bad
    await ctx.publish(ch.by_name, {1: {"currency": "EUR", "cents": 1}})  # bad
    await ctx.publish(ch.by_name, {"a": ContactPhone(number="1")})  # bad
    await ctx.publish(ch.by_name, [])  # bad
    await ctx.publish(ch.table, [{"currency": "EUR", "cents": 1}])  # bad
    await ctx.publish(ch.table, ["text"])  # bad
    await ctx.publish(ch.batch, [{"op": "clear", "cents": 1}])  # bad
    await ctx.publish(ch.batch, [{"op": "sub", "cents": 1}])  # bad
    await ctx.publish(ch.notes, "text")  # bad
    await ctx.publish(ch.notes, [1])  # bad
    await ctx.publish(ch.json, {"a": [b"bytes"]})  # bad
    await ctx.publish(ch.json, {1: 2})  # bad
    await ctx.publish(ch.mixed, 5)  # bad
    await ctx.publish(ch.mixed, {"txt": "x"})  # bad


async def odd_keys(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.line_added, {"sku": "x", "mustSay": None, "class": "c"})  # bad
    await ctx.publish(ch.line_added, {"sku": "x", "mustSay": None, "tags": [1]})  # bad
    await ctx.publish(ch.line_added, {"sku": "x", "mustSay": None, "gift_for": "y"})  # bad
    await ctx.publish(ch.line_added, {"sku": "x", "mustSay": None, "gift-for": None})  # bad
    await ctx.publish(ch.line_added, {"sku": "x"})  # bad
    await ctx.publish(ch.line_added, LineAdded(sku="x"))  # bad
    await ctx.publish(ch.line_added, LineAdded(sku="x", must_say=None, note=5))  # bad
    await ctx.publish(ch.line_added, LineAdded(sku="x", must_say=None, class_="c"))  # bad
    await ctx.publish(ch.line_added, Tree(label="x"))  # bad
    await ctx.publish(ch.open, {"message": 5})  # bad
    await ctx.publish(ch.open, {"message": "x", "extra": 1})  # bad, types only


async def formats(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.moment, {"at": datetime(2026, 1, 2)})  # bad
    await ctx.publish(ch.moment, {"at": 5})  # bad
    await ctx.publish(ch.moment, Moment(at="2026-01-02T12:00:00Z"))  # bad, types only
    await ctx.publish(ch.moment, Moment())  # bad


async def parameters(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    vehicle_channel(depot="east", number=7, electric=True)  # bad
    vehicle_channel(depot="north", number="7", electric=True)  # bad
    vehicle_channel(depot="north", number=7, electric="yes")  # bad
    vehicle_channel(depot="north", number=7)  # bad
    parcels_channel(parcel_id=7, shop="eu")  # bad
    parcels_channel(parcel_id=UUID(int=7), shop=UUID(int=7))  # bad
    parcels_channel(parcel_id=b"0b0e1c9e-0000-4000-8000-000000000000", shop="eu")  # bad
    channel = vehicle_channel(depot="north", number=7, electric=True)
    await ctx.publish(channel.position, {"lat": "1", "lon": 2})  # bad
