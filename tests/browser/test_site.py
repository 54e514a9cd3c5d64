"""The site of the documentation in a browser: from a server and from a disk, at any width, light and dark."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.browsing import ROOT, serious_problems

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PAGES = ("index.html", "runtime.html", "reference/tightbeam.html")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("build")
    done = subprocess.run(
        [sys.executable, "-m", "docs.site", build], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return build / "site"


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def search(page: Page, words: str) -> None:
    """Open the search with its keys, once it has its index, and type."""
    await page.locator('dialog[aria-label="Search"]').wait_for(state="attached")
    await page.keyboard.press("Control+k")
    await page.get_by_role("combobox", name="Search").fill(words)


@pytest.mark.parametrize("where", ["server", "disk"])
async def test_search_finds_a_page_and_nothing_is_asked_of_others(
    where: str, page: Page, site: str, folder: Path
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    begin = site if where == "server" else folder.as_uri()
    await page.goto(f"{begin}/index.html")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Tightbeam")
    await search(page, "breaking")
    await page.get_by_role("option", name="Breaking changes").first.click()
    await expect(page).to_have_url(re.compile(re.escape(f"{begin}/breaking.html")))
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Breaking changes")
    assert [url for url in asked if not url.startswith((begin, "data:"))] == []
    assert len(asked) > 5


async def test_search_finds_names_of_the_reference(page: Page, site: str) -> None:
    await page.goto(f"{site}/index.html")
    await search(page, "publish_sync")
    await expect(page.get_by_role("option", name="publish_sync").first).to_be_visible()


async def test_a_guide_leads_to_the_reference(page: Page, site: str) -> None:
    await page.goto(f"{site}/runtime.html")
    await page.get_by_role("link", name="client.send", exact=True).first.click()
    await expect(page).to_have_url(f"{site}/reference/tightbeam.html#tightbeam.Client.send")
    await expect(page.get_by_role("heading", name="Client.send()")).to_be_in_viewport()


async def test_the_dark_scheme_is_the_systems_or_chosen(browser: Browser, site: str) -> None:
    context = await browser.new_context(color_scheme="dark")
    page = await context.new_page()
    await page.goto(f"{site}/index.html")
    body = page.locator("body")
    await expect(body).to_have_attribute("data-md-color-scheme", "slate")
    await page.get_by_title("Switch to light mode").click()
    await expect(body).to_have_attribute("data-md-color-scheme", "default")
    await page.goto(f"{site}/runtime.html")
    await expect(body).to_have_attribute("data-md-color-scheme", "default")
    await context.close()


@pytest.mark.parametrize("path", [*PAGES, "generated-code.html", "reference/tightbeam.gateway.html"])
async def test_no_page_is_wider_than_a_phone(path: str, browser: Browser, site: str) -> None:
    context = await browser.new_context(viewport={"width": 360, "height": 740})
    page = await context.new_page()
    await page.goto(f"{site}/{path}")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
async def test_axe_finds_nothing_serious(path: str, scheme: Any, browser: Browser, site: str) -> None:
    context = await browser.new_context(color_scheme=scheme)
    page = await context.new_page()
    await page.goto(f"{site}/{path}")
    assert await serious_problems(page) == []
    await context.close()


async def test_commands_are_copied_without_prompt_and_output(browser: Browser, site: str) -> None:
    context = await browser.new_context()
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site)
    page = await context.new_page()
    await page.goto(f"{site}/index.html")
    block = page.locator(".language-console", has_text="python uploads.py")
    await expect(block).to_contain_text("stored at /files/cat.png")
    await block.get_by_role("button", name="Copy to clipboard").click()
    await expect(page.locator(".md-dialog")).to_contain_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == "python uploads.py"
    await context.close()
