"""The catalogue in Chromium: from a disk and a host, by keyboard, in the dark, on a phone, under attack."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Request, expect

from benchmarks.definitions import definition_files, write_definitions
from tests.browser.browsing import ROOT, copy, serious_problems
from tests.tightbeam_codegen.catalogue.catalogues import hostile
from tests.tightbeam_codegen.compiling import write_files
from tests.tightbeam_codegen.hostile.attacks import ATTACKS
from tightbeam_codegen.command.docs import run_docs

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]
MARKUP = {
    "script": "</script><script>document.title='taken';alert(1)</script>",
    "image": "<img src=x onerror=\"document.title='taken';alert(1)\">",
    "end of a comment": "--><svg onload=alert(1)>",
    "attribute": "\" autofocus onfocus=alert(1) x='",
    "entity": "&lt;img src=x onerror=alert(1)&gt;&#60;script&#62;alert(1)",
    "link": "javascript:alert(1)",
    "markdown": "[a](javascript:alert(1)) ![b](https://evil.example/x.png) <https://evil.example/>",
    "template": "${alert(1)}{{constructor.constructor('alert(1)')()}}",
    "prototype": "__proto__",
    "constructor": "constructor",
    "inherited": "toString",
    "long": "a" * 4_000,
    "wide": "\U0001f468\u200d\U0001f469\u200d\U0001f467 " * 50,
    "right to left": "\u202e\u2066desrever\u2069 \u05d0\u05d1",
    "zeros": "a\0b\x7f\x9b\ufffe\ufeff",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue of our example definitions, compared with others."""
    folder = tmp_path_factory.mktemp("catalogue")
    files = {path.name: path.read_text("utf-8") for path in (ROOT / "schemas").iterdir()}
    files["orders.channel.yaml"] = files["orders.channel.yaml"].replace("minItems: 1", "minItems: 0")
    files["alerts.channel.json"] = files["alerts.channel.json"].replace(
        '["message", "severity"]', '["message"]'
    )
    write_files(folder / "before", files)
    assert run_docs(ROOT / "schemas", folder / "site", against=str(folder / "before")) == 0
    return folder / "site"


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder as a static host does."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def watched(page: Page) -> list[str]:
    """What a page does that it shouldn't: other sites, dialogs, violations of its policy, errors."""
    noted: list[str] = []

    def request(asked: Request) -> None:
        if not asked.url.startswith(("file:", "http://127.0.0.1:")):
            noted.append(f"asks {asked.url}")

    async def dialog(opened: Any) -> None:
        noted.append(f"says {opened.message}")
        await opened.dismiss()

    page.on("request", request)
    page.on("dialog", dialog)
    page.on("pageerror", lambda error: noted.append(f"raises {error}"))
    page.on("console", lambda said: noted.append(f"logs {said.text}") if said.type == "error" else None)
    return noted


def found(page: Page) -> Any:
    return page.get_by_role("option")


@pytest.mark.parametrize("way", ["file", "host"])
async def test_a_reader_finds_a_property_by_keyboard(way: str, site: Path, page: Page) -> None:
    """From a disk, and below a path of a host."""
    noted = watched(page)
    with served(site.parent) as origin:
        await page.goto(f"{site.as_uri() if way == 'file' else f'{origin}/site'}/channels/alerts.html")
        await page.keyboard.press("/")
        await page.keyboard.type("weight")
        await expect(found(page)).to_have_count(1)
        await expect(found(page).first).to_contain_text("parcels[].weightKg")
        await page.keyboard.press("Control+a")
        await page.keyboard.type("order line")
        await expect(found(page).first).to_contain_text("One line of the order.")  # and no former list
        await expect(found(page).first).to_have_attribute("aria-selected", "true")
        first = await found(page).first.inner_text()
        await page.keyboard.press("ArrowDown")
        await expect(found(page).nth(1)).to_have_attribute("aria-selected", "true")
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("Escape")
        await expect(found(page).first).to_be_hidden()
        await page.keyboard.press("ArrowDown")
        assert await found(page).first.inner_text() == first
        await page.keyboard.press("Control+a")
        await page.keyboard.type("carrier")
        await expect(found(page)).to_have_count(1)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/channels/orders.html#state.~StateShipped.carrier")
        row = page.locator("[id='state.~StateShipped.carrier']")
        await expect(row).to_be_in_viewport()
        await expect(row).to_contain_text("Who brings them.")
        await expect(page.locator(".side [aria-current]")).to_have_text("state")
        await page.get_by_role("link", name="Money").first.click()
        await page.wait_for_url("**/types/common.html#Money")
        await page.get_by_role("link", name="Channels", exact=True).click()
        await page.wait_for_url("**/index.html")
    assert noted == []


async def test_tabs_change_together_and_code_is_copied(site: Path, browser: Browser) -> None:
    context = await browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    noted = watched(page)
    with served(site) as origin:
        await page.goto(f"{origin}/channels/uploads.html")
        tabs = page.get_by_role("tab", name="Python")
        await tabs.first.click()
        for number in range(2):
            await expect(tabs.nth(number)).to_have_attribute("aria-selected", "true")
        await tabs.first.press("ArrowRight")
        await expect(page.get_by_role("tab", name="TypeScript").first).to_be_focused()
        await tabs.first.click()
        block = page.locator("section.topic").first.locator(".code:visible").first
        await block.hover()
        await copy(page, block.get_by_role("button", name="Copy"))
        text = await page.evaluate("navigator.clipboard.readText()")
        assert text.startswith("from generated.uploads import uploads_channel\n")
    await context.close()
    assert noted == []


async def test_pages_are_complete_without_javascript_and_in_print(site: Path, browser: Browser) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{site.as_uri()}/channels/uploads.html")
    await expect(page.get_by_text("await client.realtime.publish").first).to_be_visible()
    await expect(page.locator(".search")).to_be_hidden()
    await context.close()
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{site.as_uri()}/channels/uploads.html")
    code = page.get_by_text("await client.realtime.publish").first
    await expect(code).to_be_hidden()
    await page.emulate_media(media="print")
    await expect(code).to_be_visible()
    await expect(page.locator("header.bar")).to_be_hidden()
    await context.close()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
async def test_axe_finds_nothing_serious(width: int, scheme: Any, site: Path, browser: Browser) -> None:
    # The policy of the pages forbids what axe-core is loaded with.
    context = await browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    )
    page = await context.new_page()
    defined = ("channels/orders", "channels/alerts", "events/upload")
    for name in ("index", *defined, "types", "types/common", "changes"):
        await page.goto(f"{site.as_uri()}/{name}.html")
        assert await serious_problems(page) == [], name
        regions = await page.locator("main [role=region]").evaluate_all(
            "(all) => all.map((one) => one.ariaLabel)"
        )
        assert len(regions) == len(set(regions)), name
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
    await page.goto(f"{site.as_uri()}/index.html")
    await expect(page.locator(".list .badge")).to_have_text(["callers must change", "publishers first"])
    await page.goto(f"{site.as_uri()}/channels/orders.html")
    await page.locator("summary").first.click()
    await page.get_by_role("tab", name="TypeScript").first.click()
    await page.get_by_role("combobox").fill("order")
    await expect(found(page).first).to_be_visible()
    assert await serious_problems(page) == []
    await context.close()


async def test_what_is_read_is_marked_in_any_colours(site: Path, browser: Browser) -> None:
    """A short section at the end, too; and of the tabs only one has a line."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, forced_colors="active")
    page = await context.new_page()
    await page.goto(f"{site.as_uri()}/channels/orders.html")
    current = page.locator(".side [aria-current]")
    await page.locator(".side").get_by_role("link", name="Line", exact=True).click()
    await expect(current).to_have_text("Line")
    await page.locator(".side").get_by_role("link", name="placed", exact=True).click()
    await expect(current).to_have_text("placed")
    for tabs, count in ((page.locator(".bar nav a"), 4), (page.locator(".tabs").first.locator("button"), 3)):
        lines = await tabs.evaluate_all("(all) => all.map((one) => getComputedStyle(one).borderBottomColor)")
        first, *others = lines
        assert len(lines) == count
        assert first not in others
        assert len(set(others)) == 1
    await context.close()


async def test_text_of_schemas_stays_text(browser: Browser, tmp_path: Path) -> None:
    """In every place of a definition, on every page, and in what is found."""
    texts = [*MARKUP.values(), *(attack.text for attack in ATTACKS.values() if attack.careless is None)]
    for number, text in enumerate(texts):
        files = {path: json.dumps(value) for path, value in hostile(text).items()}
        for path in ("x.channel.json", "e.event.json"):
            files[path] = files[path].replace('"name": "x/', f'"name": "x{number}/')
        write_files(tmp_path / "schemas" / f"n{number}", files)
    assert run_docs(tmp_path / "schemas", tmp_path / "site") == 0
    pages = sorted(path for path in (tmp_path / "site").rglob("*.html"))
    assert len(pages) > 3 * len(texts)
    context = await browser.new_context(viewport={"width": 360, "height": 800})
    page = await context.new_page()
    noted = watched(page)
    for path in pages:
        await page.goto(path.as_uri())
        strange = await page.evaluate(
            """() => [...document.querySelectorAll("*")]
                .filter((one) => one.matches("svg, iframe, object, embed, form, style, base, template") ||
                    [...one.attributes].some(({ name }) => /^(on|style$|srcdoc$|autofocus$)/.test(name)) ||
                    (one.matches("img") && !one.src.endsWith("/mark.svg")) ||
                    (one.matches("script") && !one.src.endsWith("/catalogue.js")) ||
                    (one.matches("a") && !one.href.startsWith(location.protocol)))
                .map((one) => one.outerHTML.slice(0, 200))"""
        )
        assert strange == [], path
        assert await page.title() != "taken", path
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    for words in ("alert", "constructor", "__proto__", "<img", "a" * 60, "desrever", "evil"):
        await page.get_by_role("combobox").fill(words)
        await expect(found(page).first).to_be_visible()
        assert await page.locator(".found :is(img, script, svg)").count() == 0
    await context.close()
    assert noted == []


async def test_many_channels_load_what_is_looked_at(browser: Browser, tmp_path: Path) -> None:
    """Opening asks for a page, its style and its script; the search draws few of what it finds."""
    write_definitions(tmp_path / "schemas", definition_files(120))
    assert run_docs(tmp_path / "schemas", tmp_path / "site") == 0
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "site" / "search").iterdir()}
    assert len(sizes) > 2
    assert max(sizes.values()) < 200_000
    assert (tmp_path / "site" / "index.html").stat().st_size < 200_000
    assert max(path.stat().st_size for path in (tmp_path / "site" / "channels").iterdir()) < 80_000
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    noted = watched(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    with served(tmp_path / "site") as origin:
        await page.goto(f"{origin}/index.html")
        assert sorted(asked) == ["catalogue.css", "catalogue.js", "family.css", "index.html", "mark.svg"]
        await page.keyboard.press("/")
        await page.keyboard.type("e")
        await expect(page.locator(".said")).to_contain_text("The best 30 of")
        await expect(page.locator(".said")).not_to_contain_text("searching")
        assert await found(page).count() == 30
        assert sum(name in sizes for name in asked) == len(sizes)
        await page.keyboard.type("ngine")
        await expect(found(page).first).to_contain_text("engine")
    await context.close()
    assert noted == []
