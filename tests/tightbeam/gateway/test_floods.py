"""Who can connect says more than there is to say: connections are cut before that costs memory or time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from websockets.exceptions import ConnectionClosed

from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import KEY, data_frame, frame, running, subscribed
from tests.tightbeam.gateway.test_attacks import everything, raw
from tests.tightbeam.gateway.test_streams import until_connections
from tightbeam import Client
from tightbeam.gateway import Gateway, _protocol
from tightbeam.gateway.protocol import HttpProtocol, WebSocketProtocol

HEAD = f"Host: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
PUBLISH = f"POST /v1/realtime/publish?channel=job:j1&topic=token HTTP/1.1\r\n{HEAD}".encode()
CHUNKED = PUBLISH + b"Transfer-Encoding: chunked\r\n\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
UPGRADE += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"


@pytest.fixture
async def url(gateway: Gateway) -> AsyncIterator[str]:
    async with running(gateway) as served:
        yield served


@pytest.fixture
async def token(client: Client, url: str, ch: JobChannel) -> str:
    return (await client.realtime.token(ch))["key"]


def framed(opcode: int, payload: bytes = b"", *, last: bool = True) -> bytes:
    """A frame as clients send it, masked with zeros; up to 125 bytes."""
    return bytes([(0x80 if last else 0) | opcode, 0x80 | len(payload)]) + bytes(4) + payload


async def said_until_cut(url: str, first: bytes, more: bytes, answer: bytes = b"") -> None:
    """Say it until the server hangs up; it must, long before ten megabytes."""
    async with raw(url) as (reader, writer), asyncio.timeout(20):
        writer.write(first)
        if answer:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(answer)
        with contextlib.suppress(OSError):
            for _ in range(10_000_000 // len(more)):
                writer.write(more)
                await writer.drain()
            assert await reader.read() is None, "it took ten megabytes"


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (CHUNKED + b'3\r\n"x"\r\n0\r\n', b"X-Trailer: y\r\n" * 1_000),
        (CHUNKED + b'3\r\n"x"\r\n0\r\nX-Trailer: ', b"y" * 10_000),
        (CHUNKED + b"3;", b"y" * 10_000),
        (CHUNKED, b"0" * 10_000),
        (HEALTH, b"\r\n" * 5_000),
    ],
    ids=["trailers", "one trailer", "a chunk's extension", "a chunk's size", "empty lines"],
)
async def test_what_is_no_body_and_never_ends(
    first: bytes, more: bytes, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_protocol, "HEAD_SECONDS", 60.0)  # it isn't the time that ends it
    await said_until_cut(url, first, more)


async def test_trailers_are_no_headers(gateway: Gateway, url: str) -> None:
    async def echo(request: Request) -> Response:
        await request.body()
        return JSONResponse([name.decode() for name, _ in request.scope["headers"]])

    gateway.router.routes.append(Route("/echo", echo, methods=["POST"]))
    async with raw(url) as (reader, writer):
        head = b"POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        writer.write(
            head + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nOrigin: https://evil.test\r\n\r\n"
        )
        answer = await everything(reader)
    assert b'"host"' in answer
    assert b"origin" not in answer


async def test_requests_that_wait_for_each_other_are_bounded(url: str, token: str) -> None:
    few = 3 * HEALTH + HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with raw(url) as (reader, writer):
        writer.write(few)
        assert (await everything(reader)).count(b"HTTP/1.1 200 OK") == 4
    stream = f"GET /v1/realtime/sse?token={token} HTTP/1.1\r\n{HEAD}\r\n".encode()
    async with raw(url) as (reader, writer):  # on a stream nothing is ever answered
        writer.write(stream + HEALTH * 50)
        assert (await everything(reader)).count(b"HTTP/1.1 200 OK") == 0


async def test_no_stream_loses_its_connection_to_another(gateway: Gateway, url: str, token: str) -> None:
    """An upgrade behind an open stream would take the stream's flow control, and the news of its end."""
    async with raw(url) as (reader, writer):
        writer.write(f"GET /v1/realtime/sse?token={token} HTTP/1.1\r\n{HEAD}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        await until_connections(gateway, 1)
        writer.write(f"GET /v1/realtime/connect?token={token} HTTP/1.1\r\n{HEAD}{UPGRADE}".encode())
        assert b"101 Switching" not in await everything(reader)
    await until_connections(gateway, 0)


async def test_a_connection_that_says_nothing_more_is_closed(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty line stops the server's own timer."""
    async with raw(url) as (reader, writer):
        writer.write(HEALTH)
        assert b"200 OK" in await reader.readuntil(b"}")
        monkeypatch.setattr(_protocol, "HEAD_SECONDS", 0.2)
        writer.write(b"\r\n")
        assert await everything(reader) == b""


@pytest.mark.parametrize(
    "more",
    [framed(9, b"x" * 125) * 100, framed(9) * 2_000, framed(10) * 2_000, framed(1, b"x") * 2_000],
    ids=["pings", "empty pings", "pongs", "texts"],
)
async def test_a_reader_that_talks_without_end(more: bytes, url: str, token: str) -> None:
    head = f"GET /v1/realtime/connect?token={token} HTTP/1.1\r\n{HEAD}{UPGRADE}".encode()
    await said_until_cut(url, head, more, b"HTTP/1.1 101 ")


async def test_fragments_that_hold_nothing_are_not_kept(
    url: str, token: str, client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = connections(monkeypatch, WebSocketProtocol)
    async with raw(url) as (reader, writer), asyncio.timeout(20):
        writer.write(f"GET /v1/realtime/connect?token={token} HTTP/1.1\r\n{HEAD}{UPGRADE}".encode())
        await reader.readuntil(b"\r\n\r\n")
        nothing = framed(0, last=False) * 10_000
        writer.write(framed(1, b"{", last=False) + nothing + framed(9, b"!"))
        await reader.readuntil(b"\x8a\x01!")  # it has come to the ping
        assert len(made[0].frames) == 1
    async with subscribed(url, token) as reading:  # what is said in pieces is understood all the same
        await reading.send(['{"kind":"un', "", 'sub","data":["status"]}'])
        await (await reading.ping())
        await client.realtime.publish(ch.status, {"message": "unheard"})
        await client.realtime.publish(ch.tick, {"n": 1})
        assert (await data_frame(reading))["data"] == {"n": 1}


def test_silence_earns_no_flood() -> None:
    """A reader that said nothing for a day may say no more at once than any other."""
    protocol = object.__new__(WebSocketProtocol)
    protocol.loop = SimpleNamespace(time=lambda: 86_400.0)  # type: ignore[assignment]
    assert protocol._may_say(_protocol.READER_BYTES)
    assert not protocol._may_say(1)


def connections(monkeypatch: pytest.MonkeyPatch, protocol: type[Any]) -> list[Any]:
    """The server's ends of the connections that are made from now on."""
    made: list[Any] = []
    connected = protocol.connection_made
    monkeypatch.setattr(
        protocol, "connection_made", lambda self, to: (made.append(self), connected(self, to))
    )
    return made


async def test_nothing_is_timed_once_a_connection_is_handed_over_or_gone(
    url: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A timer that is left would close a WebSocket ten seconds after it was opened."""
    made = connections(monkeypatch, HttpProtocol)
    async with subscribed(url, token) as reader:
        await (await reader.ping())
        assert made[0]._due is None
    lost = asyncio.Event()
    gone = HttpProtocol.connection_lost
    monkeypatch.setattr(HttpProtocol, "connection_lost", lambda self, error: (gone(self, error), lost.set()))
    async with raw(url) as (_, writer):
        writer.write(b"GET /hea")
        await writer.drain()
    async with asyncio.timeout(60):
        await lost.wait()
    assert made[1]._due is None


def test_no_message_follows_a_closing_handshake() -> None:
    written: list[bytes] = []
    protocol = object.__new__(WebSocketProtocol)
    protocol.transport = SimpleNamespace(write=written.append)  # type: ignore[assignment]
    protocol.writable = asyncio.Event()
    protocol.handshake_complete, protocol.close_sent, protocol.disconnected = True, False, False
    protocol.write(b"one")
    protocol.close_sent = True
    protocol.write(b"two")
    protocol.close_sent, protocol.disconnected = False, True
    protocol.write(b"three")
    assert written == [b"one"]


async def test_a_kept_connection_is_judged_by_each_request_alone(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = 0
    data_received = HttpProtocol.data_received

    def counted(self: HttpProtocol, data: bytes) -> None:
        nonlocal received
        received += len(data)
        data_received(self, data)

    monkeypatch.setattr(HttpProtocol, "data_received", counted)
    half = b"x" * 20_000
    head = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "
    said = 0
    async with raw(url) as (reader, writer), asyncio.timeout(20):
        for _ in range(8):  # each is well within the bounds; all of them aren't
            writer.write(head + half)
            said += len(head + half)
            while received < said:  # noqa: ASYNC110 - in two pieces: the server has read the first
                await asyncio.sleep(0.001)
            writer.write(half + b"\r\n\r\n")
            said += len(half) + 4
            assert b"200 OK" in await reader.readuntil(b"}")


async def test_a_body_may_be_larger_than_what_is_around_it(url: str) -> None:
    body = b"x" * 300_000
    async with raw(url) as (reader, writer), asyncio.timeout(20):
        writer.write(PUBLISH + f"Content-Length: {len(body)}\r\n\r\n".encode())
        for start in range(0, len(body), 10_000):
            writer.write(body[start : start + 10_000])
            await writer.drain()
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")


async def test_a_server_that_shuts_down_by_itself_says_so_first(
    url: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As plain uvicorn with these protocols does, which doesn't ask the gateway."""
    made = connections(monkeypatch, WebSocketProtocol)
    async with subscribed(url, token) as reader:
        made[0].shutdown()
        assert (await frame(reader))["kind"] == "closing"
        with pytest.raises(ConnectionClosed):
            await frame(reader)
        assert reader.close_code == 1012
