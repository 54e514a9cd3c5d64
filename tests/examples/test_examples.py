"""Every example does what it says: programs are run as a person would, applications through ASGI."""

from __future__ import annotations

import hashlib
import hmac
import importlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import tightbeam
from examples import fastapi_alert, pipeline, webhook
from generated.alerts import Alert, alerts_channel
from generated.orders import StateCancelled, orders_channel
from generated.pipeline import pipeline_channel

ROOT = Path(__file__).parents[2]


def program(name: str) -> str:
    """What `python -m examples.NAME` prints."""
    done = subprocess.run(
        # The second: the Inngest SDK's own, at its import.
        [sys.executable, "-W", "error", "-W", "ignore:Support for class-based", "-m", f"examples.{name}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("upload", "Processing…\nStored.\nstored at /files/u1/cat.png\n"),
        (
            "pipeline",
            "[Searching…]\n[Writing…]\nYou ask: What are channels good for? Read 4 pages.[Done.]\n",
        ),
        ("script", "6 words; the status said: 6 words\n"),
        ("sync_function", "medium: broken upload\n"),
        ("inngest_upload", "Processing…\nstored at /files/u1/cat.png\n"),
    ],
)
def test_program(name: str, output: str) -> None:
    assert program(name) == output


def test_every_example_is_tested() -> None:
    tested = {"upload", "pipeline", "script", "sync_function", "fastapi_alert", "webhook", "inngest_upload"}
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == tested


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, between its start-up and its shutdown."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://x") as http,
    ):
        yield http


async def test_fastapi_route() -> None:
    async with serving(fastapi_alert.app) as http:
        alerts = fastapi_alert.client.realtime.subscribe(alerts_channel.alert)
        assert (
            await http.post("/alerts", json={"message": "fire", "severity": "critical"})
        ).status_code == 202
        assert (await http.post("/alerts", json={"message": "fire", "severity": "urgent"})).status_code == 422
        assert (await http.post("/disks/sda/full")).status_code == 202
        assert (await anext(alerts)).data == Alert(message="fire", severity="critical")
        assert (await anext(alerts)).data == Alert(message="sda is full", severity="high")


async def test_webhook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", "s3cret")

    async def send(http: httpx.AsyncClient, state: Any, secret: str) -> httpx.Response:
        body = json.dumps(state).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return await http.post("/carrier/7", content=body, headers={"signature": signature})

    async with serving(webhook.app) as http:
        states = webhook.client.realtime.subscribe(orders_channel(region="eu", order_id=7).state)
        assert (await send(http, {"kind": "cancelled"}, "wrong")).status_code == 401
        refused = await send(http, {"kind": "lost", "carrier": "secret-name"}, "s3cret")
        assert refused.status_code == 422
        assert "state" in refused.text
        assert "secret-name" not in refused.text
        assert (await send(http, {"kind": "cancelled"}, "s3cret")).status_code == 202
        assert (await anext(states)).data == StateCancelled(kind="cancelled")


async def test_the_handler_on_inngest(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.tightbeam.inngest.calls import Run
    from tests.tightbeam.inngest.standin import StandIn

    for name in ("INNGEST_SIGNING_KEY", "INNGEST_DEV"):
        monkeypatch.delenv(name, raising=False)
    with StandIn() as server:
        monkeypatch.setenv("INNGEST_API_BASE_URL", server.origin)
        example = importlib.reload(importlib.import_module("examples.inngest_upload"))
        run = Run(example.app, "uploads-process-upload", {"uploadId": "u1", "filename": "cat.png"})
        assert (await run.finish()).body == {"success": True, "url": "/files/u1/cat.png"}
        async with serving(example.app) as http:
            assert (await http.post("/uploads/u1/token", headers={"user": "bob"})).status_code == 403
            token = (await http.post("/uploads/u1/token", headers={"user": "ada"})).json()
        assert set(token) == {"key", "apiBaseUrl", "topics", "channels"}
        assert [one.query["topic"] for one in server.published] == ["status", "status", "result", "status"]


async def test_the_same_handler_in_a_client_of_the_tests() -> None:
    client = tightbeam.Client()

    @client.function("answer")
    async def function(ctx: tightbeam.Context) -> str:
        return await pipeline.answer(ctx)

    async with client, client.realtime.subscribe(pipeline_channel(run_id="r2")) as messages:
        text = await client.run(function, {"runId": "r2", "question": "Why?"})
        assert text == "You ask: Why? Read 1 pages."
        received = [await anext(messages) for _ in range(6)]
    assert [one.topic for one in received] == ["status", "status", "tokens", "tokens", "tokens", "status"]
    tokens = [one.data for one in received if one.topic == "tokens"]
    assert [(one.index, one.token) for one in tokens] == [
        (0, "You ask: Why? "),
        (1, "Read "),
        (2, "1 pages."),
    ]
    assert len({one.attempt for one in tokens}) == 1


async def test_each_writing_has_a_higher_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the process died in between, which `ctx.attempt` doesn't count."""
    client = tightbeam.Client()

    @client.function("answer")
    async def function(ctx: tightbeam.Context) -> str:
        ch = pipeline_channel(run_id="r3")
        monkeypatch.setattr(pipeline, "time", SimpleNamespace(time_ns=lambda: 5_000_000))
        await pipeline.stream(ctx, ch, "Why?", [])
        monkeypatch.setattr(pipeline, "time", SimpleNamespace(time_ns=lambda: 6_000_000))
        return await pipeline.stream(ctx, ch, "Why?", [])

    async with client, client.realtime.subscribe(pipeline_channel(run_id="r3").tokens) as messages:
        await client.run(function)
        tokens = [(await anext(messages)).data for _ in range(6)]
    assert [(one.attempt, one.index) for one in tokens] == [(n, i) for n in (5, 6) for i in range(3)]
