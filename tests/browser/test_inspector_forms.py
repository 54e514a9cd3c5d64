"""The inspector's form in Chromium: what it sends is what was typed, and what isn't JSON is not sent."""

from __future__ import annotations

import asyncio
import json

import pytest
from playwright.async_api import Page, Request, Route, expect

from tests.browser.browsing import Program
from tests.browser.test_inspector import opened, rows

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]
BIG = str(2**53 + 1)
LINE_ADDED = "channels/orders%3A%7Bregion%7D%3A%7BorderId%7D/line-added"


def sent(page: Page) -> list[str]:
    """The bodies of publishes, as they go out."""
    bodies: list[str] = []

    def keep(request: Request) -> None:
        if "/v1/realtime/publish" in request.url:
            bodies.append(request.post_data or "")

    page.on("request", keep)
    return bodies


async def at_topic(page: Page, program: Program, topic: str) -> None:
    await opened(page, program, f"channels/loose%3A%7Bname%7D/{topic}")
    await page.get_by_label("name", exact=True).fill("n1")


async def publish(page: Page) -> None:
    await page.get_by_role("button", name="Publish", exact=True).click()


NOT_JSON = [
    ('{"a": 1,}', "line 1, column 9: one more property is expected"),
    ('{\n  "type": "paid",\n  at: 1\n}', "line 3, column 3: a property's name stands in double quotes"),
    ('{"a": 1, "a": 2}', 'line 1, column 10: the property "a" is there twice'),
    ("NaN", "line 1, column 1: “NaN” is no value of JSON"),
    ("1e400", "line 1, column 1: the number is too large"),
    ('"\\ud800"', "line 1, column 1: the text has half a character"),
    ("[" * 1100 + "]" * 1100, "nested deeper than 1000"),
    ("[1] 2", "line 1, column 5: the value has ended here"),
    ('"no end', "line 1, column 1: the closing quote is missing"),
    ("\ufeff{}", "line 1, column 1: a value is missing"),
    ("hello", "line 1, column 1: “hello” is no value of JSON"),
]


@pytest.mark.parametrize("topic", ["any", "line", "record"])
async def test_what_isnt_json_is_told_and_not_sent(topic: str, loose: Program, page: Page) -> None:
    bodies = sent(page)
    await at_topic(page, loose, topic)
    await page.get_by_role("button", name="Edit as JSON").click()
    field = page.get_by_label("Payload as JSON", exact=True)
    for text, place in [*NOT_JSON, ("", "There is nothing to send"), (" \n", "There is nothing to send")]:
        await field.fill(text)
        await publish(page)
        await expect(page.locator("p.error:visible")).to_contain_text(place)
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(field).to_be_focused()
        if text.strip():
            await page.get_by_role("button", name="Edit as form").click()  # not that either
            await expect(field).to_be_visible()
    assert bodies == []


async def test_a_field_of_json_in_a_form_says_it_as_well(loose: Program, page: Page) -> None:
    bodies = sent(page)
    await at_topic(page, loose, "any")
    field = page.get_by_label("Payload", exact=True)
    await field.fill('{"a": 1,}')
    await publish(page)
    await expect(page.locator("p.error:visible")).to_contain_text("line 1, column 9")
    await field.fill("")
    await publish(page)
    await expect(page.locator("p.error:visible")).to_contain_text("There is nothing to send")
    assert bodies == []
    await field.fill("just words")
    await publish(page)
    await page.get_by_role("button", name="Send it as text").click()
    await expect(field).to_have_value('"just words"')
    await publish(page)
    await expect(page.locator(".said.done")).to_be_visible()
    assert bodies == ['"just words"']


async def test_a_number_that_isnt_one_is_no_text(loose: Program, page: Page) -> None:
    bodies = sent(page)
    await at_topic(page, loose, "amount")
    await page.get_by_label("number", exact=True).fill("1,5")
    await publish(page)
    await expect(page.locator("p.error:visible")).to_have_text("That isn't a number.")
    assert bodies == []
    await page.get_by_label("number", exact=True).fill("1.50")
    await publish(page)
    await expect(page.locator(".said.done")).to_be_visible()
    await page.get_by_label("Kind of Payload").select_option("string")
    await expect(page.locator(".said.done")).to_have_count(0)
    await page.get_by_label("string", exact=True).fill("1,5")
    await publish(page)
    await expect(page.locator(".said.done")).to_be_visible()
    assert bodies == ["1.50", '"1,5"']


JSON = [
    BIG,
    "1.0",
    "-0",
    "12345678901234567890123",
    f'{{"id":{BIG},"kind":"b","text":"a","tags":[1,{BIG}],"more":{{"x":1.50,"__proto__":{{"y":[]}}}}}}',
    '{"id":"7","kind":"c","text":null,"tags":[],"other":{"deep":[null,true,1e2]}}',
    '{"text":"two\\nlines","tags":[0],"more":"with\\r\\nreturns"}',
    '{"text":"r\\r","kind":5}',
    '"text"',
    "null",
    "[]",
]


@pytest.mark.parametrize("topic", ["any", "record", "count", "amount", "line"])
async def test_form_and_json_change_nothing(topic: str, loose: Program, page: Page) -> None:
    await at_topic(page, loose, topic)
    await page.get_by_role("button", name="Edit as JSON").click()
    field = page.get_by_label("Payload as JSON", exact=True)
    for text in JSON:
        await field.fill(text)
        for _ in range(2):
            await page.get_by_role("button", name="Edit as form").click()
            await page.get_by_role("button", name="Edit as JSON").click()
        turned = await field.input_value()
        ours, theirs = (json.loads(one, parse_float=str, parse_int=str) for one in (turned, text))
        assert ours == theirs


async def test_big_integers_are_shown_and_published_as_they_are(loose: Program, page: Page) -> None:
    bodies = sent(page)
    await at_topic(page, loose, "count")
    await expect(page.locator(".schema")).to_contain_text("≤ 100000000000000000000000000000")
    await page.get_by_label("Payload", exact=True).fill(BIG)
    await publish(page)
    await page.get_by_role("link", name="See it arrive").click()
    await expect(rows(page).locator(".data")).to_have_text(BIG)
    await expect(page.locator(".detail pre")).to_have_text(BIG)
    await page.get_by_role("button", name="Open in form").click()
    await expect(page.get_by_label("Payload", exact=True)).to_have_value(BIG)
    await expect(page.get_by_label("Payload", exact=True)).to_be_focused()
    await publish(page)
    await expect(page.locator(".said.done")).to_be_visible()
    assert bodies == [BIG, BIG]


async def test_see_it_arrive_whatever_the_list_showed(program: Program, page: Page) -> None:
    await opened(page, program)
    await page.get_by_label("Filter messages").fill("topic:tokens")
    await page.get_by_role("button", name="Pause").click()
    await page.get_by_role("link", name="Channels").click()
    await page.get_by_label("message", exact=True).fill("look at me")
    await publish(page)
    await program.publish("pipeline:r1", "tokens", {"token": "something else"})
    await page.get_by_role("link", name="See it arrive").click()
    await expect(page.locator(".row[aria-selected=true] .data")).to_contain_text("look at me")
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await expect(page).to_have_url(f"{program.url}/inspector/#/messages")


async def test_what_was_said_of_the_last_publish_goes_when_something_is_edited(
    program: Program, page: Page
) -> None:
    await opened(page, program, LINE_ADDED)
    await page.get_by_label("orderId", exact=True).fill("7")
    await page.get_by_label("quantity", exact=True).fill("many")
    await publish(page)
    await expect(page.locator(".said.error")).to_contain_text("in 4 places")
    quantity = page.get_by_label("quantity", exact=True)
    await quantity.fill("2")
    await expect(page.locator(".said.error")).to_have_count(0)
    await expect(quantity).not_to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("sku", exact=True)).to_have_attribute("aria-invalid", "true")
    await page.get_by_role("link", name="state", exact=True).click()
    await expect(page.get_by_label("orderId", exact=True)).to_have_value("7")  # the channel's, for all topics
    await publish(page)
    await expect(page.locator(".said")).not_to_be_empty()
    await page.get_by_label("Kind of Payload", exact=True).select_option('kind: "shipped"')
    await expect(page.locator(".said")).to_be_empty()
    await expect(page.locator("[aria-invalid=true]")).to_have_count(0)


async def test_a_message_is_opened_in_its_form(program: Program, page: Page) -> None:
    """Where the channels aren't known yet, as soon as they are."""
    known = asyncio.Event()

    async def hold(route: Route) -> None:
        await known.wait()
        await route.continue_()

    await page.route("**/inspector/api/channels", hold)
    await opened(page, program)
    await program.publish(
        "orders:us:42",
        "line-added",
        {"sku": "A-1", "quantity": 2, "unitPrice": {"currency": "EUR", "cents": 5}, "giftNote": None},
    )
    await rows(page).last.click()
    await page.get_by_role("button", name="Open in form").click()
    await expect(page.locator("#banner")).to_be_hidden()
    known.set()
    await expect(page.locator("h1:visible")).to_have_text("line-added")
    await expect(page.get_by_label("region", exact=True)).to_have_value("us")
    await expect(page.get_by_label("orderId", exact=True)).to_have_value("42")
    await expect(page.get_by_label("quantity", exact=True)).to_have_value("2")
    await expect(page.get_by_label("cents", exact=True)).to_have_value("5")
    await expect(page.get_by_label("Kind of giftNote", exact=True).locator("option:checked")).to_have_text(
        "null"
    )
    await page.get_by_label("quantity", exact=True).fill("3")
    await publish(page)
    await page.get_by_role("link", name="See it arrive").click()
    await expect(rows(page).last.locator(".data")).to_contain_text('"quantity":3')


async def test_why_a_message_cannot_be_opened_is_told(program: Program, page: Page) -> None:
    """That the channels can't be asked for isn't taken for their not being there; it is tried again."""

    async def refuse(route: Route) -> None:
        await route.fulfill(status=500, json={"error": "out of order"})

    await page.route("**/inspector/api/channels", refuse)
    await opened(page, program)
    await program.publish("uploads:u1", "status", {"message": "look at me"})
    await rows(page).click()
    again, banner = page.get_by_role("button", name="Open in form"), page.locator("#banner")
    await again.click()
    await expect(banner).to_have_text("out of order")
    await page.unroute("**/inspector/api/channels", refuse)
    await again.click()
    await expect(page.get_by_label("message", exact=True)).to_have_value("look at me")
