"""A gateway that is killed and started again, while messages are published durably: readers resume."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tightbeam
from tests.tightbeam.engine import inspection
from tests.tightbeam.engine.samples import job_channel

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, sys
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tightbeam import Client, Context
from tightbeam.gateway import app, serve

client = Client(sys.argv[1])
COUNT = int(sys.argv[3])

@client.function("work", on="app/work")
async def work(ctx: Context) -> None:
    ch = job_channel(job_id="j1")
    for n in range(COUNT):
        await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
        await ctx.publish(ch.status, {"message": "live"})
        await asyncio.sleep(0.001)

gateway = app(client, channels=[JobChannel], dev=True)

def ready(url):
    if sys.argv[4] == "first":
        asyncio.get_running_loop().create_task(client.send("app/work")).add_done_callback(print)
    print(url, flush=True)

serve(gateway, port=int(sys.argv[2]), access_log=False, ready=ready)
"""


async def started(path: Path, port: int, count: int, which: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, str(path), str(port), str(count), which),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert await process.stdout.readline()
    return process


async def kills(path: Path, times: int, count: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ch = job_channel(job_id="j1")
    process = await started(path, port, count, "first")
    got: list[list[Any]] = [[], []]

    async def read(into: list[Any]) -> None:
        async with remote.realtime.subscribe(ch.tick, ch.status, after="start") as messages:
            async for message in messages:
                if message.topic == "tick":
                    into.append((message.data.n, message.id, message.position))  # type: ignore[union-attr]
                    if len(into) == count:
                        return

    try:
        async with tightbeam.connect(f"http://127.0.0.1:{port}", key="any") as remote:
            async with asyncio.timeout(180):
                readers = [asyncio.create_task(read(into)) for into in got]
                for n in range(times):
                    while len(got[0]) < (n + 1) * count // (times + 2):  # noqa: ASYNC110 - no event to wait for
                        await asyncio.sleep(0.002)
                    process.send_signal(signal.SIGKILL)
                    await process.wait()
                    process = await started(path, port, count, "again")
                await asyncio.gather(*readers)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
    for one in got:
        assert [n for n, _, _ in one] == list(range(count))  # no gap, no duplicate
        assert len({id_ for _, id_, _ in one}) == count
    assert got[0] == got[1]
    assert len(inspection.runs(path)) == 1


@pytest.mark.slow
async def test_readers_outlive_a_gateway_that_is_killed(tmp_path: Path) -> None:
    await kills(tmp_path / "app.db", 1, 60)


@pytest.mark.slow
async def test_readers_outlive_a_gateway_that_is_killed_again_and_again(tmp_path: Path) -> None:
    await kills(tmp_path / "app.db", 5, 600)


READER = """
import asyncio, sys
import tightbeam
from tests.tightbeam.engine.samples import job_channel

async def main():
    ch = job_channel(job_id="j1")
    async with tightbeam.connect(sys.argv[1], key="any") as remote:
        async with remote.realtime.subscribe(ch.tick, after=sys.argv[2]) as messages:
            async for message in messages:
                print(message.data.n, message.position, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_a_reader_in_a_process_of_its_own_is_killed_too(tmp_path: Path) -> None:
    """The gateway twice, and the reader between: it goes on after the last line that it has written."""
    count, path = 200, tmp_path / "app.db"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def reading(after: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", READER, f"http://127.0.0.1:{port}", after),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    async def lines(until: int) -> None:
        assert reader.stdout is not None
        while len(seen) < until and (said := await reader.stdout.readline()).endswith(b"\n"):
            number, position = said.decode().split()
            seen.append((int(number), position))

    seen: list[tuple[int, str]] = []
    gateway = await started(path, port, count, "first")
    reader = await reading("start")
    try:
        async with asyncio.timeout(180):
            for victim in ("gateway", "reader", "gateway"):
                await lines(min(len(seen) + count // 4, count))
                if victim == "reader":
                    reader.kill()
                    await lines(count)
                    await reader.wait()
                    reader = await reading(seen[-1][1])
                else:
                    gateway.kill()
                    await gateway.wait()
                    gateway = await started(path, port, count, "again")
            await lines(count)
    finally:
        for process in (gateway, reader):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()
    assert [number for number, _ in seen] == list(range(count))
