"""Right publishes: mypy accepts every line, and every line runs."""

from __future__ import annotations

import tightbeam
from generated.alerts import Alert, alerts_channel
from generated.orders import orders_channel
from generated.uploads import Status, uploads_channel


async def publish(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    """Publish in all three ways, from dictionaries and from models."""
    upload = uploads_channel(upload_id="u1")
    await ctx.publish(upload.status, {"message": "Processing…"})
    await ctx.publish(upload.status, Status(message="Processing…"))
    await client.realtime.publish(alerts_channel.alert, {"message": "disk full", "severity": "high"})
    await client.realtime.publish(alerts_channel.alert, Alert(message="disk full", severity="high"))
    result = await ctx.step.realtime.publish("done", upload.result, {"success": True, "url": "/files/u1"})
    await ctx.publish(upload.status, {"message": f"Stored at {result.url}."})  # it comes back as its model
    order = orders_channel(region="eu", order_id=7)
    await ctx.publish(order.state, {"kind": "cancelled", "reason": "no stock"})
