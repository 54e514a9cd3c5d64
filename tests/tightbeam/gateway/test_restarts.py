"""A server that stops while streams of a mounted gateway are open: real processes, as a user starts them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed

ROOT = Path(__file__).parents[3]
MODULE = """
import os
import tightbeam, tightbeam.gateway
from fastapi import FastAPI
from tests.tightbeam.engine.samples import JobChannel, job_channel

client = tightbeam.Client()
gateway = tightbeam.gateway.app(client, channels=[JobChannel], dev=True, public_url="http://127.0.0.1")
app = FastAPI(lifespan=client.lifespan)

@app.get("/token")
async def token():
    return {"pid": os.getpid(), "token": (await client.realtime.token(job_channel(job_id="j1")))["key"]}

app.mount("/", gateway)
"""
STOPS_SLOWLY = """
import asyncio
from pathlib import Path

close = gateway.close

async def close_slowly():
    await close()
    while not Path(__file__).with_name("go").exists():
        await asyncio.sleep(0.01)

gateway.close = close_slowly
"""
"""Appended to the module: ending the streams takes until there is a file `go` beside it."""
UVICORN = ("uvicorn", "mounted:app", "--port", "PORT")
OURS = (
    *("--http", "tightbeam.gateway.protocol:HttpProtocol"),
    *("--ws", "tightbeam.gateway.protocol:WebSocketProtocol"),
)
SERVERS: dict[str, tuple[str, ...]] = {
    "uvicorn": UVICORN,
    "uvicorn with our protocols": (*UVICORN, *OURS),
    "uvicorn with h11 and wsproto": (*UVICORN, "--http", "h11", "--ws", "wsproto"),
    "uvicorn with reload": (*UVICORN, "--reload"),
    "uvicorn with a worker": (*UVICORN, "--workers", "1"),
    "gunicorn": ("gunicorn", "-k", "uvicorn_worker.UvicornWorker", "-b", "127.0.0.1:PORT", "mounted:app"),
    "granian": ("granian", "--interface", "asgi", "--port", "PORT", "--workers", "1", "mounted:app"),
}
BOUND = 20.0
"""Seconds from the signal to the end: the five of docs/gateway.md, and what a busy machine adds to them.

Streams that nothing ends would stay open for an hour; gunicorn alone would kill its worker, after 30 s.
"""


@dataclass
class Served:
    """A server process and its port."""

    process: asyncio.subprocess.Process
    port: int
    connections: contextlib.ExitStack

    async def asked(self, path: str, head: str = "") -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.connections.callback(writer.close)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n".encode())
        return reader

    async def token(self) -> tuple[int, str]:
        """The process that answers and a token, once it does."""
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                answer = await (await self.asked("/token")).readuntil(b"}")
                found = json.loads(answer[answer.index(b"{") :])
                return found["pid"], found["token"]
            assert self.process.returncode is None
            await asyncio.sleep(0.05)

    async def event_stream(self, token: str) -> asyncio.StreamReader:
        reader = await self.asked(f"/v1/realtime/sse?token={token}")
        await reader.readuntil(b":\n\n")
        return reader

    def websocket(self, token: str) -> open_websocket:
        return open_websocket(
            f"ws://127.0.0.1:{self.port}/v1/realtime/connect?token={token}", proxy=None, open_timeout=None
        )


@contextlib.asynccontextmanager
async def serving(folder: Path, *command: str, module: str = MODULE) -> AsyncIterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "mounted.py").write_text(module)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *(one.replace("PORT", str(port)) for one in command)),
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (folder, ROOT, ROOT / "runtime", ROOT / "generator"))),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        with contextlib.ExitStack() as connections:
            async with asyncio.timeout(120):
                yield Served(process, port, connections)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def kinds_until_closed(connection: ClientConnection) -> list[str]:
    kinds: list[str] = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            kinds.append(json.loads(await connection.recv())["kind"])
    return kinds


async def ended(served: Served) -> bytes:
    """Return what the server has logged; it ends within the bound."""
    async with asyncio.timeout(BOUND):
        logged, _ = await served.process.communicate()
    return logged


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
@pytest.mark.parametrize("server", SERVERS)
async def test_streams_hear_closing_and_the_server_ends(
    server: str, number: signal.Signals, tmp_path: Path
) -> None:
    async with serving(tmp_path, *SERVERS[server]) as served:
        _, token = await served.token()
        events = await served.event_stream(token)
        async with served.websocket(token) as connection:
            # Ctrl-C goes to every process of the terminal's foreground group.
            (os.killpg if number is signal.SIGINT else os.kill)(served.process.pid, number)
            async with asyncio.timeout(BOUND):
                rest = await events.read()
                kinds = await kinds_until_closed(connection)
            if server != "granian":  # which may drop WebSockets at once, without a closing handshake
                assert (kinds, connection.close_code) == (["closing"], 1012)
        logged = await ended(served)
        assert b'"kind":"closing"' in rest
        assert b"Traceback" not in logged, logged.decode()
        assert b"Error" not in logged, logged.decode()


@pytest.mark.slow
@pytest.mark.parametrize("server", ["uvicorn", "uvicorn with our protocols", "uvicorn with reload"])
async def test_two_quick_interrupts(server: str, tmp_path: Path) -> None:
    async with serving(tmp_path, *SERVERS[server], module=MODULE + STOPS_SLOWLY) as served:
        _, token = await served.token()
        events = await served.event_stream(token)
        os.killpg(served.process.pid, signal.SIGINT)
        async with asyncio.timeout(BOUND):
            await events.readuntil(b'"kind":"closing"')
        os.killpg(served.process.pid, signal.SIGINT)
        (tmp_path / "go").touch()  # only now: the second would come to a process that has ended
        logged = await ended(served)
        assert b"Traceback" not in logged, logged.decode()
        assert b"Application shutdown complete" in logged


@pytest.mark.slow
async def test_a_changed_file_replaces_the_process_while_a_page_is_open(tmp_path: Path) -> None:
    async with serving(tmp_path, *SERVERS["uvicorn with reload"]) as served:
        before, token = await served.token()
        events = await served.event_stream(token)
        async with served.websocket(token) as connection:
            closed = asyncio.create_task(kinds_until_closed(connection))
            version = MODULE
            while not closed.done():  # again and again: uvicorn may not watch yet when the first is written
                version += "# another version\n"
                (tmp_path / "mounted.py").write_text(version)
                await asyncio.wait({closed}, timeout=1)
            assert await closed == ["closing"]
        assert b'"kind":"closing"' in await events.read()
        after, token = await served.token()
        assert after != before
        with pytest.raises(ProcessLookupError):
            os.kill(before, 0)
        os.kill(served.process.pid, signal.SIGTERM)
        assert b"Traceback" not in await ended(served)


@pytest.mark.slow
async def test_a_reader_that_answers_nothing_holds_nothing_up(tmp_path: Path) -> None:
    """Its closing handshake is never finished."""
    async with serving(tmp_path, *SERVERS["uvicorn"]) as served:
        _, token = await served.token()
        head = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        head += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        reader = await served.asked(f"/v1/realtime/connect?token={token}", head)
        await reader.readuntil(b"\r\n\r\n")
        os.kill(served.process.pid, signal.SIGTERM)
        assert b"Traceback" not in await ended(served)
