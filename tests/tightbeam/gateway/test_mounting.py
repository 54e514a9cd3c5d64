"""A gateway mounted in another application, which keeps its own answers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from tests.tightbeam.gateway.serving import KEY
from tightbeam import Client
from tightbeam.gateway import Gateway

ORIGIN = "http://127.0.0.1"


def application(**settings: Any) -> FastAPI:
    api = FastAPI(**settings)
    orders = APIRouter(prefix="/orders")

    @orders.get("")
    def all_orders(request: Request) -> str:
        return str(request.query_params)

    @orders.get("/{order_id}/")
    def order(order_id: str) -> str:
        return order_id

    api.include_router(orders)
    return api


def in_starlette() -> Starlette:
    async def all_orders(_request: Any) -> PlainTextResponse:
        return PlainTextResponse("orders")

    return Starlette(routes=[Route("/orders", all_orders), Route("/orders/{order_id}/", all_orders)])


REQUESTS = [
    ("GET", "/orders"),
    ("GET", "/orders?page=2&token=mine"),
    ("GET", "/orders/?page=2"),
    ("POST", "/orders"),
    ("POST", "/orders/"),
    ("DELETE", "/orders/1/"),
    ("GET", "/orders/1"),
    ("OPTIONS", "/orders"),
    ("HEAD", "/orders"),
    ("GET", "/nothing"),
    ("GET", "/nothing/"),
    ("GET", "/"),
    ("GET", "/v1"),
    ("GET", "/v1/orders"),
    ("GET", "/v1/realtimes"),
    ("GET", "/docs/"),
    ("GET", "/openapi.json"),
    ("GET", "/inspector/"),
]


class PassesOn:
    """A middleware that changes nothing."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


async def answers(app: Any) -> list[Any]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as ask:
        found = [await ask.request(method, path) for method, path in REQUESTS]
    return [(one.status_code, one.content, sorted(one.headers.items())) for one in found]


@pytest.mark.parametrize("make", [application, in_starlette])
@pytest.mark.parametrize("first", [False, True], ids=["mounted last", "mounted first"])
async def test_the_application_answers_as_it_does_without(
    make: Callable[[], Starlette], first: bool, gateway: Gateway
) -> None:
    alone, both = await answers(make()), make()
    both.mount("/", gateway)
    if first:
        both.router.routes.insert(0, both.router.routes.pop())
    assert await answers(both) == alone


async def test_in_an_application_in_an_application(gateway: Gateway) -> None:
    def nested(mounted: bool) -> Starlette:
        inner, outer = application(), in_starlette()
        if mounted:
            inner.mount("/", gateway)
        outer.mount("/", inner)
        return outer

    assert await answers(nested(mounted=True)) == await answers(nested(mounted=False))
    await is_served(nested(mounted=True))


async def test_its_own_exception_handlers_answer(gateway: Gateway) -> None:
    api = application()

    @api.exception_handler(404)
    def not_there(_request: Request, _error: Exception) -> JSONResponse:
        return JSONResponse({"mine": True}, 404)

    api.mount("/", gateway)
    transport = httpx.ASGITransport(api)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as ask:
        assert (await ask.get("/nothing")).json() == {"mine": True}
        assert (await ask.get("/v1/realtime/nothing")).json()["error"] == "Not Found"


def test_a_websocket_that_nobody_serves(gateway: Gateway) -> None:
    api = application()
    api.mount("/", gateway)
    for app in (application(), api):
        with pytest.raises(WebSocketDisconnect), TestClient(app).websocket_connect("/nothing"):
            pass


async def is_served(app: Any, prefix: str = "") -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as ask:
        assert (await ask.get(f"{prefix}/v1/realtime/sse?token=no")).status_code == 401
        made = await ask.post(
            f"{prefix}/v1/realtime/token",
            json=[{"channel": "job:j1", "name": "*", "kind": "run"}],
            headers={"Authorization": f"Bearer {KEY}"},
        )
        assert made.status_code == 201, made.text
        wrong = await ask.get(f"{prefix}/v1/realtime/token")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/realtime"])
async def test_where_clients_find_it(path: str, client: Client, gateway: Gateway) -> None:
    api = application(lifespan=client.lifespan)
    api.mount(path, gateway)
    async with api.router.lifespan_context(api):
        await is_served(api)


async def test_behind_a_proxy_that_strips_a_path(client: Client, gateway: Gateway) -> None:
    api = application(lifespan=client.lifespan)
    api.mount("/", gateway)

    async def below_a_path(scope: Any, receive: Any, send: Any) -> None:
        scope["root_path"] = "/api"  # as uvicorn's --root-path does
        await api(scope, receive, send)

    async with api.router.lifespan_context(api):
        await is_served(below_a_path)
        await is_served(below_a_path, "/api")


async def test_with_middleware_around_it(client: Client, gateway: Gateway) -> None:
    api = application(lifespan=client.lifespan)
    api.router.routes.append(Mount("/", gateway, middleware=[Middleware(PassesOn)]))
    assert await answers(api) == await answers(application())
    async with api.router.lifespan_context(api):
        await is_served(api)


@pytest.mark.parametrize("path", ["/rt", "/v1/realtime/more", "/{tenant}", "/api/v1"])
async def test_elsewhere_the_start_is_refused(path: str, client: Client, gateway: Gateway) -> None:
    api = application(lifespan=client.lifespan)
    api.mount(path, gateway)
    with pytest.raises(ValueError, match=r'app\.mount\("/", gateway\)'):
        async with api.router.lifespan_context(api):
            pass


async def test_elsewhere_in_an_inner_application_the_start_is_refused(
    client: Client, gateway: Gateway
) -> None:
    api, inner = application(lifespan=client.lifespan), application()
    inner.mount("/", gateway)
    api.mount("/inner", inner)
    with pytest.raises(ValueError, match='mounted at "/inner"'):
        async with api.router.lifespan_context(api):
            pass


def test_elsewhere_with_a_lifespan_of_ones_own_requests_are_refused(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    api = application()
    api.mount("/rt", gateway)
    http = TestClient(api, base_url=ORIGIN)
    with caplog.at_level(logging.ERROR, logger="tightbeam"):
        answer = http.get("/rt/v1/realtime/sse?token=s3cret")
        with (
            pytest.raises(WebSocketDenialResponse) as denied,
            http.websocket_connect("/rt/v1/realtime/connect"),
        ):
            pass
    assert (answer.status_code, denied.value.status_code) == (404, 404)
    assert 'mounted at "/rt"' in answer.json()["error"]
    (record,) = caplog.records
    assert 'app.mount("/", gateway)' in record.getMessage()
    assert "s3cret" not in record.getMessage()
    assert http.get("/rt/nothing").json() == {"detail": "Not Found"}


async def test_in_an_application_of_another_kind(gateway: Gateway) -> None:
    async def outer(scope: Any, receive: Any, send: Any) -> None:
        answering: Callable[..., Awaitable[None]] = gateway
        await answering(scope, receive, send)

    await is_served(outer)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url=ORIGIN) as ask:
        assert (await ask.get("/nothing?token=s3cret")).status_code == 404
