"""Chromium and a program to look at: processes of their own, ended by their id."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from tests.tightbeam.gateway.serving import patient

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "fastapi-react"
WEB = EXAMPLE / "web" / "dist"
AXE = Path(__file__).parent / "node" / "node_modules" / "axe-core" / "axe.min.js"
_FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
]


@functools.cache
def _missing() -> str | None:
    if shutil.which("chromium") is None:
        return "there is no chromium: apt-get install chromium"
    if not AXE.is_file():
        return "the npm package axe-core isn't installed: make setup-node"
    if not (WEB / "index.html").is_file():
        return "the example's front end isn't built: make setup-node"
    return None


def require_browser() -> None:
    """Skip without Chromium; where TIGHTBEAM_REQUIRE_BROWSER says so, fail."""
    missing = _missing()
    if missing is not None and os.environ.get("TIGHTBEAM_REQUIRE_BROWSER") == "1":
        pytest.fail(f"pages can't be tested here: {missing}")
    if missing is not None:
        pytest.skip(f"left out, the pages in a browser: {missing}")


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser with an empty profile of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), headless=True, args=_FLAGS
        )
        try:
            yield browser
        finally:
            await browser.close()


_kept: list[socket.socket] = []


def free_port() -> int:
    """A port that nobody has, and nobody else is given while this process lives.

    It stays bound without anybody listening: who reuses addresses, as servers do, can bind it as well.
    """
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    _kept.append(keeper)
    port: int = keeper.getsockname()[1]
    return port


@contextlib.asynccontextmanager
async def serving(database: Path | None, *key: str, **environment: str) -> AsyncIterator[Program]:
    """Run `tests.browser.served` until the block is left, with its journal in a file or (None) in memory.

    Without a key it is in dev mode.
    """
    port = free_port()
    program = Program(port, "-m", "tests.browser.served", str(database or ""), str(port), *key, **environment)
    await program.start()
    try:
        yield program
    finally:
        await program.kill()


class Program:
    """A program that serves, can be killed, and started again at the same address."""

    def __init__(self, port: int, *command: str, **environment: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._command = command
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, **environment: str) -> None:
        """Return when it serves; from now on with these settings as well."""
        self._environment |= environment
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, *self._command), cwd=ROOT, env=self._environment, start_new_session=True
        )
        async with asyncio.timeout(180), httpx.AsyncClient() as ask:
            while True:
                assert process.returncode is None, f"the program ended with {process.returncode}"
                with contextlib.suppress(httpx.TransportError):
                    if (await ask.get(f"{self.url}/health")).status_code == 200:
                        return
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """As the kernel would: nothing is said, nothing is flushed."""
        await self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop answering without ending: what arrives from now on waits until the program is killed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    async def stop(self) -> None:
        """As an operator would."""
        await self._end(signal.SIGTERM)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            async with asyncio.timeout(15):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def send(self, name: str, **data: Any) -> str:
        """Send an event; the id of the run it starts."""
        async with patient() as ask:
            answer = await ask.post(f"{self.url}/send/{name}", json=data)
        answer.raise_for_status()
        run_id: str = answer.json()[0]
        return run_id

    async def publish(self, channel: str, topic: str, data: Any) -> None:
        """Publish live."""
        async with patient() as ask:
            query = {"channel": channel, "topic": topic}
            answer = await ask.post(f"{self.url}/v1/realtime/publish", params=query, json=data)
        answer.raise_for_status()


async def copy(page: Page, button: Locator) -> None:
    """Click a button that copies, and wait for what it says of that, which doesn't stand for long."""
    await button.evaluate(
        """(button) => {
            const { dataset } = document.documentElement;
            delete dataset.hasCopied;
            new MutationObserver(() => {
                if (button.textContent === "Copied") dataset.hasCopied = "";
            }).observe(button, { subtree: true, childList: true, characterData: true });
        }"""
    )
    await button.click()
    await expect(page.locator("html")).to_have_attribute("data-has-copied", "")


async def serious_problems(page: Page) -> list[str]:
    """What axe-core finds on a page that is serious or worse."""
    found = await page.evaluate(
        """async (source) => {
            if (window.axe === undefined) (0, eval)(source);
            const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
            const where = (one) => one.nodes.map((node) => node.target.join(" ")).join(", ");
            return violations
                .filter((one) => one.impact === "serious" || one.impact === "critical")
                .map((one) => `${one.id}: ${one.help}: ${where(one)}`);
        }""",
        AXE.read_text(encoding="utf-8"),
    )
    return list(found)
