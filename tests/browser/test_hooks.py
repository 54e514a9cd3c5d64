"""`useChannel` and `useChannels` in Chromium, with the official hook and the real gateway."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.browser.browsing import Program, free_port
from tests.browser.building import FOLDER, bindings, build, project, require_recipes
from tests.tightbeam.gateway.serving import patient

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with the hooks, built."""
    require_recipes()
    hooks = {f"hooks/{file.name}": file.read_text("utf-8") for file in (FOLDER / "hooks").iterdir()}
    return build(project(tmp_path_factory.mktemp("hooks"), bindings() | hooks))


class FrontEnd(Program):
    """The program, with the routes that move its runs on."""

    async def go_on(self, name: str) -> None:
        async with patient() as ask:
            (await ask.post(f"{self.url}/go-on/{name}")).raise_for_status()

    async def ended(self, function: str, count: int) -> None:
        """Wait until so many runs of a function have ended."""
        query = {"function": function, "state": "done"}
        async with asyncio.timeout(60):
            while len((await self._inspector("runs", query))["runs"]) < count:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    async def streams(self, count: int) -> None:
        """Wait until so many streams are open."""
        async with asyncio.timeout(60):
            while (await self._inspector("connections", {}))["streams"] != count:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.1)

    async def _inspector(self, route: str, query: dict[str, str]) -> Any:
        async with patient() as ask:
            answer = await ask.get(f"{self.url}/inspector/api/{route}", params=query)
        answer.raise_for_status()
        return answer.json()


@pytest_asyncio.fixture(loop_scope="session")
async def app(pages: Path, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[FrontEnd]:
    """The program behind the page; its parameter is how many durable messages are kept."""
    port, retain = free_port(), str(getattr(request, "param", 10_000))
    command = ("-m", "tests.browser.front_ends", str(tmp_path / "app.db"), str(port), str(pages))
    started = FrontEnd(port, *command, RETAIN=retain)
    await started.start()
    yield started
    await started.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def hooks(page: Page, app: FrontEnd) -> Page:
    """The page, with nothing mounted yet."""
    await page.goto(f"{app.url}/pages/hooks/")
    return page


async def mount(page: Page, strict: bool = False, **props: Any) -> None:
    await page.evaluate("([props, strict]) => window.mount(props, strict)", [props, strict])


async def shown(page: Page, condition: str, argument: Any = None) -> dict[str, Any]:
    """Wait for what a page shows, `now`, to fulfil a condition in JavaScript. Returns it."""
    found = await page.wait_for_function(
        f"(arg) => {{ const now = window.commits.at(-1); return now && ({condition}) && now; }}", arg=argument
    )
    state: dict[str, Any] = await found.json_value()
    return state


async def opened(page: Page) -> None:
    await shown(page, "now.connection.state === 'open'")


async def hide(page: Page, hidden: bool) -> None:
    await page.evaluate(
        """(state) => {
            Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        "hidden" if hidden else "visible",
    )


def numbers(messages: list[dict[str, Any]]) -> list[int]:
    return [int(message["data"]["message"].removeprefix("n=")) for message in messages]


def texts(messages: list[dict[str, Any]]) -> list[str]:
    return [message["data"].get("message") or message["data"]["url"] for message in messages]


async def handled(page: Page) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = await page.evaluate("window.handled")
    return messages


def sockets(page: Page) -> list[str]:
    """The URLs of all WebSockets from now on."""
    urls: list[str] = []
    page.on("websocket", lambda socket: urls.append(socket.url))
    return urls


def requests(page: Page, part: str) -> list[str]:
    """The URLs of all requests with this part from now on."""
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url) if part in request.url else None)
    return urls


# -- useChannel ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pauses", [True, False])
async def test_a_hidden_tab_misses_nothing_durable(hooks: Page, app: FrontEnd, pauses: bool) -> None:
    await mount(hooks, upload="u1", pauseOnHidden=pauses)
    await opened(hooks)
    await app.send("app/upload", uploadId="u1", file="one")
    await shown(hooks, "now.messages.length === 1 && now.run.status === 'running'")
    await hide(hooks, hidden=True)
    await shown(hooks, "now.connection.state === arg", "paused" if pauses else "open")
    await app.go_on("one")
    await app.send("app/number", first=0, count=1)
    if not pauses:
        await shown(hooks, "now.messages.length === 2")
    await hide(hooks, hidden=False)
    state = await shown(hooks, "now.run.status === 'completed'")
    assert texts(state["messages"]) == ["one begun", "/files/one"]
    assert (state["run"], state["latest"]["result"]["data"]["url"]) == (
        {"status": "completed", "result": "one"},
        "/files/one",
    )


async def test_several_runs_on_one_channel(hooks: Page, app: FrontEnd) -> None:
    await mount(hooks, upload="u1")
    await opened(hooks)
    assert (await shown(hooks, "true"))["run"] == {"status": "unknown"}
    for n, name in enumerate(["one", "two"], 1):
        await app.go_on(name)
        await app.send("app/upload", uploadId="u1", file=name)
        state = await shown(hooks, "now.run.status === 'completed' && now.run.result === arg", name)
        assert len(state["messages"]) == 2 * n
    assert texts(state["messages"]) == ["one begun", "/files/one", "two begun", "/files/two"]
    runs = [commit["run"] for commit in await hooks.evaluate("window.commits")]
    statuses = [run["status"] for run, before in zip(runs, [None, *runs], strict=False) if run != before]
    assert statuses[-1] == "completed"
    assert not any(run["status"] == "running" and "result" in run for run in runs)


@pytest.mark.parametrize("props", [{"upload": "u1"}, {"uploads": ["u1"]}])
async def test_a_run_without_a_result_shows_none(hooks: Page, app: FrontEnd, props: dict[str, Any]) -> None:
    """Not that of the run before, not even for one render; and then the same result again."""
    await mount(hooks, **props)
    await opened(hooks)
    run = "(now.run['uploads:u1'] ?? now.run)"
    for n, file in enumerate(["one", "two", "one"], 1):
        await app.go_on(file)
        await app.send("app/upload", uploadId="u1", file=file, isQuiet=n == 2)
        ended = f"now.messages.length === 2 * arg && {run}.status === 'completed'"
        state = await shown(hooks, f"{ended} && (arg === 2) !== ('result' in {run})", n)
        expected = {"status": "completed"} if n == 2 else {"status": "completed", "result": "one"}
        assert state["run"] in (expected, {"uploads:u1": expected})
    shown_runs = [commit["run"] for commit in await hooks.evaluate("window.commits")]
    results = [run.get("uploads:u1", run).get("result") for run in shown_runs]
    changes = [one for one, before in zip(results, [object(), *results], strict=False) if one != before]
    assert changes == [None, "one", None, "one"]


async def test_a_killed_server_leaves_no_gap_and_no_repeat(hooks: Page, app: FrontEnd) -> None:
    await mount(hooks, historyLimit=None)
    await opened(hooks)
    await app.send("app/number", first=0, count=300)
    await shown(hooks, "now.messages.length >= 20")
    await app.kill()
    state = await shown(hooks, "now.connection.state === 'waiting'")
    assert state["connection"]["reason"]["code"] == "unreachable"
    await app.start()
    # All may have come before it was killed.
    state = await shown(hooks, "now.messages.length >= 300 && now.connection.state === 'open'")
    assert numbers(state["messages"]) == list(range(300))
    assert numbers(await handled(hooks)) == list(range(300))


async def test_what_comes_before_the_first_message_isnt_missed(hooks: Page, app: FrontEnd) -> None:
    """The cursor of a page that has seen nothing yet is its start."""
    await mount(hooks)
    await opened(hooks)
    await hooks.evaluate("window.mount({ enabled: false })")
    await shown(hooks, "now.connection.state === 'paused'")
    await app.send("app/number", first=0, count=3)
    await app.ended("number", 1)
    await mount(hooks)
    state = await shown(hooks, "now.messages.length >= 3")
    assert numbers(state["messages"]) == [0, 1, 2]


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_token_route_that_refuses_ends_it(hooks: Page, app: FrontEnd, status: int) -> None:
    asked = requests(hooks, "/refuse/")
    await mount(hooks, upload="u1", token=f"/refuse/{status}")
    state = await shown(hooks, "now.connection.state === 'closed'")
    reason = state["connection"]["reason"]
    assert (reason["status"], reason["code"]) == (
        status,
        {401: "unauthorized", 403: "forbidden", 404: "not-found"}[status],
    )
    assert reason["message"].startswith(f"The token route answered {status}.")
    await hooks.wait_for_timeout(1_500)  # the official hook tries again after 250 to 500 ms
    assert len(asked) == 1
    # Signed in again, it goes on.
    await mount(hooks, upload="u1")
    await hooks.evaluate("window.retry()")
    await opened(hooks)


async def test_a_token_route_that_fails_is_tried_again(hooks: Page, app: FrontEnd) -> None:
    asked = requests(hooks, "/refuse/")
    await mount(hooks, upload="u1", token="/refuse/500")
    state = await shown(hooks, "now.connection.state === 'waiting' && now.connection.attempt >= 2")
    assert (state["connection"]["reason"]["code"], state["connection"]["reason"]["status"]) == ("server", 500)
    assert len(asked) >= 2


async def test_a_topic_that_the_token_doesnt_allow(hooks: Page, app: FrontEnd) -> None:
    token = "/token/uploads:u1/status"
    await mount(hooks, upload="u1", token=token, topics=["status", "result"])
    state = await shown(hooks, "now.connection.state === 'closed'")
    assert state["connection"]["reason"]["code"] == "topic"
    assert '"result"' in state["connection"]["reason"]["message"]


async def test_a_channel_that_the_token_isnt_for(hooks: Page, app: FrontEnd) -> None:
    await mount(hooks, upload="u1", token="/token/uploads:u2")
    state = await shown(hooks, "now.connection.state === 'closed'")
    assert state["connection"]["reason"]["code"] == "channel"
    assert '"uploads:u1"' in state["connection"]["reason"]["message"]
    await mount(hooks, orders=[1, 2], token="/token/orders:eu:1")
    state = await shown(hooks, "now.connection.state === 'closed' && now.of.length === 2")
    assert state["connection"]["reason"]["code"] == "channel"
    assert '"orders:eu:2"' in state["connection"]["reason"]["message"]
    await mount(hooks, orders=[1])
    await opened(hooks)


@pytest.mark.parametrize("app", [2], indirect=True)
async def test_a_gap_by_retention_is_told(hooks: Page, app: FrontEnd) -> None:
    await mount(hooks)
    await opened(hooks)
    await app.send("app/number", first=0, count=1)
    await shown(hooks, "now.messages.length === 1")
    await mount(hooks, enabled=False)
    await shown(hooks, "now.connection.state === 'paused'")
    await app.send("app/number", first=1, count=400)
    await app.ended("number", 2)
    await mount(hooks)
    state = await shown(hooks, "now.resets > 0 && now.latest.alert?.data.message === 'n=400'")
    assert (state["resets"], await hooks.evaluate("window.resets")) == (1, 1)
    seen = numbers(state["messages"])
    assert seen[0] == 0
    assert seen[-1] == 400
    assert len(seen) < 401


async def test_where_it_begins(hooks: Page, app: FrontEnd) -> None:
    await app.send("app/number", first=0, count=4)
    await app.ended("number", 1)
    for begin, expected in (("start", [0, 1, 2, 3]), ("latest", [3]), ("now", [])):
        await hooks.evaluate("window.commits.length = 0; window.unmount()")
        await mount(hooks, **{"from": begin})
        state = await shown(
            hooks, "now.connection.state === 'open' && now.messages.length >= arg", len(expected)
        )
        assert numbers(state["messages"]) == expected
        assert state["resets"] == 0
    await app.send("app/number", first=4, count=1)
    state = await shown(hooks, "now.messages.length === 1")
    assert numbers(state["messages"]) == [4]


@pytest.mark.parametrize("strict", [True, False])
async def test_strict_mode_and_unmounting(hooks: Page, app: FrontEnd, strict: bool) -> None:
    await app.send("app/number", first=0, count=3)
    await app.ended("number", 1)
    await mount(hooks, strict, **{"from": "start"})
    await shown(hooks, "now.messages.length >= 3")
    await app.send("app/number", first=3, count=50)
    state = await shown(hooks, "now.messages.length >= 53")
    assert numbers(state["messages"]) == list(range(53))
    assert numbers(await handled(hooks)) == list(range(53))
    await hooks.evaluate("window.unmount()")
    open_streams = sockets(hooks)
    await app.streams(0)
    assert open_streams == []


async def test_effects_that_run_again_lose_and_repeat_nothing(hooks: Page, app: FrontEnd) -> None:
    """As after a hot reload: the official hook forgets its messages, the cursor stands."""
    await mount(hooks)
    await opened(hooks)
    await app.send("app/number", first=0, count=3)
    await shown(hooks, "now.messages.length === 3")
    await hooks.evaluate("window.mount({}, false, true)")
    await app.streams(0)
    await app.send("app/number", first=3, count=3)
    await app.ended("number", 2)
    await hooks.evaluate("window.mount({}, false, false)")
    state = await shown(hooks, "now.messages.length >= 6 && now.connection.state === 'open'")
    assert numbers(state["messages"]) == list(range(6))
    assert numbers(await handled(hooks)) == list(range(6))


async def test_a_refusal_of_the_gateway_has_a_reason(hooks: Page, app: FrontEnd) -> None:
    """A browser doesn't say why a WebSocket failed."""
    asked = requests(hooks, "/bad-token")
    await mount(hooks, upload="u1", token="/bad-token")
    state = await shown(hooks, "now.connection.state === 'closed'")
    assert (state["connection"]["reason"]["code"], state["connection"]["reason"]["status"]) == (
        "unauthorized",
        401,
    )
    assert state["connection"]["reason"]["message"].startswith("The gateway answered 401")
    # Repeated, then over; how often it is repeated while the reason is asked for is no part of this.
    count = len(asked)
    assert count >= 2
    await hooks.wait_for_timeout(1_500)  # the official hook tries again after 500 to 750 ms
    assert len(asked) == count


async def test_another_channel_shows_nothing_of_the_former(hooks: Page, app: FrontEnd) -> None:
    await mount(hooks, upload="u1")
    await opened(hooks)
    await app.go_on("one")
    await app.send("app/upload", uploadId="u1", file="one")
    await shown(hooks, "now.messages.length === 2 && now.run.status === 'completed'")
    await mount(hooks, upload="u2")
    await opened(hooks)
    await app.go_on("two")
    await app.send("app/upload", uploadId="u2", file="two")
    await shown(hooks, "now.messages.length === 2 && now.run.status === 'completed'")
    commits = await hooks.evaluate("window.commits")
    first = next(n for n, commit in enumerate(commits) if commit["of"] == "u2")
    assert commits[first]["messages"] == []
    assert commits[first]["connection"]["state"] == "connecting"
    assert commits[first]["run"] == {"status": "unknown"}
    for commit in commits[first:]:
        assert {message["channel"] for message in commit["messages"]} <= {"uploads:u2"}
        assert commit["run"].get("result") in (None, "two")
    # Fewer topics are another list too, and null is no channel at all.
    await mount(hooks, upload="u2", topics=["result"], **{"from": "start"})
    state = await shown(hooks, "now.messages.length > 0")
    assert [message["topic"] for message in state["messages"]] == ["result"]
    await mount(hooks, upload=None)
    state = await shown(hooks, "now.connection.state === 'paused'")
    assert state["messages"] == []


async def test_it_keeps_the_last_messages(hooks: Page, app: FrontEnd) -> None:
    await app.send("app/number", first=0, count=50)
    await app.ended("number", 1)
    await mount(hooks, historyLimit=5, **{"from": "start"})
    state = await shown(hooks, "now.latest.alert?.data.message === 'n=49'")
    assert numbers(state["messages"]) == list(range(45, 50))
    assert numbers(await handled(hooks)) == list(range(50))


# -- useChannels ---------------------------------------------------------------------------------------------


async def test_fifty_channels_are_one_connection(hooks: Page, app: FrontEnd) -> None:
    opening, asked = sockets(hooks), requests(hooks, "/token/")
    await mount(hooks, orders=list(range(1, 51)))
    await opened(hooks)
    await app.send("app/order", ids=list(range(1, 51)), reason="first")
    state = await shown(hooks, "now.messages.length === 50")
    assert (len(opening), len(asked)) == (1, 1)
    assert state["latest"]["orders:eu:50"]["state"]["data"]["reason"] == "first"


@pytest.mark.parametrize("begin", ["now", "latest", "start"])
async def test_a_list_grows_without_a_loss(hooks: Page, app: FrontEnd, begin: str) -> None:
    await app.send("app/order", ids=[51, 51], reason="before")
    await app.ended("order", 1)
    opening = sockets(hooks)
    await mount(hooks, orders=list(range(1, 51)), **{"from": begin})
    await opened(hooks)
    ids = list(range(1, 52))
    await app.send("app/order", ids=[1], reason="known")
    await shown(hooks, "now.messages.length === 1")
    sending = asyncio.create_task(app.send("app/order", ids=ids * 6, reason="many"))
    renders = [{"orders": list(range(1, count + 1)), "from": begin} for count in range(51, 54)]
    await hooks.evaluate("(all) => all.forEach((props) => window.mount(props))", renders)  # one change
    await sending
    await app.ended("order", 3)
    await app.send("app/order", ids=[52], reason="last")
    state = await shown(
        hooks, "now.latest['orders:eu:52']?.state?.data.reason === 'last' && now.connection.state === 'open'"
    )
    await app.streams(1)
    state = await shown(hooks, "true")
    counts = Counter(message["channel"] for message in state["messages"])
    assert {counts[f"orders:eu:{n}"] for n in range(2, 51)} == {6}
    assert counts["orders:eu:1"] == 7
    if begin == "start":
        assert counts["orders:eu:51"] == 8
    assert len(opening) <= 3
    came = await handled(hooks)
    assert len(came) == sum(counts.values())
    for channel in counts:
        times = [message["createdAt"] for message in came if message["channel"] == channel]
        assert times == sorted(set(times)), channel
    assert state["latest"]["orders:eu:52"]["state"]["data"]["reason"] == "last"


@pytest.mark.parametrize("begin", ["now", "start"])
async def test_a_list_that_changes_in_an_outage_goes_on(hooks: Page, app: FrontEnd, begin: str) -> None:
    """The connection of the former list comes back with a token for the new one."""
    await mount(hooks, orders=[1, 2], **{"from": begin})
    await opened(hooks)
    await app.send("app/order", ids=[2, 3], reason="before")
    await shown(hooks, "now.messages.length === 1")
    await mount(hooks, orders=[2, 3], **{"from": begin})
    await app.kill()
    await shown(hooks, "now.connection.state === 'waiting'")
    await app.start()
    await opened(hooks)
    await app.send("app/order", ids=[2, 3], reason="after")
    state = await shown(
        hooks, "['after', 'after'].every((r, n) => now.latest[`orders:eu:${n + 2}`]?.state.data.reason === r)"
    )
    assert state["connection"]["state"] == "open"


async def never_closed(page: Page) -> None:
    """Check that no commit has shown a connection that was refused."""
    connections = [commit["connection"] for commit in await page.evaluate("window.commits")]
    assert [connection for connection in connections if connection["state"] == "closed"] == []


@pytest.mark.parametrize("lists", [([1, 2], [2, 3], [3, 4]), ([1], [3], [4])])
async def test_a_list_that_changes_during_a_change(
    hooks: Page, app: FrontEnd, lists: tuple[list[int], ...]
) -> None:
    """The stream for the second list opens when the page shows the third, and asks for its token."""
    first, second, third = lists
    await mount(hooks, orders=first, **{"from": "latest"})
    await opened(hooks)
    async with hooks.expect_websocket():  # the one for what is retained of order 3
        await mount(hooks, orders=second, **{"from": "latest"})
    await mount(hooks, orders=third, **{"from": "latest"})
    await app.send("app/order", ids=[4], reason="x")
    await shown(hooks, "now.latest['orders:eu:4']?.state?.data.reason === 'x'")
    await app.streams(1)
    await never_closed(hooks)
    assert [message["channel"] for message in await handled(hooks)] == ["orders:eu:4"]


async def test_a_list_of_one_that_changes_during_an_outage(hooks: Page, app: FrontEnd) -> None:
    await mount(hooks, orders=[1])
    await opened(hooks)
    await app.kill()
    await shown(hooks, "now.connection.state === 'waiting'")
    await mount(hooks, orders=[2])
    await app.start()
    await opened(hooks)
    await app.streams(1)
    await app.send("app/order", ids=[2], reason="x")
    await shown(hooks, "now.latest['orders:eu:2']?.state?.data.reason === 'x'")
    await never_closed(hooks)


async def test_a_busy_channel_doesnt_hold_the_next_list_up(hooks: Page, app: FrontEnd) -> None:
    """What is published now isn't taken for the rest of what is retained."""

    async def publish() -> None:
        while True:
            await app.send("app/order", ids=[2], reason="busy")
            await asyncio.sleep(0.2)

    await mount(hooks, orders=[1], **{"from": "latest"})
    await opened(hooks)
    publishing = asyncio.create_task(publish())
    try:
        await mount(hooks, orders=[1, 2], **{"from": "latest"})
        await shown(hooks, "now.messages.length > 2")
        await mount(hooks, orders=[1, 2, 3], **{"from": "latest"})
        await app.send("app/order", ids=[3], reason="x")
        await shown(hooks, "now.latest['orders:eu:3']?.state?.data.reason === 'x'")
    finally:
        publishing.cancel()
    # Times differ within a channel only.
    times = [(message["channel"], message["createdAt"]) for message in await handled(hooks)]
    assert len(times) == len(set(times))


@pytest.mark.parametrize(
    ("begin", "between"),
    [
        ("start", [{"orders": []}]),
        ("latest", [{"orders": [1]}]),
        ("start", [{"orders": [1], "enabled": False}, {"orders": [1, 2], "enabled": False}]),
        ("latest", [{"orders": [3], "enabled": False}]),
    ],
    ids=["through the empty list", "at once", "while it is disabled", "with another list between"],
)
async def test_what_is_retained_of_a_channel_that_comes_back(
    hooks: Page, app: FrontEnd, between: list[dict[str, Any]], begin: str
) -> None:
    """What was shown of it left the page with it. Nothing is lost or repeated of a channel that stays."""
    await app.send("app/order", ids=[1, 2, 3], reason="before")
    await app.ended("order", 1)
    await mount(hooks, orders=[1, 2], **{"from": begin})
    await shown(hooks, "now.messages.length === 2")
    renders = [{"from": begin, **props} for props in [*between, {"orders": [1, 2, 3]}]]
    await hooks.evaluate("(all) => all.forEach((props) => window.mount(props))", renders)
    await shown(hooks, "[1, 2, 3].every((n) => now.latest[`orders:eu:${n}`])")
    await app.send("app/order", ids=[1, 2, 3], reason="after")
    await shown(hooks, "[1, 2, 3].every((n) => now.latest[`orders:eu:${n}`].state.data.reason === 'after')")
    await app.streams(1)
    state = await shown(hooks, "true")
    for n in (1, 2, 3):
        of = [each["data"]["reason"] for each in state["messages"] if each["channel"] == f"orders:eu:{n}"]
        assert of == ["before", "after"], n


@pytest.mark.parametrize("between", [{"orders": [1, 2], "enabled": False}, {"orders": [1]}])
async def test_what_is_retained_comes_after_an_interruption(
    hooks: Page, app: FrontEnd, between: dict[str, Any]
) -> None:
    await app.send("app/order", ids=[1, 2], reason="before")
    await app.ended("order", 1)
    await mount(hooks, orders=[1], **{"from": "start"})
    await shown(hooks, "now.messages.length === 1")
    async with hooks.expect_websocket():  # the one for what is retained of order 2
        await mount(hooks, orders=[1, 2], **{"from": "start"})
    renders = [{"from": "start", **props} for props in (between, {"orders": [1, 2]})]
    await hooks.evaluate("(all) => all.forEach((props) => window.mount(props))", renders)
    await shown(hooks, "now.latest['orders:eu:2'] && now.connection.state === 'open'")
    await app.streams(1)
    state = await shown(hooks, "true")
    assert Counter(each["channel"] for each in state["messages"]) == {"orders:eu:1": 1, "orders:eu:2": 1}


async def test_a_list_shrinks(hooks: Page, app: FrontEnd) -> None:
    await mount(hooks, orders=[1, 2, 3])
    await opened(hooks)
    await app.send("app/order", ids=[1, 2, 3], reason="x")
    await shown(hooks, "now.messages.length === 3")
    await mount(hooks, orders=[1, 2])
    commits = await hooks.evaluate("window.commits")
    for commit in commits:
        if commit["of"] == [1, 2]:
            assert {message["channel"] for message in commit["messages"]} == {"orders:eu:1", "orders:eu:2"}
            assert "orders:eu:3" not in commit["latest"]
    await app.send("app/order", ids=[3, 2], reason="y")
    state = await shown(hooks, "now.messages.length === 3")
    assert state["messages"][-1]["channel"] == "orders:eu:2"
    await mount(hooks, orders=[])
    state = await shown(hooks, "now.connection.state === 'paused'")
    assert state["messages"] == []


async def test_many_channels_survive_a_killed_server(hooks: Page, app: FrontEnd) -> None:
    await mount(hooks, True, orders=[1, 2, 3], historyLimit=None)
    await opened(hooks)
    await app.send("app/order", ids=[1, 2, 3] * 40, reason="x")
    await shown(hooks, "now.messages.length >= 10")
    await app.kill()
    await shown(hooks, "now.connection.state === 'waiting'")
    await app.start()
    state = await shown(hooks, "now.messages.length >= 120")
    assert Counter(message["channel"] for message in state["messages"]) == {
        f"orders:eu:{n}": 40 for n in (1, 2, 3)
    }
    assert state["run"]["orders:eu:1"]["status"] in ("running", "completed")


async def test_many_channels_end_at_a_refusal_with_a_reason(hooks: Page, app: FrontEnd) -> None:
    asked = requests(hooks, "/refuse/")
    await mount(hooks, orders=[1, 2], token="/refuse/404")
    state = await shown(hooks, "now.connection.state === 'closed'")
    assert state["connection"]["reason"]["code"] == "not-found"
    await hooks.wait_for_timeout(800)
    assert len(asked) == 1
    await mount(hooks, orders=[1, 2])
    await hooks.evaluate("window.retry()")
    await opened(hooks)
