"""Publishes and sends in transactions of every library that is taken; `test_transactions_cases.py` runs them.

A parameter's name says which connection it gets.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ParamSpec, TypeVar, assert_type

import asyncpg  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # it has no types
import psycopg
from asyncpg.pool import PoolConnectionProxy  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # as above
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session

import tightbeam
from generated.alerts import alerts_channel
from generated.orders import orders_channel
from generated.upload import Upload, upload_event
from generated.uploads import Result, Status, StatusDict, uploads_channel
from shapes_bindings.events.payment import PaymentCard, payment_event
from shapes_bindings.events.ping import ping_event
from shapes_bindings.shapes import shapes_channel

P = ParamSpec("P")
Name = TypeVar("Name", bound=str)
Data = TypeVar("Data")


async def with_psycopg(client: tightbeam.Client, psycopg_async: psycopg.AsyncConnection[Any]) -> None:
    ch = uploads_channel(upload_id="u1")
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=psycopg_async)
    await client.realtime.publish(ch.status, {"message": "ok", "percent": 5}, transaction=psycopg_async)
    await client.realtime.publish(ch.status, Status(message="ok"), transaction=psycopg_async)
    await client.realtime.publish(ch.result, Result(success=True, url="/x"), transaction=psycopg_async)
    alert = alerts_channel.alert
    await client.realtime.publish(alert, {"message": "m", "severity": "low"}, transaction=psycopg_async)
    data: StatusDict = {"message": "from a variable"}
    await client.realtime.publish(ch.status, data, transaction=psycopg_async)
    state = orders_channel(region="eu", order_id=7).state
    await client.realtime.publish(state, {"kind": "cancelled"}, transaction=psycopg_async)
    shapes = shapes_channel
    await client.realtime.publish(shapes.plain, "x", transaction=psycopg_async)
    await client.realtime.publish(shapes.counters, {"a": 1}, transaction=psycopg_async)
    await client.realtime.publish(shapes.grid, [[1]], transaction=psycopg_async)


async def sending(client: tightbeam.Client, psycopg_async: psycopg.AsyncConnection[Any]) -> None:
    ids = await client.send(upload_event, {"uploadId": "u1", "filename": "a"}, transaction=psycopg_async)
    assert_type(ids, list[str])
    await client.send(upload_event, Upload(upload_id="u1", filename="a"), id="k", transaction=psycopg_async)
    await client.send(ping_event, transaction=psycopg_async, delay=timedelta(minutes=1))
    await client.send(payment_event, {"kind": "card", "last4": "1234"}, transaction=psycopg_async)
    await client.send(payment_event, PaymentCard(kind="card", last4="1234"), transaction=psycopg_async)
    await client.send("app/upload", {"uploadId": "u1", "filename": "a"}, transaction=psycopg_async)
    await client.send("app/upload", {"uploadId": "u1", "filename": "a"}, id="k2", transaction=psycopg_async)


async def with_asyncpg(
    client: tightbeam.Client, asyncpg_connection: asyncpg.Connection, asyncpg_pooled: PoolConnectionProxy
) -> None:
    ch = uploads_channel(upload_id="u1")
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=asyncpg_connection)
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=asyncpg_pooled)
    await client.send(upload_event, {"uploadId": "u1", "filename": "a"}, transaction=asyncpg_connection)
    await client.send(upload_event, {"uploadId": "u1", "filename": "a"}, transaction=asyncpg_pooled)


async def with_sqlalchemy(
    client: tightbeam.Client, async_connection: AsyncConnection, async_session: AsyncSession
) -> None:
    ch = uploads_channel(upload_id="u1")
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=async_connection)
    await client.realtime.publish(ch.status, Status(message="ok"), transaction=async_session)
    await client.send(upload_event, {"uploadId": "u1", "filename": "a"}, transaction=async_connection)
    await client.send(ping_event, transaction=async_session)


def with_sync(
    client: tightbeam.Client,
    psycopg_sync: psycopg.Connection[Any],
    connection: Connection,
    session: Session,
) -> None:
    ch = uploads_channel(upload_id="u1")
    client.realtime.publish_sync(ch.status, {"message": "ok"}, transaction=psycopg_sync)
    client.realtime.publish_sync(ch.status, {"message": "ok"}, transaction=connection)
    client.realtime.publish_sync(ch.status, Status(message="ok"), transaction=session)
    assert_type(client.send_sync(ping_event, transaction=psycopg_sync), list[str])
    client.send_sync(upload_event, {"uploadId": "u1", "filename": "a"}, transaction=connection)
    client.send_sync("app/upload", {"uploadId": "u1", "filename": "a"}, transaction=session)


async def with_scoped_sessions(
    client: tightbeam.Client,
    scoped_async: async_scoped_session[AsyncSession],
    scoped: scoped_session[Session],
) -> None:
    ch = uploads_channel(upload_id="u1")
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=scoped_async)
    client.realtime.publish_sync(ch.status, {"message": "ok"}, transaction=scoped)
    client.send_sync(ping_event, transaction=scoped)


async def place(
    client: tightbeam.Client,
    session: AsyncSession,
    event: tightbeam.Sendable[P],
    /,
    *data: P.args,
    **options: P.kwargs,
) -> list[str]:
    """A helper that passes on an event without a transaction goes on as before."""
    assert isinstance(session, AsyncSession)
    return await client.send(event, *data, **options)


async def helpers(client: tightbeam.Client, async_session: AsyncSession) -> None:
    async def publish(topic: tightbeam.TopicRef[P, Name, Data], /, *data: P.args, **kwargs: P.kwargs) -> None:
        await client.realtime.publish(topic, *data, **kwargs)

    await publish(uploads_channel(upload_id="u1").status, {"message": "ok"})
    async with client:
        await place(client, async_session, upload_event, {"uploadId": "u1", "filename": "a"}, id="k3")
