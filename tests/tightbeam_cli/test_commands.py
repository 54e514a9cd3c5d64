"""`tightbeam serve` and `tightbeam tail`, as processes; and the end with a thousand readers (G10)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import resource
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import tightbeam
from tests.tightbeam.engine import inspection
from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.gateway.serving import patient, secured
from tests.tightbeam.gateway.test_streams import drained, stuck_reader
from tightbeam._engine.scheduler import LEAST_GRACE
from tightbeam.gateway import Gateway, Limits, _serve, _stopping
from tightbeam_cli import main

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "import sys; from tightbeam_cli import main; sys.exit(main())"]
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("TIGHTBEAM_")},
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "runtime"), str(ROOT / "generator")]),
    "PYTHONWARNINGS": "error",
}


@contextlib.asynccontextmanager
async def started(*arguments: str, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, until the test is over."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        cwd=ROOT,
        env={**ENVIRONMENT, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def line(process: asyncio.subprocess.Process, beginning: str | tuple[str, ...]) -> str:
    """The next line that begins so, or in one of these ways."""
    assert process.stdout is not None
    async with asyncio.timeout(180):  # a program's start
        while True:
            text = (await process.stdout.readline()).decode()
            assert text, "the command ended"
            if text.startswith(beginning):
                return text.strip()


@contextlib.asynccontextmanager
async def serving(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    async with started(
        "serve", "tests.tightbeam.gateway.served:gateway", "--port", "0", *arguments
    ) as process:
        yield process, (await line(process, "Serving at ")).split()[2]


@pytest.mark.slow
async def test_serve_and_tail() -> None:
    ch = job_channel(job_id="j1")
    async with serving() as (server, url), tightbeam.connect(url, key="any") as remote:
        async with (
            started("tail", "job:j1", "--json", "--limit", "2", "--url", url) as pipe,
            started("tail", "job:j1", "--topic", "tick", "--limit", "1", "--url", url) as terminal,
        ):
            for process in (pipe, terminal):  # each says so when it is there: the server logs it
                assert process.returncode is None
                await line(server, "INFO:     connection open")
            await remote.realtime.publish(ch.status, {"message": "\x1b[2Jé [bold]"})
            await remote.realtime.publish(ch.tick, {"n": 7})
            async with asyncio.timeout(30):
                said = (await pipe.communicate())[0].decode().splitlines()
                shown = (await terminal.communicate())[0].decode()
            assert (pipe.returncode, terminal.returncode) == (0, 0)
        assert [json.loads(one)["data"] for one in said] == [{"message": "\x1b[2Jé [bold]"}, {"n": 7}]
        assert all(one.isascii() for one in said)
        assert shown.split()[1:] == ["tick", '{"n":', "7}"]
        assert "token=" not in shown


@pytest.mark.slow
async def test_tail_of_what_isnt_there(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving() as (_, url), started("tail", "nothing:1", "--url", url) as process:
        async with asyncio.timeout(30):
            said = (await process.communicate())[0].decode()
        assert process.returncode == 2
        assert "this gateway has no channel" in said


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["tests.tightbeam.gateway.served"], "isn't module:name"),
        (["tests.tightbeam.gateway.served:nothing"], "neither a tightbeam.Client nor a gateway"),
        (["tests.tightbeam.gateway.served:missing"], "neither a tightbeam.Client nor a gateway"),
        (["tests.tightbeam.gateway.nowhere:client"], "there is no module"),
        (["tests.tightbeam.gateway.served:client"], "needs its own secret"),
        (["tests.tightbeam.gateway.served:client", "--channels", "nowhere"], "there is no module"),
        (["tests.tightbeam.gateway.served:gateway", "--host", "0.0.0.0"], "dev mode takes any key"),
        (["tests.tightbeam.gateway.served:client", "--dev", "--host", "192.0.2.1"], "dev mode takes any key"),
    ],
)
def test_what_cant_be_served(
    arguments: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("TIGHTBEAM_TOKEN_SECRET", "TIGHTBEAM_DEV"):
        monkeypatch.delenv(name, raising=False)
    assert main(["serve", *arguments, "--port", "0"]) == 2
    assert complaint in capsys.readouterr().err


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "tests.tightbeam.gateway.served:gateway", "--port", port]) == 2
    assert f"can't listen on 127.0.0.1:{port}" in capsys.readouterr().err


def raise_file_limit(needed: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        if hard < needed:
            pytest.skip(f"needs {needed} open files; this machine allows {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


@pytest.mark.slow
async def test_without_an_access_log_a_websocket_is_no_line_either() -> None:
    async with serving("--no-access-log") as (server, url), tightbeam.connect(url, key="any") as remote:
        ch = job_channel(job_id="j1")
        async with remote.realtime.subscribe(ch) as messages:
            await remote.realtime.publish(ch.tick, {"n": 1})
            await anext(messages)
        async with patient() as ask:
            await ask.get(f"{url}/v1/realtime/sse")
        server.send_signal(signal.SIGTERM)
        logged, _ = await asyncio.wait_for(server.communicate(), 30)
    assert b"Finished server process" in logged
    for line_of_a_connection in (b"/v1/realtime", b"connection open", b"connection closed"):
        assert line_of_a_connection not in logged


@pytest.mark.slow
async def test_sigterm_with_a_thousand_readers_ends_in_time_and_closing_goes_first() -> None:
    raise_file_limit(4_096)
    async with serving("--no-access-log") as (server, url), tightbeam.connect(url, key="any") as remote:
        ch = job_channel(job_id="j1")
        token = (await remote.realtime.token(ch))["key"]
        paths = ["/v1/realtime/connect", "/v1/realtime/sse"]
        readers = [await asyncio.to_thread(stuck_reader, url, paths[n % 2], token) for n in range(1_000)]
        for reader in readers:
            answer = await asyncio.to_thread(reader.recv, 1 << 16)
            assert answer.startswith((b"HTTP/1.1 101", b"HTTP/1.1 200"))
        # One WebSocket and one event stream have gone to sleep with full buffers.
        reading = asyncio.create_task(asyncio.to_thread(receive, readers[2:]))
        for _ in range(40):
            await remote.realtime.publish(ch.token, "x" * 20_000)
        await reading
        server.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):  # the readers would stay for an hour
            assert await server.wait() == 0
        for reader in readers[2:]:
            tail = await asyncio.to_thread(everything, reader)
            kinds = re.findall(rb'"kind":"(\w+)"', tail)
            assert kinds == [b"closing"]
        for reader in readers:
            reader.close()


def receive(readers: list[socket.socket]) -> None:
    """Read until each has had the last of forty messages: from all at once, as who takes nothing is cut."""
    kind = b'"kind":"data"'
    read = dict.fromkeys(readers, (0, b""))
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader, selectors.EVENT_READ, reader)
        while read:
            ready = selector.select(60)
            assert ready
            for key, _ in ready:
                reader = key.data
                got = reader.recv(1 << 18)
                assert got
                count, tail = read[reader]
                tail += got
                count += tail.count(kind)
                read[reader] = count, b"" if tail.endswith(kind) else tail[1 - len(kind) :]
                if count == 40:
                    selector.unregister(reader)
                    del read[reader]
    for reader in readers:
        reader.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while reader.recv(1 << 18):
                pass
        reader.settimeout(60)


def everything(reader: socket.socket) -> bytes:
    tail = b""
    with contextlib.suppress(OSError):
        while got := reader.recv(1 << 18):
            tail += got
    return tail


@pytest.mark.slow
async def test_sigterm_ends_a_reader_that_is_stuck() -> None:
    async with serving() as (server, url), tightbeam.connect(url, key="any") as remote:
        ch = job_channel(job_id="j1")
        token = (await remote.realtime.token(ch))["key"]
        stuck = [
            await asyncio.to_thread(stuck_reader, url, f"/v1/realtime/{kind}", token)
            for kind in ("connect", "sse")
        ]
        await line(server, "INFO:     connection open")
        for _ in range(20):
            await remote.realtime.publish(ch.token, "x" * 50_000)
        server.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            assert await server.wait() == 0
        for one in stuck:
            assert await asyncio.to_thread(drained, one)
            one.close()


def test_what_a_shutdown_may_take_adds_up_to_five_seconds() -> None:
    """The bound of docs/gateway.md, with readers, requests and runs that all take as long as they may."""
    before = Limits().shutdown.total_seconds() + _stopping.FLUSH_SECONDS + _serve._GRACE
    within: timedelta = tightbeam.Client.__init__.__kwdefaults__["shutdown_timeout"]
    left = within.total_seconds() - before - _stopping.EXIT_SECONDS
    assert left > 0
    runs = left * 0.8 + LEAST_GRACE
    closing = max(left - runs, LEAST_GRACE)
    assert before + runs + closing + _serve._LAST_SECONDS <= 5


NEVER = {
    "waits for a thread": "await asyncio.to_thread(time.sleep, 60)",
    "ignores being cancelled": """
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
""",
}
MODULE = """
import asyncio, contextlib, sys, time
from datetime import timedelta
from tests.tightbeam.engine.samples import JobChannel
from tightbeam import Client, Context
from tightbeam.gateway import app

# The test's own client may still have the file for a moment after it was left.
client = Client({path!r}, wait_for_file=timedelta(seconds=30))
gateway = app(client, channels=[JobChannel], dev=True)

@client.function("work", on="app/work")
async def work(ctx: Context) -> None:
    print("begun", flush=True)
    {body}
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", NEVER)
async def test_sigterm_ends_in_time_whatever_functions_do(how: str, tmp_path: Path) -> None:
    """Stuck readers take their time first; then there is a run that doesn't end. It is put back."""
    journal = str(tmp_path / "app.db")
    client = tightbeam.Client(journal, shutdown_timeout=timedelta(0))
    reached = asyncio.Event()

    @client.function("work", on="app/work")
    async def work(_ctx: tightbeam.Context) -> None:
        reached.set()
        await asyncio.sleep(60)

    async with client:
        await client.send("app/work")
        await reached.wait()
    (tmp_path / "never_ending.py").write_text(MODULE.format(path=journal, body=NEVER[how]))
    found = {"PYTHONPATH": os.pathsep.join([str(tmp_path), ENVIRONMENT["PYTHONPATH"]])}
    async with started("serve", "never_ending:gateway", "--port", "0", **found) as server:
        said = [await line(server, ("Serving at ", "begun")) for _ in range(2)]
        url = next(one for one in said if one.startswith("Serving")).split()[2]
        async with tightbeam.connect(url, key="any") as remote:
            ch = job_channel(job_id="j1")
            token = (await remote.realtime.token(ch))["key"]
            stuck = await asyncio.to_thread(stuck_reader, url, "/v1/realtime/connect", token)
            await line(server, "INFO:     connection open")
            for _ in range(20):
                await remote.realtime.publish(ch.token, "x" * 50_000)
        server.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):  # the run would last for a minute, or for ever
            assert await server.wait() == 0
        stuck.close()
    (left,) = inspection.runs(Path(journal))
    assert left.state in ("ready", "running")  # it resumes


def test_a_second_signal_waits_for_nothing() -> None:
    server = _serve._server(uvicorn.Config(tightbeam.gateway), secured(tightbeam.Client()), None)
    server.handle_exit(signal.SIGINT, None)
    assert (server.should_exit, server.force_exit) == (True, False)
    server.handle_exit(signal.SIGINT, None)
    assert server.force_exit


def serve_nothing(monkeypatch: pytest.MonkeyPatch, gateway: Gateway, **how: Any) -> None:
    """All that `serve` does, but for serving."""
    listeners: list[socket.socket] = []
    listen = _serve._listener
    monkeypatch.setattr(_serve, "_listener", lambda *where: listeners.append(listen(*where)) or listeners[0])
    monkeypatch.setattr(_serve, "_run", lambda serving: serving.close())
    _serve.serve(gateway, port=0, **how)
    listeners[0].close()


@pytest.mark.parametrize(("host", "told"), [("0.0.0.0", False), ("127.0.0.1", True)])
async def test_no_browser_is_sent_to_every_address(
    host: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0.0.0.0 is where it listens, and nowhere anybody could connect to."""
    client = tightbeam.Client()
    serve_nothing(monkeypatch, secured(client, public_url=None), host=host)
    if told:
        token = await client.realtime.token(job_channel(job_id="j1"))
        assert token["apiBaseUrl"].startswith("http://127.0.0.1:")
    else:
        with pytest.raises(tightbeam.EngineError, match="public_url"):
            await client.realtime.token(job_channel(job_id="j1"))


@pytest.mark.parametrize(
    ("dev", "trusted", "believed"),
    [(False, None, False), (False, "10.0.0.1", True), (True, "10.0.0.1", False)],
)
def test_which_proxies_are_believed(
    dev: bool, trusted: str | None, believed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[dict[str, object]] = []
    settings = _serve._settings
    monkeypatch.setattr(_serve, "_settings", lambda *how: made.append(settings(*how)) or made[0])
    serve_nothing(monkeypatch, secured(tightbeam.Client(), dev=dev), trusted_proxies=trusted)
    assert made[0]["proxy_headers"] is believed
    assert made[0]["forwarded_allow_ips"] == (trusted if believed else "127.0.0.1")
