"""What the function workers do with an order."""

from __future__ import annotations

import asyncio
import os
from typing import Literal

from sqlalchemy import update

import tightbeam
from shop.channels.board import board_channel
from shop.channels.order_placed import OrderPlacedEvent, order_placed_event
from shop.client import client as client
from shop.database import Order, sessions

PACE = float(os.environ.get("EXAMPLE_PACE", "0.3"))
"""Seconds that a tenth of pretended work takes."""

State = Literal["paid", "packed", "shipped"]
STATES: tuple[State, ...] = ("paid", "packed", "shipped")


async def work(ctx: tightbeam.Context[OrderPlacedEvent], state: State, previous: str) -> None:
    """Bring an order one state further, and say meanwhile, live, who works on it.

    A step whose process dies begins again in another one. It may have moved the row by then, so it only moves
    a row that still is where the step found it. The message is published in the same transaction: there is
    one message for each change of the row, whatever dies when.
    """
    order_id = ctx.event.data.order_id
    for percent in range(0, 100, 10):
        await ctx.publish(
            board_channel.progress, {"orderId": order_id, "worker": os.getpid(), "percent": percent}
        )
        await asyncio.sleep(PACE)
    async with sessions.begin() as session:
        move = update(Order).where(Order.id == order_id, Order.state == previous).values(state=state)
        if (await session.execute(move.returning(Order.id))).first() is not None:
            await client.realtime.publish(
                board_channel.state, {"orderId": order_id, "state": state}, transaction=session
            )


@client.function("fulfil", on=order_placed_event, retries=3)
async def fulfil(ctx: tightbeam.Context[OrderPlacedEvent]) -> None:
    """Bring an order from the table to the door; each state is a step, which is remembered."""
    previous = "placed"
    for state in STATES:
        await ctx.step.run(state, work, ctx, state, previous)
        previous = state
