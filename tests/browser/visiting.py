"""What a visitor of the React example does, and what others do meanwhile."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from tests.browser.browsing import Program
from tests.tightbeam.gateway.serving import patient


async def opened(page: Page, example: Program) -> None:
    """Open the page, and wait until it is connected."""
    await page.goto(example.url)
    await expect(page.locator(".connection")).to_have_attribute("data-state", "open")


async def cut_off(page: Page) -> None:
    """Wait until the page says that the connection is lost."""
    await expect(page.locator(".banner")).to_contain_text("The server can't be reached")


def file(name: str) -> Any:
    """Return a file of 20,000 bytes to choose."""
    return {"name": name, "mimeType": "text/plain", "buffer": b"x" * 20_000}


async def raised(example: Program, *messages: str) -> None:
    """Raise alerts, from another browser."""
    async with patient(base_url=example.url) as ask:
        (await ask.post("/api/session")).raise_for_status()
        for message in messages:
            new = {"message": message, "severity": "high"}
            (await ask.post("/api/alerts", json=new)).raise_for_status()


async def uploaded(page: Page) -> str:
    """Choose a file, and return the id of its upload."""
    async with page.expect_response(lambda answer: "/api/uploads" in answer.url) as answered:
        await page.get_by_label("Choose a file").set_input_files(file("cat.txt"))
    made: str = (await (await answered.value).json())["id"]
    return made
