"""`subscribe` in a page of another origin: kills, hidden and left pages, an origin that isn't allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.browser.browsing import Program, serving
from tests.tightbeam.gateway.serving import patient
from tests.typescript.node_tools import needs_node
from tests.typescript.subscribing.driving import TRANSPORTS, compiled

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]
each_transport = pytest.mark.parametrize("transport", TRANSPORTS)
PAGE = """<!doctype html><title>page</title><script type="module">
import { subscribe } from "/_subscribe.js";
import { alertsChannel } from "/alerts.js";
window.numbers = [];
window.connections = [];
window.tokens = 0;
window.follow = (url, token, options) => {
  const fetchToken = async ({ signal }) => {
    window.tokens += 1;
    const body = JSON.stringify([{ channel: "alerts", name: "*", kind: "run" }]);
    const answer = await fetch(`${url}/v1/realtime/token`, { method: "POST", body, signal });
    return { key: (await answer.json()).jwt, apiBaseUrl: url };
  };
  window.subscription = subscribe(alertsChannel, {
    token: token === null ? fetchToken : async () => token,
    onMessage: (message) => window.numbers.push(Number(message.data.message.split("=")[1])),
    onConnection: (connection) => window.connections.push(connection),
    ...options,
  });
};
window.show = (visibility) => {
  Object.defineProperty(document, "visibilityState", { value: visibility, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
};
</script>"""


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs_node()
    return compiled(tmp_path_factory.mktemp("client"))


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere(page: Page, client: Path) -> AsyncIterator[Page]:
    """A page of another origin of this machine, with the client."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode().removeprefix("/")
        kind, text = "text/html", PAGE
        if name.endswith(".js"):
            kind, text = "text/javascript", (client / name).read_text("utf-8")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}; charset=utf-8\r\nConnection: close\r\n\r\n"
        writer.write((head + text).encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    await page.goto(f"http://localhost:{server.sockets[0].getsockname()[1]}/")
    await page.wait_for_function("window.follow !== undefined")
    yield page
    server.close()


async def follow(page: Page, url: str, token: Any = None, **options: Any) -> None:
    await page.evaluate(
        "([url, token, options]) => window.follow(url, token, options)", [url, token, options]
    )


async def state(page: Page, state: str) -> Any:
    await page.wait_for_function("state => window.subscription.connection.state === state", arg=state)
    return await page.evaluate("window.subscription.connection")


async def has(page: Page, count: int) -> list[int]:
    await page.wait_for_function("count => window.numbers.length >= count", arg=count)
    numbers: list[int] = await page.evaluate("window.numbers")
    return numbers


@each_transport
async def test_messages_over_kills_come_once_and_in_order(
    transport: str, program: Program, elsewhere: Page
) -> None:
    await follow(elsewhere, program.url, transport=transport)
    await state(elsewhere, "open")
    await program.send("app/number", first=0, count=300)
    for reached in (20, 150):
        await has(elsewhere, reached)
        await program.kill()
        await program.start()
    assert await has(elsewhere, 300) == list(range(300))
    await elsewhere.wait_for_function("window.tokens > 1")  # all may have come before the first kill


@each_transport
async def test_a_hidden_page_may_pause_and_resumes(transport: str, program: Program, elsewhere: Page) -> None:
    await follow(elsewhere, program.url, transport=transport, pauseOnHidden=True)
    await state(elsewhere, "open")
    await elsewhere.wait_for_function("window.subscription.position !== undefined")
    await elsewhere.evaluate("window.show('hidden')")
    await state(elsewhere, "paused")
    await program.send("app/number", first=0, count=5)
    await elsewhere.evaluate("window.show('visible')")
    assert await has(elsewhere, 5) == list(range(5))
    states = await elsewhere.evaluate("window.connections.map(({ state }) => state)")
    assert states == ["connecting", "open", "paused", "connecting", "open"]


async def test_a_hidden_page_goes_on_by_default(program: Program, elsewhere: Page) -> None:
    await follow(elsewhere, program.url)
    await state(elsewhere, "open")
    await elsewhere.evaluate("window.show('hidden')")
    await program.send("app/number", first=0, count=3)
    assert await has(elsewhere, 3) == [0, 1, 2]
    assert await elsewhere.evaluate("window.tokens") == 1


async def test_a_page_that_is_left_lets_go_and_resumes_when_it_is_shown_again(
    program: Program, elsewhere: Page
) -> None:
    await follow(elsewhere, program.url)
    await state(elsewhere, "open")
    await elsewhere.wait_for_function("window.subscription.position !== undefined")
    await elsewhere.evaluate(
        "dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })); window.show('hidden')"
    )
    await state(elsewhere, "paused")
    await program.send("app/number", first=0, count=3)
    await elsewhere.evaluate(
        "window.show('visible'); dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
    )
    assert await has(elsewhere, 3) == [0, 1, 2]


@pytest.mark.parametrize("event", ["online", "visibilitychange", "pageshow"])
async def test_it_tries_at_once_when_the_page_or_the_network_comes_back(
    event: str, program: Program, elsewhere: Page
) -> None:
    """However long the pause still is."""
    await follow(elsewhere, program.url)
    await state(elsewhere, "open")
    await program.kill()
    await elsewhere.wait_for_function("window.subscription.connection.attempt >= 3")
    after = await elsewhere.evaluate(
        """async (event) => {
            const { subscription } = window;
            while (subscription.connection.state !== "waiting") await new Promise(requestAnimationFrame);
            (event === "visibilitychange" ? document : window).dispatchEvent(new Event(event));
            for (let turn = 0; turn < 9; turn++) await undefined;
            return subscription.connection.state;
        }""",
        event,
    )
    assert after == "connecting"


@each_transport
async def test_an_origin_that_is_not_allowed_is_told(transport: str, tmp_path: Path, elsewhere: Page) -> None:
    key = "k" * 40
    async with serving(tmp_path / "app.db", key) as program:
        async with patient() as ask:
            asked = [{"channel": "alerts", "name": "*", "kind": "run"}]
            headers = {"authorization": f"Bearer {key}"}
            answer = await ask.post(f"{program.url}/v1/realtime/token", json=asked, headers=headers)
        token = {"key": answer.json()["jwt"], "apiBaseUrl": program.url}
        await follow(elsewhere, program.url, token, transport=transport)
        closed = await state(elsewhere, "closed")
        assert (closed["reason"]["code"], closed["reason"]["status"]) == ("origin", 403)
        assert "allowed_origins" in closed["reason"]["message"]
