"""A new process takes over the file while the old one ends: gunicorn's HUP, and a second server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
APPLICATION = """
import asyncio, os
from datetime import timedelta
from fastapi import FastAPI
from tests.tightbeam.engine.samples import job_channel
import tightbeam

client = tightbeam.Client(os.environ["APP_DB"], wait_for_file=timedelta(seconds=60))

@client.function("work", on="app/work", retries=0)
async def work(ctx):
    await ctx.step.realtime.publish("p", job_channel(job_id="j1").tick, {"n": 1})
    await ctx.step.run("step", step)
    return os.getpid()

async def step():
    while os.path.exists("busy"):
        await asyncio.sleep(0.05)

app = FastAPI(lifespan=client.lifespan)

@app.get("/pid")
async def pid() -> int:
    return os.getpid()

@app.post("/work")
async def post_work() -> int:
    print("POST /work begins", flush=True)
    return await client.run(work)
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        number: int = one.getsockname()[1]
        return number


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "app.py").write_text(APPLICATION)
    path = os.pathsep.join([str(tmp_path), str(ROOT / "runtime"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "APP_DB": str(tmp_path / "app.db")}


@contextlib.contextmanager
def started(tmp_path: Path, environment: dict[str, str], *command: str) -> Iterator[subprocess.Popen[bytes]]:
    with (tmp_path / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=tmp_path, env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextlib.asynccontextmanager
async def asking(port: int) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
        asyncio.timeout(240),
    ):
        yield http


async def pid_of(http: httpx.AsyncClient, *not_of: int) -> int:
    """Ask until somebody answers who isn't one of these."""
    while True:
        with contextlib.suppress(httpx.TransportError):
            found: int = (await http.get("/pid", headers={"connection": "close"})).json()
            if found not in not_of:
                return found
        await asyncio.sleep(0.05)


async def test_gunicorns_hup(tmp_path: Path, environment: dict[str, str], port: int) -> None:
    busy = tmp_path / "busy"

    async def until_logged(text: str, times: int) -> None:
        while (tmp_path / "log").read_text().count(text) < times:  # noqa: ASYNC110 - another process's log has no event
            await asyncio.sleep(0.05)

    command = [
        "gunicorn",
        "-k",
        "uvicorn_worker.UvicornWorker",
        "-w",
        "1",
        "--timeout",  # a worker says that it lives only once it has begun
        "120",
        "--graceful-timeout",
        "120",
        "-b",
        f"127.0.0.1:{port}",
        "app:app",
    ]
    with started(tmp_path, environment, *command) as master:
        async with asking(port) as http:
            before = [await pid_of(http)]
            for times in (1, 2):
                busy.touch()
                working = asyncio.create_task(http.post("/work"))  # which the old worker finishes
                await until_logged("POST /work begins", times)
                master.send_signal(signal.SIGHUP)
                await until_logged("waiting for it", times)
                busy.unlink()
                before.append(await pid_of(http, *before))
                answer = await working
                assert (answer.status_code, answer.json()) == (200, before[-2])
                assert master.poll() is None
            assert (await http.post("/work")).json() == before[-1]
    log = (tmp_path / "log").read_text()
    assert f"is in use by process {before[0]}: waiting for it, 60 s at most" in log
    assert "failed to boot" not in log
    assert "Traceback" not in log
    assert master.returncode == 0


async def test_a_second_server_that_waits(tmp_path: Path, environment: dict[str, str], port: int) -> None:
    """As a rolling deployment starts it."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        other: int = one.getsockname()[1]
    uvicorn = ["uvicorn", "app:app", "--port"]
    with started(tmp_path, environment, *uvicorn, str(port)) as old:
        async with asking(port) as http:
            await pid_of(http)
            with started(tmp_path, environment, *uvicorn, str(other)) as new:
                log = tmp_path / "log"
                while "waiting for it" not in log.read_text():
                    assert new.poll() is None
                    await asyncio.sleep(0.05)
                assert (await http.post("/work")).json() == old.pid  # it serves meanwhile
                old.send_signal(signal.SIGTERM)
                async with asking(other) as elsewhere:
                    assert await pid_of(elsewhere) == new.pid
                    assert (await elsewhere.post("/work")).json() == new.pid
    assert "Traceback" not in log.read_text()


async def test_one_that_does_not_wait_is_refused_in_one_line_more(
    tmp_path: Path, environment: dict[str, str], port: int
) -> None:
    source = (tmp_path / "app.py").read_text().replace("seconds=60", "seconds=0")
    with started(tmp_path, environment, "uvicorn", "app:app", "--port", str(port)) as old:
        async with asking(port) as http:
            await pid_of(http)
            (tmp_path / "second.py").write_text(source)
            second = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "uvicorn", "second:app", "--port", "0"),
                cwd=tmp_path,
                env=environment,
                stderr=subprocess.PIPE,
            )
            _, said = await second.communicate()
    assert second.returncode == 3
    assert f"is in use by process {old.pid}: " in said.decode()
    assert "wait_for_file=" in said.decode()
