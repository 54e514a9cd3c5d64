"""The routes that answer at once: publishing is validated, limits hold, and the description is true."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import generated
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import KEY, data_frame, patient, running, secured, subscribed
from tightbeam import Client
from tightbeam.gateway import app
from tightbeam.gateway._catalog import Catalog

BEARER = {"Authorization": f"Bearer {KEY}"}
PUBLISH = "/v1/realtime/publish"


def http(client: Client, **changed: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(secured(client, **changed))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=BEARER)


@pytest.mark.parametrize(
    ("query", "body", "status", "issues"),
    [
        ({"channel": "job:j1", "topic": "tick"}, b'{"n": 1}', 200, None),
        ({"channel": "job:j1", "topic": "token"}, b"not json: a string then", 200, None),
        ({"channel": "job:j1", "topic": "tick"}, b'{"n": "1"}', 422, ["/n"]),
        ({"channel": "job:j1", "topic": "tick"}, b"{}", 422, ["/n"]),
        ({"channel": "job:j1", "topic": "tick"}, b'{"n": 1, "secret": 2}', 422, ["/*"]),
        ({"channel": "job:j1", "topic": "tick"}, b'{"n": NaN}', 422, [""]),
        ({"channel": "job:j1", "topic": "tick"}, b"", 422, [""]),
        ({"channel": "job:j1", "topic": "tick"}, b"\xff", 400, None),
        ({"channel": "job:j1", "topic": "nothing"}, b"1", 404, None),
        ({"channel": "nothing:1", "topic": "tick"}, b"1", 404, None),
        ({"channel": "job:j1:x", "topic": "tick"}, b"1", 404, None),
        ({"channel": "job:j1", "topic": "$run"}, b'{"status":"failed"}', 404, None),
        ({"topic": "tick"}, b"1", 400, None),
        ({"channel": "job:j1"}, b"1", 400, None),
        ({"channel": "job:" + "x" * 2_000, "topic": "tick"}, b"1", 400, None),
        ({"channel": "job:j1", "topic": "x" * 2_000}, b"1", 400, None),
        ({"channel": "job:j1", "topic": "tick", "metadata": f'"{"x" * 4_095}"'}, b'{"n": 1}', 400, None),
    ],
)
async def test_publishing(
    query: dict[str, str], body: bytes, status: int, issues: list[str] | None, client: Client
) -> None:
    async with http(client) as ask:
        answer = await ask.post(PUBLISH, params=query, content=body)
    assert answer.status_code == status
    if status != 200:
        said = answer.json()
        assert (said["status"], said["data"]) == (status, None)
        assert [issue["pointer"] for issue in said["issues"]] == issues if issues else "issues" not in said


async def test_over_the_limit_is_413_where_inngest_cuts(client: Client) -> None:
    query = {"channel": "job:j1", "topic": "token"}
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 65_536
            yield b"x" * 65_536

    async with http(client) as ask:
        assert (await ask.post(PUBLISH, params=query, content=b"x" * 524_286)).status_code == 200
        assert (await ask.post(PUBLISH, params=query, content=b"x" * 524_287)).status_code == 413
        assert (await ask.post(PUBLISH, params=query, content=b"x" * 524_289)).status_code == 413
        assert (await ask.post(PUBLISH, params=query, content=endless())).status_code == 413
    assert read < 2_000_000


async def test_a_refused_publish_reaches_nobody(client: Client, ch: JobChannel) -> None:
    async with running(secured(client)) as url, patient(headers=BEARER) as ask:
        async with subscribed(url, (await client.realtime.token(ch))["key"]) as connection:
            query = {"channel": ch.name, "topic": "tick"}
            for body in (b'{"n": "1"}', b"x" * 600_000, b'{"n": 1}'):
                await ask.post(f"{url}{PUBLISH}", params=query, content=body)
            assert (await data_frame(connection))["data"] == {"n": 1}


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b"null", b"[]", b"[1]", b'[{"channel":"job:j1"}]', b'[{"name":"tick"}]', b"[" * 10_000),
        b'[{"channel":"job:j1","name":"tick"},{"channel":"job:j2","name":"nothing"}]',
        b'[{"channel":"job:' + b"1" * 1_100 + b'","name":"tick"}]',
        b'[{"channel":"job:j1","name":"nothing"}]',
        b'[{"channel":"job:j1","name":"$run"}]',
        b'[{"channel":1,"name":"tick"}]',
    ],
)
async def test_token_requests_that_ask_for_nothing_there_is(body: bytes, client: Client) -> None:
    async with http(client) as ask:
        answer = await ask.post("/v1/realtime/token", content=body)
    assert answer.status_code == (404 if b"nothing" in body or b"$run" in body else 400)
    assert answer.json()["error"].startswith("Invalid request: ")
    if body == b"{}":
        assert answer.json() == {
            "error": "Invalid request: must provide a list of topics",
            "code": "request",
            "data": None,
            "status": 400,
        }


async def test_other_methods_and_paths(client: Client) -> None:
    async with client, http(client) as ask:
        for method, path, status in (
            ("GET", PUBLISH, 405),
            ("POST", "/v1/realtime/sse", 405),
            ("HEAD", "/v1/realtime/sse", 405),
            ("GET", "/v1/realtime/nothing", 404),
            ("GET", "/v1/realtime/sse/", 404),
            ("GET", "/v1/realtime/connect", 401),
        ):
            answer = await ask.request(method, path, headers={"Authorization": ""})
            assert (answer.status_code, path) == (status, path)


async def test_health(client: Client) -> None:
    async with http(client) as ask:
        assert (await ask.get("/health", headers={"Host": "10.0.0.3"})).status_code == 503
        async with client:
            answer = await ask.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_the_channels_of_a_package() -> None:
    names = {cls.__name__ for cls in Catalog(generated).classes}
    assert names == {"AlertsChannel", "OrdersChannel", "PipelineChannel", "UploadsChannel"}
    with pytest.raises(TypeError):
        Catalog([str])  # type: ignore[list-item]


async def test_no_token_in_any_log(client: Client, ch: JobChannel, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with running(secured(client)) as url, patient(headers=BEARER) as ask:
        token = (await client.realtime.token(ch))["key"]
        async with subscribed(url, token):
            pass
        async with ask.stream("GET", f"{url}/v1/realtime/sse?token={token}&x=%74"):
            pass
        await ask.get(f"{url}/v1/realtime/sse?%74oken={token}x")
        await ask.post(f"{url}{PUBLISH}?channel=job:j1&topic=tick&token={token}", json={"n": 1})
    said = [
        record.getMessage() for record in caplog.records if record.name in ("uvicorn.error", "uvicorn.access")
    ]
    assert sum("/v1/realtime/" in line for line in said) == 4
    assert not any(token[:20] in line or token[-20:] in line or KEY in line for line in said)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "websocket"])
async def test_no_server_can_log_what_the_gateway_took_out(method: str, client: Client) -> None:
    """Access logs are written from the scope, also for what there is no route for, or none of that method."""
    gateway = secured(client)
    said: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"} if method == "websocket" else {"type": "http.request"}

    async def send(message: Any) -> None:
        said.append(message)

    paths = ("sse", "sse/", "connect", "connect/", "token", "publish", "publish/", "openapi.json", "nothing")
    for path in [*(f"/v1/realtime/{one}" for one in paths), "/health", "/", "/inspector"]:
        for query in (b"token=s3cret", b"%74oken=s3cret", b"Token=s3cret&topic=tick", b"a=1;token=s3cret"):
            for more in (b"", b"&x=\xff", b"&a=1" * 99, b"&metadata=%22s3cret%22"):
                scope: Any = {
                    "type": "websocket" if method == "websocket" else "http",
                    "scheme": "http",
                    "server": ("127.0.0.1", 1),
                    "client": ("127.0.0.1", 2),
                    "headers": [],
                    "method": method,
                    "path": path,
                    "query_string": query + more,
                }
                await gateway(scope, receive, send)
                assert b"s3cret" not in scope["query_string"], (path, query, more)
    assert said
    assert "s3cret" not in repr(said)


async def test_routes_added_to_the_gateway_keep_their_query(client: Client) -> None:
    """Its own paths don't, whatever else would match them, nor those for which there is no route."""
    gateway = secured(client)
    logged: list[str] = []

    async def shown(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.url.query)

    async def logging_server(scope: Any, receive: Any, send: Any) -> None:
        await gateway(scope, receive, send)
        logged.append(scope["query_string"].decode())

    gateway.add_route("/orders", shown, methods=["GET"])
    gateway.mount("/below", Starlette(routes=[Route("/{name}", shown)]))
    query = "page=2&token=mine&q=%FF"
    transport = httpx.ASGITransport(logging_server)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as ask:
        for path in ("/orders", "/below/any"):
            assert (await ask.get(f"{path}?{query}")).text == query
        assert (await ask.post(f"/orders?{query}")).status_code == 405
        assert logged == [query] * 3
        assert (await ask.get(f"/anything?{query}")).status_code == 404
        gateway.add_route("/{path:path}", shown, methods=["GET"])
        for path in ("/v1/realtime/sse", "/v1/realtime/nothing", "/health"):
            assert "mine" not in (await ask.get(f"{path}?{query}")).text
        assert not any("mine" in one for one in logged[3:])
        assert (await ask.get(f"/anything?{query}")).text == query


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ('"GET %s" %d', ("/sse?a=1&token=s3cret.J.x&b=2", 3)),
        ("GET /sse?a=1&TOKEN=s3cret.J.x&b=2", ()),
        ("< GET %s HTTP/1.1", ("/sse?a=1&%74oKe%6e=s3cret.J.x&b=2",)),
        ("< %s: %s", ("authorization", "Bearer s3cret &b=2")),
        ("%s", ("/eyJzM2NyZXQ.eyJzM2NyZXQ.s3cret-_?&b=2",)),
    ],
)
@pytest.mark.parametrize("name", ["uvicorn.access", "uvicorn.error"])
def test_what_uvicorn_logs_by_itself_is_filtered(
    name: str, text: str, args: tuple[object, ...], client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    secured(client)
    secured(Client())
    caplog.set_level(logging.DEBUG, logger=name)
    logging.getLogger(name).debug(text, *args)
    (record,) = caplog.records
    assert "&b=2" in record.getMessage()
    assert "s3cret" not in record.getMessage()


async def test_a_gateway_mounted_at_the_root_of_another_application() -> None:
    from fastapi import FastAPI

    client = Client()
    outer = FastAPI(lifespan=client.lifespan)

    @outer.get("/mine")
    def mine() -> str:
        return "mine"

    outer.mount("/", app(client, channels=[JobChannel], dev=True))
    transport = httpx.ASGITransport(outer)
    async with client.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as ask:
        assert (await ask.get("/mine")).json() == "mine"
        assert (await ask.get("/health")).json() == {"status": "ok"}


def on_this_machine(gateway: Any) -> Any:
    """As if every request came over loopback."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [pair for pair in scope["headers"] if pair[0] != b"host"]
            scope["headers"] = [*headers, (b"host", b"127.0.0.1")]
            scope["client"] = scope["server"] = ("127.0.0.1", 1)
        await gateway(scope, receive, send)

    return wrapped


DEV = schemathesis.openapi.from_asgi(
    "/v1/realtime/openapi.json", on_this_machine(app(Client(), channels=[JobChannel], dev=True))
)
SECURED = schemathesis.openapi.from_asgi("/v1/realtime/openapi.json", on_this_machine(secured(Client())))
EXAMPLES = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


def within_ten_years(case: schemathesis.Case) -> schemathesis.Case:
    """The case, starting runs no later than a gateway takes, which a schema can't say."""
    start = (case.query or {}).get("start")
    if isinstance(start, str) and re.match(r"2[0-9]{3}-", start):
        case.query["start"] = f"20{start[2:]}" if start[2] in "012" else f"1{start[1:]}"
    return case


@pytest.mark.slow
@DEV.parametrize()
@EXAMPLES
def test_the_description_is_true_in_dev_mode(case: schemathesis.Case) -> None:
    within_ten_years(case).call_and_validate()


@pytest.mark.slow
@SECURED.parametrize()
@EXAMPLES
def test_the_description_is_true_with_secrets(case: schemathesis.Case) -> None:
    within_ten_years(case).call_and_validate(headers=BEARER if case.method == "POST" else {})


def test_the_description_names_every_route(client: Client) -> None:
    gateway = secured(client)
    described = json.loads(asyncio.run(_openapi(gateway)))
    there = {route.path for route in gateway.routes}  # type: ignore[attr-defined]
    assert set(described["paths"]) == there - {"/v1/realtime/openapi.json"}


async def _openapi(gateway: Any) -> bytes:
    transport = httpx.ASGITransport(gateway)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as ask:
        return (await ask.get("/v1/realtime/openapi.json")).content


async def test_a_body_that_is_said_to_be_too_large_is_not_read(client: Client) -> None:
    read = 0

    async def counted() -> Any:
        nonlocal read
        for _ in range(10):
            read += 1
            yield b"x" * 60_000

    query = {"channel": "job:j1", "topic": "token"}
    async with http(client) as ask:
        said = {"Content-Length": "600000"}
        assert (await ask.post(PUBLISH, params=query, content=counted(), headers=said)).status_code == 413
    assert read <= 1  # the transport of this test hands over the first piece by itself


async def test_a_request_for_a_token_is_bounded(client: Client) -> None:
    async with http(client) as ask:
        for size, status in ((524_288, 400), (524_289, 413)):
            assert (await ask.post("/v1/realtime/token", content=b" " * size)).status_code == status


@pytest.mark.slow
async def test_a_gateway_can_be_entered_again(client: Client) -> None:
    gateway = secured(client, inspector=True)
    for _ in range(2):
        async with (
            running(gateway) as url,
            patient(base_url=url, headers=BEARER) as ask,
        ):
            assert (await ask.get("/health")).json() == {"status": "ok"}
            async with ask.stream("GET", "/inspector/api/messages") as answer:
                assert answer.status_code == 200


async def test_a_gateway_of_a_client_that_is_entered_already_closes_its_own_part(client: Client) -> None:
    gateway = secured(client)
    transport = httpx.ASGITransport(gateway)
    async with client, httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as ask:
        async with gateway.router.lifespan_context(gateway):
            assert (await ask.get("/health")).status_code == 200
        assert (await ask.get("/health")).status_code == 503
