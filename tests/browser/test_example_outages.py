"""The React example while its server is killed, frozen, or answers nonsense: never blank, nothing garbled."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Locator, Page, Response, Route, WebSocketRoute, expect

from tests.browser.browsing import WEB, Program
from tests.browser.visiting import cut_off, file, opened, raised
from tests.tightbeam.engine.conftest import until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

QUESTION = "Who asks?"
ANSWER = (
    f"You ask: “{QUESTION}” A channel carries messages about one thing. Whoever watches it gets each of them "
    "as it is published, with the type that its schema says. These words came one by one; the whole answer "
    "is remembered, so that nobody loses it."
)
GAP = "[…] "

# ----------------------------------------------------------------------------------------- requests that fail


async def alert(page: Page) -> Locator:
    if not await page.locator("#alerts").is_visible():
        await page.get_by_role("button", name="Alerts").click()
        await page.get_by_label("Message").fill("Fire!")
    await page.get_by_role("button", name="Alert everybody").click()
    return page.locator("#alerts form").get_by_role("alert")


async def ask(page: Page) -> Locator:
    if await page.get_by_label("Question").input_value() != QUESTION:
        await page.get_by_label("Question").fill(QUESTION)
    await page.get_by_role("button", name="Ask", exact=True).click()
    return page.locator(".card", has_text="Ask something").get_by_role("alert")


async def upload(page: Page) -> Locator:
    again = page.get_by_role("button", name="Send again")
    if await again.is_visible():
        await again.click()
    else:
        await page.get_by_label("Choose a file").set_input_files(file("cat.txt"))
    return page.locator(".uploads li", has_text="cat.txt").get_by_role("alert")


async def alerted(page: Page) -> None:
    await expect(page.locator("#alerts li").first).to_contain_text("Fire!")
    await expect(page.get_by_label("Message")).to_have_value("")
    await expect(page.get_by_label("Message")).to_be_focused()


async def answered(page: Page) -> None:
    await expect(page.locator(".answer .text")).to_have_text(ANSWER)


async def stored(page: Page) -> None:
    await expect(page.get_by_role("link", name="Stored: download it")).to_be_visible()


Control = tuple[Callable[[Page], Awaitable[Locator]], Callable[[Page], Awaitable[None]]]
CONTROLS: dict[str, Control] = {
    "alert": (alert, alerted),
    "question": (ask, answered),
    "upload": (upload, stored),
}
control = pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)


@control
@pytest.mark.parametrize("way", ["dead", "dies"])
async def test_a_request_without_an_answer_is_told_and_can_be_repeated(
    way: str, control: Control, example: Program, page: Page
) -> None:
    use, done = control
    await opened(page, example)
    if way == "dead":
        await example.kill()
        await cut_off(page)
        problem = await use(page)
    else:
        example.freeze()
        problem = await use(page)
        await expect(problem).to_be_hidden()  # it is on its way
        await example.kill()
    await expect(problem).to_contain_text("The server couldn't be reached.")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await example.start()
    await expect(page.locator(".connection")).to_have_attribute("data-state", "open")
    await expect(page.locator(".banner")).to_be_hidden()
    await use(page)  # nothing is typed or chosen again
    await done(page)
    await expect(problem).to_be_hidden()


BAD_ANSWERS: list[tuple[dict[str, Any], str]] = [
    ({"status": 500, "body": "Internal Server Error"}, "The server has a problem (500)"),
    ({"status": 502, "content_type": "text/html", "body": "<h1>Bad gateway</h1>"}, "problem (502)"),
    ({"status": 404, "json": {"detail": "Not Found"}}, "The server refused this: Not Found"),
    ({"status": 422, "json": {"detail": [{"msg": "too long", "loc": []}]}}, "refused this: too long"),
    ({"status": 403, "body": ""}, "The server refused this (403)."),
    ({"status": 200, "content_type": "text/html", "body": "<h1>Sign in</h1>"}, "can't be read"),
]


@control
async def test_an_answer_that_is_no_success_is_told(control: Control, example: Program, page: Page) -> None:
    use, done = control
    answer: dict[str, Any] = {}

    async def refuse(route: Route) -> None:
        await route.fulfill(**answer)

    await opened(page, example)
    pattern = "**/api/{alerts,questions,uploads}*"
    await page.route(pattern, refuse)
    for answer, said in BAD_ANSWERS:  # noqa: B007 - the route answers with it
        await expect(await use(page)).to_contain_text(said)
    await page.unroute(pattern, refuse)
    await use(page)
    await done(page)


async def test_a_server_that_does_not_answer_is_given_up(example: Program, page: Page) -> None:
    await opened(page, example)
    example.freeze()
    await expect(await alert(page)).to_contain_text("The server didn't answer.")
    await expect(page.get_by_label("Message")).to_have_value("Fire!")


async def test_a_question_that_never_arrived_can_be_asked_again(example: Program, page: Page) -> None:
    """The page subscribes before it asks: the second request can fail on its own."""
    await opened(page, example)

    async def kill_first(route: Route) -> None:
        await example.kill()
        await route.continue_()

    await page.route("**/api/questions/*", kill_first, times=1)
    problem = await ask(page)
    await expect(problem).to_contain_text("The server couldn't be reached.")
    await example.start()
    await page.get_by_role("button", name="Ask again").click()
    await answered(page)
    await expect(page.get_by_role("button", name="Ask", exact=True)).to_be_focused()


async def test_a_session_that_the_server_forgot_is_replaced(example: Program, page: Page) -> None:
    await opened(page, example)
    await page.context.clear_cookies()
    for use, done in CONTROLS.values():
        await use(page)
        await done(page)
        await page.keyboard.press("Escape")  # the open panel


def remove(folder: Path, database: str) -> None:
    """Remove a database, with what SQLite keeps beside it."""
    for one in folder.glob(f"{database}*"):
        one.unlink()


async def forget_sessions(example: Program, folder: Path) -> None:
    """Start the server again without its records."""
    await example.kill()
    remove(folder, "records.db")
    await example.start()


async def test_a_session_that_is_gone_is_replaced_once(example: Program, page: Page, tmp_path: Path) -> None:
    """Of two new ones the second would replace the first, whose files were then another's."""
    await opened(page, example)
    await page.get_by_label("Choose a file").set_input_files(file("cat.txt"))
    await stored(page)
    asked: list[Route] = []
    refused: set[str] = set()
    goes_on = asyncio.Event()

    async def hold(route: Route) -> None:
        asked.append(route)
        await goes_on.wait()
        await route.continue_()

    def note(answer: Response) -> None:
        if answer.status == 401:
            refused.add(urlsplit(answer.url).path)

    page.on("response", note)
    await page.route("**/api/session", hold)
    await forget_sessions(example, tmp_path)
    await until(lambda: refused == {"/api/token/alerts", "/api/token/uploads"})
    goes_on.set()
    await expect(page.locator(".uploads").get_by_role("alert")).to_be_visible()  # cat.txt is forgotten
    await expect(page.locator(".connection")).to_have_attribute("data-state", "open")
    assert len(asked) == 1


async def test_uploads_of_a_forgotten_session_do_not_shut_out_others(
    example: Program, page: Page, tmp_path: Path
) -> None:
    """One token is for all uploads."""
    await opened(page, example)
    for name in ("cat.txt", "dog.txt"):
        await page.get_by_label("Choose a file").set_input_files(file(name))
        await expect(page.locator("li", has_text=name).get_by_role("link")).to_be_visible()
    await forget_sessions(example, tmp_path)
    told = page.locator(".uploads").get_by_role("alert")
    await expect(told).to_have_count(2)
    await expect(told.first).to_contain_text("The server has forgotten dog.txt, and who sent it.")
    await expect(page.get_by_text("The token route answered")).to_have_count(0)
    await page.get_by_label("Choose a file").set_input_files(file("bird.txt"))
    await expect(page.locator("li", has_text="bird.txt").get_by_role("link")).to_be_visible()
    await told.first.get_by_role("button", name="Send again").click()
    await expect(page.get_by_role("link", name="Stored: download it")).to_have_count(2)
    await expect(told).to_have_count(1)


async def test_a_file_chosen_while_the_others_are_refused_arrives(
    example: Program, page: Page, tmp_path: Path
) -> None:
    """The list of uploads changes between a request for a token and its refusal."""
    await opened(page, example)
    await page.get_by_label("Choose a file").set_input_files(file("cat.txt"))
    await expect(page.get_by_role("link", name="Stored: download it")).to_be_visible()
    refused, goes_on = asyncio.Event(), asyncio.Event()
    is_away = True

    async def hold(route: Route) -> None:
        if is_away:
            await route.abort()
            return
        if refused.is_set():
            await route.continue_()
            return
        answer = await route.fetch()
        if answer.status != 401:  # it has a session by now
            refused.set()
            await goes_on.wait()
        await route.fulfill(response=answer)

    await example.kill()
    await cut_off(page)
    await page.route("**/api/token/uploads*", hold)
    await forget_sessions(example, tmp_path)
    is_away = False
    async with asyncio.timeout(60):
        await refused.wait()
    await page.get_by_label("Choose a file").set_input_files(file("bird.txt"))
    bird = page.locator("li", has_text="bird.txt")
    await expect(bird.locator(".muted")).not_to_contain_text("Sending")  # it is in the list
    goes_on.set()
    await expect(bird.get_by_role("link")).to_be_visible()
    await page.unroute_all()


async def test_an_answer_of_a_forgotten_session_is_told(example: Program, page: Page, tmp_path: Path) -> None:
    await opened(page, example)
    await page.route("**/api/questions/*", lambda route: route.fulfill(status=204))  # nobody answers
    problem = await ask(page)
    await expect(page.locator(".answer .text")).to_be_attached()
    await forget_sessions(example, tmp_path)
    await expect(problem).to_contain_text("The server knows nothing of this any more.")
    await page.unroute_all()
    await page.get_by_role("button", name="Ask again").click()
    await answered(page)


@pytest.mark.parametrize("example", ["3600"], indirect=True)
async def test_work_that_the_server_has_lost_is_told(example: Program, page: Page, tmp_path: Path) -> None:
    """Nobody knows of the runs in a journal that was removed."""
    await page.clock.install()
    await opened(page, example)
    await upload(page)
    problem = await ask(page)
    await expect(page.locator(".answer .text")).to_contain_text("You")
    await expect(page.locator(".uploads progress")).to_be_visible()
    await expect(page.locator(".uploads .muted")).not_to_contain_text("Sending")
    await example.kill()
    remove(tmp_path, "journal.db")
    await cut_off(page)
    await example.start(EXAMPLE_PACE="0.2")
    await expect(page.locator(".banner")).to_be_hidden()
    await expect(page.get_by_text("Connection lost")).to_have_count(0)
    await page.clock.fast_forward(21_000)
    await expect(problem).to_contain_text("The server may have lost this question.")
    await expect(page.locator(".uploads").get_by_role("alert")).to_contain_text("may have lost cat.txt")
    await page.get_by_role("button", name="Ask again").click()
    await upload(page)
    await stored(page)
    await answered(page)
    await expect(page.get_by_role("alert")).to_have_count(0)


# -------------------------------------------------------------------------------------------------- at load


@contextlib.contextmanager
def served_files(port: int) -> Iterator[None]:
    """Serve the front end without the server behind it: each POST is answered with 501."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(WEB))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


async def test_a_page_that_loads_while_the_server_is_away_goes_on_when_it_is_back(
    example: Program, page: Page
) -> None:
    """As from a cache, or from another server than the one that is away."""
    await example.kill()
    with served_files(urlsplit(example.url).port or 0):
        await page.goto(example.url)
        await expect(page.get_by_role("status")).to_contain_text("The server has a problem (501).")
    await expect(page.get_by_role("status")).to_contain_text("The server couldn't be reached.")
    await example.start()
    await expect(page.locator(".connection")).to_have_attribute("data-state", "open")


@pytest.mark.parametrize("answer", [{"status": 500}, {"status": 200, "body": "<h1>Portal</h1>"}])
async def test_a_session_that_is_refused_is_told_and_tried_again(
    answer: dict[str, Any], example: Program, page: Page
) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(**answer)

    await page.route("**/api/session", refuse)
    await page.goto(example.url)
    await expect(page.get_by_role("status").first).to_contain_text("The server")
    await page.unroute("**/api/session", refuse)
    await expect(page.locator(".connection")).to_have_attribute("data-state", "open")


async def test_a_page_whose_script_does_not_come_is_not_blank(example: Program, page: Page) -> None:
    frozen = asyncio.Event()

    async def freeze(route: Route) -> None:
        example.freeze()
        frozen.set()
        await route.continue_()

    await page.route("**/assets/*.js", freeze, times=1)
    await page.goto(example.url, wait_until="commit")
    await expect(page.get_by_role("status")).to_have_text("Loading…")
    async with asyncio.timeout(60):
        await frozen.wait()
    example.thaw()
    await expect(page.locator(".connection")).to_have_attribute("data-state", "open")


@pytest.mark.parametrize("asset", ["js", "css"])
async def test_a_server_that_dies_between_the_page_and_its_scripts(
    asset: str, example: Program, page: Page
) -> None:
    async def kill_first(route: Route) -> None:
        await example.kill()
        await route.continue_()

    await page.route(f"**/assets/*.{asset}", kill_first, times=1)
    await page.goto(example.url)
    await expect(page.locator("#root")).to_contain_text("The server c")
    await example.start()
    await expect(page.locator(".connection")).to_have_attribute("data-state", "open")
    await expect(page.locator(".top")).to_have_css("display", "flex")


# ----------------------------------------------------------------------------------------------- the answer

RECORD = """
window.seen = [];
new MutationObserver(() => {
  const text = document.querySelector(".answer .text");
  if (text !== null) window.seen.push([text.textContent, text.dataset.state]);
}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
"""


def is_honest(text: str, state: str) -> bool:
    """Return whether a text is the answer's beginning, or says where words are missing and that it waits."""
    begin, *rest = text.split(GAP.strip())
    pieces = [piece.strip() for piece in rest]
    return (
        ANSWER.startswith(begin.strip())
        and all(piece in ANSWER for piece in pieces)
        and (not rest or state == "waiting")
    )


@pytest.mark.parametrize("example", ["5"], indirect=True)
async def test_an_answer_is_never_garbled_however_often_the_server_dies(example: Program, page: Page) -> None:
    await page.add_init_script(RECORD)
    await opened(page, example)
    await ask(page)
    shown = page.locator(".answer .text")
    for pace in ("5", "5", "0.2"):  # an answer is written anew after each death: the last one soon
        before = await shown.text_content()
        await page.wait_for_function(
            "(before) => window.seen.at(-1)?.[1] === 'running' && window.seen.at(-1)[0].length > 20"
            " && window.seen.at(-1)[0] !== before || window.seen.at(-1)?.[0].includes('[…] ')",
            arg=before,
        )
        await example.kill()
        await cut_off(page)
        await expect(shown).to_have_attribute("data-state", "waiting")
        await expect(page.locator(".answer").get_by_role("status")).to_contain_text("The connection is lost.")
        await example.start(EXAMPLE_PACE=pace)
        await expect(page.locator(".connection")).to_have_attribute("data-state", "open")
        await expect(page.locator(".answer").get_by_role("status")).not_to_contain_text("lost")
    await expect(shown).to_have_text(ANSWER)
    await expect(shown).to_have_attribute("data-state", "completed")
    seen: list[tuple[str, str]] = await page.evaluate("window.seen")
    assert len(seen) > 6  # two or more before each death
    assert [one for one in seen if not is_honest(*one)] == []


TOKENS: list[tuple[list[tuple[int | None, int | None, str]], str, str]] = [
    ([(1, 0, "A "), (1, 1, "B "), (1, 2, "C ")], "A B C ", "running"),
    ([(1, 0, "A "), (1, 0, "A "), (1, 1, "B "), (1, 0, "A ")], "A B ", "running"),  # repeated
    ([(1, 1, "B "), (1, 0, "A ")], "A B ", "running"),  # out of order
    ([(1, 0, "A "), (1, 2, "C ")], f"A {GAP}C ", "waiting"),  # one missing
    ([(1, 0, "A "), (1, 2, "C "), (1, 1, "B ")], "A B C ", "running"),  # it was only late
    ([(1, 3, "D ")], f"{GAP}D ", "waiting"),  # the beginning is missing
    ([(1, 0, "A "), (1, 1, "B "), (2, 0, "X ")], "X ", "running"),  # another attempt
    ([(2, 0, "X "), (1, 1, "B "), (2, 1, "Y ")], "X Y ", "running"),  # late, of an attempt before
    ([(1, 0, "A "), (2, 2, "Z ")], f"{GAP}Z ", "waiting"),  # another attempt, without its beginning
    ([(None, None, "A "), (None, None, "B ")], "A B ", "running"),  # a publisher that doesn't count
]


async def test_tokens_are_joined_by_their_place(example: Program, page: Page) -> None:
    sockets: asyncio.Queue[WebSocketRoute] = asyncio.Queue()

    def take(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        # The server's own answer is kept from the page.
        server.on_message(lambda frame: None if '"pipeline:' in str(frame) else socket.send(frame))
        sockets.put_nowait(socket)

    await opened(page, example)
    await page.route_web_socket("**/v1/realtime/connect*", take)
    for tokens, text, state in TOKENS:
        async with page.expect_response("**/api/questions") as made:
            await ask(page)
        channel = f"pipeline:{(await (await made.value).json())['id']}"
        socket = await sockets.get()
        for attempt, index, token in tokens:
            place = {} if attempt is None else {"attempt": attempt, "index": index}
            message = {
                "kind": "data",
                "channel": channel,
                "topic": "tokens",
                "data": {"token": token, **place},
            }
            socket.send(json.dumps({**message, "created_at": "2026-01-01T00:00:00.000Z"}))
        shown = "document.querySelector('.answer .text')"
        await page.wait_for_function(f"(text) => {shown}?.textContent === text", arg=text)
        await expect(page.locator(".answer .text")).to_have_attribute("data-state", state)


# ----------------------------------------------------------------------------------------------- the boundary


async def test_a_part_that_throws_leaves_the_rest_and_comes_back(example: Program, page: Page) -> None:
    """A message that no definition allows, as of another version of the server, throws while it is drawn."""

    is_other_version = True

    def spoil(socket: WebSocketRoute) -> None:
        def spoiled(frame: str | bytes) -> None:
            message = json.loads(frame)
            if is_other_version and message.get("topic") == "alert":
                message["data"] = {"message": {"nested": 1}, "severity": "high"}
            socket.send(json.dumps(message))

        socket.connect_to_server().on_message(spoiled)

    await page.route_web_socket("**/v1/realtime/connect*", spoil)
    await opened(page, example)
    await raised(example, "Fire!")
    boundary = page.locator(".top").get_by_role("alert")
    await expect(boundary).to_contain_text("Something went wrong in the alerts.")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await ask(page)
    await answered(page)
    is_other_version = False
    await boundary.get_by_role("button", name="Show it again").click()
    # What made it throw comes again, with the history, as it should be: the part stays.
    await page.get_by_role("button", name="Alerts 1 unread").click()
    await expect(page.locator("#alerts li")).to_contain_text("Fire!")
    await expect(boundary).to_be_hidden()
