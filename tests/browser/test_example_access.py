"""The React example with a keyboard, a screen reader, a phone: focus, announcements, contrast, width."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.browsing import Program, serious_problems
from tests.browser.visiting import cut_off, file, opened, raised

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

ANNOUNCED = """
window.announced = [];
new MutationObserver((changes) => {
  for (const { target } of changes) {
    const near = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
    const region = near?.closest("[aria-live], [role=status], [role=alert]");
    if (region) window.announced.push(region.textContent);
  }
}).observe(document, { subtree: true, childList: true, characterData: true });
"""


async def focused(page: Page) -> str:
    """Return the text, or the type, of the element with the focus."""
    text: str = await page.evaluate(
        "document.activeElement.innerText || document.activeElement.type || 'none'"
    )
    return text.strip()


@pytest.mark.parametrize(("width", "scheme"), [(1120, "light"), (390, "dark"), (320, "light")])
async def test_axe_finds_nothing_serious(width: int, scheme: Any, example: Program, browser: Browser) -> None:
    async with await browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 720}
    ) as context:
        page = await context.new_page()
        looked = asyncio.Event()

        async def hold(route: Route) -> None:
            await looked.wait()
            await route.continue_()

        await page.route("**/api/token/uploads*", hold)  # without messages there is progress to look at
        await page.goto(example.url)
        await raised(example, *(f"<i>n={n}</i>" for n in range(12)))
        await page.get_by_label("Choose a file").set_input_files(file("a-rather-long-name-of-a-cat.txt"))
        await expect(page.locator(".uploads .muted")).to_have_text("Waiting…")
        await expect(page.locator(".uploads progress")).to_be_visible()
        assert await serious_problems(page) == []
        looked.set()
        await page.get_by_role("button", name="Ask").click()
        await expect(page.locator(".answer .text")).to_have_attribute("data-state", "completed")
        await page.get_by_role("button", name="Alerts").click()
        await expect(page.get_by_text("<i>n=11</i>", exact=True)).to_be_visible()
        assert await serious_problems(page) == []
        await page.get_by_label("Message").fill("Fire!")
        await example.kill()
        await cut_off(page)
        await page.get_by_role("button", name="Alert everybody").click()
        await expect(page.locator("#alerts").get_by_role("alert")).to_be_visible()
        assert await serious_problems(page) == []
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Ask").click()
        await page.get_by_label("Choose a file").set_input_files(file("b.txt"))
        await expect(page.get_by_role("button", name="Send again")).to_be_visible()
        assert await serious_problems(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_the_alerts_close_where_the_focus_is_not_lost(example: Program, page: Page) -> None:
    await opened(page, example)
    bell, panel = page.get_by_role("button", name="Alerts"), page.locator("#alerts")
    for close in ("Escape", "click", "bell"):
        await bell.focus()
        await page.keyboard.press("Enter")
        await expect(panel).to_be_visible()
        await expect(bell).to_have_attribute("aria-expanded", "true")
        await page.keyboard.press("Tab")
        await expect(page.get_by_label("Message")).to_be_focused()
        if close == "Escape":
            await page.keyboard.press("Escape")
        elif close == "click":
            await page.get_by_role("heading", name="Upload a file").click()
        else:
            await bell.click()
        await expect(panel).to_be_hidden()
        await expect(bell).to_be_focused()
        await expect(bell).to_have_attribute("aria-expanded", "false")
    # Who clicks into a field goes on there.
    await bell.click()
    await page.get_by_label("Message").focus()
    await page.get_by_label("Question").click(position={"x": 9, "y": 9})  # the panel covers the rest
    await expect(panel).to_be_hidden()
    await expect(page.get_by_label("Question")).to_be_focused()


async def test_everything_works_with_the_keyboard_alone(example: Program, page: Page) -> None:
    await opened(page, example)
    await page.keyboard.press("Tab")
    assert await focused(page) == "Alerts"
    await page.keyboard.press("Space")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Fire!")
    await page.keyboard.press("Tab")
    await page.keyboard.press("c")  # critical; more letters would have to come within a second
    await page.keyboard.press("Tab")
    assert await focused(page) == "Alert everybody"
    await page.keyboard.press("Enter")
    await expect(page.locator("#alerts li")).to_contain_text("Fire!critical")
    await expect(page.get_by_label("Message")).to_be_focused()
    await page.keyboard.press("Escape")
    assert await focused(page) == "Alerts"
    await page.keyboard.press("Tab")
    async with page.expect_file_chooser() as chooser:
        # The request to tell of choosers has no answer, and keys reach the page by another road.
        assert await focused(page) == "file"
        await page.keyboard.press("Space")
    await (await chooser.value).set_files([file("a.txt"), file("b.txt")])
    assert await focused(page) == "file"
    await expect(page.get_by_role("link", name="Stored: download it")).to_have_count(2)
    for _ in range(3):
        await page.keyboard.press("Tab")
    await expect(page.get_by_label("Question")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".answer .text")).to_have_attribute("data-state", "completed")
    await expect(page.get_by_label("Question")).to_be_focused()


async def test_a_button_that_goes_away_hands_the_focus_on(example: Program, page: Page) -> None:
    await opened(page, example)
    await example.kill()
    await page.get_by_label("Choose a file").set_input_files(file("cat.txt"))
    again = page.get_by_role("button", name="Send again")
    await again.focus()
    await example.start()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="Stored: download it")).to_be_visible()
    assert (await focused(page)).startswith("cat.txt")


@pytest.mark.parametrize("example", ["1"], indirect=True)
async def test_what_is_read_out_is_the_beginning_and_the_end(example: Program, page: Page) -> None:
    async def said(text: str) -> None:
        await page.wait_for_function("(text) => window.announced.includes(text)", arg=text)

    await page.add_init_script(ANNOUNCED)
    await opened(page, example)
    await raised(example, "Fire!")
    await said("Alert, high: Fire!")  # until the next alert, which the upload raises at its end
    await page.get_by_label("Choose a file").set_input_files(file("cat.txt"))
    await page.get_by_role("button", name="Ask").click()
    for text in ("Sending cat.txt.", "cat.txt is stored.", "Writing…", "Done."):
        await said(text)
    await expect(page.locator(".answer .text")).to_have_attribute("data-state", "completed")
    announced: list[str] = await page.evaluate("window.announced")
    assert [text for text in announced if "%" in text or "You ask" in text] == []


async def test_there_is_one_first_heading(example: Program, page: Page) -> None:
    await opened(page, example)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Tightbeam with FastAPI and React")
    headings = page.get_by_role("heading", level=2)
    await expect(headings).to_have_text(["Upload a file", "Ask something"])
