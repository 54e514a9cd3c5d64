"""The example with FastAPI and React in Chromium: typed messages in order, and nothing durable is missed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, WebSocket, WebSocketRoute, expect

from tests.browser.browsing import Program
from tests.browser.visiting import cut_off, file, opened, raised, uploaded
from tests.tightbeam.engine import inspection
from tests.tightbeam.engine.conftest import until
from tests.tightbeam.gateway.serving import patient

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


def arriving(page: Page) -> list[dict[str, Any]]:
    """Every message the page's connections get from now on, as it comes."""
    messages: list[dict[str, Any]] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: messages.append(json.loads(frame))),
    )
    return messages


@pytest.mark.parametrize("example", ["3600"], indirect=True)
async def test_progress_is_drawn_as_it_comes(example: Program, page: Page) -> None:
    await opened(page, example)
    async with patient() as ask, ask.stream("GET", f"{example.url}/inspector/api/messages") as seen:
        lines = seen.aiter_lines()
        await anext(lines)
        channel = f"uploads:{await uploaded(page)}"
        while "Looking for viruses" not in await anext(lines):  # the run says no more, nor anything later
            pass
    drawn = page.locator(".uploads .muted")
    # Live, so whoever comes later misses it: said until the page is there.
    for _ in range(60):
        await example.publish(channel, "status", {"message": "Storing, 20 %", "percent": 20})
        with contextlib.suppress(AssertionError):
            await expect(drawn).to_have_text("Storing, 20 %", timeout=500)
            break
    for percent in (40, 60, 100):
        await example.publish(channel, "status", {"message": f"Storing, {percent} %", "percent": percent})
        await expect(drawn).to_have_text(f"Storing, {percent} %")
        await expect(page.locator(".uploads progress")).to_have_attribute("value", str(percent))


async def test_an_upload_ends_with_its_result(example: Program, page: Page) -> None:
    arrived = arriving(page)
    await opened(page, example)
    await page.get_by_label("Choose a file").set_input_files(file("cat.txt"))
    link = page.get_by_role("link", name="Stored: download it")
    await expect(link).to_be_visible()
    # Progress is live: a page that is late gets less of it, or none; never anything twice, or after the end.
    topics = [message.get("topic") for message in arrived]
    assert "status" not in topics[topics.index("result") :]
    texts = [message["data"]["message"] for message in arrived if message.get("topic") == "status"]
    said = ["Looking for viruses…", *(f"Storing, {percent} %" for percent in (20, 40, 60, 80, 100))]
    assert texts == said[len(said) - len(texts) :]
    async with page.expect_download() as download:
        await link.click()
    assert (await (await download.value).path()).read_bytes() == b"x" * 20_000
    await expect(page.get_by_role("button", name="Alerts 1 unread")).to_be_visible()


async def test_all_uploads_come_over_one_connection(example: Program, page: Page) -> None:
    """Beside the one of the alerts; also after the server died."""
    sockets: set[WebSocket] = set()

    def leave(socket: WebSocket) -> None:  # Playwright takes no method of a set
        sockets.discard(socket)

    def enter(socket: WebSocket) -> None:
        sockets.add(socket)
        socket.on("close", leave)

    page.on("websocket", enter)
    await opened(page, example)
    chosen = page.get_by_label("Choose a file")
    links = page.get_by_role("link", name="Stored: download it")
    await chosen.set_input_files([file(f"{n}.txt") for n in range(3)])
    await expect(links).to_have_count(3)
    await chosen.set_input_files([file("3.txt")])
    await expect(links).to_have_count(4)
    await until(lambda: len(sockets) == 2)  # the one before is left when the new one is open
    await example.kill()
    await cut_off(page)
    await example.start()
    await chosen.set_input_files([file("4.txt")])
    await expect(links).to_have_count(5)
    await until(lambda: len(sockets) == 2)


Held = asyncio.Queue[tuple[dict[str, Any], Callable[[], None]]]


async def held(page: Page, topic: str) -> Held:
    """Messages of a topic, and of runs, wait here, each with what lets it through."""
    waiting: Held = asyncio.Queue()

    def route(socket: WebSocketRoute) -> None:
        def got(frame: str | bytes) -> None:
            message = json.loads(frame)
            if message["kind"] == "run" or message.get("topic") == topic:
                waiting.put_nowait((message, partial(socket.send, frame)))
            else:
                socket.send(frame)

        socket.connect_to_server().on_message(got)

    await page.route_web_socket("**/v1/realtime/connect*", route)
    return waiting


async def let_through(waiting: Held, until: Callable[[dict[str, Any]], bool]) -> None:
    """One after the other, the last one the first of which that is true."""
    async with asyncio.timeout(60):
        message: dict[str, Any] | None = None
        while message is None or not until(message):
            message, let = await waiting.get()
            let()


async def test_an_answer_comes_token_by_token(example: Program, page: Page) -> None:
    waiting = await held(page, "tokens")
    await opened(page, example)
    await page.get_by_label("Question").fill("Who <b>asks</b>?")
    await page.keyboard.press("Enter")
    shown = page.locator(".answer .text")
    for text in ("You", "You ask:", "You ask: “Who", "You ask: “Who <b>asks</b>?”"):
        await let_through(waiting, lambda message: message["kind"] == "data")
        await expect(shown).to_have_text(text)
    await let_through(
        waiting, lambda message: message["kind"] == "run" and message["data"]["status"] == "completed"
    )
    await expect(shown).to_have_attribute("data-state", "completed")
    whole = await shown.inner_text()
    assert whole.startswith("You ask: “Who <b>asks</b>?” A channel")
    assert whole.endswith("so that nobody loses it.")
    assert await page.locator(".answer b").count() == 0


def steps(journal: Path) -> set[str]:
    """What is remembered, of all runs."""
    return {step.id for run in inspection.runs(journal) for step in inspection.run(journal, run.id).steps}


async def test_the_server_dies_and_nothing_durable_is_missed(
    example: Program, page: Page, tmp_path: Path
) -> None:
    await opened(page, example)
    await page.get_by_role("button", name="Alerts").click()
    alerts = page.locator("#alerts li span:first-child")
    await raised(example, "n=0", "n=1")
    await expect(alerts).to_have_text(["n=1", "n=0"])
    await uploaded(page)
    await until(lambda: "scan" in steps(tmp_path / "journal.db"))  # half a second is left
    await example.kill()
    await expect(page.locator(".connection")).not_to_have_attribute("data-state", "open")
    await example.start()
    await raised(example, "n=2", "n=3", "n=4")  # most likely before the page is back
    await expect(page.locator(".connection")).to_have_attribute("data-state", "open")
    await expect(page.get_by_role("link", name="Stored: download it")).to_be_visible()
    # Published by the same run, after the result.
    await expect(alerts.filter(has_text="cat.txt has arrived")).to_have_count(1)
    await raised(example, "n=5")
    await expect(alerts.first).to_have_text("n=5")
    shown = list(reversed(await alerts.all_text_contents()))
    assert [text for text in shown if text.startswith("n=")] == [f"n={n}" for n in range(6)]
    assert [text for text in shown if "cat.txt" in text] == ["cat.txt has arrived, 20,000 bytes."]


async def test_tokens_are_for_whom_they_are(example: Program, page: Page) -> None:
    await opened(page, example)
    upload_id = await uploaded(page)
    mine = await page.request.get(f"{example.url}/api/token/uploads?id={upload_id}")
    assert sorted(await mine.json()) == ["apiBaseUrl", "channels", "gone", "key", "topics"]
    async with patient(base_url=example.url) as ask:
        assert (await ask.get("/api/token/alerts")).status_code == 401
        assert (await ask.get(f"/api/token/uploads?id={upload_id}")).status_code == 401
        await ask.post("/api/session")
        assert (await ask.get("/api/token/alerts")).status_code == 200
        for path in (
            f"/api/token/uploads?id={upload_id}",
            f"/api/token/pipeline/{upload_id}",
            f"/files/{upload_id}",
        ):
            assert (await ask.get(path)).status_code == 404
