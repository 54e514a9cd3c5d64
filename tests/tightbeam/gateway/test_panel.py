"""A page beside the gateway's routes is a package with a function `panel`; the gateway knows a protocol."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.tightbeam.gateway.serving import KEY, secured
from tightbeam import Client
from tightbeam._message import Envelope
from tightbeam.gateway import _app
from tightbeam.gateway.panel import PanelContext


class Names:
    """Lists the gateway's channels, for who has the server key."""

    path = "/names"

    def __init__(self, context: PanelContext) -> None:
        self._context = context
        self.is_open = True

    def routes(self) -> list[Route]:
        return [Route("/names/all", self._all)]

    async def _all(self, request: Request) -> Response:
        self._context.authorizer.check_key(request.headers)
        return JSONResponse([kind.__name__ for kind in self._context.catalog.classes])

    def show(self, frame: Envelope, /) -> None: ...

    def open(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False


def test_another_page_than_the_inspector(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    package, made = ModuleType("channel_names"), list[Names]()
    package.panel = lambda context: made.append(Names(context)) or made[0]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "channel_names", package)
    monkeypatch.setattr(_app, "_INSPECTOR", "channel_names")
    gateway = secured(client, inspector=True)
    with TestClient(gateway, "http://127.0.0.1") as http:
        assert gateway.inspector == "/names/"
        assert made[0].is_open
        assert http.get("/names/all").status_code == 401
        answer = http.get("/names/all", headers={"Authorization": f"Bearer {KEY}"})
        assert answer.json() == ["JobChannel"]
    assert not made[0].is_open


def test_a_client_of_another_kind() -> None:
    with pytest.raises(TypeError, match="not object"):
        secured(object())  # type: ignore[arg-type]
