"""What the inspector says of the gateway's readers and of those it refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.serving import KEY, patient, running, secured, subscribed
from tests.tightbeam.gateway.test_streams import until_connections
from tightbeam import Client
from tightbeam.gateway import Limits
from tightbeam_inspector import _connections

API = "/inspector/api/connections"
BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(autouse=True)
def _counted_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_connections, "_FRESH_SECONDS", 0)
    monkeypatch.setattr(_connections, "_SHARE", 0)


async def look(url: str, **query: str) -> dict[str, Any]:
    async with patient(headers=BEARER) as ask:
        answer = await ask.get(f"{url}{API}", params=query)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


@pytest.mark.slow
async def test_readers_by_channel(client: Client, ch: JobChannel) -> None:
    gateway = secured(client, inspector=True, allowed_origins=["http://a.example"])
    other = job_channel(job_id="<j2>")
    async with running(gateway) as url, contextlib.AsyncExitStack() as stack:
        assert await look(url) | {"refused": []} == {
            "streams": 0,
            "channels": [],
            "more_channels": 0,
            "refused": [],
            "logged_every": 60.0,
        }
        tick = (await client.realtime.token(ch, ["tick"]))["key"]
        both = (await client.realtime.token(ch, ["tick", "status"]))["key"]
        elsewhere = (await client.realtime.token(other, ["tick"]))["key"]
        page = {"Origin": "http://a.example"}
        await stack.enter_async_context(subscribed(url, both, headers=page))
        last = await stack.enter_async_context(subscribed(url, elsewhere))
        ask = await stack.enter_async_context(patient())
        await stack.enter_async_context(ask.stream("GET", f"{url}/v1/realtime/sse?token={tick}"))
        await until_connections(gateway, 3)
        found = await look(url)
        assert found["streams"] == 3
        assert found["channels"] == [
            {
                "channel": "job:j1",
                "readers": 2,
                "topics": {"status": 1, "tick": 2},
                "transports": {"sse": 1, "websocket": 1},
                "dropped": 0,
                "slow": 0,
            },
            {
                "channel": "job:<j2>",
                "readers": 1,
                "topics": {"tick": 1},
                "transports": {"websocket": 1},
                "dropped": 0,
                "slow": 0,
            },
        ]
        readers = (await look(url, channel="job:j1"))["readers"]
        assert {(one["transport"], one["origin"], *one["topics"]) for one in readers} == {
            ("websocket", "http://a.example", "status", "tick"),
            ("sse", None, "tick"),
        }
        assert all(datetime.fromisoformat(one["opened_at"]).tzinfo is not None for one in readers)
        await last.send(json.dumps({"kind": "sub", "data": tick}))
        async with asyncio.timeout(60):
            while (await look(url))["channels"][0]["readers"] != 3:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.01)
        assert [one["channels"] for one in (await look(url, channel="job:<j2>"))["readers"]] == [2]
    assert gateway.connections == 0


async def test_a_slow_reader_is_shown(client: Client, ch: JobChannel) -> None:
    gateway = secured(client, inspector=True, limits=Limits(buffer_messages=4))
    async with running(gateway) as url, asyncio.timeout(60):
        async with subscribed(url, (await client.realtime.token(ch))["key"]):
            await until_connections(gateway, 1)
            for n in range(50):  # before its task has a turn
                client.realtime.publish_sync(ch.tick, {"n": n})
            while not (found := (await look(url))["channels"][0])["dropped"]:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            assert found["dropped"] <= 50
            (reader,) = (await look(url, channel=ch.name))["readers"]
            assert reader["dropped"] == found["dropped"]


async def test_what_was_refused(client: Client, ch: JobChannel) -> None:
    gateway = secured(client, inspector=True)
    async with running(gateway) as url, patient(headers=BEARER) as ask:
        for _ in range(3):
            await ask.get(f"{url}/v1/realtime/sse", headers={"Origin": "http://127.0.0.1:5333"})
        query = {"channel": ch.name, "topic": "tick"}
        await ask.post(f"{url}/v1/realtime/publish", params=query, json={"n": "s3cret"})
        publish, origin = (await look(url))["refused"]
        assert (origin["code"], origin["count"], origin["others"]) == ("origin", 3, False)
        assert origin["who"] == "a page of http://127.0.0.1:5333"
        assert "allowed_origins" in origin["remedy"]
        assert (publish["code"], publish["who"], publish["count"]) == ("payload", "a publish", 1)
        assert "/n: must be an integer" in publish["cause"]
        assert "s3cret" not in json.dumps(publish)


async def test_what_is_listed_is_bounded(
    client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_connections, "_CHANNELS", 2)
    monkeypatch.setattr(_connections, "_READERS", 1)
    monkeypatch.setattr(_connections, "_TURN", 1)
    gateway = secured(client, inspector=True)
    async with running(gateway) as url, contextlib.AsyncExitStack() as stack:
        for name in ("a", "b", "b", "c"):
            token = (await client.realtime.token(job_channel(job_id=name)))["key"]
            await stack.enter_async_context(subscribed(url, token))
        await until_connections(gateway, 4)
        found = await look(url)
        assert [one["channel"] for one in found["channels"]] == ["job:b", "job:a"]
        assert found["more_channels"] == 1
        one = await look(url, channel="job:b")
        assert (len(one["readers"]), one["more_readers"]) == (1, 1)
        assert await look(url, channel="job:x") == {"channel": "job:x", "readers": [], "more_readers": 0}


async def test_pages_share_one_count(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_connections, "_FRESH_SECONDS", 60)
    gateway = secured(client, inspector=True)
    counted = 0
    streams = gateway._streams

    def counting(self: Any) -> Any:
        nonlocal counted
        counted += 1
        return iter(())

    monkeypatch.setattr(type(streams), "__iter__", counting)
    transport = httpx.ASGITransport(gateway)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=BEARER) as ask:
        answers = await asyncio.gather(*(ask.get(API) for _ in range(10)))
    assert [one.status_code for one in answers] == [200] * 10
    assert counted == 1
