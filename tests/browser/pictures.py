"""The screenshots of the documentation, taken from what is served: `make pictures`.

With `pngquant` installed they take a third of the space.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.browser.browsing import EXAMPLE, ROOT, Program, chromium, free_port
from tightbeam_codegen.command.docs import run_docs

FOLDER = ROOT / "docs" / "images"
WIDE = ViewportSize(width=1120, height=680)
SMALL = ViewportSize(width=390, height=720)
LOOKS: list[tuple[str, Any, ViewportSize]] = [
    ("light", "light", WIDE),
    ("dark", "dark", WIDE),
    ("small", "light", SMALL),
    ("small-dark", "dark", SMALL),
]


async def take(page: Page, name: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    await page.screenshot(path=FOLDER / f"{name}.png", animations="disabled", caret="hide")


async def inspector(browser: Browser, folder: Path) -> None:
    port = free_port()
    program = Program(port, "-m", "tests.browser.served", str(folder / "app.db"), str(port))
    await program.start()
    try:
        run_id = await program.send("app/upload", uploadId="cat-4711", fails=True)
        await program.send("app/upload", uploadId="cat-4712")
        await program.send("app/upload", uploadId="cat-4713", lost=True)
        for look, scheme, size in LOOKS:
            async with await browser.new_context(color_scheme=scheme, viewport=size) as context:
                page = await context.new_page()
                await page.goto(f"{program.url}/inspector/")
                await expect(page.locator("#connection")).to_have_attribute("data-state", "live")
                for n in range(9):
                    disk = {"message": f"Disk {n} is nearly full", "severity": ("low", "high")[n % 2]}
                    await program.publish("alerts", "alert", disk)
                    await program.publish("pipeline:r1", "tokens", {"token": f"word {n} "})
                await page.locator(".row").nth(-2).click()
                await expect(page.locator(".detail")).to_be_visible()
                await take(page, f"inspector-messages-{look}")
                await page.goto(f"{program.url}/inspector/#/runs/{run_id}")
                await expect(page.locator(".graph li")).to_have_count(3)
                await take(page, f"inspector-run-{look}")
                topic = "orders%3A%7Bregion%7D%3A%7BorderId%7D/line-added"
                await page.goto(f"{program.url}/inspector/#/channels/{topic}")
                await page.get_by_label("orderId", exact=True).fill("7")
                await page.get_by_label("quantity", exact=True).fill("many")
                await page.get_by_role("button", name="Publish", exact=True).click()
                await expect(page.locator(".said.error")).to_be_visible()
                await take(page, f"inspector-form-{look}")
    finally:
        await program.stop()


async def example(browser: Browser, folder: Path) -> None:
    port = free_port()
    settings = {"EXAMPLE_PORT": str(port), "EXAMPLE_FOLDER": str(folder), "EXAMPLE_PACE": "0.6"}
    program = Program(port, str(EXAMPLE / "server.py"), **settings)
    await program.start()
    try:
        for look, scheme, size in LOOKS:
            async with await browser.new_context(color_scheme=scheme, viewport=size) as context:
                page = await context.new_page()
                await page.goto(program.url)
                await expect(page.locator(".connection")).to_have_attribute("data-state", "open")
                await page.get_by_role("button", name="Ask").click()
                cat = {"name": "cat.png", "mimeType": "image/png", "buffer": b"x" * 48_213}
                await page.get_by_label("Choose a file").set_input_files(cat)
                await expect(page.get_by_role("link", name="Stored")).to_be_visible(timeout=20_000)
                await page.get_by_label("Choose a file").set_input_files({**cat, "name": "another-cat.png"})
                await page.wait_for_function("document.querySelector('.uploads progress')?.value >= 60")
                await take(page, f"example-{look}")
    finally:
        await program.stop()


async def catalogue(browser: Browser, folder: Path) -> None:
    assert run_docs(ROOT / "schemas", folder / "site") == 0
    site = (folder / "site").as_uri()
    for look, scheme, size in LOOKS:
        size = ViewportSize(width=1280, height=760) if size is WIDE else size  # two columns
        async with await browser.new_context(color_scheme=scheme, viewport=size) as context:
            page = await context.new_page()
            await page.goto(f"{site}/channels/orders.html#state")
            await take(page, f"catalogue-channel-{look}")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with chromium() as browser:
            await inspector(browser, Path(folder))
            await example(browser, Path(folder))
            await catalogue(browser, Path(folder))


def compress() -> None:
    if shutil.which("pngquant") is not None:
        small = ["pngquant", "--force", "--ext", ".png", "--speed", "1", "--strip"]
        subprocess.run([*small, *sorted(FOLDER.glob("*.png"))], check=True)


if __name__ == "__main__":
    asyncio.run(main())
    compress()
