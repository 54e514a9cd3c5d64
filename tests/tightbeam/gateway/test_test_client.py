"""Starlette's test client, with which users test an application and its gateway."""

from __future__ import annotations

import sys

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Message

from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.serving import KEY, secured
from tightbeam import Client
from tightbeam.gateway import Gateway, app

CH = job_channel(job_id="j1")
PUBLISH = "/v1/realtime/publish?channel=job:j1&topic=tick"


def mounted(client: Client, gateway: Gateway) -> FastAPI:
    api = FastAPI(lifespan=client.lifespan)
    api.mount("/", gateway)
    return api


def dev(client: Client) -> Gateway:
    return app(client, channels=[JobChannel], dev=True, public_url="https://rt.example.com")


@pytest.mark.parametrize("base_url", ["http://testserver", "https://rt.example.com", "http://127.0.0.1:8000"])
def test_dev_mode_answers_it(base_url: str, client: Client) -> None:
    with TestClient(mounted(client, dev(client)), base_url=base_url) as http:
        token = client.realtime.token_sync(CH)["key"]
        with http.websocket_connect(f"/v1/realtime/connect?token={token}") as page:
            assert http.post(PUBLISH, json={"n": 1}).status_code == 200
            assert page.receive_json()["data"] == {"n": 1}


def test_with_secrets_it_is_answered_as_it_comes(client: Client) -> None:
    with TestClient(mounted(client, secured(client))) as http:
        token = client.realtime.token_sync(CH)["key"]
        with http.websocket_connect(f"/v1/realtime/connect?token={token}") as page:
            assert http.post(PUBLISH, json={"n": 1}).status_code == 401
            http.post(PUBLISH, json={"n": 1}, headers={"Authorization": f"Bearer {KEY}"}).raise_for_status()
            assert page.receive_json()["data"] == {"n": 1}


def test_another_host_is_refused_and_the_refusal_names_the_remedies(client: Client) -> None:
    http = TestClient(mounted(client, secured(client)), base_url="http://elsewhere.example")
    url = "ws://elsewhere.example/v1/realtime/connect"
    with pytest.raises(WebSocketDenialResponse) as denied, http.websocket_connect(url):
        pass
    refused = http.get("/v1/realtime/sse")
    assert denied.value.status_code == refused.status_code == 421
    for text in (denied.value.json()["error"], refused.json()["error"]):
        assert "allowed_hosts=" in text
        assert "TIGHTBEAM_DEV=1" in text


@pytest.mark.parametrize("peer", [("127.0.0.1", 50_000), ("testclient", 0), None])
async def test_from_anywhere_else_its_host_is_a_stranger(
    client: Client, peer: tuple[str, int] | None
) -> None:
    """As a server has it: the peer's address, or what a proxy's header says, or nothing on a Unix socket."""
    assert await asked(secured(client), peer, []) == 421


@pytest.mark.parametrize("header", [b"X-Forwarded-For", b"x-real-ip", b"Forwarded"])
async def test_what_a_proxy_says_makes_nobody_a_test(client: Client, header: bytes) -> None:
    assert await asked(secured(client), ("testclient", 50_000), [(header, b"testclient")]) == 421


async def test_a_program_that_loads_no_test_client_has_none(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await asked(secured(client), ("testclient", 50_000), []) == 401
    monkeypatch.delitem(sys.modules, "starlette.testclient")
    assert await asked(secured(client), ("testclient", 50_000), []) == 421


async def asked(gateway: Gateway, peer: tuple[str, int] | None, headers: list[tuple[bytes, bytes]]) -> int:
    """Send a request as a server would, with the test client's host; return the status."""
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/v1/realtime/sse",
        "raw_path": b"/v1/realtime/sse",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"testserver"), *headers],
        "client": peer,
        "server": ("127.0.0.1", 80),
    }
    await gateway(scope, receive, send)
    return statuses[0]


def test_dev_mode_refuses_it_through_a_proxy_and_from_pages(client: Client) -> None:
    http = TestClient(mounted(client, dev(client)))
    assert http.get("/v1/realtime/sse", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403
    assert http.get("/v1/realtime/sse", headers={"Origin": "https://evil.example"}).status_code == 403
