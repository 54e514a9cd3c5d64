"""What `subscribe` makes of token routes and gateways that refuse, are busy or are something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import until
from tests.typescript.subscribing.driving import ALERTS, TRANSPORTS, Follower, compiled, following
from tests.typescript.subscribing.scripted import Answer, Scripted

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]
each_transport = pytest.mark.parametrize("transport", TRANSPORTS)

SSE, CONNECT = "/v1/realtime/sse", "/v1/realtime/connect"
ROUTES = {"sse": SSE, "websocket": CONNECT}
DATA = {
    "kind": "data",
    "channel": "alerts",
    "topic": "alert",
    "data": {"message": "m", "severity": "low"},
    "created_at": "2026-01-01T00:00:00.000000Z",
}


def refusal(status: int, code: str) -> Answer:
    return Answer(status, {"error": "the gateway's words", "code": code, "data": None, "status": status})


def codes(follower: Follower) -> list[tuple[str, str | None]]:
    return [(each["state"], each.get("reason", {}).get("code")) for each in follower.values("connection")]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(401), "unauthorized"),
        (Answer(403, "no"), "forbidden"),
        (Answer(404, {"detail": "Not Found"}), "not-found"),
        (Answer(422, {"detail": []}), "protocol"),
        (Answer(200, "<!doctype html>"), "protocol"),
        (Answer(200, None), "protocol"),
        (Answer(200, {"key": "k"}), "protocol"),
        (Answer(200, {"apiBaseUrl": "http://127.0.0.1:1"}), "protocol"),
        (Answer(200, {"key": "k", "apiBaseUrl": "rt.example.com"}), "protocol"),
        (Answer(200, {"key": "k", "apiBaseUrl": "http://127.0.0.1:1", "topics": ["other"]}), "topic"),
        (Answer(200, {"key": "k", "apiBaseUrl": "http://127.0.0.1:1", "channels": ["other"]}), "channel"),
        (Answer(200, {"key": "k", "apiBaseUrl": "http://127.0.0.1:1", "channels": []}), "channel"),
    ],
)
async def test_what_a_token_route_answers_may_end_it(
    answer: Answer, code: str, client: Path, script: Scripted
) -> None:
    script.answers["/token"] = [answer]
    async with following(
        client, None, route=f"{script.url}/token", topics=["alert"], iterate=True
    ) as follower:
        closed = await follower.state("closed")
        assert closed["reason"]["code"] == code
        assert closed["reason"]["message"].endswith(".")
        assert codes(follower) == [("connecting", None), ("closed", code)]
        assert len(script.asked) == 1
        assert await follower.until("refused") == {"name": "SubscriptionRefused", "code": code}


async def test_a_token_route_in_trouble_is_asked_again(client: Path, script: Scripted) -> None:
    script.answers["/token"] = [
        Answer(503),
        Answer(429, headers={"retry-after": "1"}),
        None,
        Answer(200, '{"key": "a-to', headers={"content-length": "99"}),  # it died in the middle
        Answer(500, "<h1>oops</h1>"),
        script.token(),
    ]
    script.answers[SSE] = [Answer.events(DATA)]
    async with following(client, "sse", route=f"{script.url}/token") as follower:
        await follower.until("message")
        assert [code for state, code in codes(follower) if state == "waiting"] == [
            *("server", "server", "unreachable", "unreachable", "server"),
        ]
        attempts = [each["attempt"] for each in follower.values("connection") if each["state"] == "waiting"]
        assert attempts == [1, 2, 3, 4, 5]
        assert follower.values("connection")[-1] == {"state": "open", "attempt": 0}


@each_transport
@pytest.mark.parametrize(
    ("answer", "code", "attempts"),
    [
        (refusal(401, "unauthorized"), "unauthorized", 2),
        (refusal(401, "expired"), "expired", 2),
        (Answer(403, "<h1>a proxy</h1>"), "forbidden", 1),
        (refusal(403, "origin"), "origin", 1),
        (refusal(403, "topic"), "topic", 1),
        (refusal(403, "topics-limit"), "topics-limit", 1),
        (refusal(403, "something new"), "forbidden", 1),
        (refusal(400, "position"), "position", 1),
        (refusal(404, "channel"), "channel", 1),
        (Answer(404, "<h1>another web server</h1>"), "not-found", 1),
        (refusal(421, "host"), "host", 1),
        (Answer(200, "<!doctype html>", {"content-type": "text/html"}), "protocol", 1),
        (Answer(307, "", {"location": "/elsewhere"}), "protocol", 1),
    ],
)
async def test_what_a_gateway_answers_may_end_it(
    answer: Answer, code: str, attempts: int, transport: str, client: Path, script: Scripted
) -> None:
    script.answers = {"/token": [script.token()], ROUTES[transport]: [answer]}
    async with following(client, transport, route=f"{script.url}/token") as follower:
        closed = await follower.state("closed")
        assert closed["reason"]["code"] == code
        assert script.asked.count("/token") == attempts
        assert "a-token" not in closed["reason"]["message"]


@each_transport
async def test_a_gateway_in_trouble_is_asked_again(transport: str, client: Path, script: Scripted) -> None:
    """A WebSocket that fails is asked for twice, the second time over HTTP for the reason."""
    times = 2 if transport == "websocket" else 1
    full = refusal(503, "full")
    script.answers = {
        "/token": [script.token()],
        ROUTES[transport]: [*[full] * times, *[refusal(503, "closing")] * times, refusal(403, "forbidden")],
    }
    async with following(client, transport, route=f"{script.url}/token") as follower:
        await follower.state("closed")
        assert [code for state, code in codes(follower) if state == "waiting"] == ["full", "closing"]
        assert script.asked.count("/token") == 3


async def test_a_proxy_that_passes_no_websockets_is_gone_round(client: Path, script: Scripted) -> None:
    script.answers = {
        "/token": [script.token()],
        CONNECT: [refusal(426, "upgrade-required")],
        SSE: [Answer.events(DATA)],
    }
    async with following(client, None, route=f"{script.url}/token") as follower:
        await follower.until("message")
        assert [code for state, code in codes(follower) if state == "waiting"] == ["upgrade-required"] * 2
    async with following(client, "websocket", route=f"{script.url}/token") as follower:
        for _ in range(3):  # what was asked for stays
            assert (await follower.state("waiting"))["reason"]["code"] == "upgrade-required"


async def test_once_it_was_open_an_answer_of_something_else_is_an_outage(
    client: Path, script: Scripted
) -> None:
    """While a gateway restarts, a proxy in front of it answers."""
    script.answers = {
        "/token": [script.token(), Answer(200, "<h1>back soon</h1>"), script.token()],
        SSE: [Answer.events(DATA, hangs=False), Answer(404, "<h1>back soon</h1>"), Answer.events(DATA)],
    }
    async with following(client, "sse", route=f"{script.url}/token") as follower:
        await follower.state("open")
        await follower.state("open")
        assert [code for state, code in codes(follower) if state == "waiting"] == [
            *("unreachable", "protocol", "not-found"),
        ]


async def test_positions_repeats_and_frames_of_other_kinds(client: Path, script: Scripted) -> None:
    def event(n: int, **more: Any) -> str:
        metadata = {"id": f"id-{n}", "position": f"e:{n}"}
        frame = {**DATA, "data": {"message": f"n={n}", "severity": "low"}, "metadata": metadata, **more}
        return f"id: e:{n}\ndata: {json.dumps(frame)}\n\n"

    other = (
        event(9, channel="others")
        + event(9, topic="others")
        + 'data: {"kind":"data"}\n\ndata: nonsense\n\ndata: null\n\n'
    )
    first = event(1) + event(2) + other.replace("e:9", "e:2")
    again = event(2) + event(3).replace("\n", "\r\n") + ":\n\nid: e:7\n\n"
    stream = {"content-type": "text/event-stream"}
    script.answers = {
        "/token": [script.token(topics=["alert"])],
        SSE: [Answer(200, first, stream), Answer(200, again, stream), Answer.events()],
    }
    async with following(client, "sse", route=f"{script.url}/token") as follower:
        for _ in range(3):
            await follower.state("open")
        await follower.do("state")
        assert (await follower.until("state"))["position"] == "e:7"
        assert [message["data"]["message"] for message in follower.values("message")] == ["n=1", "n=2", "n=3"]
    asked = [target for target in script.asked if target.startswith(SSE)]
    assert [target.partition("after=")[2].partition("&")[0] for target in asked] == ["now", "e%3A2", "e%3A7"]
    assert all("want=%5B%5B%22alerts%22%2C%22alert%22%5D%5D" in target for target in asked)


async def test_a_handler_that_throws_stops_nothing(client: Path, script: Scripted) -> None:
    script.answers = {"/token": [script.token()], SSE: [Answer.events(DATA, DATA, DATA)]}
    async with following(client, "sse", route=f"{script.url}/token", throws=True) as follower:
        for _ in range(3):
            assert await follower.until("error") == "the page's own fault"
        assert len(follower.values("message")) == 3


async def test_an_iteration_drops_the_oldest_live_messages(client: Path, script: Scripted) -> None:
    frames = [{**DATA, "data": {"message": f"n={n}", "severity": "low"}} for n in range(1_203)]
    script.answers = {"/token": [script.token()], SSE: [Answer.events(*frames, hangs=False), Answer(403)]}
    async with following(client, "sse", route=f"{script.url}/token") as follower:
        await follower.do("hold")
        await follower.state("closed")
        await follower.do("read", count=1)
        first = await follower.until("read")
        await follower.do("state")
        assert (await follower.until("state"))["dropped"] == 1_203 - 1_000
        assert first["message"] == "n=203"


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_it_can_be_closed_in_every_phase(how: str, client: Path, script: Scripted) -> None:
    phases: list[tuple[str, dict[str, Any]]] = [
        ("connecting", {"/token": [Answer(hangs=True)]}),
        ("connecting", {"/token": [script.token()], SSE: [Answer(hangs=True)]}),
        ("waiting", {"/token": [Answer(503, headers={"retry-after": "200"})]}),
        ("open", {"/token": [script.token()], SSE: [Answer.events(DATA)]}),
    ]
    for state, answers in phases:
        script.answers = answers
        script.asked.clear()
        async with following(client, "sse", route=f"{script.url}/token", iterate=True) as follower:
            await follower.state(state)
            while len(script.asked) < len(answers):
                await follower.do("state")
                await follower.until("state")
            await follower.do(how)
            assert await follower.until("connection") == {
                "state": "closed",
                "attempt": int(state == "waiting"),
            }
            await follower.until("over")
            await follower.do("state")
            await follower.until("state")
            assert len(script.asked) == len(answers)


@pytest.mark.parametrize(("state", "asked"), [("connecting", 0), ("waiting", 1), ("paused", 0), ("open", 2)])
async def test_it_can_be_closed_by_what_it_calls_back(
    state: str, asked: int, client: Path, script: Scripted
) -> None:
    answers = [Answer(503, headers={"retry-after": "200"})] if state == "waiting" else [script.token()]
    script.answers = {"/token": answers, SSE: [Answer.events(DATA)]}
    more: dict[str, Any] = {"topics": []} if state == "paused" else {}
    route = f"{script.url}/token"
    async with following(client, "sse", route=route, iterate=True, closeIn=state, **more) as follower:
        await follower.state("closed")
        await follower.until("over")
        await follower.do("state")
        assert (await follower.until("state"))["state"] == "closed"
        assert len(script.asked) == asked
        assert follower.values("message") == []


async def test_validators_keep_out_what_breaks_a_schema(tmp_path: Path, script: Scripted) -> None:
    wrong = {**DATA, "data": {"message": 1, "severity": "low"}}
    script.answers = {"/token": [script.token()], SSE: [Answer.events(wrong, DATA)]}
    folder = compiled(tmp_path, validators=True)
    checked = {"module": "alerts.validators", "name": "alertsChannel"}
    async with following(folder, "sse", route=f"{script.url}/token", channels=[checked]) as follower:
        message = await follower.until("message")
        assert message["data"] == DATA["data"]
        (invalid,) = follower.values("invalid")
        assert (invalid["channel"], invalid["topic"], invalid["data"]) == ("alerts", "alert", wrong["data"])
        assert invalid["issues"][0]["path"] == ["message"]


@pytest.mark.parametrize("way", ["", "/login"])
async def test_a_page_instead_of_a_token_is_called_one(way: str, client: Path, script: Scripted) -> None:
    """A development server has its page for what it doesn't pass on; others redirect to their form."""
    html = Answer(200, "<!doctype html>", {"content-type": "text/html; charset=utf-8"})
    form = Answer(302, "", {"location": "/login?next=secret"})
    script.answers = {"/token": [form if way else html], "/login": [html]}
    async with following(client, None, route=f"{script.url}/token") as follower:
        message = (await follower.state("closed"))["reason"]["message"]
        assert "page of HTML" in message
        assert "check its URL" in message
        assert ("after a redirect to /login:" in message) == bool(way)
        assert "secret" not in message


@pytest.mark.parametrize("error", ["Error", "TypeError", "RangeError"])
async def test_a_token_function_that_throws_is_not_taken_for_a_route(
    error: str, client: Path, script: Scripted
) -> None:
    async with following(client, None, route=f"{script.url}/none", topics=[]) as follower:
        await follower.do("wrong", throws=error)
        reason = (await follower.state("waiting"))["reason"]
        assert reason["code"] == "unreachable"
        assert f"token function threw an error ({error})" in reason["message"]
        assert "secret words" not in reason["message"]


async def test_a_route_without_an_answer_is_called_down(client: Path, script: Scripted) -> None:
    script.answers = {"/token": [None], "/v1/realtime/token": [None]}
    for how in ({"route": f"{script.url}/token"}, {"base": script.url}):  # a URL, and a function that fetches
        async with following(client, None, **how) as follower:
            reason = (await follower.state("waiting"))["reason"]
            assert reason["message"].startswith("No answer from the token route: it is down")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"token": None}, "token is a URL"),
        ({"token": {"key": "k", "apiBaseUrl": "http://127.0.0.1:1"}}, "token is a URL"),
        ({"from": "begin"}, 'from is "now"'),
        ({"transport": "ws"}, 'transport is "websocket"'),
        ({"topics": ["alerts"]}, 'no channel has the topic "alerts"'),
    ],
)
async def test_wrong_options_are_refused_at_once(
    options: dict[str, Any], says: str, client: Path, script: Scripted
) -> None:
    async with following(client, None, route=f"{script.url}/none", topics=[]) as follower:
        await follower.do("wrong", options=options)
        thrown = await follower.until("thrown")
        assert thrown.startswith(f"TypeError: {says}")


async def test_a_websocket_where_there_is_none_is_explained(client: Path, script: Scripted) -> None:
    script.answers = {"/token": [script.token()]}
    async with following(client, None, route=f"{script.url}/none", topics=[]) as follower:
        await follower.do("alter", socketless=True)
        route = f"{script.url}/token"
        await follower.do("subscribe", channels=[ALERTS], transport="websocket", route=route)
        closed = await follower.state("closed")
        assert "Node has one from version 22 on" in closed["reason"]["message"]


async def test_a_proxy_that_holds_upgrades_back_is_gone_round(client: Path, script: Scripted) -> None:
    script.answers = {
        "/token": [script.token()],
        CONNECT: [Answer(hangs=True)],
        SSE: [Answer.events(DATA)],
    }

    def connects() -> int:
        return sum(target.startswith(CONNECT) for target in script.asked)

    async with following(client, None, route=f"{script.url}/none", topics=[]) as follower:
        await follower.do("alter", telling=True)
        await follower.do("subscribe", channels=[ALERTS], route=f"{script.url}/token")
        for count in (1, 2):
            await until(lambda count=count: connects() == count)
            await follower.do("elapse")  # the time for an answer
            assert "a proxy holds it back" in (await follower.state("waiting"))["reason"]["message"]
        await follower.until("message")
        assert [target.partition("?")[0] for target in script.asked if "realtime" in target][:3] == [
            *(CONNECT, CONNECT, SSE),
        ]


@pytest.mark.parametrize("quiet", [True, False])
async def test_leaving_the_only_loop_closes_it(quiet: bool, client: Path, script: Scripted) -> None:
    """A program that has read enough ends, as nothing is open any more; `onMessage` goes on."""
    script.answers = {"/token": [script.token()], SSE: [Answer.events(DATA, DATA)]}
    async with following(client, "sse", route=f"{script.url}/token", quiet=quiet) as follower:
        await follower.do("hold")
        await follower.do("iterate", count=1)
        await follower.until("over")
        await follower.do("state")
        assert (await follower.until("state"))["state"] == "open"  # another reader goes on
        await follower.do("leave")
        await follower.do("state")
        assert (await follower.until("state"))["state"] == ("closed" if quiet else "open")


async def test_a_page_that_stays_away_is_paused_once(client: Path, script: Scripted) -> None:
    script.answers = {"/token": [script.token()], SSE: [Answer.events(DATA)]}
    async with following(client, "sse", route=f"{script.url}/none", topics=[]) as follower:
        await follower.do("alter", page=True)
        await follower.state("paused")
        follower.told.clear()
        await follower.do("subscribe", channels=[ALERTS], transport="sse", route=f"{script.url}/token")
        await follower.until("message")
        for type_ in ("pagehide", "visibilitychange", "visibilitychange", "pageshow"):
            await follower.do("event", type=type_)
            await follower.do("state")
            await follower.until("state")
        await follower.state("open")
        assert follower.states() == ["connecting", "open", "paused", "connecting", "open"]
