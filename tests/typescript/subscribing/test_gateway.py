"""`subscribe` in Node against a gateway that is killed, restarted and stopped."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.browser.browsing import Program, serving
from tests.tightbeam.gateway.serving import patient
from tests.typescript.subscribing.driving import TRANSPORTS, following

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]
each_transport = pytest.mark.parametrize("transport", TRANSPORTS)

LAST = 1_000


def number(message: Any) -> int:
    return int(message["data"]["message"].removeprefix("n="))


@each_transport
async def test_a_thousand_messages_over_kills_come_once_and_in_order(
    transport: str, client: Path, program: Program
) -> None:
    async with following(client, transport, base=program.url) as follower:
        await follower.state("open")
        await program.send("app/number", first=0, count=LAST)
        for reached in (40, 41, 300, 600, 850):
            while number(await follower.until("message")) < reached:
                pass
            await program.kill()
            await program.start()
        await follower.until("message", lambda message: number(message) == LAST - 1)
        while follower.states().count("open") < 2:  # all may have come before the first kill
            await follower.state("open")
        assert [number(message) for message in follower.values("message")] == list(range(LAST))
        assert follower.values("reset") == []
        # What is awaited may have come before the last kill, so not each connection comes about.
        assert len(follower.values("token")) >= follower.states().count("open") >= 2
        lost = [
            value["reason"]["code"] for value in follower.values("connection") if value["state"] == "waiting"
        ]
        assert set(lost) == {"unreachable"}


@each_transport
async def test_a_gateway_that_stops_says_so_and_is_followed_again(
    transport: str, client: Path, program: Program
) -> None:
    async with following(client, transport, base=program.url) as follower:
        await follower.state("open")
        await program.stop()
        waiting = await follower.state("waiting")
        assert waiting["reason"]["code"] == "closing"
        await program.start()
        await follower.state("open")
        await program.send("app/number", first=0, count=3)
        await follower.until("message", lambda message: number(message) == 2)
        assert [number(message) for message in follower.values("message")] == [0, 1, 2]


@each_transport
async def test_what_is_published_while_there_is_no_connection_comes_first(
    transport: str, client: Path, program: Program
) -> None:
    """Before the first message too: a gateway tells the position at once."""
    async with following(client, transport, base=program.url) as follower:
        await follower.state("open")
        await follower.do("state")
        while (await follower.until("state")).get("position") is None:
            await follower.do("state")
        await program.kill()
        await follower.state("waiting")
        await program.start()
        await program.send("app/number", first=0, count=5)
        await follower.until("message", lambda message: number(message) == 4)
        assert [number(message) for message in follower.values("message")] == list(range(5))


@each_transport
async def test_it_begins_where_it_is_asked_to(transport: str, client: Path, program: Program) -> None:
    await program.send("app/number", first=0, count=5)
    async with following(client, transport, base=program.url, **{"from": "start"}) as follower:
        last = await follower.until("message", lambda message: number(message) == 4)
        assert [number(message) for message in follower.values("message")] == list(range(5))
        second = follower.values("message")[1]
    after = {"after": second["position"]}
    async with following(client, "websocket", base=program.url, **{"from": after}) as follower:
        first = await follower.until("message")
        assert number(first) in (2, 3, 4)
    async with following(client, transport, base=program.url, **{"from": 0}) as follower:
        assert number(await follower.until("message")) == 0
        await follower.until("message", lambda message: number(message) == 4)
        await follower.do("latest", channel={"module": "alerts", "name": "alertsChannel"}, topic="alert")
        latest = await follower.until("latest")
        assert (latest["kind"], latest["data"]) == ("data", last["data"])
        await follower.do("close")
        await follower.state("closed")


@each_transport
async def test_messages_that_are_gone_are_told(transport: str, client: Path, forgetful: Program) -> None:
    program = forgetful
    async with following(client, transport, base=program.url) as follower:
        await follower.state("open")
        await program.send("app/number", first=0, count=2)
        await follower.until("message", lambda message: number(message) == 1)
        await program.kill()
        await program.start()
        await program.send("app/number", first=7, count=2)
        await follower.until("message", lambda message: number(message) == 8)
        kinds = [(kind, number(value) if kind == "message" else None) for kind, value in follower.told]
        told = [each for each in kinds if each[0] in ("message", "reset")]
        assert told == [("message", 0), ("message", 1), ("reset", None), ("message", 7), ("message", 8)]


@pytest.mark.parametrize(("after", "ends"), [("!!", False), ("x" * 129, True)])
async def test_a_text_that_is_no_position(after: str, ends: bool, client: Path, program: Program) -> None:
    """It is a position that is gone, or can't be one."""
    async with following(client, "sse", base=program.url, **{"from": {"after": after}}) as follower:
        if ends:
            assert (await follower.state("closed"))["reason"]["code"] == "position"
        else:
            await follower.until("reset")
            assert follower.states() == ["connecting", "open"]


@each_transport
async def test_it_follows_run_after_run(transport: str, client: Path, program: Program) -> None:
    uploads = {"module": "uploads", "name": "uploadsChannel", "params": {"uploadId": "u1"}}
    async with following(client, transport, base=program.url, channels=[uploads]) as follower:
        await follower.state("open")
        for n in (1, 2):
            run_id = await program.send("app/upload", uploadId="u1")
            ended = await follower.until("run", lambda run: run["status"] == "completed")
            assert (ended["runId"], ended["channel"]) == (run_id, "uploads:u1")
            assert [run["status"] for run in follower.values("run")] == ["running", "completed"] * n
            topics = [message["topic"] for message in follower.values("message")]
            assert topics == ["status", "status", "result"] * n
        assert follower.states() == ["connecting", "open"]


async def test_a_run_that_ended_is_told_once(client: Path, program: Program) -> None:
    """The gateway tells it to each reader that comes back."""
    uploads = {"module": "uploads", "name": "uploadsChannel", "params": {"uploadId": "u1"}}
    async with following(client, "websocket", base=program.url, channels=[uploads]) as follower:
        await follower.state("open")
        await program.send("app/upload", uploadId="u1")
        await follower.until("run", lambda run: run["status"] == "completed")
        await program.kill()
        await program.start()
        await follower.state("open")
        await program.publish("uploads:u1", "status", {"message": "after"})
        await follower.until("message", lambda message: message["data"].get("message") == "after")
        assert [run["status"] for run in follower.values("run")] == ["running", "completed"]


@each_transport
async def test_a_stale_token_ends_it_at_the_second_time(transport: str, client: Path, tmp_path: Path) -> None:
    async with serving(tmp_path / "app.db", TOKEN_SECONDS="1") as program:
        async with patient() as ask:
            asked = [{"channel": "alerts", "name": "*", "kind": "run"}]
            key = (await ask.post(f"{program.url}/v1/realtime/token", json=asked)).json()["jwt"]
            url = f"{program.url}/v1/realtime/connect?token={key}"
            async with asyncio.timeout(30):
                while (await ask.get(url)).status_code != 401:  # noqa: ASYNC110 - until a second has passed
                    await asyncio.sleep(0.05)
        token = {"key": key, "apiBaseUrl": program.url}
        async with following(client, transport, token=token) as follower:
            closed = await follower.state("closed")
            assert (closed["reason"]["code"], closed["reason"]["status"]) == ("expired", 401)
            assert follower.states() == ["connecting", "waiting", "connecting", "closed"]


@each_transport
async def test_a_token_for_something_else_ends_it(transport: str, client: Path, program: Program) -> None:
    async with patient() as ask:
        asked = [{"channel": "pipeline:r1", "name": "*", "kind": "run"}]
        key = (await ask.post(f"{program.url}/v1/realtime/token", json=asked)).json()["jwt"]
    token = {"key": key, "apiBaseUrl": program.url}
    async with following(client, transport, token=token, topics=["alert"]) as follower:
        closed = await follower.state("closed")
        assert (closed["reason"]["code"], closed["reason"]["status"]) == ("topic", 403)


async def test_an_iteration_that_is_slow_loses_nothing_durable(client: Path, program: Program) -> None:
    """The stream pauses when there is no room, and resumes at its position."""
    async with following(client, "websocket", base=program.url, **{"from": "start"}) as follower:
        await follower.do("hold")
        await follower.do("state")
        await follower.until("state")  # it has heard of both before there is a message
        await program.send("app/number", first=0, count=2_500)
        await follower.state("paused")
        await follower.do("state")
        held = await follower.until("state")
        await follower.do("read", count=2_500)
        last = await follower.until("read", lambda read: read["message"] == "n=2499")
        assert [read["message"] for read in follower.values("read")] == [f"n={n}" for n in range(2_500)]
        # Until it is read, a message is still to come for whoever resumes at the position.
        assert held["position"] != last["position"]
        assert follower.states().count("paused") >= 1
        await follower.do("state")
        assert (await follower.until("state"))["dropped"] == 0


@each_transport
async def test_a_gateway_that_falls_silent_is_left(transport: str, client: Path, tmp_path: Path) -> None:
    """As behind a network that has gone without a word: nothing closes the connection."""
    async with (
        serving(tmp_path / "app.db", KEEP_ALIVE_SECONDS="1") as program,
        following(client, transport, base=program.url) as follower,
    ):
        await follower.state("open")
        await follower.do("state")
        while (await follower.until("state")).get("position") is None:
            await follower.do("state")
        await program.send("app/number", first=0, count=1)
        await follower.until("message")
        await follower.do("alter", telling=True)
        # With some pings it knows how often they come, and waits for the next one so long.
        await follower.until("timer", lambda pause: 1_000 < pause < 20_000)
        program.freeze()
        waiting = await follower.state("waiting")
        assert "silent" in waiting["reason"]["message"]
        program.thaw()
        await program.send("app/number", first=1, count=2)
        await follower.until("message", lambda message: number(message) == 2)
        assert [number(message) for message in follower.values("message")] == [0, 1, 2]


@each_transport
async def test_many_channels_are_one_connection(transport: str, client: Path, program: Program) -> None:
    """Of several definitions, resumed together."""
    ids = range(1, 51)
    orders = [
        {"module": "orders", "name": "ordersChannel", "params": {"region": "eu", "orderId": n}} for n in ids
    ]
    channels = [{"module": "alerts", "name": "alertsChannel"}, *orders]
    line = {"sku": "a", "quantity": 1, "unitPrice": {"currency": "EUR", "cents": 1}, "giftNote": None}
    async with following(client, transport, base=program.url, channels=channels) as follower:
        await follower.state("open")
        for n in (1, 50):
            channel = f"orders:eu:{n}"
            await program.publish(channel, "line-added", line)
            message = await follower.until("message")
            assert (message["channel"], message["topic"], message["data"]) == (channel, "line-added", line)
        await program.kill()
        await program.start()
        await program.send("app/number", first=0, count=3)
        for n in range(3):
            assert number(await follower.until("message")) == n


async def test_a_channel_that_the_token_leaves_out_ends_it(client: Path, program: Program) -> None:
    orders = [
        {"module": "orders", "name": "ordersChannel", "params": {"region": "eu", "orderId": number}}
        for number in range(1, 7)
    ]
    async with patient(base_url=program.url) as http:
        body = [{"channel": "orders:eu:1", "name": "*"}, {"channel": "orders:eu:2", "name": "*"}]
        found = (await http.post("/v1/realtime/token", json=body)).json()
    token = {"key": found.pop("jwt"), "apiBaseUrl": program.url, **found}
    async with following(client, None, token=token, channels=orders) as follower:
        reason = (await follower.state("closed"))["reason"]
        assert reason["code"] == "channel"
        assert reason["message"] == (
            'The token isn\'t for the channels "orders:eu:3", "orders:eu:4", "orders:eu:5" and 1 more. '
            "Mint a token for them too."
        )
        assert "open" not in follower.states()
    async with following(client, None, token=token, channels=orders[:1]) as follower:
        await follower.state("open")


@each_transport
async def test_the_latest_durable_message_comes_first(transport: str, client: Path, program: Program) -> None:
    await program.send("app/number", first=0, count=5)
    async with following(client, transport, base=program.url, **{"from": "start"}) as follower:
        await follower.until("message", lambda message: number(message) == 4)
    async with following(client, transport, base=program.url, **{"from": "latest"}) as follower:
        assert number(await follower.until("message")) == 4
        await program.kill()
        await program.start()
        await program.send("app/number", first=5, count=2)
        await follower.until("message", lambda message: number(message) == 6)
        assert [number(message) for message in follower.values("message")] == [4, 5, 6]
