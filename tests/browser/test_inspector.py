"""The inspector in Chromium: what a person sees, does, and is told."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.browsing import Program, copy, serious_problems, serving

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script><b>bold</b>"
KEY = "k-0123456789abcdef0123456789abcdef"


async def opened(page: Page, program: Program, view: str = "messages") -> None:
    await page.goto(f"{program.url}/inspector/#/{view}")
    await expect(page.locator("#connection")).to_have_attribute("data-state", "live")


def rows(page: Page) -> Locator:
    """The rows that are drawn, notes left out."""
    return page.locator(".row:not(.note)")


async def numbers(page: Page) -> list[int]:
    """Of the messages on the screen, from top to bottom."""
    texts = await page.evaluate(
        """() => [...document.querySelectorAll(".row:not(.note)")]
            .sort((a, b) => a.ariaPosInSet - b.ariaPosInSet)
            .map((row) => row.querySelector(".data").textContent)"""
    )
    return [int(text.partition("n=")[2].partition('"')[0]) for text in texts]


async def test_messages_come_in_order_and_survive_the_gateways_death(program: Program, page: Page) -> None:
    await opened(page, program)
    await program.send("app/number", first=0, count=5)
    await expect(rows(page)).to_have_count(5)
    await program.kill()
    await expect(page.locator("#connection")).to_have_attribute("data-state", "reconnecting")
    await expect(page.locator("#banner")).to_contain_text("Trying again")
    await program.start()
    await program.send("app/number", first=5, count=4)  # most likely before the page is back
    await expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    await expect(page.locator(".row.note")).to_contain_text("Connected again")
    await expect(rows(page)).to_have_count(9)
    assert await numbers(page) == list(range(9))
    await expect(page.locator("#banner")).to_be_hidden()


async def test_a_bad_message_shows_its_pointers_in_the_form(program: Program, page: Page) -> None:
    await opened(page, program, "channels/orders%3A%7Bregion%7D%3A%7BorderId%7D/line-added")
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.locator(".params .error:visible")).to_have_text("A channel's parameter can't be empty.")
    await page.get_by_label("orderId", exact=True).fill("7")
    await page.get_by_label("quantity", exact=True).fill("many")
    await page.get_by_label("currency", exact=True).fill("EUR")
    await page.get_by_label("cents", exact=True).fill("1250")
    await page.keyboard.press("Control+Enter")
    said = page.locator(".said.error")
    await expect(said).to_contain_text("in 2 places")
    await expect(said.locator("li code")).to_have_text(["/sku", "/quantity"])
    sku, quantity = page.get_by_label("sku", exact=True), page.get_by_label("quantity", exact=True)
    await expect(sku).to_be_focused()
    await expect(quantity).to_have_attribute("aria-invalid", "true")
    wrong = page.locator(f"#{(await quantity.get_attribute('aria-describedby') or '').split()[-1]}")
    await expect(wrong).to_have_text("/quantity must be an integer, not a string")
    await said.get_by_role("button", name="/quantity").click()
    await expect(quantity).to_be_focused()
    await sku.fill("A-1")
    await quantity.fill("2")
    await page.get_by_role("button", name="+ giftNote").click()
    await page.get_by_label("Kind of giftNote", exact=True).select_option("null")
    await page.get_by_label("Kind of giftNote", exact=True).focus()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".said.done")).to_contain_text("Published to orders:eu:7")
    await expect(page.locator("[aria-invalid]")).to_have_count(0)
    await page.get_by_role("link", name="See it arrive").click()
    await expect(rows(page)).to_have_count(1)
    await expect(rows(page).locator(".data")).to_have_text(
        '{"sku":"A-1","quantity":2,"unitPrice":{"currency":"EUR","cents":1250},"giftNote":null}'
    )


async def test_the_form_and_json_are_two_sides_of_one_payload(program: Program, page: Page) -> None:
    await opened(page, program, "channels/orders%3A%7Bregion%7D%3A%7BorderId%7D/state")
    await page.get_by_label("orderId", exact=True).fill("7")
    await page.get_by_label("Kind of Payload", exact=True).select_option('kind: "shipped"')
    await page.get_by_label("carrier", exact=True).fill("Nele's bikes")
    await page.get_by_role("button", name="+ item of parcels").click()
    await page.get_by_label("trackingCode", exact=True).fill("T1")
    await page.get_by_role("button", name="+ weightKg").click()
    await page.get_by_label("weightKg", exact=True).fill("0")
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.get_by_label("weightKg", exact=True)).to_have_attribute("aria-invalid", "true")
    await page.get_by_role("button", name="Edit as JSON").click()
    text = page.get_by_label("Payload as JSON", exact=True)
    assert '"weightKg": 0' in await text.input_value()
    await text.fill((await text.input_value()).replace('"weightKg": 0', '"weightKg": 0.25'))
    await page.get_by_role("button", name="Edit as form").click()
    await expect(page.get_by_label("weightKg", exact=True)).to_have_value("0.25")
    await expect(page.get_by_label("carrier", exact=True)).to_have_value("Nele's bikes")
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.locator(".said.done")).to_be_visible()


async def test_markup_in_a_payload_stays_text(program: Program, page: Page) -> None:
    await opened(page, program)
    await program.publish("pipeline:<b>r", "tokens", {"token": HOSTILE})
    row = rows(page)
    await expect(row.locator(".data")).to_have_text('{"token":' + _json(HOSTILE) + "}")
    await expect(row.locator(".channel")).to_have_text("pipeline:<b>r")
    await row.click()
    await expect(page.locator(".detail pre")).to_contain_text("<img src=x onerror=")
    assert await page.locator("main img, main script, main b").count() == 0
    assert "taken" not in await page.title()
    # And if some code of ours tried: the page's policy wouldn't let it.
    refused = await page.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; return 0 } catch (error) { return error.name } }"
    )
    assert refused == "TypeError"


async def test_a_thousand_messages_a_second_dont_freeze_it(program: Program, page: Page) -> None:
    await opened(page, program)
    await page.evaluate(
        """() => {
            window.times_drawn = 0;
            new MutationObserver(() => { window.times_drawn += 1; }).observe(document.body, {
                childList: true, subtree: true, characterData: true,
            });
        }"""
    )
    count = 5_000
    await program.send("app/burst", rate=1_000, count=count)
    await expect(page.locator(".counts")).to_contain_text("messages")
    await until_counted(page, 100)
    # In the thick of it a click is answered, and the answer can be seen.
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_role("button", name="Resume")).to_be_visible()
    await page.get_by_role("button", name="Resume").click()
    got = await until_counted(page, count)
    # It draws what has gathered, and not each message.
    assert await page.evaluate("window.times_drawn") < count / 5
    assert got["messages"] == count
    assert got.get("kept", count) + got["dropped"] == count
    assert await page.locator(".row").count() < 80
    await expect(rows(page).last).to_be_visible()
    shown = await page.locator(".row .data").all_text_contents()
    assert '{"token":"token 4999"}' in shown


async def test_what_it_lets_go_is_counted(program: Program, page: Page) -> None:
    await opened(page, program)
    await page.get_by_role("button", name="Pause").click()
    await program.send("app/burst", rate=4_000, count=3_000)
    await until_counted(page, 3_000)
    await expect(page.locator(".counts")).to_have_text(
        "0 of 3,000 kept · 2,000 waiting, at most 2,000 · 1,000 dropped"
    )
    await page.get_by_role("button", name="Resume").click()
    await expect(page.locator(".counts")).to_have_text("2,000 of 3,000 kept · 1,000 dropped")


async def counted(page: Page) -> dict[str, int]:
    """The numbers the page shows."""
    text = await page.locator(".counts").inner_text()
    found = {"messages": 0, "dropped": 0}
    for part in filter(None, text.split(" · ")):
        for number, word in re.findall(r"([\d,]+) (of|kept|messages?|shown|waiting|dropped)", part):
            found[{"message": "messages", "of": "kept", "kept": "messages"}.get(word, word)] = int(
                number.replace(",", "")
            )
    return found


async def until_counted(page: Page, count: int) -> dict[str, int]:
    """Wait until the page has counted so many messages; the numbers it shows then."""
    async with asyncio.timeout(120):
        while (found := await counted(page))["messages"] < count:
            await page.wait_for_timeout(20)
    return found


async def test_filter_pause_copy_and_keys(program: Program, browser: Browser) -> None:
    context = await browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    await opened(page, program)
    for n in range(6):
        await program.publish(
            "alerts", "alert", {"message": f"n={n}", "severity": "low" if n % 2 else "high"}
        )
    await program.publish("uploads:u1", "status", {"message": "elsewhere"})
    await expect(rows(page)).to_have_count(7)
    await page.keyboard.press("/")
    await page.keyboard.type("topic:alert high -n=4")
    await expect(rows(page)).to_have_count(2)
    assert await numbers(page) == [0, 2]
    await page.get_by_label("Filter messages", exact=True).fill("no such thing")
    await expect(page.get_by_text("Nothing passes the filter")).to_be_visible()
    await page.get_by_role("button", name="Show all").click()
    await expect(rows(page)).to_have_count(7)
    await page.get_by_role("listbox").focus()
    await page.keyboard.press("Home")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(".row[aria-selected=true] .data")).to_contain_text("n=1")
    await expect(page.locator(".detail h2")).to_have_text("alert")
    await copy(page, page.get_by_role("button", name="Copy data"))
    assert '"message": "n=1"' in await page.evaluate("navigator.clipboard.readText()")
    await page.keyboard.press("Escape")
    await expect(page.locator(".detail")).to_be_hidden()
    await expect(page.get_by_role("listbox")).to_be_focused()
    await page.keyboard.press(" ")
    await program.publish("uploads:u1", "status", {"message": "while paused"})
    await expect(page.locator(".counts")).to_contain_text("1 waiting")
    await expect(rows(page)).to_have_count(7)
    await page.keyboard.press(" ")
    await expect(rows(page)).to_have_count(8)
    await context.close()


async def test_a_run_with_its_graph_and_messages(program: Program, page: Page) -> None:
    await opened(page, program, "runs")
    await expect(page.get_by_text("No runs yet")).to_be_visible()
    run_id = await program.send("app/upload", uploadId="u1", fails=True)
    await expect(page.locator(".run-list .badge")).to_have_text("completed")  # from then on the link stays
    await page.locator(".run-list a").click()
    await expect(page).to_have_url(f"{program.url}/inspector/#/runs/{run_id}")
    await expect(page.locator(".run-page header .badge")).to_have_text("completed")
    steps = page.locator(".graph li")
    await expect(steps.locator(".step code")).to_have_text(["store", "settle", "publish-result"])
    await expect(steps.locator(".kind")).to_have_text(["run", "sleep", "publish"])
    await expect(steps.nth(0).locator(".attempts")).to_have_text("2 attempts")
    await expect(steps.nth(2).locator(".mark")).to_have_count(1)
    await page.get_by_role("button", name="Show the data of").click()
    await expect(page.locator(".published pre")).to_contain_text('"/files/cat.png"')
    lost = await program.send("app/upload", uploadId="u2", lost=True)
    await expect(page.locator(".run-list .badge")).to_have_text(["failed", "completed"])
    await page.goto(f"{program.url}/inspector/#/runs/{lost}")
    await expect(page.locator(".run-page > article > .failure")).to_contain_text("nobody is there to take it")


async def test_what_it_no_longer_has_is_counted(program: Program, page: Page) -> None:
    await opened(page, program)
    # No faster than a page takes them: of what its connection loses, a note is one of the 10,000.
    await program.send("app/burst", rate=2_000, count=10_500)
    await until_counted(page, 10_500)
    await expect(page.locator(".counts")).to_contain_text("10,000 of 10,500 kept")
    await page.get_by_label("Filter messages", exact=True).fill('"token 17\\""')
    await expect(page.locator(".counts")).to_contain_text("10,000 of 10,500 kept · 0 shown")
    await expect(page.get_by_text("The page has let go of 500 messages")).to_be_visible()
    await page.get_by_role("button", name="Clear").click()
    await expect(page.locator(".counts")).to_contain_text("0 messages")


async def test_a_filter_of_phrases_and_alternatives_is_in_the_address(program: Program, page: Page) -> None:
    await opened(page, program)
    for n, text in enumerate(["disk one full", "full disk two", "cpu hot", 'say "hi" now', "or else"]):
        await program.publish("alerts", "alert", {"message": f"{text} n={n}", "severity": "low"})
    run_id = await program.send("app/number", first=5, count=2)
    await expect(rows(page)).to_have_count(7)
    search = page.get_by_label("Filter messages", exact=True)
    for text, found in (
        ('"disk one"', [0]),
        ('"one disk"', []),
        ("disk full", [0, 1]),
        ("disk full -one", [1]),
        ('"disk one" or cpu', [0, 2]),
        ("disk two OR hot topic:alert", [1, 2]),
        ('"or"', [4]),
        ('-"disk one" topic:"alert" channel:alerts -run:0', [1, 2, 3, 4]),
        ('"say \\"hi\\""', [3]),
        ('"message":"cpu', [2]),
        ('"cpu h', [2]),
        ("or", [0, 1, 2, 3, 4, 5, 6]),
        (f"run:{run_id}", [5, 6]),
    ):
        await search.fill(text)
        await expect(rows(page)).to_have_count(len(found))
        async with asyncio.timeout(60):  # as many rows as before may not be drawn yet
            while await numbers(page) != found:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
    await search.fill("topic:alert cpu & 100%")
    await search.fill('"disk one" or cpu')
    await page.get_by_role("link", name="Runs").click()
    await page.get_by_role("link", name="Messages").click()
    await expect(search).to_have_value('"disk one" or cpu')
    await page.reload()
    await expect(search).to_have_value('"disk one" or cpu')
    await page.goto(f"{program.url}/inspector/#/messages?filter=run%3A{run_id}")
    await expect(rows(page)).to_have_count(2)
    await page.goto(f"{program.url}/inspector/#/runs/%E0%A4%A")  # broken by hand
    await expect(page.get_by_text("There is no such run", exact=True)).to_be_visible()
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.get_by_role("link", name="All runs").click()
    await expect(page.locator(".run-list a")).to_have_count(1)


async def test_the_choice_of_functions_says_any_before_there_is_a_run(program: Program, page: Page) -> None:
    await opened(page, program, "runs")
    await expect(page.get_by_text("No runs yet")).to_be_visible()
    await expect(page.get_by_label("Function").locator("option:checked")).to_have_text("Any function")


async def test_the_name_of_a_step_has_room_on_a_phone(program: Program, page: Page) -> None:
    run_id = await program.send("app/upload", uploadId="u1", fails=True)
    await page.set_viewport_size({"width": 320, "height": 800})
    await opened(page, program, f"runs/{run_id}")
    await expect(page.locator(".graph .attempts")).to_have_text("2 attempts")
    name = page.locator(".graph .step code").first
    assert await name.evaluate("(name) => name.offsetHeight") < 30  # its letters on one line


async def test_data_of_a_run_on_demand(program: Program, page: Page) -> None:
    answers: list[str] = []
    page.on("response", lambda one: answers.append(one.url))
    long = "ü" * 50_000
    run_id = await program.send("app/upload", uploadId="u1", fails=True, note=long, number=2**53 + 1)
    await opened(page, program, f"runs/{run_id}")
    await expect(page.locator(".run-page header .badge")).to_have_text("completed")
    await expect(page.locator(".facts")).to_contain_text("Attempts2Failures1")
    assert not [one for one in answers if "/api/payload" in one]
    await page.get_by_role("button", name="Show Output of store").click()
    await expect(page.get_by_label("Output of store", exact=True)).to_have_text('"/files/cat.png"')
    await page.get_by_role("button", name="Show Result").click()
    await expect(page.get_by_label("Result", exact=True)).to_contain_text('"url": "/files/cat.png"')
    await page.get_by_role("button", name="Show Event data").click()
    event = page.locator(".kept li").first
    await expect(event.locator(".data")).to_contain_text("The first 64.0 KiB of 97.7 KiB")
    await expect(event.locator("pre")).not_to_contain_text("\ufffd")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await copy(page, event.get_by_role("button", name="Copy all"))
    saved = json.loads(await page.evaluate("navigator.clipboard.readText()"))
    assert (saved["note"], saved["number"]) == (long, 2**53 + 1)
    async with page.expect_download() as download:
        await event.get_by_role("button", name="Download").click()
    assert json.loads((await (await download.value).path()).read_text(encoding="utf-8")) == saved
    # What was opened stays open and focused while the page keeps up with the run.
    await page.evaluate("window.dispatchEvent(new HashChangeEvent('hashchange'))")
    await expect(event.locator("pre")).to_be_visible()
    await expect(event.get_by_role("button", name="Download")).to_be_focused()
    await page.get_by_role("button", name="Show the data of").click()
    await page.locator(".published").get_by_role("button", name="Open in form").click()
    await expect(page.get_by_label("url", exact=True)).to_have_value("/files/cat.png")
    await expect(page.get_by_label("uploadId", exact=True)).to_have_value("u1")
    await page.go_back()
    await page.get_by_role("link", name="All its messages").click()
    await expect(page.get_by_label("Filter messages")).to_have_value(f"run:{run_id}")
    await expect(rows(page).last.locator(".topic")).to_have_text("result")


async def test_an_error_with_its_place(program: Program, page: Page) -> None:
    run_id = await program.send("app/upload", uploadId="u1", lost=True)
    await opened(page, program, f"runs/{run_id}")
    failure = page.locator(".run-page > article > .failure")
    await expect(failure.locator("code")).to_have_text(re.compile(r"served\.py:\d+, in process_upload$"))
    await page.get_by_text("Traceback", exact=True).click()
    await expect(page.locator(".traceback pre")).to_contain_text("NonRetriableError")


async def test_runs_are_filtered_and_the_address_says_how(program: Program, page: Page) -> None:
    done = await program.send("app/upload", uploadId="u1")
    failed = await program.send("app/upload", uploadId="u2", lost=True)
    other = await program.send("app/number", first=0, count=1)
    await opened(page, program, "runs")
    links = page.locator(".run-list a")

    async def found(*ids: str) -> None:
        await expect(links).to_have_count(len(ids))
        hrefs = [await one.get_attribute("data-run") for one in await links.all()]
        assert hrefs == list(ids)

    await expect(links.locator(".badge")).to_have_text(["completed", "failed", "completed"])
    await found(other, failed, done)
    await page.get_by_label("Function", exact=True).select_option("process-upload")
    await found(failed, done)
    await page.get_by_label("State", exact=True).select_option("done")
    await found(done)
    await links.click()
    await expect(page.locator(".graph li")).to_have_count(3)
    await page.reload()
    await found(done)
    await expect(page.get_by_label("State", exact=True)).to_have_value("done")
    await page.get_by_label("Filter runs", exact=True).fill("nobody")
    await expect(page.get_by_text("No run passes the filter")).to_be_visible()
    await page.get_by_role("button", name="Show all").click()
    await found(other, failed, done)
    await page.get_by_label("Filter runs", exact=True).fill("nobody take NonRetriable")
    await found(failed)
    await expect(page.locator(".side .counts")).to_have_text("1 run of the last 3,000")


async def test_a_failed_run_is_retried_by_keyboard(program: Program, page: Page) -> None:
    run_id = await program.send("app/unlucky")
    await opened(page, program, f"runs/{run_id}")
    badge = page.locator(".run-page header .badge")
    await expect(badge).to_have_text("failed")
    retry = page.get_by_role("button", name="Retry", exact=True)
    await retry.focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Retry this run?")
    await expect(dialog.get_by_role("button", name="Leave it")).to_be_focused()
    assert await serious_problems(page) == []
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(retry).to_be_focused()
    await expect(badge).to_have_text("failed")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="The run is tried again.")).to_be_visible()
    await expect(badge).to_have_text("completed")
    await expect(page.get_by_role("group", name="Actions").get_by_role("button")).to_have_count(0)
    assert await serious_problems(page) == []


async def test_a_run_is_cancelled_and_what_is_refused_is_said(program: Program, page: Page) -> None:
    run_id = await program.send("app/hang")
    await opened(page, program, f"runs/{run_id}")
    cancel = page.get_by_role("button", name="Cancel run", exact=True)
    await cancel.click()
    await page.get_by_role("dialog").get_by_role("button", name="Leave it").click()
    await expect(page.locator(".run-page header .badge")).to_have_text("running")
    await cancel.click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel run").click()
    await expect(page.locator(".run-page header .badge")).to_have_text("cancelled")
    await expect(page.get_by_role("button", name="Retry", exact=True)).to_be_visible()
    await expect(page.locator(".run-list .badge")).to_have_text(["cancelled"])
    await page.get_by_label("State", exact=True).select_option("cancelled")
    await expect(page.locator(".run-list a")).to_have_count(1)
    await page.route("**/retry", lambda route: route.fulfill(status=409, body='{"error": "it is late"}'))
    await page.get_by_role("button", name="Retry", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    await expect(page.locator(".run-actions .said.error")).to_have_text("It is late")


async def test_leaving_a_run_leaves_its_question(program: Program, page: Page) -> None:
    run_id = await program.send("app/hang")
    await opened(page, program, "runs")
    await expect(page.locator(".run-list .badge")).to_have_text("running")  # from then on the link stays
    await page.locator(".run-list a").click()
    await page.get_by_role("button", name="Cancel run", exact=True).click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.locator(f'.run-list a[data-run="{run_id}"] .badge')).to_have_text("running")


async def test_a_page_that_only_shows(tmp_path: Path, page: Page) -> None:
    async with serving(tmp_path / "shown.db", READ_ONLY="1") as program:
        run_id = await program.send("app/unlucky")
        await opened(page, program, f"runs/{run_id}")
        await expect(page.locator(".run-page header .badge")).to_have_text("failed")
        await expect(page.locator(".run-actions button")).to_have_count(0)


async def test_outside_dev_mode_it_asks_for_the_key(tmp_path: Path, page: Page) -> None:
    async with serving(tmp_path / "locked.db", KEY) as program:
        await page.goto(f"{program.url}/inspector/")
        await page.get_by_label("Server key", exact=True).fill("a guess")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert").filter(has_text="That isn't the key.")).to_be_visible()
        assert await serious_problems(page) == []
        await page.get_by_label("Server key", exact=True).fill(KEY)
        await page.keyboard.press("Enter")
        await expect(page.locator("#connection")).to_have_attribute("data-state", "live")
        await page.get_by_role("link", name="publish a test message").click()
        await page.get_by_label("message", exact=True).fill("with the key")
        await page.get_by_role("button", name="Publish", exact=True).click()
        await expect(page.locator(".said.done")).to_be_visible()
        await page.get_by_role("link", name="Messages").click()
        await expect(rows(page)).to_have_count(1)
        kept = await page.evaluate(
            "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
        )
        assert kept == '[{},{},""]'


async def test_nothing_is_loaded_from_elsewhere_or_kept(program: Program, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answers: list[Any] = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - it marks what it is given
    await opened(page, program, "channels")
    await expect(page.locator(".test")).to_be_visible()
    assert asked
    assert all(url.startswith(f"{program.url}/inspector/") for url in asked)
    for answer in answers:
        headers = await answer.all_headers()
        assert (answer.status, headers["cache-control"]) == (200, "no-store")
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark"), (320, "dark")]
)
async def test_axe_finds_nothing_serious(width: int, scheme: Any, program: Program, browser: Browser) -> None:
    run_id = await program.send("app/upload", uploadId="u1", lost=True, fails=True)
    async with await browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}
    ) as context:
        page = await context.new_page()

        async def is_sound() -> None:
            assert await serious_problems(page) == []
            assert await page.locator("h1:visible").count() == 1
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")

        await opened(page, program)
        await is_sound()
        await program.publish("alerts", "alert", {"message": "look", "severity": "high"})
        await rows(page).last.click()
        await expect(page.locator(".detail")).to_be_visible()
        await is_sound()
        title = page.locator(".detail h2")
        assert await title.evaluate(
            "(one) => one.getClientRects()[0].height < 40"
        )  # not broken within the word
        await page.get_by_label("Filter messages").fill("nothing like it")
        await expect(page.get_by_text("Nothing passes the filter")).to_be_visible()
        await is_sound()
        await page.goto(f"{program.url}/inspector/#/runs?text=nothing")
        await expect(page.get_by_text("No run passes the filter")).to_be_visible()
        await is_sound()
        await page.goto(f"{program.url}/inspector/#/runs/{run_id}")
        await expect(page.locator(".graph li")).to_have_count(3)
        await is_sound()
        await page.get_by_role("button", name="Show Event data").click()
        await page.get_by_role("button", name="Show Output of store").click()
        await page.get_by_text("Traceback", exact=True).click()
        await expect(page.locator(".kept pre")).to_be_visible()
        await is_sound()
        await page.goto(f"{program.url}/inspector/#/channels")
        await expect(page.locator(".tree a").first).to_be_visible()
        await is_sound()
        await page.goto(f"{program.url}/inspector/#/channels/orders%3A%7Bregion%7D%3A%7BorderId%7D/placed")
        await page.get_by_label("orderId", exact=True).fill("1")
        await page.get_by_role("button", name="Publish", exact=True).click()
        await expect(page.locator(".said.error")).to_be_visible()
        await is_sound()
        await page.get_by_role("button", name="Edit as JSON").click()
        await page.get_by_label("Payload as JSON").fill("{")
        await page.get_by_role("button", name="Publish", exact=True).click()
        await expect(page.locator("p.error:visible")).to_be_visible()
        await is_sound()
        await program.kill()
        await expect(page.locator("#banner")).to_be_visible()
        await is_sound()


def _json(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


async def test_two_pages_and_a_program_see_the_same(program: Program, browser: Browser) -> None:
    pages = [await browser.new_page(), await browser.new_page()]
    for one in pages:
        await opened(one, program)
    await asyncio.gather(
        *(program.publish("alerts", "alert", {"message": f"n={n}", "severity": "low"}) for n in range(8))
    )
    for one in pages:
        await expect(rows(one)).to_have_count(8)
    assert await numbers(pages[0]) == await numbers(pages[1])
    for one in pages:
        await one.close()
