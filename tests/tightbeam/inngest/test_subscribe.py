"""Subscriptions from Python: tokens, sockets, repeats, what doesn't fit, and servers that go away."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_type

import inngest
import pytest

import tightbeam
from generated.alerts import alerts_channel
from generated.uploads import Result, Status, UploadsChannel, uploads_channel
from tests.certificates import untrusted
from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.inngest.calls import RUN_ID
from tests.tightbeam.inngest.standin import StandIn
from tests.tightbeam.inngest.test_http import HASHED, KEY
from tests.tightbeam.payload.invalid_messages import check_choices, check_refused_choices
from tests.tightbeam.wire.servers import answering, listening
from tightbeam._message import Envelope
from tightbeam._wire import backoff as wire_backoff
from tightbeam._wire.backoff import Backoff
from tightbeam._wire.frames import message_of, read_frame
from tightbeam.inngest import Client, hash_signing_key
from tightbeam.inngest._subscribe import _ServerFeed


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connect again at once: what is waited for isn't the point here."""
    monkeypatch.setattr("tightbeam.inngest._subscribe._FIRST_PAUSE", 0.0)


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    """Every logger's level as it was."""
    before = {name: logging.getLogger(name).level for name in (*logging.root.manager.loggerDict, "tightbeam")}
    yield
    for name in tuple(logging.root.manager.loggerDict):
        logging.getLogger(name).setLevel(before.get(name, logging.NOTSET))


async def until(server: StandIn, condition: Callable[[], object], what: str = "condition") -> None:
    await asyncio.to_thread(server.until, condition, what)


def frame(ch: UploadsChannel, topic: str, data: Any, **more: Any) -> dict[str, Any]:
    return {
        "kind": "data",
        "data": data,
        "created_at": "2026-11-22T05:40:30.249725938Z",
        "channel": ch.name,
        "env_id": "00000000-0000-4000-b000-000000000000",
        "topic": topic,
        **more,
    }


async def test_a_channel_from_publish_to_message(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    async with client.realtime.subscribe(ch) as messages:
        await client.realtime.publish(ch.status, {"message": "é<b>"})
        client.realtime.publish_sync(ch.result, {"success": True, "url": "/x"})
        first = await anext(messages)
        second = await anext(messages)
    if first.topic == "status":
        assert_type(first.data, Status)
    assert first.data == Status(message="é<b>")
    assert second.data == Result(success=True, url="/x")
    assert (first.channel, first.run_id, first.id, first.position) == ("uploads:u1", None, None, None)
    assert first.created_at == datetime(2026, 11, 22, 5, 40, 30, 249725, tzinfo=UTC)
    asked = json.loads(server.tokens[0].body)
    assert asked == [{"channel": "uploads:u1", "name": name, "kind": "run"} for name in ("status", "result")]


async def test_chosen_topics_of_several_channels(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    async with client.realtime.subscribe(ch.status, alerts_channel.alert) as messages:
        await client.realtime.publish(ch.result, {"success": True, "url": "/x"})
        await client.realtime.publish(alerts_channel.alert, {"message": "fire", "severity": "high"})
        assert (await anext(messages)).channel == "alerts"
    assert [one["name"] for one in json.loads(server.tokens[0].body)] == ["status", "alert"]


async def test_ready_means_that_the_server_has_subscribed(client: Client, server: StandIn) -> None:
    """The server answers the upgrade before it subscribes: a message published right after that is lost."""
    for number in range(20):
        ch = uploads_channel(upload_id=f"u{number}")
        async with client.realtime.subscribe(ch) as messages:
            await client.realtime.publish(ch.status, {"message": "at once"})
            assert (await anext(messages)).data.message == "at once"


async def test_a_new_connection_is_ready_before_it_counts_as_one(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    server.subscribes = False
    opening = asyncio.create_task(client.realtime.subscribe(ch).__aenter__())
    await until(server, lambda: server.upgraded == 1, "an upgrade")
    assert not opening.done()
    server.subscribe_held()
    messages = await opening
    server.drop_sockets()
    await until(server, lambda: server.upgraded == 2 and server.sockets, "a second connection")
    await client.realtime.publish(ch.status, {"message": "back"})
    assert (await anext(messages)).data.message == "back"
    messages.close()


async def test_a_server_that_never_answers_a_ping_gives_no_subscription(
    client: Client, server: StandIn, ch: UploadsChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tightbeam.inngest._subscribe._SECONDS_TO_SUBSCRIBE", 0.1)
    server.subscribes = False
    with pytest.raises(tightbeam.SubscribeFailed) as caught:
        async with client.realtime.subscribe(ch):
            pass
    assert caught.value.retryable


async def test_run_id_and_message_id(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    async with client.realtime.subscribe(ch) as messages:
        carrier = client.realtime._inngest
        await carrier.publish(Envelope(ch.name, "status", b'{"message":"x"}', RUN_ID, f"{RUN_ID}:p:0", 0))
        await carrier.publish(Envelope(ch.name, "status", b'{"message":"y"}', "not a run", None, 0))
        first, second = await anext(messages), await anext(messages)
    assert (first.run_id, first.id) == (RUN_ID, f"{RUN_ID}:p:0")
    assert (second.run_id, second.id) == (None, None)  # the server ignores a bad run id


async def test_repeats_of_a_durable_message_are_dropped(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    def durable(channel: str, topic: str, text: str, id: str) -> Envelope:
        data = {"message": text} if topic == "status" else {"success": True, "url": text}
        return Envelope(channel, topic, json.dumps(data).encode(), RUN_ID, id, 0)

    async with client.realtime.subscribe(ch) as messages:
        carrier = client.realtime._inngest
        for one in (
            durable(ch.name, "status", "first", "r:p:0"),
            durable(ch.name, "status", "changed before the memo", "r:p:0"),
            durable(ch.name, "result", "same id, other topic", "r:p:0"),
            durable(ch.name, "status", "second", "r:p:1"),
        ):
            await carrier.publish(one)
        await client.realtime.publish(ch.status, {"message": "live"})
        await client.realtime.publish(ch.status, {"message": "live"})  # a live one isn't a repeat
        found = [(await anext(messages)).data for _ in range(5)]
    texts = [one.message if isinstance(one, Status) else one.url for one in found]
    assert texts == ["first", "same id, other topic", "second", "live", "live"]


async def test_repeats_are_known_over_a_reconnect(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    carrier = client.realtime._inngest
    one = Envelope(ch.name, "status", b'{"message":"once"}', RUN_ID, "r:p:0", 0)
    async with client.realtime.subscribe(ch) as messages:
        await carrier.publish(one)
        assert (await anext(messages)).id == "r:p:0"
        old = server.sockets[0]
        server.drop_sockets()
        await until(server, lambda: server.sockets and server.sockets[0] is not old)
        await carrier.publish(one)
        await client.realtime.publish(ch.status, {"message": "next"})
        assert (await anext(messages)).data == Status(message="next")


async def test_every_choice_for_what_does_not_fit(
    client: Client, server: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    ch = job_channel(job_id="j1")

    async def emit(raw: bytes) -> None:
        await client.realtime._inngest.publish(Envelope(ch.name, "tick", raw, None, None, 0))

    await check_choices(
        lambda **more: client.realtime.subscribe(ch.tick, **more),
        emit,
        lambda message: message.data.n,
        caplog,
    )


async def test_what_is_raised_ends_no_run_with_a_retry(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    async with client.realtime.subscribe(ch) as messages:
        server.emit(frame(ch, "status", "cut off by the ser"))
        with pytest.raises(tightbeam.InvalidPayload) as caught:
            await anext(messages)
    assert isinstance(caught.value, inngest.NonRetriableError)
    assert (caught.value.channel, caught.value.topic, caught.value.position) == ("uploads:u1", "status", None)


async def test_the_clients_choice_holds_where_a_subscription_has_none(
    client: Client, server: StandIn, ch: UploadsChannel, caplog: pytest.LogCaptureFixture
) -> None:
    check_refused_choices(client.realtime.configure)
    check_refused_choices(lambda **more: client.realtime.subscribe(ch, **more))
    client.realtime.configure(on_invalid_message="skip")
    async with client.realtime.subscribe(ch) as messages:
        server.emit(frame(ch, "status", {}))
        await client.realtime.publish(ch.status, {"message": "good"})
        assert (await anext(messages)).data == Status(message="good")
    assert caplog.text.count("was skipped") == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"message":"' + b"x" * 524_288 + b'"}',  # cut by the server
        b'{"message":NaN}',  # relayed as a string
        b"",
    ],
    ids=["too long", "not JSON", "empty"],
)
async def test_what_the_server_would_make_of_what_we_refuse_to_send(
    client: Client, server: StandIn, ch: UploadsChannel, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Past the checks, to see what they protect from: 200 all the same, and a string where an object was."""
    async with client.realtime.subscribe(ch.status, on_invalid_message="skip") as messages:
        await client.realtime._inngest.publish(Envelope(ch.name, "status", body, None, None, 0))
        await client.realtime.publish(ch.status, {"message": "good"})
        assert (await anext(messages)).data.message == "good"
    assert caplog.text.count("was skipped") == 1


async def test_metadata_is_always_json(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    """A message whose metadata isn't would be lost, with 200 all the same."""
    async with client.realtime.subscribe(ch.status) as messages:
        odd = 'r:"quoted" \\ and é:0'
        await client.realtime._inngest.publish(
            Envelope(ch.name, "status", b'{"message":"x"}', RUN_ID, odd, 0)
        )
        assert (await anext(messages)).id == odd
        await client.realtime._inngest.http.post(
            f"/v1/realtime/publish?channel={ch.name}&topic=status&metadata=nope", b'{"message":"lost"}'
        )
        await client.realtime.publish(ch.status, {"message": "next"})
        assert (await anext(messages)).data.message == "next"


async def test_other_frames_are_none_of_ours(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    good = frame(ch, "status", {"message": "good"})
    async with client.realtime.subscribe(ch.status) as messages:
        for one in (
            "not json",
            "[1]",
            "",
            b'{"kind":"data"}',
            {"kind": "datastream-start", "data": "x", "channel": ch.name, "topic": "status"},
            {"kind": "chunk", "stream_id": "x", "data": "hello"},
            {"kind": "run", "data": {"status": "running"}},
            {**good, "topic": "result"},
            {**good, "channel": "uploads:other"},
            {**good, "channel": ["uploads:u1"]},
            {key: value for key, value in good.items() if key != "data"},
            {
                **good,
                "data": {"message": "odd"},
                "metadata": [1],
                "run_id": 5,
                "created_at": "yesterday",
                "new": 1,
            },
        ):
            server.emit(one)
        server.emit(good)
        odd, last = await anext(messages), await anext(messages)
    assert (odd.data.message, odd.id, odd.run_id, odd.created_at.year) == ("odd", None, None, 1970)
    assert last.data.message == "good"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'"\xff\xfe"', "it isn't UTF-8"),
        (b'{"message":"\xe9"}', "it isn't UTF-8"),
        (b"[" * 200_000 + b"]" * 200_000, "it is nested too deeply"),
        (b"1e400", "it holds a number that isn't finite"),
    ],
    ids=["invalid UTF-8", "Latin-1", "nested", "beyond a float"],
)
async def test_a_frame_that_cannot_be_read_is_passed_over_and_the_connection_stays(
    client: Client,
    server: StandIn,
    ch: UploadsChannel,
    body: bytes,
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with client.realtime.subscribe(ch.status) as messages:
        for _ in range(3):
            await client.realtime._inngest.http.post(
                f"/v1/realtime/publish?channel={ch.name}&topic=status", body
            )
        await client.realtime.publish(ch.status, {"message": "next"})
        assert (await anext(messages)).data.message == "next"
    assert [one.getMessage() for one in caplog.records] == [
        f"a frame of a subscription was passed over: {reason}"
    ]
    assert server.upgraded == 1


def test_numbers_survive_a_frame() -> None:
    text = b'{"kind":"data","data":[12345678901234567890,1.0,null],"channel":"c","topic":"t"}'
    envelope = message_of(read_frame(text), {("c", "t")})
    assert envelope is not None
    assert envelope.data == b"[12345678901234567890,1.0,null]"


RECORDED = '"env_id":"00000000-0000-4000-b000-000000000000","channel":"user:42","topic":"ai"'


@pytest.mark.parametrize(
    ("rest", "data"),
    [
        ('"data":"s16","created_at":"2026-11-22T05:40:30.34132887Z"', b'"s16"'),
        ('"data":null,"created_at":"2026-11-22T05:40:30.333331468Z"', b"null"),
        ('"data":{"h":"\\u003cb\\u003e"},"created_at":"2026-11-22T05:40:30.361555001Z"', b'{"h":"<b>"}'),
        (
            '"data":[1,2],"metadata":{"a":1},"created_at":"2026-11-22T05:41:40Z","run_id":"01M80W86NYJJE555YV4CNASHSQ"',
            b"[1,2]",
        ),
    ],
)
def test_frames_as_a_real_server_sends_them(rest: str, data: bytes) -> None:
    frame = read_frame(f'{{"kind":"data",{rest},{RECORDED}}}'.encode())
    envelope = message_of(frame, {("user:42", "ai")})
    assert envelope is not None
    assert (envelope.data, envelope.id, envelope.created_at.year) == (data, None, 2026)
    assert (envelope.run_id is not None) is ("run_id" in rest)


async def test_a_frame_as_long_as_the_server_may_make_it(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    text = "<" * 524_000
    async with client.realtime.subscribe(ch.status) as messages:
        server.emit(json.dumps(frame(ch, "status", {"message": text})).replace("<", "\\u003c"))
        assert (await anext(messages)).data.message == text


# -------------------------------------------------------------------------------------- connections


async def test_pings_are_answered_also_when_nobody_reads(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    async with client.realtime.subscribe(ch):
        for _ in range(100):
            server.emit(frame(ch, "status", {"message": "unread"}))
        server.ping(b"hello?")
        await until(server, lambda: server.sockets[0].pongs == [b"hello?"], "a pong")


async def test_the_token_travels_in_a_header_and_not_in_the_log(
    client: Client, server: StandIn, ch: UploadsChannel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in tuple(logging.root.manager.loggerDict):  # as somebody does who wants to see everything
        logging.getLogger(name).setLevel(logging.DEBUG)
    async with client.realtime.subscribe(ch):
        token = server.sockets[0].token
    request = next(one for one in server.requests if one.path == "/v1/realtime/connect")
    assert (request.bearer, request.raw_query) == (token, "")
    assert token not in caplog.text


async def test_a_redirect_is_not_followed(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    """The token is for the server that gave it."""
    with StandIn() as elsewhere:
        server.redirect_sockets = f"{elsewhere.origin}/v1/realtime/connect"
        with pytest.raises(tightbeam.SubscribeFailed, match="307"):
            await client.realtime.subscribe(ch).__aenter__()
        assert elsewhere.requests == []


async def test_a_server_that_closes_at_once_is_asked_less_and_less_often(
    client: Client, server: StandIn, ch: UploadsChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []  # before each failure: what the pause is doubled by
    failed = Backoff.failed

    def counted(backoff: Backoff, now: float, retry_after: float | None = None) -> float:
        attempts.append(backoff._attempts)
        return failed(backoff, now, retry_after)

    monkeypatch.setattr(Backoff, "failed", counted)
    async with client.realtime.subscribe(ch):
        server.ping()
        await until(server, lambda: server.sockets[0].pongs, "a pong: this one stands")
        server.close_at_once = 5
        server.drop_sockets()
        await until(server, lambda: len(server.tokens) >= 7 and server.sockets, "a socket that stands")
        assert attempts[:6] == [0, 1, 2, 3, 4, 5]  # and not the first pause each time
    await until(server, lambda: not server.sockets, "no socket")
    attempts.clear()
    monkeypatch.setattr(wire_backoff, "_LASTED", 0.0)
    async with client.realtime.subscribe(ch.status) as messages:
        for _ in range(3):
            old = server.sockets[0]
            server.drop_sockets()
            await until(server, lambda s=old: server.sockets and server.sockets[0] is not s, "another socket")  # type: ignore[misc]  # mypy: s
            await client.realtime.publish(ch.status, {"message": "here"})
            await anext(messages)  # one that is dropped before its pong has come would have failed
        assert attempts == [0, 0, 0]


async def test_after_a_break_it_connects_with_a_fresh_token(
    client: Client, server: StandIn, ch: UploadsChannel, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []
    async with client.realtime.subscribe(ch.status) as messages:
        for n in range(3):
            socket = server.sockets[0]
            seen.append(socket.token)
            await client.realtime.publish(ch.status, {"message": str(n)})
            assert (await anext(messages)).data.message == str(n)
            server.drop_sockets()
            await until(
                server, lambda s=socket: server.sockets and server.sockets[0] is not s, "another socket"
            )  # type: ignore[misc]  # mypy: s
    assert len({*seen}) == 3
    assert "published in between are not received" in caplog.text


async def test_closing_is_obeyed(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    async with client.realtime.subscribe(ch.status) as messages:
        old = server.sockets[0]
        server.emit({"kind": "closing", "data": {}})
        await until(server, lambda: server.sockets and server.sockets[0] is not old, "another socket")
        assert old.token != server.sockets[0].token
        await client.realtime.publish(ch.status, {"message": "again"})
        assert (await anext(messages)).data.message == "again"


def test_the_pauses_grow_are_bounded_and_differ() -> None:
    def pauses() -> Backoff:
        return Backoff(0.25, 5.0, pauses_always=True)

    backoff = pauses()
    for most in (0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0):
        assert most / 2 <= backoff.failed(0.0) <= most
    assert len({pauses().failed(0.0) for _ in range(20)}) > 1
    backoff.opened(10.0)
    assert 0.125 <= (backoff.ended(15.0) or 0.0) <= 0.25, "also after a connection that lasted"


async def test_it_goes_on_trying_while_the_server_restarts(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    async with client.realtime.subscribe(ch.status) as messages:
        server.script.extend([(503, b"restarting"), "drop", (500, b""), (502, b"")])
        server.drop_sockets()
        await until(server, lambda: not server.script and server.sockets, "another socket")
        await client.realtime.publish(ch.status, {"message": "again"})
        assert (await anext(messages)).data.message == "again"


async def test_a_token_that_is_refused_once_is_bad_luck_and_three_times_an_error(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    async with client.realtime.subscribe(ch.status) as messages:
        socket = server.sockets[0]
        server.refuse_sockets = 1
        server.drop_sockets()
        await until(server, lambda: server.sockets and server.sockets[0] is not socket, "another socket")
        server.refuse_sockets = 10
        server.drop_sockets()
        with pytest.raises(tightbeam.SubscribeFailed, match="401") as caught:
            await anext(messages)
    assert (caught.value.status, caught.value.retryable) == (401, False)


async def test_a_key_that_is_no_longer_good_ends_the_subscription(
    server: StandIn, ch: UploadsChannel
) -> None:
    server.keys = {HASHED}
    client = Client(app_id="a", is_production=True, signing_key=KEY, api_base_url=server.origin)
    async with client.realtime.subscribe(ch.status) as messages:
        server.keys = set()
        server.drop_sockets()
        with pytest.raises(tightbeam.SubscribeFailed, match="no token: it answered 401"):
            await anext(messages)


@pytest.mark.parametrize("how", ["enter", "read"])
async def test_the_first_connection_fails_at_once(server: StandIn, ch: UploadsChannel, how: str) -> None:
    server.script.append((503, b"not yet"))
    client = Client(app_id="a", is_production=False, api_base_url=server.origin)
    subscription = client.realtime.subscribe(ch)
    with pytest.raises(tightbeam.SubscribeFailed, match="503: not yet") as caught:
        await (subscription.__aenter__() if how == "enter" else anext(subscription))
    assert caught.value.retryable
    async with subscription:  # and later it may succeed
        await until(server, lambda: server.sockets, "a socket")


async def test_nobody_there(ch: UploadsChannel) -> None:
    with StandIn() as gone:
        origin = gone.origin
    client = Client(app_id="a", is_production=False, api_base_url=origin)
    with pytest.raises(tightbeam.SubscribeFailed) as caught:
        await client.realtime.subscribe(ch).__aenter__()
    assert (caught.value.status, caught.value.retryable) == (None, True)


async def test_nothing_to_resume_from(client: Client, ch: UploadsChannel) -> None:
    for after in ("start", "e:1"):
        with pytest.raises(tightbeam.PositionLost):
            await anext(client.realtime.subscribe(ch, after=after))


async def test_a_slow_reader_loses_the_oldest_live_messages(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    async with client.realtime.subscribe(ch.status) as messages:
        for n in range(1_100):
            server.emit(frame(ch, "status", {"message": str(n)}))
        async with asyncio.timeout(20):
            while messages.dropped < 76:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0)
        for n in range(76, 1_100):
            assert (await anext(messages)).data.message == str(n)


async def test_leaving_the_client_ends_subscriptions(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    async with client:
        subscription = client.realtime.subscribe(ch)
        await subscription.__aenter__()
        reading = asyncio.create_task(anext(subscription, None))  # type: ignore[arg-type]  # mypy: anext's default
        await asyncio.sleep(0)
    assert await reading is None
    await until(server, lambda: not server.sockets, "the socket was closed")


@pytest.mark.slow
async def test_a_loop_left_by_break_closes_its_socket(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    async def read() -> None:
        subscription = client.realtime.subscribe(ch.status)
        await subscription.__aenter__()
        await client.realtime.publish(ch.status, {"message": "x"})
        async for _ in subscription:
            break

    await read()
    gc.collect()
    await until(server, lambda: not server.sockets, "the socket was closed")


@pytest.mark.slow
@pytest.mark.parametrize("turns", range(5))
def test_a_socket_is_gone_though_its_goodbye_is_cut_short(
    client: Client, server: StandIn, ch: UploadsChannel, turns: int
) -> None:
    """As it is at the end of an event loop: that cancels every task once more."""

    async def read() -> None:
        subscription = client.realtime.subscribe(ch.status)
        entering = asyncio.create_task(subscription.__aenter__())
        wire: Any = subscription._feed._wire  # type: ignore[attr-defined]
        while wire._change is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
        wire._change.add_done_callback(lambda _: entering.cancel())
        await asyncio.wait({entering})
        for _ in range(turns):
            await asyncio.sleep(0)

    gc.collect()  # what is left of other tests
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always", ResourceWarning)
        asyncio.run(read())
        gc.collect()
    assert [str(one.message) for one in left] == []
    server.until(lambda: not server.sockets, "the socket was closed")


# ------------------------------------------------------------------------------------------- tokens


async def test_a_token_for_a_browser(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    token = await client.realtime.token(ch, topics=[ch.status])
    assert token == {
        "key": token["key"],
        "apiBaseUrl": server.origin,
        "topics": ["status"],
        "channels": [ch.name],
    }
    assert json.loads(server.tokens[-1].body) == [{"channel": "uploads:u1", "name": "status", "kind": "run"}]
    public = await asyncio.to_thread(
        client.realtime.token_sync, ch, topics=["result"], api_base_url="https://x"
    )
    assert public["apiBaseUrl"] == "https://x"
    assert public["key"] != token["key"]
    await client.realtime.token(ch)
    assert [one["name"] for one in json.loads(server.tokens[-1].body)] == ["status", "result"]


async def test_a_token_is_for_no_channel_that_was_not_named(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    other = uploads_channel(upload_id="u2")
    wrong: list[Any] = [
        [other.status],
        [alerts_channel.alert],
        ["alert"],
        [],
        [""],
        [ch.status, other.result],
    ]
    for topics in wrong:
        with pytest.raises(tightbeam.InvalidParam):
            await client.realtime.token(ch, topics=topics)
        with pytest.raises(tightbeam.InvalidParam):
            client.realtime.token_sync(ch, topics)
    with pytest.raises(TypeError, match="say which topics"):
        await client.realtime.token("uploads:u1")
    assert server.requests == []


async def test_tokens_use_the_key_and_its_fallback(
    server: StandIn, monkeypatch: pytest.MonkeyPatch, ch: UploadsChannel
) -> None:
    monkeypatch.setenv("INNGEST_SIGNING_KEY_FALLBACK", KEY)
    first = "signkey-prod-" + "ef" * 32
    server.keys = {HASHED}
    client = Client(app_id="a", is_production=True, signing_key=first, api_base_url=server.origin)
    await client.realtime.token(ch)
    assert [one.bearer for one in server.tokens] == [hash_signing_key(first), HASHED]


async def test_a_subscribers_token_cannot_publish(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    token = await client.realtime.token(ch)
    http = client.realtime._inngest.http
    http._keys._bearers = (f"Bearer {token['key']}",)
    with pytest.raises(tightbeam.PublishFailed, match="Not authenticated for publishing"):
        await client.realtime.publish(ch.status, {"message": "x"})


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"jwt":""}', b'{"jwt":5}', b'{"jwt":"a\\r\\nX: y"}', b"<html>"]
)
async def test_an_answer_without_a_token(
    client: Client, server: StandIn, ch: UploadsChannel, body: bytes
) -> None:
    server.script.append((201, body))
    with pytest.raises(tightbeam.SubscribeFailed, match="its answer has none"):
        await client.realtime.token(ch)


async def test_what_waits_for_a_slow_reader_is_bounded_in_bytes(
    client: Client, server: StandIn, ch: UploadsChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tightbeam.inngest._subscribe._MAX_BYTES", 10_000)
    async with client.realtime.subscribe(ch.status) as messages:
        for n in range(20):
            server.emit(frame(ch, "status", {"message": "x" * 1_000}, metadata={"id": f"run:step:{n}"}))
        server.emit({"kind": "closing"})  # comes last, and ends the connection: by then all are here
        await until(server, lambda: len(server.tokens) > 1, "it connected again")
        read = 0
        with pytest.raises(tightbeam.SubscriberTooSlow):  # noqa: PT012 - which of them raises is the point
            async with asyncio.timeout(30):
                while True:
                    await anext(messages)
                    read += 1
    assert 0 < read < 10


async def test_nobody_reads_for_who_gave_up_while_it_connected(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    messages = client.realtime.subscribe(ch.status)
    entering = asyncio.create_task(messages.__aenter__())
    wire: Any = messages._feed._wire  # type: ignore[attr-defined]
    while wire._connecting is None:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    async with asyncio.timeout(30):
        await asyncio.wait({wire._connecting})
    assert wire._connecting.cancelled()


@pytest.mark.slow
async def test_a_reader_that_is_polled_waits_for_one_first_connection(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    server.subscribes = False
    messages = client.realtime.subscribe(ch.status)
    for _ in range(30):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(messages), 0.01)
    assert len(server.tokens) == 1
    server.subscribe_held()
    await until(server, lambda: server.sockets, "a socket that is subscribed")
    reading = asyncio.ensure_future(anext(messages))
    await asyncio.sleep(0)
    await client.realtime.publish(ch.status, {"message": "here"})
    assert (await reading).data.message == "here"
    messages.close()


async def test_a_first_connection_that_fails_between_two_polls_is_raised_by_the_next(
    client: Client, server: StandIn, ch: UploadsChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tightbeam.inngest._subscribe._SECONDS_TO_SUBSCRIBE", 0.1)
    server.subscribes = False
    messages = client.realtime.subscribe(ch.status)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(messages), 0.01)
    wire: Any = messages._feed._wire  # type: ignore[attr-defined]
    await asyncio.wait({wire._connecting})
    async with asyncio.timeout(30):
        with pytest.raises(tightbeam.SubscribeFailed):
            await anext(messages)
    server.subscribe_held()


@pytest.mark.parametrize("how", ["enter", "read"])
async def test_closing_ends_who_waits_for_the_first_connection(
    client: Client, server: StandIn, ch: UploadsChannel, how: str
) -> None:
    server.subscribes = False
    messages = client.realtime.subscribe(ch.status)
    waiting = asyncio.ensure_future(messages.__aenter__() if how == "enter" else anext(messages, None))
    await until(server, lambda: server.upgraded, "an upgrade")
    messages.close()
    async with asyncio.timeout(30):
        await waiting
    assert await anext(messages, None) is None
    server.subscribe_held()


async def test_each_failed_attempt_is_a_warning_with_its_reason(
    client: Client, server: StandIn, ch: UploadsChannel, caplog: pytest.LogCaptureFixture
) -> None:
    async with client.realtime.subscribe(ch.status) as messages:
        server.script += [(503, b"not yet"), (429, b"later")]
        server.refuse_sockets = 1
        old = server.sockets[0]
        server.drop_sockets()
        await until(server, lambda: server.sockets and server.sockets[0] is not old, "another socket")
        await client.realtime.publish(ch.status, {"message": "again"})
        assert (await anext(messages)).data.message == "again"
    lines = [one.getMessage() for one in caplog.records if "next attempt" in one.getMessage()]
    assert len(lines) == 4
    for line, reason in zip(lines, ("lost its connection", "503", "429", "401"), strict=True):
        assert reason in line


async def test_a_refusal_with_a_time_is_obeyed(
    client: Client, server: StandIn, ch: UploadsChannel, caplog: pytest.LogCaptureFixture
) -> None:
    async with client.realtime.subscribe(ch.status):
        server.script.append((429, b"later", {"retry-after": "30"}))
        server.drop_sockets()
        async with asyncio.timeout(20):
            while "429" not in caplog.text:  # noqa: ASYNC110 - a log has no event
                await asyncio.sleep(0.005)
    assert "answered 429: later; the next attempt is in 30.0 s" in caplog.text


async def test_what_is_no_http_server_is_said(ch: UploadsChannel) -> None:
    async with listening(answering(b"SSH-2.0-OpenSSH_9.2\r\n")) as port:
        client = Client(app_id="a", is_production=False, api_base_url=f"http://127.0.0.1:{port}")
        with pytest.raises(tightbeam.SubscribeFailed, match="doesn't speak HTTP") as caught:
            await client.realtime.subscribe(ch).__aenter__()
        assert caught.value.retryable, "the address may be wrong for a while only"


@pytest.mark.slow
async def test_a_certificate_that_isnt_trusted_is_said(ch: UploadsChannel, tmp_path: Path) -> None:
    context = untrusted(tmp_path)

    async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0, ssl=context)
    origin = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    client = Client(app_id="a", is_production=False, api_base_url=origin)
    for use in (
        client.realtime.subscribe(ch).__aenter__(),
        client.realtime.publish(ch.status, {"message": "x"}),
    ):
        with pytest.raises(tightbeam.TightbeamError, match="certificate isn't trusted") as failed:
            await use
        assert not failed.value.retryable
    server.close()
    await client.realtime.close()


async def test_a_reader_that_was_too_slow_keeps_no_connection(
    client: Client, server: StandIn, ch: UploadsChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tightbeam.inngest._subscribe._MAX_MESSAGES", 1)
    async with client.realtime.subscribe(ch.status) as messages:
        for n in range(3):
            server.emit(frame(ch, "status", {"message": str(n)}, metadata={"id": f"run:step:{n}"}))
        async with asyncio.timeout(20):
            while not messages._feed._mailbox.overflowed:  # type: ignore[attr-defined]  # noqa: ASYNC110 - this feed's, and it has no event
                await asyncio.sleep(0)
        assert (await anext(messages)).data.message == "0"
        with pytest.raises(tightbeam.SubscriberTooSlow):
            await anext(messages)
        await until(server, lambda: not server.sockets, "the socket was closed")


def test_the_ids_that_are_remembered_are_the_last_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tightbeam.inngest._subscribe._REMEMBERED", 2)
    reader = object.__new__(_ServerFeed)
    reader._seen = OrderedDict()
    repeats = [reader._is_repeat(Envelope("c", "t", b"1", None, one, 1)) for one in "aabbacab"]
    assert repeats == [False, True, False, True, True, False, True, False]
    assert len(reader._seen) == 2


async def test_a_token_names_each_topic_once(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    await client.realtime.token(ch, topics=[ch.status, "status", ch.result, "result"])
    assert [one["name"] for one in json.loads(server.tokens[0].body)] == ["status", "result"]
