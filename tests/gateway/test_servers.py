"""Servers other than ours: uvicorn as it is, and granian."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidHandshake

import tightbeam
from tests.engine.samples import JobChannel, job_channel
from tests.gateway.serving import data_frame, durable, frame, running, secured, subscribed
from tightbeam import Client

ROOT = Path(__file__).parents[2]


async def test_uvicorns_own_protocol(client: Client, ch: JobChannel) -> None:
    work = durable(client)
    gateway = secured(client)
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


@pytest.mark.slow
async def test_granian() -> None:
    ch = job_channel(job_id="j1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1"),
        *("--port", str(port), "--workers", "1", "--access-log", "tests.gateway.served:gateway"),
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
        async with asyncio.timeout(30):
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
            async with httpx.AsyncClient() as http:
                assert (await http.get(f"{url}/v1/realtime/sse?token=bad.token")).status_code == 401
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        logged, _ = await asyncio.wait_for(process.communicate(), 20)
    assert logged.count(b"/v1/realtime/") >= 2
    assert b"token=" not in logged
    assert b"bad.token" not in logged
