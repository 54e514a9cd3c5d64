"""The web application: `uvicorn shop.web:api --workers 4`. It places orders; function workers fulfil them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError, OperationalError

import tightbeam
import tightbeam.gateway
from shop import channels
from shop.channels.board import board_channel
from shop.channels.order_placed import order_placed_event
from shop.database import Item, Order, sessions
from shop.functions import client

PAGE = Path(__file__).parent / "page"

# Dev mode gives the board to every browser of this machine. Yours has secrets, the same in all processes.
gateway = tightbeam.gateway.app(
    client, channels=channels, dev=True, public_url=os.environ.get("EXAMPLE_URL", "http://127.0.0.1:8000")
)
api = FastAPI(lifespan=client.lifespan, title="Orders on PostgreSQL")


class NewOrder(BaseModel):
    """What the form sends."""

    item: Literal["tea", "cup", "kettle"]
    quantity: Annotated[int, Field(ge=1, le=99)]


class ShownOrder(BaseModel):
    """A row, as the page shows it."""

    id: int
    item: str
    quantity: int
    state: str


@api.post("/api/orders", status_code=201)
async def place(new: NewOrder) -> ShownOrder:
    """Insert an order, publish it and start its run in one transaction: all of it happens, or nothing."""
    async with sessions.begin() as session:
        order = Order(item=new.item, quantity=new.quantity, state="placed")
        session.add(order)
        await session.flush()  # which gives it its id
        await client.realtime.publish(
            board_channel.placed,
            {"orderId": order.id, "item": order.item, "quantity": order.quantity},
            transaction=session,
        )
        await client.send(order_placed_event, {"orderId": order.id}, transaction=session)
        # Where there isn't enough in stock, this fails: no order, no message, no run.
        taken = update(Item).where(Item.name == order.item).values(stock=Item.stock - order.quantity)
        await session.execute(taken)
    return ShownOrder(id=order.id, item=order.item, quantity=order.quantity, state=order.state)


@api.exception_handler(IntegrityError)
async def sold_out(_: Request, _error: IntegrityError) -> JSONResponse:
    """Answer 409: a rule of the tables is broken, and the only one that a form can break is the stock."""
    return JSONResponse({"detail": "There isn't enough in stock."}, status_code=409)


@api.exception_handler(OperationalError)
@api.exception_handler(tightbeam.JournalFailed)
async def away(_: Request, _error: OperationalError | tightbeam.JournalFailed) -> JSONResponse:
    """Answer 503: the database is restarting, or is being replaced."""
    return JSONResponse({"detail": "The database can't be reached. Try again."}, status_code=503)


@api.get("/api/orders")
async def orders() -> list[ShownOrder]:
    """Return the latest orders. A page loads them once its stream is open, so it misses nothing."""
    async with sessions() as session:
        rows = await session.scalars(select(Order).order_by(Order.id.desc()).limit(100))
        return [ShownOrder(id=row.id, item=row.item, quantity=row.quantity, state=row.state) for row in rows]


@api.get("/api/token")
async def token() -> tightbeam.SubscriptionToken:
    """Return a token for the board, with which a page opens its stream at any of the web workers."""
    return await client.realtime.token(board_channel)


@api.get("/api/workers")
def worker() -> dict[str, int]:
    """Return the id of the web worker that answers, to see that there are several."""
    return {"pid": os.getpid()}


api.mount("/page", StaticFiles(directory=PAGE))


@api.get("/", include_in_schema=False)
def index() -> FileResponse:
    """Return the page."""
    return FileResponse(PAGE / "index.html")


api.mount("/", gateway)
