"""`tightbeam.connect`: typed as in the process that serves, reconnecting and resuming by itself."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import subprocess
import sys
import threading
from typing import Any, Self

import orjson
import pytest

import tightbeam
from tests.tightbeam.engine.samples import JobChannel, Status, Tick, job_channel
from tests.tightbeam.gateway.serving import KEY, durable, running, secured
from tests.tightbeam.gateway.test_streams import until_connections
from tests.tightbeam.payload.invalid_messages import check_choices, check_refused_choices
from tightbeam import Client, GatewayRefused, InvalidParam, InvalidPayload, PositionLost, PublishFailed
from tightbeam._client import engine_of
from tightbeam._hooks.hook_list import HookList
from tightbeam._message import Envelope
from tightbeam._remote.answers import error_text
from tightbeam._remote.carrier import GatewayCarrier
from tightbeam._wire.http import Answer
from tightbeam._wire.io import RequestLimits, ThreadIo, run
from tightbeam.gateway import Limits


async def test_publishing_and_subscribing(client: Client, ch: JobChannel) -> None:
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        async with remote.realtime.subscribe(ch) as messages, client.realtime.subscribe(ch) as here:
            await remote.realtime.publish(ch.status, {"message": "from afar", "percent": 3})
            await asyncio.to_thread(remote.realtime.publish_sync, ch.tick, Tick(n=2))
            for reader in (messages, here):
                first, second = await anext(reader), await anext(reader)
                assert (first.topic, first.data) == ("status", Status(message="from afar", percent=3))
                assert (second.topic, second.data, second.position) == ("tick", Tick(n=2), None)
            with pytest.raises(InvalidPayload):
                await remote.realtime.publish(ch.tick, {"n": "2"})  # type: ignore[typeddict-item]


async def test_several_channels_in_one_order(client: Client, ch: JobChannel) -> None:
    other = job_channel(job_id="j2")
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        async with remote.realtime.subscribe(ch.tick, other.tick) as messages:
            for n in range(20):
                await client.realtime.publish((ch, other)[n % 2].tick, {"n": n})
                await client.realtime.publish(ch.status, {"message": "another topic"})
            assert [(await anext(messages)).data.n for _ in range(20)] == list(range(20))


async def test_it_reconnects_and_resumes_by_itself(ch: JobChannel) -> None:
    client = Client()
    work = durable(client)
    async with client:
        gateway = secured(client)
        async with running(gateway) as url:
            port = int(url.rpartition(":")[2])
            remote = tightbeam.connect(url, key=KEY)
            messages = remote.realtime.subscribe(ch.tick)
            await messages._feed.ready()
            await client.run(work, {"first": 0, "count": 5})
            got = [(await anext(messages)).data.n for _ in range(2)]
            feed: Any = messages._feed
            for _ in range(3):  # cut while there are messages on their way
                feed._connection.transport.abort()
                got.append((await anext(messages)).data.n)
        # The whole gateway is gone, and messages are published meanwhile.
        await client.run(work, {"first": 5, "count": 5})
        waiting = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0)
        again = secured(client)
        async with running(again, listen_at=port):
            got.append((await waiting).data.n)
            while len(got) < 10:
                got.append((await anext(messages)).data.n)
            await remote.__aexit__(None, None, None)
            assert [message async for message in messages] == []
    assert got == list(range(10))


async def test_positions_go_from_here_to_there(client: Client, ch: JobChannel) -> None:
    work = durable(client)
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        await client.run(work, {"first": 0, "count": 5})
        here = client.realtime.subscribe(ch.tick, after="start")
        position = [(await anext(here)).position for _ in range(2)][1]
        async with remote.realtime.subscribe(ch.tick, after=position) as messages:
            got = [await anext(messages) for _ in range(3)]
        assert [message.data.n for message in got] == [2, 3, 4]
        assert all(message.id and message.run_id for message in got)
        assert got[-1].position == engine_of(client).position
        with pytest.raises(PositionLost):
            await anext(remote.realtime.subscribe(ch.tick, after="0123456789ab:1"))


async def test_tokens(client: Client, ch: JobChannel) -> None:
    async with running(secured(client)) as url:
        made: list[str] = []

        async def factory() -> str:
            made.append((await client.realtime.token(ch, ["tick"]))["key"])
            return made[-1]

        async with tightbeam.connect(url, token=factory) as remote:
            async with remote.realtime.subscribe(ch.tick) as messages:
                feed: Any = messages._feed
                feed._connection.transport.abort()
                reading = asyncio.ensure_future(anext(messages))
                while not (reading.done() or len(made) == 2):  # noqa: ASYNC110 - there is no event to wait for
                    await asyncio.sleep(0.01)
                while feed._connection is None:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.01)
                await client.realtime.publish(ch.tick, {"n": 1})
                assert (await reading).data.n == 1
            assert len(set(made)) == 2
            with pytest.raises(GatewayRefused, match="403") as beyond:
                await remote.realtime.subscribe(ch.status).__aenter__()
            assert beyond.value.code == "topic"
            for refused in (
                remote.realtime.publish(ch.tick, {"n": 1}),
                remote.realtime.token(ch),
            ):
                with pytest.raises(GatewayRefused, match="server key"):
                    await refused
            with pytest.raises(GatewayRefused, match="403"):
                await remote.realtime.subscribe(ch.tick, job_channel(job_id="j2").tick).__aenter__()
        async with tightbeam.connect(url, token="no token") as remote:
            with pytest.raises(GatewayRefused, match="isn't one of a Tightbeam gateway") as error:
                await anext(remote.realtime.subscribe(ch))
            assert (error.value.status, error.value.code) == (401, "unauthorized")
            assert "no token" not in str(error.value)


@pytest.mark.parametrize("limits", [Limits(topics=2), Limits(token=100)])
async def test_too_much_for_one_token_is_what_it_is_there(
    limits: Limits, client: Client, ch: JobChannel
) -> None:
    async with running(secured(client, limits=limits)) as url:
        with pytest.raises(InvalidParam) as here:
            await client.realtime.token(ch)
        async with tightbeam.connect(url, key=KEY) as remote:
            with pytest.raises(InvalidParam) as there:
                await remote.realtime.token(ch)
            assert str(there.value) == str(here.value)
            with pytest.raises(InvalidParam):
                await asyncio.to_thread(remote.realtime.token_sync, ch)
            with pytest.raises(GatewayRefused, match="gave no token"):
                await anext(remote.realtime.subscribe(ch))


async def test_what_is_refused(client: Client, ch: JobChannel) -> None:
    async with running(secured(client)) as url:
        async with tightbeam.connect(url, key="k-wrong") as remote:
            with pytest.raises(PublishFailed) as failed:
                await remote.realtime.publish(ch.tick, {"n": 1})
            assert (failed.value.status, failed.value.retryable) == (401, False)
            with pytest.raises(GatewayRefused) as no_key:
                await remote.realtime.token(ch)
            assert (no_key.value.status, no_key.value.code) == (401, "server-key")
            assert "k-wrong" not in f"{failed.value}{failed.value!r}{remote!r}"
            with pytest.raises(GatewayRefused):
                await anext(remote.realtime.subscribe(ch))
        dead = url
    async with tightbeam.connect(dead, key=KEY) as remote:
        with pytest.raises(PublishFailed) as failed:
            await remote.realtime.publish(ch.tick, {"n": 1})
        assert (failed.value.status, failed.value.retryable) == (None, True)
    for arguments in ({}, {"token": "t", "key": "k"}):
        with pytest.raises(ValueError, match="a token or a key"):
            tightbeam.connect("http://127.0.0.1", **arguments)
    for wrong in ("127.0.0.1", "ftp://x", "http://user:pass@host"):
        with pytest.raises(ValueError, match="origin"):
            tightbeam.connect(wrong, key="k")


@pytest.mark.slow
async def test_leaving_ends_a_reader_that_waits(client: Client, ch: JobChannel) -> None:
    async with running(secured(client)) as url:
        async with tightbeam.connect(url, key=KEY) as remote:
            messages = remote.realtime.subscribe(ch)
            await messages.__aenter__()
            waiting = asyncio.ensure_future(anext(messages, None))
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            assert await waiting is None
    gc.collect()


def test_importing_tightbeam_imports_nothing_of_the_extra() -> None:
    code = (
        "import sys, tightbeam; print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'starlette', 'jwt', 'websockets', 'uvicorn', 'httptools', 'http'}), "
        "'tightbeam.gateway' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False"


class Scripted:
    """A gateway that does with each connection what is written: answers so many requests, then hangs up.

    None: it reads the last request and says nothing until the client has gone.
    """

    def __init__(self, *answers: int | None) -> None:
        self.requests: list[bytes] = []
        self.hung_up = threading.Event()
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(60)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(70)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        with self._listener, contextlib.suppress(TimeoutError):
            for count in self._answers:
                one, _ = self._listener.accept()
                with one, one.makefile("rb") as read:
                    for _ in range(count if count is not None else 2):
                        head = b"".join(iter(read.readline, b"\r\n"))
                        if not head:
                            break
                        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                        self.requests.append(head + read.read(length))
                        if count is None and len(self.requests) > 1:
                            read.read()  # until the client hangs up
                            break
                        one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                self.hung_up.set()


def carrier_of(server: Scripted) -> GatewayCarrier:
    return GatewayCarrier(server.url, None, KEY, HookList())


def tick(data: bytes, run_id: str | None = None) -> Envelope:
    return Envelope("job:j1", "tick", data, run_id, None, 0)


def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure() -> None:
    with Scripted(1, 1) as server:
        carrier = carrier_of(server)
        carrier.publish_sync(tick(b"1"))
        assert server.hung_up.wait(20)
        carrier.publish_sync(tick(b"2", "01M80WNAQGSQ2ZY17B9WK74G59"))
        run(carrier.close())
    assert [one[-1:] for one in server.requests] == [b"1", b"2"]
    assert b"run_id=01M80WNAQGSQ2ZY17B9WK74G59" in server.requests[1]
    assert b"run_id" not in server.requests[0]


@pytest.mark.slow
def test_a_publish_that_isnt_answered_is_sent_once() -> None:
    """Also on a kept connection: it may have arrived."""
    with Scripted(None) as server:
        carrier = carrier_of(server)
        carrier.publish_sync(tick(b"1"))
        carrier._pool._threads._limits = RequestLimits(2.0, 1)  # for the one that isn't answered
        with pytest.raises(PublishFailed, match="TimeoutError"):
            carrier.publish_sync(tick(b"2"))
        run(carrier.close())
    assert [one[-1:] for one in server.requests] == [b"1", b"2"]


def test_a_server_that_hangs_up_at_once_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    real = ThreadIo.connect

    async def counted(io: ThreadIo, *place: Any) -> Any:
        asked.append(place)
        return await real(io, *place)

    monkeypatch.setattr(ThreadIo, "connect", counted)
    with Scripted(0) as server:
        carrier = carrier_of(server)
        with pytest.raises(PublishFailed) as failed:
            carrier.publish_sync(tick(b"1"))
        run(carrier.close())
    assert failed.value.retryable
    assert len(asked) == 1


def test_what_the_gateway_refused_is_said_with_its_places() -> None:
    issues = b'[{"pointer":"/n","reason":"is required"},{"pointer":"","reason":"x"}]'
    body = b'{"error":"no","status":422,"issues":' + issues + b"}"
    assert error_text(Answer(422, {}, body)) == "no (/n: is required; (payload): x)"


async def test_the_client_logs_no_token(
    client: Client, ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG the library that it connects with would log the whole request."""
    caplog.set_level(logging.DEBUG)
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        async with remote.realtime.subscribe(ch):
            pass
    said = [f"{record.name}: {record.getMessage()}" for record in caplog.records]
    assert said
    assert [line for line in said if "eyJ" in line or KEY in line] == []


async def test_a_lost_position_ends_its_connection(client: Client, ch: JobChannel) -> None:
    gateway = secured(client)
    async with running(gateway) as url, tightbeam.connect(url, key=KEY) as remote:
        messages = remote.realtime.subscribe(ch.tick, after="0123456789ab:1")
        with pytest.raises(PositionLost):
            await anext(messages)
        await until_connections(gateway, 0)
        assert [message async for message in messages] == []


@pytest.mark.parametrize(
    ("changed", "after", "status"), [({"allowed_hosts": ["rt.example.com"]}, None, 421), ({}, "x" * 129, 400)]
)
async def test_what_can_t_become_better_isnt_tried_again(
    changed: dict[str, Any], after: str | None, status: int, client: Client, ch: JobChannel
) -> None:
    async with running(secured(client, **changed)) as url:
        token = (await client.realtime.token(ch))["key"]
        async with tightbeam.connect(url, token=token) as remote, asyncio.timeout(60):
            with pytest.raises(GatewayRefused, match=str(status)):
                await anext(remote.realtime.subscribe(ch, after=after))


async def test_every_choice_for_messages_that_cant_be_loaded(
    client: Client, ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    async def emit(raw: bytes) -> None:
        engine_of(client).publish_sync(Envelope(ch.name, "tick", raw, None, None, 0))

    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        await check_choices(
            lambda **more: remote.realtime.subscribe(ch.tick, **more),
            emit,
            lambda message: message.data.n,
            caplog,
        )
        check_refused_choices(lambda **more: remote.realtime.subscribe(ch.tick, **more))
    check_refused_choices(lambda **more: tightbeam.connect(url, key=KEY, **more))


async def test_going_on_behind_a_message_that_cant_be_loaded(
    client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = durable(client)
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        with monkeypatch.context() as patch:
            patch.setattr(
                "tightbeam._payload.encode.encode",
                lambda _, data: b"{}" if data["n"] == 1 else orjson.dumps(data),
            )
            patch.setattr("tightbeam._engine.steps.load", lambda _, raw: raw)
            await client.run(work, {"first": 0, "count": 3})
        async with remote.realtime.subscribe(ch.tick, after="start") as messages:
            assert (await anext(messages)).data.n == 0
            with pytest.raises(InvalidPayload) as caught:
                await anext(messages)
            assert (await anext(messages)).data.n == 2
        async with remote.realtime.subscribe(ch.tick, after=caught.value.position) as resumed:
            assert (await anext(resumed)).data.n == 2
        skipping = tightbeam.connect(url, key=KEY, on_invalid_message="skip")
        async with skipping, skipping.realtime.subscribe(ch.tick, after="start") as passed:
            assert [(await anext(passed)).data.n for _ in range(2)] == [0, 2]
