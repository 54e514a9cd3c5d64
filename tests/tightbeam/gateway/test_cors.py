"""Pages of other origins: preflights, and answers that those of allowed origins may read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.serving import KEY, data_frame, durable, running, secured, subscribed
from tests.tightbeam.gateway.sse import events
from tests.tightbeam.gateway.test_tokens import good, signed
from tightbeam import Client
from tightbeam.gateway import Limits, app

PAGE = {"Origin": "https://www.example.com"}
OTHER = {"Origin": "https://evil.example"}
ROUTES = ["sse", "connect", "token", "publish", "send", "openapi.json"]


@pytest.fixture
async def ask(client: Client) -> AsyncIterator[httpx.AsyncClient]:
    gateway = secured(client, allowed_origins=["https://www.example.com"])
    transport = httpx.ASGITransport(gateway)
    async with client, httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/v1/realtime") as ask:
        yield ask


async def preflight(ask: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
    wanted = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "last-event-id, authorization",
        **headers,
    }
    return await ask.options(path, headers=wanted)


@pytest.mark.parametrize("path", ROUTES)
async def test_a_preflight_of_an_allowed_origin(path: str, ask: httpx.AsyncClient) -> None:
    answer = await preflight(ask, f"/{path}?token=expired", **PAGE)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == PAGE["Origin"]
    assert answer.headers["vary"] == "Origin"
    allowed = {one.strip() for one in answer.headers["access-control-allow-headers"].split(",")}
    assert {"last-event-id", "authorization", "content-type"} <= allowed
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ROUTES)
async def test_a_preflight_of_any_other_origin(path: str, ask: httpx.AsyncClient) -> None:
    answer = await preflight(ask, f"/{path}", **OTHER)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/nothing", PAGE, 404),
        ("/sse", {**PAGE, "Host": "evil.example"}, 421),
        ("/sse", {"Origin": "null"}, 403),
    ],
)
async def test_a_preflight_that_is_refused(
    path: str, headers: dict[str, str], status: int, ask: httpx.AsyncClient
) -> None:
    assert (await preflight(ask, path, **headers)).status_code == status


async def test_options_that_is_no_preflight(ask: httpx.AsyncClient) -> None:
    assert (await ask.options("/sse", headers=PAGE)).status_code == 405


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/sse", {}, 401),
        ("GET", "/sse?token=no", {}, 401),
        ("GET", f"/sse?token={signed(good(exp=1, iat=0))}", {"Last-Event-ID": "x:1"}, 401),
        ("GET", "/sse?token=GOOD&want=no", {}, 400),
        ("GET", "/connect?token=GOOD", {}, 426),
        ("POST", "/sse", {}, 405),
        ("GET", "/nothing", {}, 404),
        ("GET", "/sse", {"Host": "evil.example"}, 421),
        ("POST", "/token", {}, 401),
        ("POST", "/publish", {"Authorization": f"Bearer {KEY}"}, 400),
        ("POST", "/send", {}, 401),
        ("GET", "/openapi.json", {}, 200),
    ],
)
async def test_who_may_read_the_answer(
    method: str, path: str, headers: dict[str, str], status: int, ask: httpx.AsyncClient
) -> None:
    path = path.replace("GOOD", signed(good()))  # which is good for a minute
    answer = await ask.request(method, path, headers={**headers, **PAGE})
    assert answer.status_code == status, answer.text
    assert answer.headers["access-control-allow-origin"] == PAGE["Origin"]
    assert "origin" in answer.headers["vary"].lower()
    refused = await ask.request(method, path, headers={**headers, **OTHER})
    if refused.status_code == 403:  # for its origin: the page may read that, and nothing else
        assert refused.headers["access-control-allow-origin"] == OTHER["Origin"]
        assert refused.json()["code"] == "origin"
        assert OTHER["Origin"] in refused.json()["error"]
        assert PAGE["Origin"] not in refused.text
    else:
        assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-origin" not in (await ask.request(method, path, headers=headers)).headers


@pytest.mark.parametrize("path", ["sse", "connect"])
async def test_a_page_may_read_when_to_come_back(path: str, client: Client) -> None:
    gateway = secured(client, allowed_origins=[PAGE["Origin"]], limits=Limits(connections=0))
    url = f"http://127.0.0.1/v1/realtime/{path}?token={signed(good())}"
    async with client, httpx.AsyncClient(transport=httpx.ASGITransport(gateway)) as ask:
        answer = await ask.get(url, headers=PAGE)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.headers["access-control-expose-headers"] == "Retry-After"
        refused = await ask.get(url, headers=OTHER)
        assert (refused.status_code, "access-control-expose-headers" in refused.headers) == (403, False)


async def test_two_origins_are_none(ask: httpx.AsyncClient) -> None:
    both = [("Origin", PAGE["Origin"]), ("Origin", PAGE["Origin"])]
    answer = await ask.get("/sse", headers=both)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


async def test_dev_mode_answers_pages_of_this_machine(client: Client) -> None:
    transport = httpx.ASGITransport(app(client, channels=[JobChannel], dev=True))
    async with client, httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/v1/realtime") as ask:
        assert (await preflight(ask, "/sse", Origin="http://localhost:5173")).status_code == 204
        assert (await preflight(ask, "/sse", **OTHER)).status_code == 403


async def test_a_stream_comes_back_with_a_header(client: Client, ch: JobChannel) -> None:
    """As a client made of fetch does, from an allowed origin."""
    work, gateway = durable(client), secured(client, allowed_origins=["https://www.example.com"])
    async with running(gateway) as url:
        await client.run(work, {"first": 0, "count": 3})
        token = (await client.realtime.token(ch))["key"]
        async with events(url, token, **PAGE, **{"Last-Event-ID": "start"}) as stream:
            first = [event async for event in limited(stream, 2)]
        async with events(url, token, **PAGE, **{"Last-Event-ID": first[-1]["id"]}) as stream:
            (rest,) = [event async for event in limited(stream, 1)]
    assert [json.loads(one["data"])["data"]["n"] for one in (*first, rest)] == [0, 1, 2]


async def limited(stream: AsyncIterator[dict[str, str]], count: int) -> AsyncIterator[dict[str, str]]:
    """The first events that carry durable messages."""
    async for event in stream:
        if '"tick"' in event.get("data", ""):
            yield event
            if (count := count - 1) == 0:
                return


async def test_an_expired_token_opens_nothing_with_a_position_either(client: Client, ch: JobChannel) -> None:
    """A position is no proof: every reader of a topic gets the same ones."""
    gateway = secured(client, limits=Limits(token_age=timedelta(seconds=-1)))
    transport = httpx.ASGITransport(gateway)
    async with client, httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as ask:
        token = (await client.realtime.token(ch))["key"]
        headers = {"Last-Event-ID": "start"}
        answer = await ask.get("/v1/realtime/sse", params={"token": token}, headers=headers)
        assert answer.status_code == 401


async def published(client: Client, work: Any) -> str:
    """Publish three durable messages, and return the time of the second."""
    await client.run(work, {"first": 0, "count": 3})
    async with client.realtime.subscribe(job_channel(job_id="j1"), after="start") as messages:
        seen = [await anext(messages) for _ in range(2)]
    return seen[-1].created_at.astimezone(UTC).isoformat().replace("+00:00", "Z")


async def test_since_in_the_url(client: Client, ch: JobChannel) -> None:
    work, gateway = durable(client), secured(client)
    async with running(gateway) as url:
        since = await published(client, work)
        token = (await client.realtime.token(ch))["key"]
        async with subscribed(url, token, since=since[:23] + "Z") as reader:
            assert (await data_frame(reader))["data"]["n"] == 2
        async with subscribed(url, token, since=str(0)) as reader:
            assert (await data_frame(reader))["data"]["n"] == 0
        async with subscribed(url, token, since=since, after="start") as reader:
            assert (await data_frame(reader))["data"]["n"] == 0


@pytest.mark.parametrize("since", ["yesterday", "2026-01-01T00:00:00", "1e3", "9" * 19, "9" * 30])
@pytest.mark.parametrize("path", ["/sse", "/connect"])
async def test_since_that_cant_be_read(path: str, since: str, ask: httpx.AsyncClient) -> None:
    answer = await ask.get(path, params={"token": signed(good()), "since": since})
    assert (answer.status_code, "since" in answer.text) == (400, True)


async def test_since_for_two_channels(client: Client, ask: httpx.AsyncClient) -> None:
    tokens = [(await client.realtime.token(job_channel(job_id=one)))["key"] for one in ("j1", "j2")]
    now = datetime.now(UTC).isoformat()
    query = [*(("token", one) for one in tokens), ("since", now)]
    assert (await ask.get("/connect", params=query)).status_code == 426  # it used to be refused with 400


async def test_dev_modes_tokens_survive_a_restart(ch: JobChannel) -> None:
    first, second = Client(), Client()
    app(first, channels=[JobChannel], dev=True, public_url="http://127.0.0.1")
    restarted = app(second, channels=[JobChannel], dev=True)
    async with running(restarted) as url, subscribed(url, (await first.realtime.token(ch))["key"]):
        pass


def test_dev_modes_secret_is_that_of_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from tightbeam.gateway._settings import _dev_secret

    here = _dev_secret()
    monkeypatch.chdir(tmp_path)
    assert here != _dev_secret() == _dev_secret()


@pytest.mark.parametrize("path", ["", "/", "/main.js", "/api/channels", "/api/connections", "/api/runs/x"])
async def test_a_page_of_another_origin_does_not_learn_that_there_is_an_inspector(
    path: str, client: Client
) -> None:
    for inspector in (True, False):
        transport = httpx.ASGITransport(secured(client, inspector=inspector))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as ask:
            answer = await ask.get(f"/inspector{path}", headers=OTHER)
        assert answer.status_code == (403 if inspector else 404)
        assert "access-control-allow-origin" not in answer.headers
