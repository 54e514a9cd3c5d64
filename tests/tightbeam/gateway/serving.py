"""A gateway that is served in this process, by uvicorn, on a port of its own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import uvicorn
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket

from tests.tightbeam.engine.samples import JobChannel, job_channel
from tightbeam import Client, Context
from tightbeam.gateway import Gateway, Limits, _serve, app

SECRET = "0123456789abcdef0123456789abcdef"
OLD_SECRET = "fedcba9876543210fedcba9876543210"
KEY = "k-0123456789abcdef0123456789abcdef"
URL = "http://127.0.0.1"

UNHURRIED = Limits(keep_alive=timedelta(hours=1), shutdown=timedelta(seconds=30))
"""Of a gateway that closes: a pause of this process cuts no reader before the last frame is written."""


def secured(client: Client, **changed: Any) -> Gateway:
    """A gateway with secrets, as in production.

    By default no keep-alive comes in place of what a test waits for.
    """
    settings: dict[str, Any] = {
        "channels": [JobChannel],
        "token_secret": SECRET,
        "server_key": KEY,
        "public_url": URL,
        "limits": Limits(keep_alive=timedelta(hours=1)),
        **changed,
    }
    return app(client, **settings)


def durable(client: Client) -> Any:
    """A function that publishes `count` durable ticks, numbered from `first`, on the channel `job`."""

    @client.function("publish-durably", on="app/durable", retries=0)
    async def publish_durably(ctx: Context) -> int:
        ch = job_channel(job_id=str(ctx.event.data.get("job", "j1")))
        first, count = ctx.event.data["first"], ctx.event.data["count"]
        for n in range(first, first + count):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
        return count

    return publish_durably


def patient(**settings: Any) -> httpx.AsyncClient:
    """A client that also waits for a server that is busy."""
    return httpx.AsyncClient(timeout=60, **settings)


@contextlib.asynccontextmanager
async def running(gateway: Gateway, **changed: Any) -> AsyncIterator[str]:
    """Serve it as `tightbeam serve` does; gives its URL."""
    listener = _serve._listener("127.0.0.1", changed.pop("listen_at", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    gateway.serves_at(url)
    started = asyncio.Event()
    settings = {**_serve._settings(None, access_log=True), "log_config": None, **changed}
    server = _serve._server(uvicorn.Config(gateway, **settings), gateway, started.set)
    server.install_signal_handlers = lambda: None
    serving = asyncio.create_task(server._serve([listener]))
    waiting = asyncio.create_task(started.wait())
    try:
        async with asyncio.timeout(20):
            await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        yield url
    finally:
        waiting.cancel()
        server.should_exit = True
        async with asyncio.timeout(20):
            await serving
        gc.enable()  # which the shutdown has turned off for a process that ends


@contextlib.asynccontextmanager
async def plain_uvicorn(app: Any, **settings: Any) -> AsyncIterator[tuple[uvicorn.Server, str]]:
    """Serve it with uvicorn as it comes, without a bound for shutting down."""
    listener = _serve._listener("127.0.0.1", 0)
    config = uvicorn.Config(app, log_config=None, **settings)
    assert config.timeout_graceful_shutdown is None
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    try:
        async with asyncio.timeout(60):
            while not server.started:
                assert not serving.done()
                await asyncio.sleep(0.01)
        yield server, f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        async with asyncio.timeout(20):
            await serving


@contextlib.asynccontextmanager
async def subscribed(url: str, token: str | None, **options: Any) -> AsyncIterator[ClientConnection]:
    """A WebSocket of the gateway."""
    headers = options.pop("headers", {})
    query = urlencode(({} if token is None else {"token": token}) | options)
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime/connect?{query}"
    async with open_websocket(
        address, additional_headers=headers, compression=None, proxy=None, max_size=None, open_timeout=60
    ) as connection:
        yield connection


async def frame(connection: ClientConnection) -> dict[str, Any]:
    """The next frame."""
    async with asyncio.timeout(60):
        text = await connection.recv()
    assert isinstance(text, str)
    found: dict[str, Any] = json.loads(text)
    return found


async def data_frame(connection: ClientConnection) -> dict[str, Any]:
    """The next frame that carries a message."""
    while (found := await frame(connection))["kind"] != "data":
        pass
    return found


def place(position: str) -> tuple[int, ...]:
    """What the order of positions follows, of one journal in a file or on a server."""
    return tuple(map(int, position.replace(":", ".").split(".")[1:]))
