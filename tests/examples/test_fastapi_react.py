"""The server of the React example: who gets in, what is refused, and how it stops."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest
import pytest_asyncio

import tightbeam
from generated.alerts import Alert, alerts_channel
from generated.pipeline import Tokens, pipeline_channel
from tests.browser.browsing import free_port
from tests.tightbeam.gateway.serving import patient

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "examples" / "fastapi-react" / "server.py"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, with a folder of its own and work that takes no time."""
    monkeypatch.setenv("EXAMPLE_FOLDER", str(tmp_path))
    monkeypatch.setenv("EXAMPLE_PACE", "0")
    spec = importlib.util.spec_from_file_location("example_server", SERVER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # FastAPI looks up the annotations of routes in their module.
    monkeypatch.setitem(sys.modules, "example_server", module)
    spec.loader.exec_module(module)
    return module


@pytest_asyncio.fixture
async def http(server: ModuleType) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is signed in."""
    transport = httpx.ASGITransport(server.api)
    async with (
        server.api.router.lifespan_context(server.api),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as browser,
    ):
        assert (await browser.post("/api/session")).status_code == 204
        yield browser


async def upload(http: httpx.AsyncClient) -> str:
    answer = await http.post("/api/uploads", params={"name": "cat.png"}, content=b"meow")
    made: str = answer.json()["id"]
    return made


async def test_tokens_are_for_the_session_that_may_have_them(http: httpx.AsyncClient) -> None:
    mine, also_mine = await upload(http), await upload(http)
    question = (await http.post("/api/questions")).json()["id"]
    paths = [
        f"/api/token/uploads?id={mine}",
        f"/api/token/uploads?id={mine}&id={also_mine}",
        f"/api/token/pipeline/{question}",
    ]
    for path in (*paths, "/api/token/alerts"):
        assert "key" in (await http.get(path)).json()
    http.cookies.clear()
    for path in (*paths, "/api/token/alerts"):
        assert (await http.get(path)).status_code == 401
    http.cookies.set("session", "made up")
    assert (await http.get("/api/token/alerts")).status_code == 401
    http.cookies.clear()
    await http.post("/api/session")
    theirs = await upload(http)
    for path in (*paths, f"/files/{mine}"):
        assert (await http.get(path)).status_code == 404
    token = (await http.get(f"/api/token/uploads?id={theirs}&id={mine}")).json()
    assert token["gone"] == [mine]
    assert token["channels"] == [f"uploads:{theirs}"]
    assert (await http.put(f"/api/questions/{question}", json={"question": "Who?"})).status_code == 404
    assert (await http.get("/api/token/alerts")).status_code == 200


async def test_a_session_that_is_known_is_kept(http: httpx.AsyncClient) -> None:
    assert "set-cookie" not in (await http.post("/api/session")).headers
    http.cookies.set("session", "made up", domain="127.0.0.1")
    assert "HttpOnly; Path=/; SameSite=strict" in (await http.post("/api/session")).headers["set-cookie"]


async def test_what_a_request_is_to_blame_for_is_422(http: httpx.AsyncClient) -> None:
    refused = await http.get("/api/token/alerts", params={"since": "yesterday"})
    assert refused.status_code == 422
    assert "since" in refused.json()["detail"]
    assert (await http.get("/api/token/uploads")).status_code == 422
    for alert in ({"message": "Fire!", "severity": "urgent"}, {"message": 1, "severity": "high"}, {}):
        assert (await http.post("/api/alerts", json=alert)).status_code == 422
    question = (await http.post("/api/questions")).json()["id"]
    for text in ("", "x" * 501, None):
        assert (await http.put(f"/api/questions/{question}", json={"question": text})).status_code == 422
    big = await http.post("/api/uploads", params={"name": "big"}, content=b"x" * (10 * 1024 * 1024 + 1))
    assert big.status_code == 413
    assert (await http.post("/api/uploads", params={"name": "x" * 256}, content=b"")).status_code == 422


async def test_tokens_of_an_answer_carry_their_place(server: ModuleType, http: httpx.AsyncClient) -> None:
    question = (await http.post("/api/questions")).json()["id"]
    client: tightbeam.Client = server.client
    tokens: list[Tokens] = []
    async with client.realtime.subscribe(pipeline_channel(run_id=question)) as messages:
        assert (await http.put(f"/api/questions/{question}", json={"question": "Who?"})).status_code == 204
        async for message in messages:
            if message.topic == "tokens":
                tokens.append(message.data)
            elif message.data.message == "Done.":
                break
    assert [one.index for one in tokens] == list(range(len(tokens)))
    assert len({one.attempt for one in tokens}) == 1
    assert "".join(one.token for one in tokens).startswith("You ask: “Who?” A channel carries messages")


async def test_an_alert_is_durable(server: ModuleType, http: httpx.AsyncClient) -> None:
    client: tightbeam.Client = server.client
    async with client.realtime.subscribe(alerts_channel) as messages:
        assert (
            await http.post("/api/alerts", json={"message": "Fire!", "severity": "high"})
        ).status_code == 204
        message = await anext(messages)
    assert message.data == Alert(message="Fire!", severity="high")
    assert message.position is not None


@pytest.mark.slow
@pytest.mark.parametrize("how", [[], ["--reload"]], ids=["plain", "reload"])
async def test_it_stops_on_ctrl_c_with_a_page_open(how: list[str], tmp_path: Path) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "--app-dir", str(SERVER.parent), "server:api"),
        *("--port", str(port), *how),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ".", "EXAMPLE_FOLDER": str(tmp_path), "EXAMPLE_PORT": str(port)},
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(60), patient(base_url=f"http://127.0.0.1:{port}") as browser:
            while True:
                try:
                    await browser.post("/api/session")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
            key = (await browser.get("/api/token/alerts")).json()["key"]
            async with browser.stream("GET", "/v1/realtime/sse", params={"token": key}) as stream:
                lines = stream.aiter_lines()
                await anext(lines)
                os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all of them
                async for _ in lines:
                    pass
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    assert b"Traceback" not in said
    assert b"Application shutdown complete." in said
