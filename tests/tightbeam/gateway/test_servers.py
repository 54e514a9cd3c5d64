"""Servers other than ours: uvicorn as it is, and granian."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.exceptions import InvalidHandshake

import tightbeam
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.serving import (
    UNHURRIED,
    data_frame,
    durable,
    frame,
    patient,
    running,
    secured,
    subscribed,
)
from tightbeam import Client

ROOT = Path(__file__).parents[3]


async def test_uvicorns_own_protocol(client: Client, ch: JobChannel) -> None:
    work = durable(client)
    gateway = secured(client, limits=UNHURRIED)
    async with running(gateway, ws="websockets-sansio", ws_per_message_deflate=True) as url:
        with pytest.raises(InvalidHandshake):
            async with subscribed(url, "bad"):
                pass
        async with subscribed(url, (await client.realtime.token(ch))["key"], after="start") as reader:
            await client.run(work, {"first": 0, "count": 5})
            assert [(await data_frame(reader))["data"]["n"] for _ in range(5)] == list(range(5))
            await gateway.close()
            while (await frame(reader))["kind"] != "closing":
                pass


OURS = (
    "--http",
    "tightbeam.gateway.protocol:HttpProtocol",
    "--ws",
    "tightbeam.gateway.protocol:WebSocketProtocol",
)
LOGGING: dict[str, tuple[str, ...]] = {
    "uvicorn": ("uvicorn", "--log-level", "debug"),
    "uvicorn with our protocols": ("uvicorn", "--log-level", "debug", *OURS),
    "granian": ("granian", "--interface", "asgi", "--workers", "1", "--access-log", "--log-level", "debug"),
}
UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
UPGRADE += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


async def asked(port: int, request: str) -> bytes:
    """What is answered first, to a request that may be nonsense."""
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request.encode("latin-1"))
        answer = await reader.read(1 << 16)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return answer


@pytest.mark.slow
@pytest.mark.parametrize("server", LOGGING)
async def test_no_token_and_no_key_in_any_log(server: str) -> None:
    """At DEBUG, of a real server process: requests that succeed, fail, or can't be read."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    secret, token = "k-0123456789abcdef0123456789s3cret", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzM2NyZXQifQ.s3cret"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *LOGGING[server], "--host", "127.0.0.1", "--port", str(port)),
        "tests.tightbeam.gateway.served:gateway",
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "runtime"), str(ROOT / "generator")]),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    head = f"Host: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {secret}\r\n"
    try:
        async with asyncio.timeout(120):
            while True:
                with contextlib.suppress(OSError):
                    await asked(port, f"GET /health HTTP/1.1\r\n{head}\r\n")
                    break
                await asyncio.sleep(0.05)
        query = f"token={token}", f"%74oken={token}", f"a=1&token={token}{'&b=1' * 99}"
        for path in ("sse", "sse/", "connect", "connect/", "nothing", "publish"):
            for one in query:
                for method, more in (("GET", head), ("POST", head), ("GET", head + UPGRADE)):
                    if more is not head:
                        more = more.replace("Connection: close\r\n", "", 1)
                    answer = await asked(port, f"{method} /v1/realtime/{path}?{one} HTTP/1.1\r\n{more}\r\n")
                    assert answer.startswith(b"HTTP/1.1 4"), (method, path, answer)
                    assert token[-20:].encode() not in answer
        for nonsense in ("\xff", "\x01", " HTTP/1.1 ", "#x"):
            await asked(port, f"GET /v1/realtime/sse?token={token}{nonsense} HTTP/1.1\r\n{head}\r\n")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        logged, _ = await asyncio.wait_for(process.communicate(), 20)
    assert logged.count(b"/v1/realtime/") >= 50
    assert b"s3cret" not in logged


@pytest.mark.slow
async def test_granian() -> None:
    ch = job_channel(job_id="j1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1"),
        *("--port", str(port), "--workers", "1", "--access-log", "tests.tightbeam.gateway.served:gateway"),
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "runtime"), str(ROOT / "generator")]),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(120):
            while b"Started worker-1" not in (said := await process.stdout.readline()):
                assert said, "granian ended"
        url = f"http://127.0.0.1:{port}"
        async with asyncio.timeout(30), tightbeam.connect(url, key="any") as remote:
            async with remote.realtime.subscribe(ch) as messages:
                await remote.realtime.publish(ch.tick, {"n": 1})
                assert (await anext(messages)).data.n == 1  # type: ignore[union-attr]
            with pytest.raises(InvalidHandshake):
                async with subscribed(url, "bad.token"):
                    pass
            async with patient() as http:
                assert (await http.get(f"{url}/v1/realtime/sse?token=bad.token")).status_code == 401
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        logged, _ = await asyncio.wait_for(process.communicate(), 20)
    assert logged.count(b"/v1/realtime/") >= 2
    assert b"token=" not in logged
    assert b"bad.token" not in logged
