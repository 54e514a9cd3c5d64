"""Middleware of the application around the gateway, under our protocols and under uvicorn's own."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import httpx
import pytest
from brotli_asgi import BrotliMiddleware
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import data_frame, plain_uvicorn, subscribed
from tightbeam import Client
from tightbeam.gateway._protocol import HttpProtocol, WebSocketProtocol, _Response

COUNT = 20
OWN = {"http": "httptools", "ws": "websockets-sansio"}
OURS: dict[str, Any] = {"http": HttpProtocol, "ws": WebSocketProtocol, "ws_per_message_deflate": False}


class Deflate:
    """Compresses each part of every response as it passes."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        squeeze = zlib.compressobj(wbits=31)

        async def sender(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Content-Encoding"] = "gzip"
            elif message["type"] == "http.response.body":
                body = squeeze.compress(message["body"]) + squeeze.flush(zlib.Z_SYNC_FLUSH)
                message = {**message, "body": body}
            await send(message)

        await self.app(scope, receive, sender if scope["type"] == "http" else send)


class Rewrites:
    """Replaces a word in every message, of event streams and of WebSockets."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sender(message: Any) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": message["body"].replace(b"hello", b"HELLO")}
            elif message["type"] == "websocket.send":
                message = {**message, "text": message["text"].replace("hello", "HELLO")}
            await send(message)

        await self.app(scope, receive, sender)


class AddsAHeader:
    """Adds a header to every response."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sender(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = "1"
            await send(message)

        await self.app(scope, receive, sender)


class PassesThrough(BaseHTTPMiddleware):
    """What most middleware is made of: the application runs in a task of its own."""

    async def dispatch(self, request: Any, call_next: Any) -> Any:
        return await call_next(request)


MIDDLEWARE: dict[str, tuple[Any, dict[str, Any]]] = {
    "deflate": (Deflate, {}),
    "gzip": (GZipMiddleware, {"minimum_size": 1}),
    "rewrites": (Rewrites, {}),
    "adds a header": (AddsAHeader, {}),
    "base": (PassesThrough, {}),
    "cors": (CORSMiddleware, {"allow_origins": ["http://127.0.0.1"]}),
    "brotli": (BrotliMiddleware, {"minimum_size": 1}),
}
DECODERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31).decompress,
    "br": lambda: brotli.Decompressor().process,
    "": lambda: bytes,
}


@pytest.fixture
def directly(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What has been written past the ASGI interface."""
    found: list[str] = []
    for kind in (_Response, WebSocketProtocol):
        write = kind.write

        def noted(self: Any, data: bytes, write: Any = write, name: str = kind.__name__) -> bool:
            found.append(name)
            return bool(write(self, data))

        monkeypatch.setattr(kind, "write", noted)
    return found


async def event_texts(client: Client, url: str, ch: JobChannel) -> list[str]:
    """Publish one after the other, and return the texts that an event stream carries."""
    token, found = (await client.realtime.token(ch))["key"], ""
    headers = {"Accept-Encoding": "br, gzip", "Origin": "http://127.0.0.1"}
    async with (
        httpx.AsyncClient(timeout=20, verify=False) as http,
        http.stream("GET", f"{url}/v1/realtime/sse", params={"token": token}, headers=headers) as answer,
    ):
        decode = DECODERS[answer.headers.get("content-encoding", "")]()
        published = 0
        async for part in answer.aiter_raw():
            found += decode(part).decode()
            if found.count("data: ") == published < COUNT:
                published += 1
                await client.realtime.publish(ch.token, "hello")
            if found.count("data: ") == COUNT:
                break
    lines = [line.removeprefix("data: ") for line in found.splitlines() if line.startswith("data: ")]
    return [json.loads(line)["data"] for line in lines]


async def websocket_texts(client: Client, url: str, ch: JobChannel) -> list[str]:
    async with subscribed(url, (await client.realtime.token(ch))["key"]) as reader:
        for _ in range(COUNT):
            await client.realtime.publish(ch.token, "hello")
        return [(await data_frame(reader))["data"] for _ in range(COUNT)]


@pytest.mark.parametrize("own", [False, True], ids=["our protocols", "uvicorn's own"])
@pytest.mark.parametrize("middleware", MIDDLEWARE)
async def test_every_message_passes_through_it(
    middleware: str, own: bool, client: Client, api: FastAPI, ch: JobChannel
) -> None:
    kind, settings = MIDDLEWARE[middleware]
    api.add_middleware(kind, **settings)
    word = "HELLO" if middleware == "rewrites" else "hello"
    async with plain_uvicorn(api, lifespan="on", **(OWN if own else OURS)) as (_, url):
        assert await event_texts(client, url, ch) == [word] * COUNT
        assert await websocket_texts(client, url, ch) == [word] * COUNT


async def test_without_any_the_way_past_the_interface_is_taken(
    client: Client, api: FastAPI, ch: JobChannel, directly: list[str]
) -> None:
    async with plain_uvicorn(api, lifespan="on", **OURS) as (_, url):
        await event_texts(client, url, ch)
        await websocket_texts(client, url, ch)
    assert directly.count("_Response") >= COUNT - 1
    assert "WebSocketProtocol" in directly


async def test_middleware_for_requests_leaves_websockets_the_way_past(
    client: Client, api: FastAPI, ch: JobChannel, directly: list[str]
) -> None:
    api.add_middleware(Deflate)
    async with plain_uvicorn(api, lifespan="on", **OURS) as (_, url):
        await event_texts(client, url, ch)
        assert directly == []
        await websocket_texts(client, url, ch)
    assert set(directly) == {"WebSocketProtocol"}
