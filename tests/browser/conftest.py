"""Fixtures of the tests in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.browsing import EXAMPLE, Program, chromium, free_port, require_browser, serving

expect.set_options(timeout=30_000)  # how long something takes is no part of these tests


@pytest.fixture(autouse=True, scope="session")
def _needs_browser() -> None:
    require_browser()


@pytest_asyncio.fixture(loop_scope="session")
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    """The program of `tests.browser.served`, in dev mode."""
    async with serving(tmp_path / "app.db") as program:
        yield program


@pytest_asyncio.fixture(loop_scope="session")
async def example(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Program]:
    """The React example; the parameter is how many seconds its pretended work takes."""
    port, pace = free_port(), getattr(request, "param", "0.2")
    settings = {"EXAMPLE_PORT": str(port), "EXAMPLE_FOLDER": str(tmp_path), "EXAMPLE_PACE": pace}
    made = Program(port, str(EXAMPLE / "server.py"), **settings)
    await made.start()
    yield made
    await made.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def loose(tmp_path: Path) -> AsyncIterator[Program]:
    """The same program, with a channel whose schemas leave much open."""
    async with serving(tmp_path / "app.db", LOOSE="1") as program:
        yield program


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(_needs_browser: None) -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page that must not raise anything; what a test expects to be said, it takes from `page.said`."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    opened = await context.new_page()
    raised: list[str] = []
    opened.on("pageerror", lambda error: raised.append(str(error)))
    yield opened
    await context.close()
    assert raised == []
