"""The inspector's view of connections in Chromium: who reads what, and why somebody can't."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.browsing import Program, serious_problems
from tests.tightbeam.gateway.serving import patient, subscribed

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]
HOSTILE = "uploads:<img src=x onerror=\"document.title='taken'\">"


async def opened(page: Page, program: Program) -> None:
    await page.goto(f"{program.url}/inspector/#/connections")
    await expect(page.locator("#connection")).to_have_attribute("data-state", "live")


async def token(program: Program, channel: str, *topics: str) -> str:
    async with patient() as ask:
        body = [{"channel": channel, "name": name} for name in topics]
        answer = await ask.post(f"{program.url}/v1/realtime/token", json=body)
        return str(answer.raise_for_status().json()["jwt"])


async def test_readers_come_and_go(program: Program, page: Page) -> None:
    await opened(page, program)
    await expect(page.locator(".connections")).to_contain_text("Nobody is connected")
    await expect(page.locator(".connections")).to_contain_text("Nothing was refused")
    both = await token(program, "uploads:u1", "status", "result")
    one = await token(program, "uploads:u1", "status")
    async with subscribed(program.url, both), subscribed(program.url, one):
        channel = page.locator(".connections details")
        await expect(channel.locator("summary")).to_contain_text("uploads:u1")
        await expect(channel.locator("summary .number")).to_have_text("2 readers")
        await expect(channel.locator(".topic")).to_have_text(["result 1", "status"])
        await channel.locator("summary").focus()
        await page.keyboard.press("Enter")
        await expect(channel.locator("li")).to_have_count(2)
        await expect(channel.locator("li").first).to_contain_text("websocket")
        hostile = await token(program, HOSTILE, "status")
        async with subscribed(program.url, hostile):  # drawn again: what is open, and where one is, stays
            await expect(page.locator(".connections details")).to_have_count(2)
            await expect(channel.locator("summary").first).to_be_focused()
            await expect(page.locator("details[open] li")).to_have_count(2)
            await expect(page.locator(".connections summary code").last).to_have_text(HOSTILE)
        assert await page.locator("main img").count() == 0
        assert "taken" not in await page.title()
    await expect(page.locator(".connections")).to_contain_text("Nobody is connected")


async def test_a_refused_page_is_shown_with_the_remedy(program: Program, page: Page) -> None:
    async with patient() as ask:
        for _ in range(2):
            await ask.get(f"{program.url}/v1/realtime/sse", headers={"Origin": "https://www.example.com"})
    await opened(page, program)
    entry = page.locator(".connections li.card")
    await expect(entry.locator("h3")).to_contain_text("A page of https://www.example.com")
    await expect(entry.locator(".remedy")).to_contain_text('allowed_origins=["https://www.example.com"]')
    await expect(entry.locator("small")).to_contain_text("2 ×, last ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
async def test_nothing_serious_for_axe(
    program: Program, browser: Browser, scheme: str, width: int, tmp_path: Path
) -> None:
    async with await browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light", viewport={"width": width, "height": 800}
    ) as context:
        page = await context.new_page()
        await opened(page, program)
        await expect(page.locator(".connections h2")).to_have_count(2)
        assert await serious_problems(page) == []
        both = await token(program, "uploads:u1", "status", "result")
        async with patient() as ask, subscribed(program.url, both):
            await ask.get(f"{program.url}/v1/realtime/sse", headers={"Origin": "https://www.example.com"})
            await ask.post(f"{program.url}/v1/realtime/publish?channel=alerts&topic=alert", json={})
            await expect(page.locator(".connections li.card")).to_have_count(2)
            await page.locator("summary").click()
            await expect(page.locator("details[open] li")).to_have_count(1)
            assert await serious_problems(page) == []
            await page.screenshot(path=tmp_path / f"{scheme}-{width}.png")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
