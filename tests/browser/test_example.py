"""The example with FastAPI and React in Chromium: typed messages in order, and nothing durable is missed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.browsing import EXAMPLE, Program, free_port, serious_problems

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def example(tmp_path: Path) -> AsyncIterator[Program]:
    port = free_port()
    settings = {"EXAMPLE_PORT": str(port), "EXAMPLE_FOLDER": str(tmp_path), "EXAMPLE_PACE": "0.2"}
    made = Program(port, str(EXAMPLE / "server.py"), **settings)
    await made.start()
    yield made
    await made.kill()


async def opened(page: Page, example: Program) -> None:
    await page.goto(example.url)
    await expect(page.locator(".connection")).to_have_attribute("data-state", "open")


def file(name: str) -> Any:
    return {"name": name, "mimeType": "text/plain", "buffer": b"x" * 20_000}


async def raised(example: Program, *messages: str) -> None:
    """Alerts, from somebody else."""
    async with httpx.AsyncClient(base_url=example.url) as ask:
        (await ask.post("/api/session")).raise_for_status()
        for message in messages:
            new = {"message": message, "severity": "high"}
            (await ask.post("/api/alerts", json=new)).raise_for_status()


async def watch(page: Page, selector: str) -> None:
    """Keep every text an element shows."""
    await page.evaluate(
        """(selector) => {
            window.texts = [];
            const look = () => {
                const text = document.querySelector(selector)?.textContent;
                if (text !== undefined && text !== window.texts.at(-1)) window.texts.push(text);
            };
            new MutationObserver(look).observe(document.body, {
                childList: true, subtree: true, characterData: true,
            });
        }""",
        selector,
    )


def arriving(page: Page) -> list[dict[str, Any]]:
    """Every message the page's connections get from now on, as it comes."""
    messages: list[dict[str, Any]] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: messages.append(json.loads(frame))),
    )
    return messages


async def test_an_upload_with_progress_and_result(example: Program, page: Page) -> None:
    arrived = arriving(page)
    await opened(page, example)
    await watch(page, ".uploads .muted")
    await page.get_by_label("Choose a file").set_input_files(file("cat.txt"))
    link = page.get_by_role("link", name="Stored: download it")
    await expect(link).to_be_visible()
    texts = [message["data"]["message"] for message in arrived if message.get("topic") == "status"]
    progress = [text for text in texts if text.startswith("Storing")]
    assert progress
    assert progress == [f"Storing, {percent} %" for percent in (20, 40, 60, 80, 100)][-len(progress) :]
    # Of messages that come within one frame, the page shows the last: not all, but none twice or late.
    shown = [text for text in await page.evaluate("window.texts") if text.startswith("Storing")]
    assert shown
    assert shown == [text for text in progress if text in shown]
    async with page.expect_download() as download:
        await link.click()
    assert (await (await download.value).path()).read_bytes() == b"x" * 20_000
    await expect(page.get_by_label("1 unread")).to_be_visible()


async def test_an_answer_comes_token_by_token(example: Program, page: Page) -> None:
    await opened(page, example)
    await watch(page, ".answer .text")
    await page.get_by_label("Question").fill("Who <b>asks</b>?")
    await page.keyboard.press("Enter")
    await expect(page.locator(".answer .text")).to_have_attribute("data-state", "completed")
    texts = [text.strip() for text in await page.evaluate("window.texts")]
    assert texts[-1].startswith("You ask: “Who <b>asks</b>?” A channel")
    assert texts[-1].endswith("so that nobody loses it.")
    assert len(texts) > 5
    assert all(texts[-1].startswith(text) for text in texts)
    assert await page.locator(".answer b").count() == 0


async def test_the_server_dies_and_nothing_durable_is_missed(example: Program, page: Page) -> None:
    await opened(page, example)
    await page.get_by_role("button", name="Alerts").click()
    alerts = page.locator("#alerts li span:first-child")
    await raised(example, "n=0", "n=1")
    await expect(alerts).to_have_text(["n=1", "n=0"])
    await page.get_by_label("Choose a file").set_input_files(file("cat.txt"))
    # Looked for at every frame: it lasts for half a second.
    storing = "document.querySelector('.uploads .muted')?.textContent.startsWith('Storing')"
    await page.wait_for_function(storing)
    await example.kill()
    await expect(page.locator(".connection")).not_to_have_attribute("data-state", "open")
    await example.start()
    await raised(example, "n=2", "n=3", "n=4")  # most likely before the page is back
    await expect(page.locator(".connection")).to_have_attribute("data-state", "open")
    await expect(page.get_by_role("link", name="Stored: download it")).to_be_visible(timeout=15_000)
    await raised(example, "n=5")
    await expect(alerts.first).to_have_text("n=5", timeout=15_000)
    shown = list(reversed(await alerts.all_text_contents()))
    assert [text for text in shown if text.startswith("n=")] == [f"n={n}" for n in range(6)]
    assert [text for text in shown if "cat.txt" in text] == ["cat.txt has arrived, 20,000 bytes."]


async def test_tokens_are_for_whom_they_are(example: Program, page: Page) -> None:
    await opened(page, example)
    async with page.expect_response(lambda answer: "/api/uploads" in answer.url) as answered:
        await page.get_by_label("Choose a file").set_input_files(file("mine.txt"))
    upload_id = (await (await answered.value).json())["id"]
    mine = await page.request.get(f"{example.url}/api/token/uploads/{upload_id}")
    assert sorted(await mine.json()) == ["apiBaseUrl", "key"]
    async with httpx.AsyncClient(base_url=example.url) as ask:
        assert (await ask.get("/api/token/alerts")).status_code == 401
        assert (await ask.get(f"/api/token/uploads/{upload_id}")).status_code == 401
        await ask.post("/api/session")
        assert (await ask.get("/api/token/alerts")).status_code == 200
        for path in (
            f"/api/token/uploads/{upload_id}",
            f"/api/token/pipeline/{upload_id}",
            f"/files/{upload_id}",
        ):
            assert (await ask.get(path)).status_code == 404


@pytest.mark.parametrize(("width", "scheme"), [(1120, "light"), (390, "dark")])
async def test_axe_finds_nothing_serious(width: int, scheme: Any, example: Program, browser: Browser) -> None:
    async with await browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 720}
    ) as context:
        page = await context.new_page()
        await page.goto(example.url)
        await raised(example, *(f"<i>n={n}</i>" for n in range(12)))
        await page.get_by_label("Choose a file").set_input_files(file("cat.txt"))
        await expect(page.locator(".uploads progress")).to_be_visible()
        assert await serious_problems(page) == []
        await page.get_by_role("button", name="Ask").click()
        await expect(page.locator(".answer .text")).to_have_attribute("data-state", "completed")
        await page.get_by_role("button", name="Alerts").click()
        await expect(page.get_by_text("<i>n=11</i>")).to_be_visible()
        assert await serious_problems(page) == []
        await page.keyboard.press("Escape")
        await expect(page.locator("#alerts")).to_be_hidden()
