"""Starlette's test client, with which users test an application and its gateway."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient, WebSocketDenialResponse

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


def test_with_secrets_its_host_has_to_be_allowed(client: Client) -> None:
    gateway = secured(client, allowed_hosts=["rt.example.com", "testserver"])
    with TestClient(mounted(client, gateway)) as http:
        token = client.realtime.token_sync(CH)["key"]
        with http.websocket_connect(f"/v1/realtime/connect?token={token}") as page:
            http.post(PUBLISH, json={"n": 1}, headers={"Authorization": f"Bearer {KEY}"}).raise_for_status()
            assert page.receive_json()["data"] == {"n": 1}


def test_the_refusal_names_the_remedies(client: Client) -> None:
    http = TestClient(mounted(client, secured(client)))
    with pytest.raises(WebSocketDenialResponse) as denied, http.websocket_connect("/v1/realtime/connect"):
        pass
    refused = http.get("/v1/realtime/sse")
    assert denied.value.status_code == refused.status_code == 421
    for text in (denied.value.json()["error"], refused.json()["error"]):
        assert "allowed_hosts=" in text
        assert "TIGHTBEAM_DEV=1" in text


def test_dev_mode_refuses_it_through_a_proxy_and_from_pages(client: Client) -> None:
    http = TestClient(mounted(client, dev(client)))
    assert http.get("/v1/realtime/sse", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403
    assert http.get("/v1/realtime/sse", headers={"Origin": "https://evil.example"}).status_code == 403
