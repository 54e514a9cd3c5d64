"""The example on PostgreSQL in Chromium: orders in transactions, killed workers, pages that go on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.browsing import ROOT, Program, free_port
from tests.examples.test_orders_postgres import embedded_runs

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]
START = ROOT / "examples" / "orders-postgres" / "start.py"
RECORD = """
window.received = [];
window.losses = 0;
window.workers = {}; // who was the first to work on an order in a state
window.EventSource = class extends EventSource {
    constructor(url) {
        super(url);
        this.addEventListener("error", () => { window.losses += 1; });
        this.addEventListener("message", (event) => {
            const { kind, topic, data } = JSON.parse(event.data);
            if (kind !== "data") return;
            if (topic === "progress") {
                const [, state] = window.received.findLast(([id]) => id === data.orderId) ?? [];
                window.workers[[data.orderId, state]] ??= data.worker;
                return;
            }
            window.received.push([data.orderId, data.state ?? topic]);
        });
    }
};
"""
WHOLE = ["placed", "paid", "packed", "shipped"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Program]:
    """The example as one command starts it, with a server of its own, or with that of the tests."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="orders-data-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - pathlib's isn't for async functions; root's server is another user's
        settings = {"EXAMPLE_PORT": str(port), "EXAMPLE_FOLDER": folder, "EXAMPLE_PACE": "0.3"}
        if not embedded_runs():
            settings["EXAMPLE_DATABASE"] = request.getfixturevalue("postgres_server").new()
        program = Program(port, str(START), **settings)
        try:
            await program.start()
            yield program
        finally:
            await program.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def board(page: Page, shop: Program) -> Page:
    """A page that is connected, and records what it receives in `window.received`."""
    return await opened(page, shop)


async def opened(page: Page, shop: Program) -> Page:
    await page.add_init_script(RECORD)
    await page.goto(shop.url)
    await expect(page.locator("#connection")).to_have_attribute("data-state", "open")
    return page


async def order(page: Page, item: str, quantity: int) -> str:
    """Fill in the form, and return the id of the new order's row."""
    await page.get_by_label("Item").select_option(item)
    await page.get_by_label("Quantity").fill(str(quantity))
    async with page.expect_response(
        lambda one: one.request.method == "POST" and one.url.endswith("/api/orders")
    ) as answered:
        await page.get_by_role("button", name="Order").click()
    answer = await answered.value
    assert answer.status == 201, await answer.text()
    return str((await answer.json())["id"])


def cell(page: Page, order_id: str, name: str) -> Any:
    return page.locator(f"tr[data-order='{order_id}'] .{name}")


async def shipped(page: Page, order_id: str) -> None:
    """Wait for the end, which takes long where interpreters start meanwhile."""
    await expect(cell(page, order_id, "state")).to_have_text("shipped", timeout=120_000)


async def received(page: Page, order_id: str) -> list[str]:
    """What the streams of a page have brought of an order until it was shipped, durable messages only."""
    end = "(id) => window.received.some(([number, what]) => String(number) === id && what === 'shipped')"
    await page.wait_for_function(end, arg=order_id)  # the table may have been loaded before
    every: list[tuple[int, str]] = await page.evaluate("window.received")
    return [what for number, what in every if str(number) == order_id]


async def under_way(page: Page, order_id: str, state: str) -> int:
    """Wait until an order with this state is worked on, and return by which process."""
    found = await page.wait_for_function("(place) => window.workers[place]", arg=[order_id, state])
    return int(await found.json_value())


async def test_every_page_shows_an_order_that_commits_and_none_one_that_does_not(
    shop: Program, board: Page, browser: Browser
) -> None:
    context = await browser.new_context()
    other = await opened(await context.new_page(), shop)
    await board.get_by_label("Quantity").fill("60")
    await board.get_by_role("button", name="Order").click()
    await expect(board.get_by_role("alert")).to_have_text("There isn't enough in stock.")
    order_id = await order(board, "kettle", 2)
    for page in (board, other):
        await shipped(page, order_id)
        await expect(cell(page, order_id, "item")).to_have_text("2 × kettle")
        assert await received(page, order_id) == WHOLE
        assert {number for number, _ in await page.evaluate("window.received")} == {int(order_id)}
        await expect(page.locator("tbody tr")).to_have_count(1)
    await context.close()


async def test_an_order_goes_on_when_the_worker_is_killed_that_has_it(board: Page) -> None:
    order_id = await order(board, "tea", 1)
    killed = await under_way(board, order_id, "paid")
    os.kill(killed, signal.SIGKILL)
    await shipped(board, order_id)
    assert await cell(board, order_id, "worker").inner_text() != str(killed)
    assert await received(board, order_id) == WHOLE
    await expect(board.locator("#connection")).to_have_attribute("data-state", "open")


async def test_pages_come_back_when_all_web_workers_are_killed(shop: Program, board: Page) -> None:
    order_id = await order(board, "cup", 3)
    await under_way(board, order_id, "placed")
    losses = await board.evaluate("window.losses")
    for pid in await web_workers(shop):
        with contextlib.suppress(ProcessLookupError):  # replaced since it answered
            os.kill(pid, signal.SIGKILL)
    await board.wait_for_function("(before) => window.losses > before", arg=losses)
    # Four interpreters start, which takes long on a busy machine.
    await expect(board.locator("#connection")).to_have_attribute("data-state", "open", timeout=120_000)
    await shipped(board, order_id)
    assert await received(board, order_id) == WHOLE
    another = await order(board, "cup", 1)
    await shipped(board, another)


async def web_workers(shop: Program) -> set[int]:
    """Ask on new connections until all four have answered."""
    found: set[int] = set()
    async with asyncio.timeout(60):
        while len(found) < 4:
            with contextlib.suppress(httpx.TransportError):
                async with httpx.AsyncClient(base_url=shop.url) as ask:
                    answers = await asyncio.gather(*(ask.get("/api/workers") for _ in range(20)))
                found |= {answer.json()["pid"] for answer in answers}
    return found
