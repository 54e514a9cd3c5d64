"""Publishes and sends in transactions that must be refused; `test_transactions_cases.py` runs each line.

mypy knows no class of asyncpg, which has no types of its own.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # it has no types
import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

import tightbeam
from generated.alerts import alerts_channel
from generated.upload import Upload, upload_event
from generated.uploads import Result, Status, uploads_channel
from shapes_bindings.events.ping import ping_event
from shapes_bindings.shapes import shapes_channel


async def payloads(client: tightbeam.Client, psycopg_async: psycopg.AsyncConnection[Any]) -> None:
    ch = uploads_channel(upload_id="u1")
    await client.realtime.publish(ch.status, {"mesage": "ok"}, transaction=psycopg_async)  # bad
    await client.realtime.publish(ch.status, {"message": 5}, transaction=psycopg_async)  # bad
    await client.realtime.publish(ch.status, {"message": "ok", "percent": "5"}, transaction=psycopg_async)  # bad
    await client.realtime.publish(ch.status, {}, transaction=psycopg_async)  # bad
    await client.realtime.publish(ch.status, 5, transaction=psycopg_async)  # bad
    await client.realtime.publish(ch.status, transaction=psycopg_async)  # bad
    await client.realtime.publish(ch.status, Status(message=5), transaction=psycopg_async)  # bad
    await client.realtime.publish(ch.status, Result(success=True, url="/x"), transaction=psycopg_async)  # bad
    await client.realtime.publish(ch.result, {"success": "yes", "url": "/x"}, transaction=psycopg_async)  # bad
    await client.realtime.publish(alerts_channel.alert, {"message": "m", "severity": "urgent"}, transaction=psycopg_async)  # bad
    await client.realtime.publish(shapes_channel.counters, {"a": "b"}, transaction=psycopg_async)  # bad
    await client.realtime.publish(shapes_channel.grid, [["x"]], transaction=psycopg_async)  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, psycopg_async)  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, connection=psycopg_async)  # bad
    await client.realtime.publish({"message": "ok"}, transaction=psycopg_async)  # bad
    await client.realtime.publish("status", {"message": "ok"}, transaction=psycopg_async)  # bad


async def connections(
    client: tightbeam.Client,
    psycopg_sync: psycopg.Connection[Any],
    connection: Connection,
    session: Session,
    engine: Engine,
    async_engine: AsyncEngine,
    psycopg_cursor: psycopg.AsyncCursor[Any],
    asyncpg_pool: asyncpg.Pool,
    other_database: sqlite3.Connection,
) -> None:
    ch = uploads_channel(upload_id="u1")
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=psycopg_sync)  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=connection)  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=session)  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=engine)  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=async_engine)  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=psycopg_cursor)  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=asyncpg_pool)  # bad except mypy
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=other_database)  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=5)  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction="tx1")  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=True)  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=None)  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=AsyncSession)  # bad
    await client.send(upload_event, {"uploadId": "u1", "filename": "a"}, transaction=session)  # bad
    await client.send(ping_event, transaction=psycopg_sync)  # bad
    await client.send("app/upload", {"uploadId": "u1", "filename": "a"}, transaction=connection)  # bad
    await client.send("app/upload", {"uploadId": "u1", "filename": "a"}, transaction=None)  # bad


async def events(client: tightbeam.Client, async_session: AsyncSession) -> None:
    await client.send(upload_event, {"uploadId": "u1"}, transaction=async_session)  # bad
    await client.send(upload_event, {"uploadId": 1, "filename": "a"}, transaction=async_session)  # bad
    await client.send(upload_event, Upload(upload_id="u1"), transaction=async_session)  # bad
    await client.send(upload_event, transaction=async_session)  # bad
    await client.send(ping_event, {}, transaction=async_session)  # bad
    await client.send(ping_event, transaction=async_session, delay=5)  # bad
    await client.send(ping_event, async_session)  # bad
    await client.send("app/upload", [1], transaction=async_session)  # bad


def without_await(
    client: tightbeam.Client,
    psycopg_async: psycopg.AsyncConnection[Any],
    asyncpg_connection: asyncpg.Connection,
    async_connection: AsyncConnection,
    async_session: AsyncSession,
    engine: Engine,
    session: Session,
    other_database: sqlite3.Connection,
) -> None:
    ch = uploads_channel(upload_id="u1")
    client.realtime.publish_sync(ch.status, {"message": "ok"}, transaction=psycopg_async)  # bad
    client.realtime.publish_sync(ch.status, {"message": "ok"}, transaction=asyncpg_connection)  # bad except mypy
    client.realtime.publish_sync(ch.status, {"message": "ok"}, transaction=async_connection)  # bad
    client.realtime.publish_sync(ch.status, {"message": "ok"}, transaction=async_session)  # bad
    client.realtime.publish_sync(ch.status, {"message": "ok"}, transaction=engine)  # bad
    client.realtime.publish_sync(ch.status, {"message": "ok"}, transaction=other_database)  # bad
    client.realtime.publish_sync(ch.status, {"mesage": "ok"}, transaction=session)  # bad
    client.send_sync(ping_event, transaction=psycopg_async)  # bad
    client.send_sync(upload_event, {"uploadId": "u1", "filename": "a"}, transaction=async_session)  # bad
    client.send_sync("app/upload", {"uploadId": "u1", "filename": "a"}, transaction=async_connection)  # bad
    client.send_sync(upload_event, {"uploadId": "u1"}, transaction=session)  # bad


async def in_a_function(ctx: tightbeam.Context, async_session: AsyncSession) -> None:
    ch = uploads_channel(upload_id="u1")
    await ctx.publish(ch.status, {"message": "ok"}, transaction=async_session)  # bad
    await ctx.step.realtime.publish("id", ch.status, {"message": "ok"}, transaction=async_session)  # bad
    await ctx.step.send_event("id", ping_event, transaction=async_session)  # bad
