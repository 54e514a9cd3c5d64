"""An `EventSource` of a page of another origin, over restarts of the gateway."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.browser.browsing import ROOT, Program, serving

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]
FETCH = """
window.numbers = [];
window.tokens = 0;
window.fetchToken = async (url) => {
    const body = JSON.stringify([{ channel: "alerts", name: "*", kind: "run" }]);
    const answer = await fetch(`${url}/v1/realtime/token`, { method: "POST", body });
    window.tokens += 1;
    return { key: (await answer.json()).jwt, apiBaseUrl: url };
};
window.onFrame = (frame) => {
    if (frame.kind === "data") window.numbers.push(Number(frame.data.message.split("=")[1]));
};
undefined;  // a function would be called
"""


def recipe() -> str:
    """The one of docs/gateway.md."""
    found = re.search(
        r'```javascript title="follow.js"\n(.*?)```', (ROOT / "docs/gateway.md").read_text(), re.DOTALL
    )
    assert found is not None
    return found[1].removeprefix("export ")


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere(page: Page) -> AsyncIterator[Page]:
    """A page of another, allowed origin; Chromium keeps one that is made up from asking this machine."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<title>page</title>"
        )
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    await page.goto(f"http://localhost:{server.sockets[0].getsockname()[1]}/")
    await page.evaluate(FETCH)
    yield page
    server.close()


@pytest_asyncio.fixture(loop_scope="session")
async def with_short_tokens(tmp_path: Path) -> AsyncIterator[Program]:
    """A program whose tokens open streams for a second."""
    async with serving(tmp_path / "app.db", TOKEN_SECONDS="1") as program:
        yield program


async def has(page: Page, count: int) -> list[int]:
    await page.wait_for_function("count => window.numbers.length >= count", arg=count)
    numbers: list[int] = await page.evaluate("window.numbers")
    return numbers


async def test_the_recipe_comes_back_after_its_token_has_expired(
    with_short_tokens: Program, elsewhere: Page
) -> None:
    program, page = with_short_tokens, elsewhere
    await page.add_script_tag(content=f"{recipe()}\nwindow.follow = follow;")
    # The stream begins before its answer does.
    async with page.expect_response(lambda one: "/realtime/sse" in one.url and one.status == 200):
        await page.evaluate(
            "url => { window.stop = window.follow(() => fetchToken(url), onFrame); }", program.url
        )
    await program.send("app/number", first=0, count=3)
    await has(page, 3)
    await program.stop()
    await program.start()  # which takes longer than the token is good for
    await program.send("app/number", first=3, count=3)
    assert await has(page, 6) == list(range(6))
    assert await page.evaluate("window.tokens") > 1
    await page.evaluate("window.stop()")


async def test_it_comes_back_by_itself_within_the_tokens_minute(program: Program, elsewhere: Page) -> None:
    """In dev mode too, whose secret is the same after a restart."""
    page = elsewhere
    await page.evaluate(
        """async (url) => {
            const { key } = await fetchToken(url);
            window.source = new EventSource(`${url}/v1/realtime/sse?token=${key}`);
            window.source.onmessage = (event) => onFrame(JSON.parse(event.data));
            await new Promise((done) => (window.source.onopen = done));
        }""",
        program.url,
    )
    await program.send("app/number", first=0, count=3)
    await has(page, 3)
    await program.stop()
    await program.start()
    await program.send("app/number", first=3, count=3)
    assert await has(page, 6) == list(range(6))
    assert await page.evaluate("window.tokens") == 1
    await page.evaluate("window.source.close()")
