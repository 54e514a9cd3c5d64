"""Wrong publishes, one a function: mypy refuses the line, and running it says what is wrong with the data."""

from __future__ import annotations

import json
from typing import Any

import tightbeam
from generated.alerts import Alert, alerts_channel
from generated.orders import orders_channel
from generated.uploads import Status, uploads_channel

upload = uploads_channel(upload_id="u1")
order = orders_channel(region="eu", order_id=7)


async def a_misspelt_key(ctx: tightbeam.Context) -> None:
    await ctx.publish(upload.status, {"mesage": "Processing…"})


async def a_value_of_the_wrong_type(ctx: tightbeam.Context) -> None:
    await ctx.publish(upload.status, {"message": 100})


async def a_wrong_argument_of_a_model(ctx: tightbeam.Context) -> None:
    await ctx.publish(alerts_channel.alert, Alert(message="disk full", severity="urgent"))


async def another_topics_payload(ctx: tightbeam.Context) -> None:
    await ctx.publish(upload.result, Status(message="Stored."))


async def a_missing_key_in_a_durable_publish(ctx: tightbeam.Context) -> None:
    await ctx.step.realtime.publish("done", upload.result, {"success": True})


async def one_branch_of_a_union_with_the_keys_of_another(ctx: tightbeam.Context) -> None:
    await ctx.publish(order.state, {"kind": "cancelled", "carrier": "DHL"})


async def a_channel_parameter_out_of_its_choice(ctx: tightbeam.Context) -> None:
    orders_channel(region="mars", order_id=7)


async def data_that_no_checker_can_see(ctx: tightbeam.Context) -> None:
    body: Any = json.loads('{"message": "disk full", "severity": null}')
    await ctx.publish(alerts_channel.alert, body)
