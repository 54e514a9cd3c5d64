"""What Chromium's console says of a page that doesn't connect: what docs/it-doesnt-connect.md leads from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page
from playwright.async_api import Route as Intercepted
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.tightbeam.engine.conftest import until
from tests.tightbeam.gateway.serving import plain_uvicorn, running, secured
from tightbeam import Client

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]
DOCS = (Path(__file__).parents[2] / "docs" / "it-doesnt-connect.md").read_text(encoding="utf-8")
WEBSOCKET = """url => new Promise(done => {
    const socket = new WebSocket(url);
    socket.onopen = () => done("open");
    socket.onerror = (error) => done(String(error));
})"""


@pytest_asyncio.fixture(loop_scope="session")
async def url() -> AsyncIterator[str]:
    async with running(secured(Client(), allowed_origins=["https://www.example.com"])) as served:
        yield served


async def at(browser: Browser, address: str, policy: str = "") -> tuple[Page, list[str]]:
    """A page at this address, whatever is there, and what its console says."""
    page = await browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))

    async def answer(route: Intercepted) -> None:
        headers = {"Content-Type": "text/html"} | ({"Content-Security-Policy": policy} if policy else {})
        await route.fulfill(status=200, headers=headers, body="<!doctype html><title>A page</title>")

    await page.route(address, answer)
    await page.goto(address)
    return page, said


async def blank(_request: Request) -> HTMLResponse:
    return HTMLResponse("<!doctype html><title>A page</title><link rel=icon href=data:,>")


async def test_the_reason_is_hidden_from_a_page_and_readable_by_fetch(url: str, browser: Browser) -> None:
    connect = f"{url}/v1/realtime/connect"
    socket = connect.replace("http", "ws", 1)
    async with plain_uvicorn(Starlette(routes=[Route("/", blank)])) as (_, origin):
        page = await browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        await page.goto(origin)
        assert await page.evaluate(WEBSOCKET, socket) == "[object Event]"
        await until(lambda: bool(said))  # the console may say it after the page has heard
        assert said[0].startswith(f"WebSocket connection to '{socket}' failed")
        assert "`WebSocket connection to '…' failed`" in DOCS
        answer = await page.evaluate("url => fetch(url).then(answer => answer.json())", connect)
        assert (answer["code"], answer["status"]) == ("origin", 403)
        assert origin in answer["error"]
        assert "www.example.com" not in str(answer)
        # Nothing else: what needs a preflight isn't sent, and no other answer can be read.
        for target, options in ((connect, {"headers": {"Authorization": "x"}}), (f"{url}/health", {})):
            given = await page.evaluate(
                "([url, options]) => fetch(url, options).then(answer => answer.status, String)",
                [target, options],
            )
            assert given == "TypeError: Failed to fetch"
        await page.close()


@pytest.mark.parametrize(
    ("address", "policy", "target", "words"),
    [
        (
            *("http://127.0.0.1:5333/", "connect-src 'self'", "ws://127.0.0.1:8288/v1/realtime/connect"),
            'violates the following Content Security Policy directive: "connect-src',
        ),
        (
            *("https://www.example.com/", "", "ws://rt.example.com/v1/realtime/connect"),
            "was loaded over HTTPS, but attempted to connect to the insecure WebSocket endpoint",
        ),
        (
            *("http://www.example.com/", "", "ws://127.0.0.1:8288/v1/realtime/connect"),
            "ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS",
        ),
    ],
    ids=["connect-src", "mixed content", "local network"],
)
async def test_what_never_reaches_the_gateway(
    address: str, policy: str, target: str, words: str, url: str, browser: Browser
) -> None:
    page, said = await at(browser, address, policy)
    target = target.replace("127.0.0.1:8288", url.removeprefix("http://"))
    caught = f"url => ({WEBSOCKET})(url).catch(String)"
    assert await page.evaluate(caught, target) != "open"
    await until(lambda: any(words in line for line in said))  # maybe after the page has heard
    assert words in DOCS
