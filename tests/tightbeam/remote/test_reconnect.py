"""A remote reader whose gateway is away, refuses, hangs up, or isn't one."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

import tightbeam
from tests.certificates import untrusted
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import KEY, durable, running, secured
from tests.tightbeam.wire import servers
from tightbeam import Client, GatewayRefused, PositionLost, PublishFailed, SubscribeFailed
from tightbeam._remote import carrier as remote_carrier
from tightbeam._remote import feed as remote_feed
from tightbeam._remote.answers import error_for
from tightbeam._wire import backoff as wire_backoff
from tightbeam._wire.backoff import Backoff
from tightbeam._wire.failures import NoAnswer
from tightbeam._wire.http import Answer
from tightbeam._wire.io import LoopIo

Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def token() -> str:
    return "t"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_feed, "_FIRST_PAUSE", 0.004)


def pauses(caplog: pytest.LogCaptureFixture) -> list[float]:
    """The pauses that the warnings announced."""
    return [
        record.args[-1]  # type: ignore[misc]
        for record in caplog.records
        if record.levelno == logging.WARNING and "next attempt" in record.message
    ]


@contextlib.asynccontextmanager
async def listening(handle: Streams, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that is no gateway; gives its host and port."""
    async with servers.listening(handle, context) as port:
        yield f"127.0.0.1:{port}"


def answering(head: str, body: str = "") -> Streams:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    return answer


async def hanging_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def free_port() -> int:
    async with listening(hanging_up) as place:
        return int(place.rpartition(":")[2])


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)


def test_pauses_grow_until_a_connection_lasted() -> None:
    backoff = Backoff(0.05, 10.0, pauses_always=False)
    found = [backoff.failed(0.0) for _ in range(12)]
    for number, pause in enumerate(found):
        longest = min(0.05 * 2**number, 10.0)
        assert longest / 2 <= pause <= longest
    assert backoff.remaining(0.0) == found[-1]
    backoff.opened(100.0)
    assert backoff.ended(104.9) is not None, "a connection of some seconds is none that lasted"
    backoff.opened(200.0)
    assert backoff.ended(205.0) is None
    assert backoff.remaining(205.0) == 0
    assert backoff.failed(205.0) <= 0.05


def test_the_server_may_ask_for_a_longer_pause() -> None:
    backoff = Backoff(0.05, 10.0, pauses_always=False)
    assert backoff.failed(0.0, retry_after=7.0) == 7.0
    assert backoff.failed(0.0, retry_after=0.0) > 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("99999999999999", 300),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 300),
        ("soon", None),
        ("Fri, 01 Jan 99999999999 00:00:00 GMT", None),
        ("Fri, 01 Jan 2100 00:00:00 +99999999999999", None),
        ("-1", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(text: str, seconds: float | None) -> None:
    found = error_for(Answer(429, {"Retry-After": text}, b""))
    assert isinstance(found, NoAnswer)
    assert found.retry_after == seconds


async def greets(socket: ServerConnection) -> None:
    await socket.send(json.dumps({"kind": "ping", "metadata": {"position": "abc:1"}}))


async def says_that_the_position_is_lost(socket: ServerConnection) -> None:
    await greets(socket)
    await socket.send(json.dumps({"kind": "reset", "metadata": {}}))


async def closes(socket: ServerConnection) -> None:
    await socket.close(1013)


@pytest.mark.parametrize("handler", [greets, closes, says_that_the_position_is_lost])
async def test_hanging_up_after_the_handshake_makes_pauses_grow(
    handler: Any, ch: JobChannel, caplog: pytest.LogCaptureFixture, quick: None
) -> None:
    connections: list[object] = []

    async def counted(socket: ServerConnection) -> None:
        connections.append(socket)
        await handler(socket)

    async with serve(counted, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with tightbeam.connect(url, token=token) as remote, remote.realtime.subscribe(ch) as messages:
            reading = asyncio.ensure_future(anext(messages, None))
            await until(lambda: len(pauses(caplog)) >= 7)
            assert pauses(caplog)[6] >= 0.004 * 2**6 / 2
            # One whose position is lost comes back at once, once.
            assert len(connections) <= 2 * len(pauses(caplog)) + 2
        await reading


@pytest.mark.parametrize("way", ["key", "token"])
@pytest.mark.parametrize(
    ("handle", "said"),
    [
        (hanging_up, "ConnectionResetError"),
        (answering("HTTP/1.1 503 Service Unavailable"), "it answers 503"),
        (answering("HTTP/1.1 502 Bad Gateway", "<html>"), "it answers 502"),
        (answering("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0"), "it answers 429"),
    ],
    ids=["hangs up", "503", "502", "429"],
)
async def test_what_may_become_better_is_tried_again_less_and_less_often(
    handle: Streams, said: str, way: str, ch: JobChannel, caplog: pytest.LogCaptureFixture, quick: None
) -> None:
    async with listening(handle) as place:
        given: Any = {"key": "k"} if way == "key" else {"token": token}
        async with tightbeam.connect(f"http://{place}", **given) as remote:
            opening = asyncio.ensure_future(remote.realtime.subscribe(ch).__aenter__())
            await until(lambda: len(pauses(caplog)) >= 7)
            opening.cancel()
    found = pauses(caplog)
    assert all(pause >= 0.004 * 2**number / 2 for number, pause in enumerate(found))
    assert caplog.text.count(said) == len(found)
    assert "token=" not in caplog.text


@pytest.mark.parametrize("name", ["Retry-After", "retry-after"])
@pytest.mark.parametrize("given", [{"key": "k"}, {"token": "t"}])
async def test_a_refusal_with_a_time_is_obeyed(
    given: dict[str, Any], name: str, ch: JobChannel, caplog: pytest.LogCaptureFixture, quick: None
) -> None:
    """With a key it is the request for a token that is refused, with a token the WebSocket."""
    async with listening(answering(f"HTTP/1.1 429 Too Many Requests\r\n{name}: 30")) as place:
        async with tightbeam.connect(f"http://{place}", **given) as remote:
            opening = asyncio.ensure_future(remote.realtime.subscribe(ch).__aenter__())
            await until(lambda: pauses(caplog))
            opening.cancel()
    assert pauses(caplog) == [30]


async def test_a_gateway_that_is_not_there_yet_is_waited_for(
    client: Client, ch: JobChannel, caplog: pytest.LogCaptureFixture, quick: None
) -> None:
    port = await free_port()
    async with tightbeam.connect(f"http://127.0.0.1:{port}", key=KEY) as remote:
        messages = remote.realtime.subscribe(ch.tick)
        opening = asyncio.ensure_future(messages.__aenter__())
        await until(lambda: len(pauses(caplog)) >= 2)
        async with running(secured(client), listen_at=port):
            await opening
            await client.realtime.publish(ch.tick, {"n": 1})
            assert (await anext(messages)).data.n == 1
    assert "ConnectionRefusedError" in caplog.text


@pytest.mark.slow
async def test_a_reader_that_is_polled_comes_back_after_an_outage(
    client: Client, ch: JobChannel, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every pause is longer than the time-out of a poll."""
    monkeypatch.setattr(remote_feed, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(wire_backoff, "_LASTED", 0.0)
    port = await free_port()
    got: list[int] = []
    async with client, tightbeam.connect(f"http://127.0.0.1:{port}", key=KEY) as remote:
        messages = remote.realtime.subscribe(ch.tick)

        async def poll() -> None:
            while True:
                with contextlib.suppress(TimeoutError):
                    got.append((await asyncio.wait_for(anext(messages), 0.01)).data.n)

        async def outage() -> None:
            before = len(pauses(caplog))
            await until(lambda: len(pauses(caplog)) >= before + 3)

        async def message(n: int) -> None:
            gateway = secured(client)
            async with running(gateway, listen_at=port):
                await until(lambda: gateway.connections)
                await client.realtime.publish(ch.tick, {"n": n})
                await until(lambda: n in got)

        polling = asyncio.create_task(poll())
        await outage()
        await message(1)
        await outage()
        await message(2)
        polling.cancel()
    assert got == [1, 2]


async def test_polls_share_one_request_for_a_token(ch: JobChannel) -> None:
    asked: list[object] = []

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer)
        await reader.read(-1)  # until the client hangs up
        writer.close()

    before = asyncio.all_tasks()
    async with listening(slow) as place:
        async with tightbeam.connect(f"http://{place}", key="k") as remote:
            messages = remote.realtime.subscribe(ch)
            for _ in range(30):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(messages), 0.005)
            assert len(asked) == 1
            messages.close()
            await until(lambda: asyncio.all_tasks() == before)
            assert await anext(messages, None) is None


async def test_a_failure_between_two_polls_is_raised_by_the_next(ch: JobChannel) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()
    requests: list[object] = []

    async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(writer)
        asked.set()
        await answer.wait()
        await answering("HTTP/1.1 404 Not Found", "no")(reader, writer)

    async with listening(later) as place, tightbeam.connect(f"http://{place}", key="k") as remote:
        messages = remote.realtime.subscribe(ch)
        reading = asyncio.ensure_future(anext(messages))
        await asked.wait()
        reading.cancel()
        answer.set()
        feed: Any = messages._feed
        await asyncio.wait({feed._connecting})
        with pytest.raises(SubscribeFailed, match="another web server"):
            await anext(messages)
        assert len(requests) == 1


async def test_entering_that_is_cancelled_leaves_nothing_behind(
    ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_carrier, "_TIMEOUT", 1_000.0)
    asked, gone = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read(-1)
        gone.set()
        writer.close()

    async with listening(silent) as place, tightbeam.connect(f"http://{place}", key="k") as remote:
        messages = remote.realtime.subscribe(ch)
        entering = asyncio.ensure_future(messages.__aenter__())
        await asked.wait()
        entering.cancel()
        await asyncio.wait_for(gone.wait(), 20)
        assert entering.done()


@pytest.mark.slow
async def test_a_subscription_that_is_dropped_while_it_connects_ends(ch: JobChannel, quick: None) -> None:
    before = asyncio.all_tasks()
    async with listening(hanging_up) as place:
        async with tightbeam.connect(f"http://{place}", key="k") as remote:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(remote.realtime.subscribe(ch).__aenter__(), 0.05)

            def is_over() -> bool:
                gc.collect()
                return asyncio.all_tasks() == before

            await until(is_over)


@pytest.mark.slow
async def test_a_publish_that_is_cancelled_keeps_nothing(ch: JobChannel) -> None:
    gone: list[object] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        gone.append(writer)
        writer.close()

    async with listening(silent) as place, tightbeam.connect(f"http://{place}", key="k") as remote:
        for _ in range(50):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(remote.realtime.publish(ch.tick, {"n": 1}), 0.005)
        await until(lambda: len(gone) == 50)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Of a server that nobody trusts."""
    return untrusted(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("way", ["key", "token"])
async def test_a_certificate_that_isnt_trusted_is_raised(
    way: str, ch: JobChannel, certificate: ssl.SSLContext
) -> None:
    given: Any = {"key": "k"} if way == "key" else {"token": token}
    async with listening(answering("HTTP/1.1 200 OK"), certificate) as place:
        async with tightbeam.connect(f"https://{place}", **given) as remote:
            with pytest.raises(SubscribeFailed, match=r"certificate isn't trusted.*SSL_CERT_FILE") as failed:
                await anext(remote.realtime.subscribe(ch))
            assert not failed.value.retryable
            if way == "key":
                with pytest.raises(PublishFailed, match="certificate") as publishing:
                    await remote.realtime.publish(ch.tick, {"n": 1})
                assert not publishing.value.retryable
                with pytest.raises(SubscribeFailed, match="certificate"):
                    await asyncio.to_thread(remote.realtime.token_sync, ch)


@pytest.mark.parametrize("way", ["key", "token"])
@pytest.mark.parametrize(
    ("handle", "said", "status"),
    [
        (answering("HTTP/1.1 200 OK", "<html>"), "another web server", 200),
        (answering("HTTP/1.1 404 Not Found", '{"detail":"Not Found"}'), "another web server", 404),
        (answering("HTTP/1.1 301 Moved\r\nLocation: https://rt.example.com/"), "final origin", 301),
        (answering("SSH-2.0-OpenSSH_9.2"), "doesn't speak HTTP", None),
    ],
    ids=["page", "404", "redirect", "not HTTP"],
)
async def test_an_address_at_which_there_is_no_gateway_is_raised(
    handle: Streams, said: str, status: int | None, way: str, ch: JobChannel
) -> None:
    given: Any = {"key": "k"} if way == "key" else {"token": token}
    async with listening(handle) as place, tightbeam.connect(f"http://{place}", **given) as remote:
        with pytest.raises(SubscribeFailed, match=said) as failed:
            await anext(remote.realtime.subscribe(ch))
        assert (failed.value.status, failed.value.retryable) == (status, False)


@pytest.mark.parametrize("way", ["key", "token"])
async def test_a_host_that_does_not_exist_is_raised(way: str, ch: JobChannel) -> None:
    given: Any = {"key": "k"} if way == "key" else {"token": token}
    async with tightbeam.connect("http://no-such-host.invalid", **given) as remote:
        with pytest.raises(SubscribeFailed, match="no such host") as failed:
            await anext(remote.realtime.subscribe(ch))
        assert not failed.value.retryable


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", f"http://{'x' * 64}.example", "http://", "rt"])
def test_a_url_that_can_not_be_one_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - from the URL's parts, each with words of its own
        tightbeam.connect(url, key="k")


@pytest.mark.parametrize("key", ["k\n", "k\r\nX-Evil: 1", "schlüssel"])
def test_a_key_that_can_not_be_sent_is_refused_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        tightbeam.connect("http://127.0.0.1", key=key)


@pytest.mark.slow
async def test_another_server_in_its_place_is_an_outage_once_there_was_a_gateway(
    client: Client, ch: JobChannel, caplog: pytest.LogCaptureFixture, quick: None
) -> None:
    """A proxy may answer 404 while the gateway restarts."""
    port = await free_port()
    url = f"http://127.0.0.1:{port}"
    async with client, tightbeam.connect(url, key=KEY) as remote:
        messages = remote.realtime.subscribe(ch.tick)
        async with running(secured(client), listen_at=port):
            await messages.__aenter__()
        other = await asyncio.start_server(answering("HTTP/1.1 404 Not Found", "gone"), "127.0.0.1", port)
        reading = asyncio.ensure_future(anext(messages))
        await until(lambda: "it answers 404" in caplog.text)
        other.close()
        await other.wait_closed()
        gateway = secured(client)
        async with running(gateway, listen_at=port):
            await until(lambda: gateway.connections)
            await client.realtime.publish(ch.tick, {"n": 3})
            assert (await reading).data.n == 3


async def test_a_token_function_that_fails_later_is_an_outage(
    client: Client, ch: JobChannel, caplog: pytest.LogCaptureFixture, quick: None
) -> None:
    calls: list[int] = []

    async def factory() -> str:
        calls.append(1)
        if len(calls) in (1, 3, 4):
            raise LookupError("secret-in-the-text")
        return (await client.realtime.token(ch))["key"]

    async with running(secured(client)) as url, tightbeam.connect(url, token=factory) as remote:
        with pytest.raises(LookupError):  # the first one is the caller's business
            await remote.realtime.subscribe(ch).__aenter__()
        async with remote.realtime.subscribe(ch.tick) as messages:
            feed: Any = messages._feed
            feed._connection.transport.abort()
            reading = asyncio.ensure_future(anext(messages))
            await until(lambda: len(calls) == 5 and feed._connection is not None)
            await client.realtime.publish(ch.tick, {"n": 1})
            assert (await reading).data.n == 1
    assert caplog.text.count("no token: LookupError") == 2
    assert "secret-in-the-text" not in caplog.text


@pytest.mark.slow
async def test_live_messages_go_on_after_a_restart_in_memory(
    ch: JobChannel, caplog: pytest.LogCaptureFixture, quick: None
) -> None:
    got: list[int] = []
    client = Client()
    async with running(secured(client)) as url:
        port = int(url.rpartition(":")[2])
        remote = tightbeam.connect(url, key=KEY)
        messages = remote.realtime.subscribe(ch.tick)
        await messages.__aenter__()
        await client.realtime.publish(ch.tick, {"n": 1})
        got.append((await anext(messages)).data.n)
    again = Client()
    reading = asyncio.ensure_future(anext(messages))
    async with running(secured(again), listen_at=port), remote:
        await until(lambda: "goes on with what is published from now on" in caplog.text)
        feed: Any = messages._feed
        await until(lambda: feed._connection is not None)
        await again.realtime.publish(ch.tick, {"n": 2})
        got.append((await reading).data.n)
    assert got == [1, 2]


@pytest.mark.slow
async def test_a_planned_restart_is_no_warning(
    ch: JobChannel, caplog: pytest.LogCaptureFixture, quick: None
) -> None:
    """However young the connection is; that nobody answers in between is."""
    caplog.set_level(logging.INFO, logger="tightbeam")
    async with running(secured(Client())) as url:
        port = int(url.rpartition(":")[2])
        remote = tightbeam.connect(url, key=KEY)
        messages = remote.realtime.subscribe(ch.tick)
        await messages.__aenter__()
        reading = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0)
    again = Client()
    async with running(secured(again), listen_at=port), remote:
        async with asyncio.timeout(30):
            while not reading.done():  # what is live is missed until the reader is back
                await again.realtime.publish(ch.tick, {"n": 2})
                await asyncio.sleep(0.01)
        assert reading.result().data.n == 2
    assert "at once" not in caplog.text
    assert "ended a connection (code 1012, shutdown)" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("way", ["a durable message was received", "from the start"])
async def test_a_position_that_was_promised_is_not_lost_in_silence(
    way: str, ch: JobChannel, quick: None
) -> None:
    client = Client()
    work = durable(client)
    async with running(secured(client)) as url:
        port = int(url.rpartition(":")[2])
        remote = tightbeam.connect(url, key=KEY)
        messages = remote.realtime.subscribe(ch.tick, after="start" if way == "from the start" else None)
        await messages.__aenter__()
        await client.run(work, {"first": 0, "count": 1})
        assert (await anext(messages)).position is not None
    async with running(secured(Client()), listen_at=port), remote:
        with pytest.raises(PositionLost):
            await anext(messages)


@pytest.mark.slow
async def test_who_is_refused_later_is_told(client: Client, ch: JobChannel, quick: None) -> None:
    async with running(secured(client)) as url:
        port = int(url.rpartition(":")[2])
        remote = tightbeam.connect(url, key=KEY)
        messages = remote.realtime.subscribe(ch.tick)
        await messages.__aenter__()
    async with running(secured(client, server_key="another-" + KEY), listen_at=port), remote:
        with pytest.raises(GatewayRefused, match="401"):
            await anext(messages)


async def test_kept_connections_serve_many_publishes(client: Client, ch: JobChannel) -> None:
    opened: list[object] = []
    real = LoopIo.connect

    async def counted(io: LoopIo, *place: Any) -> Any:
        opened.append(place)
        return await real(io, *place)

    async with (
        running(secured(client), timeout_keep_alive=60) as url,
        tightbeam.connect(url, key=KEY) as remote,
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LoopIo, "connect", counted)
            for n in range(5):
                await remote.realtime.publish(ch.tick, {"n": n})
            assert len(opened) == 1
            await asyncio.gather(*[remote.realtime.publish(ch.tick, {"n": n}) for n in range(100)])
            assert len(opened) <= 32
