"""What somebody may try who can connect: raw bytes on real sockets, before and behind the token."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.serving import (
    KEY,
    SECRET,
    data_frame,
    frame,
    patient,
    running,
    secured,
    subscribed,
)
from tightbeam import Client
from tightbeam.gateway import _http, _protocol
from tightbeam.gateway._tokens import BadToken, mint, verify

PUBLISH = "/v1/realtime/publish?channel=job:j1&topic=token"
BEARER = {"Authorization": f"Bearer {KEY}"}


@contextlib.asynccontextmanager
async def raw(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which anything can be said."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def everything(reader: asyncio.StreamReader) -> bytes:
    """All that is answered until the server hangs up."""
    got = b""
    async with asyncio.timeout(20):
        with contextlib.suppress(OSError):
            while more := await reader.read(1 << 16):
                got += more
    return got


@pytest.mark.slow
async def test_a_head_that_never_ends_in_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(secured(client), timeout_keep_alive=60) as url:  # uvicorn's own comes later
        with monkeypatch.context() as patch:
            patch.setattr(_protocol, "HEAD_SECONDS", 0.2)
            for said in (b"", b"G", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", b"\r\n\r\n"):
                async with raw(url) as (reader, writer):
                    writer.write(said)
                    assert await everything(reader) == b""
            # The second request of a connection has no more time than the first, which is answered in it.
            patch.setattr(_protocol, "HEAD_SECONDS", 3.0)
            async with raw(url) as (reader, writer):
                writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /hea")
                assert (await everything(reader)).count(b"HTTP/1.1 ") == 1
        async with patient() as http:  # others are served
            assert (await http.get(f"{url}/health")).status_code == 200


@pytest.mark.slow
async def test_many_upgrades_that_are_left_half_open(
    client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = secured(client)
    async with running(gateway) as url:
        token = (await client.realtime.token(ch))["key"]
        half = f"GET /v1/realtime/connect?token={token} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        async with contextlib.AsyncExitStack() as stack:
            with monkeypatch.context() as patch:  # who says all has the usual time
                patch.setattr(_protocol, "HEAD_SECONDS", 0.5)
                opened = [await stack.enter_async_context(raw(url)) for _ in range(200)]
            for _, writer in opened:
                writer.write(half.encode())
            assert gateway.connections == 0  # they cost no stream
            async with subscribed(url, token) as reader:
                await client.realtime.publish(ch.tick, {"n": 1})
                assert (await data_frame(reader))["data"] == {"n": 1}
            for reader_, _ in opened:
                assert await everything(reader_) == b""


@pytest.mark.parametrize("part", ["one header", "many headers", "the request line"])
async def test_a_head_that_is_too_large(part: str, client: Client) -> None:
    async with running(secured(client)) as url, raw(url) as (reader, writer):
        said = {
            "one header": b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ",
            "many headers": b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n",
            "the request line": b"GET /health?",
        }[part]
        writer.write(said)
        more = b"X: y\r\n" * 2_000 if part == "many headers" else b"x" * 12_000
        with contextlib.suppress(OSError):
            for _ in range(1_000):  # 12 MB, if nobody stopped it
                writer.write(more)
                await writer.drain()
        answer = await everything(reader)  # the server hangs up; its answer may be lost
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


async def test_the_size_of_heads_is_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said slowly, so that the answer isn't lost with the rest."""
    async with running(secured(client)) as url, raw(url) as (reader, writer):
        writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * _protocol.HEAD_BYTES)
        await writer.drain()
        assert (await everything(reader)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.slow
async def test_a_body_that_trickles(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "BODY_SECONDS", 0.2)
    async with running(secured(client)) as url, raw(url) as (reader, writer):
        head = f"POST {PUBLISH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
        writer.write(f'{head}Content-Length: 100\r\n\r\n"a'.encode())
        assert (await everything(reader)).startswith(b"HTTP/1.1 408 ")


@pytest.mark.slow
async def test_a_body_that_goes_on_after_the_answer(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(secured(client)) as url, raw(url) as (reader, writer):
        writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await reader.readuntil(b"}")
        # Only now: the timer of a connection's first head begins before anything is said.
        monkeypatch.setattr(_protocol, "HEAD_SECONDS", 0.3)
        writer.write(f"POST {PUBLISH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n".encode())
        answer = asyncio.create_task(everything(reader))
        with contextlib.suppress(OSError):
            while not answer.done():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.01)
        assert (await answer).startswith(b"HTTP/1.1 401 ")


async def test_a_body_that_breaks_off_is_no_error_of_ours(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(secured(client)) as url:
        async with raw(url) as (_, writer):
            head = f"POST {PUBLISH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
            writer.write(f'{head}Content-Length: 100\r\n\r\n"a'.encode())
            await writer.drain()
        async with patient() as http:
            await http.get(f"{url}/health")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


SMUGGLED = b"POST /v1/realtime/publish?channel=job:j1&topic=tick HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


SMUGGLERS = [
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
    b"Content-Length: +5\r\n\r\n12345",
    b"Content-Length: 5, 5\r\n\r\n12345",
    b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n5;\nx\r\n12345\r\n0\r\n\r\n",
    b"X\0: y\r\n\r\n",
]


async def test_no_request_is_smuggled_in_another(client: Client) -> None:
    """What two servers could read in two ways, the server reads in none: one answer, and it hangs up."""
    async with running(secured(client)) as url:
        for headers in SMUGGLERS:
            async with raw(url) as (reader, writer):
                head = b"POST /v1/realtime/token HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                writer.write(head + headers + SMUGGLED)
                writer.write_eof()
                answers = await everything(reader)
            assert answers.count(b"HTTP/1.1 ") <= 1, headers


async def test_a_token_is_for_one_channel_however_it_is_spelt(client: Client, ch: JobChannel) -> None:
    """`job:j1` is not `job:j1:x`, nor any other spelling of it."""
    async with running(secured(client)) as url:
        token = (await client.realtime.token(ch))["key"]
        for other in (
            "job:j1:x",
            "job:j1%3Ax",
            "job%3Aj1",
            "JOB:j1",
            "job:j1 ",
            "job:j1\0",
            "job:",
            "job:ｊ1",
        ):
            with pytest.raises(InvalidStatus) as refused:
                async with subscribed(url, token, want=json.dumps([[other, "tick"]])):
                    pass
            assert refused.value.response.status_code == 403, other
        for other in ("job:j1:x", "job:j1\0", "job:", "job:j1\n", "jobs:j1", "x job:j1"):  # no channel at all
            forged = mint(SECRET.encode(), {other: ["tick"]}, None, 60)
            with pytest.raises(InvalidStatus) as refused:
                async with subscribed(url, forged):
                    pass
            assert refused.value.response.status_code == 401, other
        # What is percent-encoded once is the same channel; twice is another name, which there may be.
        async with subscribed(url, token) as reader, patient(headers=BEARER) as http:
            for spelt in ("job%3Aj1", "job%253Aj1", "job:j1%20", "job:j1%00"):
                query = f"channel={spelt}&topic=tick"
                await http.post(f"{url}/v1/realtime/publish?{query}", content=b'{"n": 1}')
            await client.realtime.publish(ch.status, {"message": "the end"})
            assert (await data_frame(reader))["data"] == {"n": 1}
            assert (await data_frame(reader))["data"] == {"message": "the end"}


@pytest.mark.slow
async def test_parameters_that_come_twice(client: Client, ch: JobChannel) -> None:
    other = job_channel(job_id="j2")
    async with running(secured(client)) as url:
        mine = (await client.realtime.token(ch, ["tick"]))["key"]
        for query in (f"token={mine}&token=bad", f"token=bad&token={mine}", f"token={mine}&token="):
            async with patient() as http:
                answer = await http.get(f"{url}/v1/realtime/sse?{query}")
            assert answer.status_code == 401, query
        wants = [quote(json.dumps([[name, "tick"]])) for name in (ch.name, other.name)]
        async with patient(headers=BEARER) as http:
            answer = await http.get(f"{url}/v1/realtime/sse?token={mine}&want={wants[1]}&want={wants[0]}")
            assert answer.status_code == 403  # the first counts
            async with subscribed(url, mine) as reader:
                # For publishes too: what is checked is what is done.
                for first, second in ((other.name, ch.name), (ch.name, other.name)):
                    query = f"channel={first}&channel={second}&topic=tick&topic=status"
                    assert (
                        await http.post(f"{url}/v1/realtime/publish?{query}", content=b'{"n": 7}')
                    ).status_code == 200
                got = await data_frame(reader)
                assert (got["channel"], got["topic"], got["data"]) == (ch.name, "tick", {"n": 7})
        many = "&".join(f"a{n}=1" for n in range(200))
        async with patient() as http:
            assert (await http.get(f"{url}/v1/realtime/sse?token={mine}&{many}")).status_code == 400


def encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "header", [b"[" * 4_000, b'{"alg":' + b"[" * 4_000, b'"\\ud800"', b"\xff", b"null", b"3", b'{"a":1e999}']
)
def test_a_token_that_is_a_bomb(header: bytes) -> None:
    with pytest.raises(BadToken):
        verify(f"{encoded(header)}.{encoded(b'{}')}.AAAA", [SECRET.encode()], 20_000)


@pytest.mark.parametrize("claims", [b"[" * 4_000, b"[]", b"3", b'{"exp":1e999}', b'{"exp":"soon"}', b"{"])
def test_a_signed_token_that_makes_no_sense(claims: bytes) -> None:
    head = encoded(b'{"alg":"HS256","typ":"JWT"}')
    signed = f"{head}.{encoded(claims)}"
    signature = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    with pytest.raises(BadToken):
        verify(f"{signed}.{encoded(signature)}", [SECRET.encode()], 20_000)


BOMBS: list[tuple[str, bytes]] = [
    ("deep", b"[" * 200_000),
    ("deep and closed", b"[" * 200_000 + b"]" * 200_000),
    ("deep objects", b'{"a":' * 80_000),
    ("a long number", b"9" * 500_000),
    ("an exponent", b"1e999999999"),
    ("many keys", b"{" + b",".join(b'"%d":0' % n for n in range(40_000)) + b"}"),
    ("escapes", b'"' + rb"\u0000" * 80_000 + b'"'),
    ("a lone surrogate", rb'"\ud800"'),
]


@pytest.mark.slow
async def test_json_bombs(client: Client, ch: JobChannel) -> None:
    async with running(secured(client)) as url, httpx.AsyncClient(headers=BEARER, timeout=20) as http:
        token = (await client.realtime.token(ch))["key"]
        async with subscribed(url, token) as reader:
            for name, bomb in BOMBS:
                for topic in ("tick", "token"):
                    query = f"{url}/v1/realtime/publish?channel=job:j2&topic={topic}"
                    assert (await http.post(query, content=bomb)).status_code in (200, 413, 422), name
                answer = await http.post(f"{url}/v1/realtime/token", content=bomb)
                assert answer.status_code in (400, 413), name
                short = bomb[:3_000].decode()
                metadata = {"channel": "job:j2", "topic": "tick", "metadata": short}
                answer = await http.post(f"{url}/v1/realtime/publish", params=metadata, content=b'{"n": 1}')
                assert answer.status_code in (200, 400), name
                answer = await http.get(f"{url}/v1/realtime/sse", params={"token": token, "want": short})
                assert answer.status_code == 400, name
                await reader.send(bomb[:15_000].decode())
            await client.realtime.publish(ch.tick, {"n": 2})
            assert (await frame(reader))["data"] == {"n": 2}


@pytest.mark.slow
async def test_a_flood_of_publishes_hurts_its_readers_only(client: Client, ch: JobChannel) -> None:
    """Two thousand at once, over HTTP: who listens elsewhere is served meanwhile."""
    other = job_channel(job_id="j2")
    async with running(secured(client)) as url, httpx.AsyncClient(headers=BEARER, timeout=30) as http:
        async with subscribed(url, (await client.realtime.token(other))["key"]) as reader:

            async def flood() -> list[int]:
                address = f"{url}/v1/realtime/publish?channel=job:j1&topic=token"
                return [(await http.post(address, content=b"x" * 1_000)).status_code for _ in range(100)]

            floods = [asyncio.create_task(flood()) for _ in range(5)]
            for n in range(20):
                await client.realtime.publish(other.tick, {"n": n})
                assert (await data_frame(reader))["data"] == {"n": n}
            assert all(set(one) == {200} for one in await asyncio.gather(*floods))


async def test_every_route_checks_where_it_is_called_from(client: Client, ch: JobChannel) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    cases = [({"Origin": "https://evil.test"}, 403), ({"Origin": "null"}, 403), ({"Host": "evil.test"}, 421)]
    async with running(secured(client)) as url, patient(headers=BEARER) as http:
        query = {"token": (await client.realtime.token(ch))["key"], "channel": "job:j1", "topic": "tick"}
        for headers, refused in [*cases, ({}, None)]:
            for kind, status in (("sse", 200), ("token", 201), ("publish", 200), ("openapi.json", 200)):
                method = "POST" if kind in ("token", "publish") else "GET"
                body = b'{"n": 1}' if kind == "publish" else b'[{"channel":"job:j1","name":"tick"}]'
                address = f"{url}/v1/realtime/{kind}"
                asked = http.stream(method, address, params=query, content=body, headers=headers)
                async with asked as answer:
                    assert answer.status_code == (refused or status), (kind, headers)
            if refused is not None:
                address = f"{url}/v1/realtime/connect"
                answer = await http.get(address, params=query, headers=headers | upgrade)
                assert answer.status_code == refused, headers
