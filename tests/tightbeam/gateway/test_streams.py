"""Streams over the wire: order, resume, reset, slow readers, and how they end (G4 to G7, G10)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import socket
from datetime import timedelta
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.tightbeam.engine.conftest import until
from tests.tightbeam.engine.doubles import BackendDouble
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.engine.stores import KEEPS
from tests.tightbeam.gateway.serving import (
    UNHURRIED,
    data_frame,
    durable,
    frame,
    patient,
    place,
    running,
    secured,
    subscribed,
)
from tests.tightbeam.gateway.sse import events
from tightbeam import Client, Context, PositionLost
from tightbeam._client import client_over, engine_of
from tightbeam._engine.backends import backend_for
from tightbeam._engine.requests import FindOutcome
from tightbeam._hub.mailbox import Mailbox
from tightbeam._message import Envelope
from tightbeam.gateway import Gateway, Limits
from tightbeam.gateway._access import StreamRequest
from tightbeam.gateway._frames import Frames
from tightbeam.gateway._streams import End, Reader
from tightbeam.gateway._websocket import _Plain

READER = Reader("websocket", None)


async def until_connections(gateway: Gateway, count: int) -> None:
    async with asyncio.timeout(20):
        while gateway.connections != count:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)


async def test_one_order_for_everybody(client: Client, ch: JobChannel) -> None:
    work = durable(client)
    async with running(secured(client)) as url:
        token = (await client.realtime.token(ch))["key"]
        async with contextlib.AsyncExitStack() as stack:
            readers = [await stack.enter_async_context(subscribed(url, token)) for _ in range(5)]

            async def live() -> None:
                for n in range(100, 150):
                    await client.realtime.publish(ch.tick, {"n": n})
                    await asyncio.sleep(0)

            await asyncio.gather(live(), *(client.run(work, {"first": 0, "count": 10}) for _ in range(4)))
            seen = [[(await data_frame(reader))["data"]["n"] for _ in range(90)] for reader in readers]
    assert all(one == seen[0] for one in seen)
    assert [n for n in seen[0] if n >= 100] == list(range(100, 150))


async def test_a_reader_resumes_and_is_told_where_it_is(client: Client, ch: JobChannel) -> None:
    work = durable(client)
    async with running(secured(client)) as url:
        token = (await client.realtime.token(ch))["key"]
        async with subscribed(url, token) as reader:
            await client.run(work, {"first": 0, "count": 3})
            while (await frame(reader))["data"].get("status") != "completed":
                pass  # the run's end is no news any more
        async with subscribed(url, token, after="start") as reader:
            got = [await frame(reader) for _ in range(3)]
        position = got[1]["metadata"]["position"]
        assert got[1]["metadata"]["id"].endswith(":p1:0")
        async with subscribed(url, token, after=position) as reader:
            assert (await frame(reader))["metadata"]["position"] == position  # a ping, for its cursor
            assert (await frame(reader))["data"] == {"n": 2}
        async with subscribed(url, token, after="now") as reader:
            ping = await frame(reader)
            assert (ping["kind"], ping["metadata"]) == ("ping", {"position": got[2]["metadata"]["position"]})
            await client.realtime.publish(ch.tick, {"n": 9})
            assert "metadata" not in await frame(reader)
        async with subscribed(url, token) as reader:  # knows of nothing: gets nothing but what happens
            await client.realtime.publish(ch.tick, {"n": 10})
            assert (await frame(reader))["data"] == {"n": 10}


async def test_last_event_id(client: Client, ch: JobChannel) -> None:
    work = durable(client)
    async with running(secured(client)) as url:
        token = (await client.realtime.token(ch))["key"]
        async with events(url, token) as stream:
            first = await anext(stream)  # an id without data: where it begins
            assert list(first) == ["id"]
            await client.run(work, {"first": 0, "count": 4})
            got = [await anext(stream) for _ in range(6)]
        data = [event for event in got if '"kind":"data"' in event["data"]]
        assert [json.loads(event["data"])["data"]["n"] for event in data] == [0, 1, 2, 3]
        for start, rest in ((first["id"], [0, 1, 2, 3]), (data[1]["id"], [2, 3])):
            async with events(url, token, **{"Last-Event-ID": start}) as stream:
                assert (await anext(stream))["id"] == start
                again = [json.loads((await anext(stream))["data"]) for _ in rest]
            assert [one["data"]["n"] for one in again] == rest


@pytest.mark.parametrize("kind", ["trimmed", "another journal's", "garbage"])
async def test_reset_comes_before_any_message(kind: str, ch: JobChannel) -> None:
    client = Client(retain_messages=5)
    work = durable(client)
    async with running(secured(client)) as url:
        token = (await client.realtime.token(ch))["key"]
        async with subscribed(url, token, after="now") as reader:
            position = (await frame(reader))["metadata"]["position"]
        position = {"another journal's": "0123456789ab:0", "garbage": "x"}.get(kind, position)
        await client.run(work, {"first": 0, "count": 200})
        async with subscribed(url, token, after=position) as reader:
            assert (await frame(reader))["kind"] == "reset"
            left = await data_frame(reader)
            numbers = [left["data"]["n"]]
            while numbers[-1] != 199:
                numbers.append((await data_frame(reader))["data"]["n"])
        async with events(url, token, **{"Last-Event-ID": position}) as stream:
            assert (await anext(stream))["event"] == "reset"
            assert json.loads((await anext(stream))["data"])["data"]["n"] == numbers[0]
    assert numbers == list(range(numbers[0], 200))
    assert numbers[0] > 0


def stuck_reader(url: str, path: str, token: str) -> socket.socket:
    """A connection that is opened and then not read from."""
    host, port = url.removeprefix("http://").split(":")
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    one.settimeout(20)
    one.connect((host, int(port)))
    lines = [f"GET {path}?token={token} HTTP/1.1", f"Host: {host}"]
    if path.endswith("connect"):
        lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    one.sendall("\r\n".join([*lines, "", ""]).encode())
    return one


def drained(one: socket.socket) -> int:
    """All that there is to read, in bytes."""
    total = 0
    with contextlib.suppress(OSError):
        while got := one.recv(1 << 20):
            total += len(got)
    return total


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/v1/realtime/connect", "/v1/realtime/sse"])
async def test_a_reader_that_stops_reading_is_cut_and_costs_no_one_else(path: str) -> None:
    client = Client()
    ch = job_channel(job_id="j1")
    bound = 1024 * 1024
    gateway = secured(
        client, limits=Limits(buffer_bytes=bound, slow_grace=timedelta(seconds=0.1), write_bytes=64 * 1024)
    )
    text = "x" * 50_000
    async with running(gateway) as url:
        token = (await client.realtime.token(ch))["key"]
        stuck = await asyncio.to_thread(stuck_reader, url, path, token)
        async with subscribed(url, token) as reader:
            await until_connections(gateway, 2)
            held = 0
            for n in range(600):  # 30 MB
                await client.realtime.publish(ch.token, f"{n} {text}")
                held = max(held, *(stream._feed._mailbox._bytes for stream in gateway._streams._open), 0)
                assert (await data_frame(reader))["data"].startswith(f"{n} ")
            await until_connections(gateway, 1)
            assert held <= bound
            assert held > bound / 2  # it was the buffer that filled
        sent = await asyncio.to_thread(drained, stuck)
        stuck.close()
    # The transport's 64 KiB and one write, the kernel's two buffers: far from what autotuning would take.
    assert sent < 1_000_000


@pytest.mark.slow
async def test_a_reader_that_was_only_late_goes_on_with_the_newest(client: Client, ch: JobChannel) -> None:
    gateway = secured(client, limits=Limits(buffer_messages=8, slow_grace=timedelta(seconds=0.05)))
    async with running(gateway) as url:
        token = (await client.realtime.token(ch))["key"]
        async with subscribed(url, token) as reader, subscribed(url, token, after="now") as informed:
            assert (await frame(informed))["kind"] == "ping"
            for n in range(50):  # more than fits, without letting anybody read
                client.realtime.publish_sync(ch.tick, {"n": n})
            for one in (reader, informed):
                assert [(await frame(one))["data"]["n"] for _ in range(8)] == list(range(42, 50))
            ping = await frame(informed)  # for those alone that keep a cursor
            assert (ping["kind"], ping["metadata"]["dropped"]) == ("ping", 42)
            await asyncio.sleep(0.1)  # longer than a reader has that takes nothing
            await client.realtime.publish(ch.tick, {"n": 50})
            for one in (reader, informed):
                assert (await frame(one))["data"] == {"n": 50}


async def test_a_reader_for_whom_the_journal_is_read_isnt_slow(ch: JobChannel) -> None:
    double = BackendDouble(backend_for(None, KEEPS))
    client = client_over(double)
    gateway = secured(client, limits=Limits(buffer_messages=8, slow_grace=timedelta(seconds=0.05)))
    async with running(gateway) as url, double.held(FindOutcome) as hold:
        async with subscribed(url, (await client.realtime.token(ch))["key"], after="latest") as reader:
            await until(lambda: bool(hold.waiting))
            for n in range(50):
                client.realtime.publish_sync(ch.tick, {"n": n})
            await asyncio.sleep(0.1)  # longer than a reader has that takes nothing
            hold.release()
            assert [(await data_frame(reader))["data"]["n"] for _ in range(8)] == list(range(42, 50))


async def test_closing_comes_last_and_streams_end(client: Client, ch: JobChannel) -> None:
    gateway = secured(client, limits=UNHURRIED)
    async with running(gateway) as url:
        token = (await client.realtime.token(ch))["key"]
        async with subscribed(url, token) as reader, events(url, token) as stream:
            await anext(stream)
            await client.realtime.publish(ch.tick, {"n": 1})
            await gateway.close()
            assert [(await frame(reader))["kind"] for _ in range(2)] == ["data", "closing"]
            with pytest.raises(ConnectionClosed):
                await frame(reader)
            assert reader.close_code == 1012
            assert [json.loads(event["data"])["kind"] async for event in stream] == ["data", "closing"]
        async with patient() as http:
            assert (await http.get(f"{url}/health")).status_code == 503
            answer = await http.get(f"{url}/v1/realtime/sse", params={"token": token})
            assert answer.status_code == 503


async def test_a_stream_has_a_maximum_age(client: Client, ch: JobChannel) -> None:
    gateway = secured(client, limits=Limits(stream_age=timedelta(seconds=0.05)))
    async with running(gateway) as url:
        async with subscribed(url, (await client.realtime.token(ch))["key"]) as reader:
            async with asyncio.timeout(60):
                await reader.wait_closed()
            assert reader.close_code == 1000
        await until_connections(gateway, 0)


async def test_idle_streams_say_that_they_live_and_move_the_cursor(client: Client, ch: JobChannel) -> None:
    work = durable(client)
    gateway = secured(client, limits=Limits(keep_alive=timedelta(seconds=0.05)))
    async with running(gateway) as url:
        token = (await client.realtime.token(ch))["key"]
        async with events(url, token) as stream, subscribed(url, token, after="now") as reader:
            first = await anext(stream)
            await client.run(work, {"first": 0, "count": 3, "job": "another"})
            async with asyncio.timeout(10):  # the usual keep-alive comes later
                while (await anext(stream))["id"] == first["id"]:
                    pass
                while (await frame(reader))["metadata"]["position"] == first["id"]:
                    pass


async def test_a_reader_that_leaves_is_noticed(client: Client) -> None:
    ch = job_channel(job_id="left")  # which no other test has readers of
    gateway = secured(client)
    async with running(gateway) as url:
        token = (await client.realtime.token(ch))["key"]
        async with events(url, token), subscribed(url, token) as reader:
            await until_connections(gateway, 2)
            reader.transport.abort()
            await until_connections(gateway, 1)
        await until_connections(gateway, 0)
        mailboxes = [one for one in gc.get_objects() if type(one) is Mailbox]
        assert not [one for one in mailboxes if (ch.name, "tick") in one.addresses and not one.closed]


@pytest.mark.slow
async def test_durable_messages_of_a_run_that_publishes_while_readers_come_and_go(client: Client) -> None:
    """The hand-over from journal to mailbox, over the wire."""
    ch = job_channel(job_id="j1")

    @client.function("work")
    async def work(ctx: Context) -> None:
        for n in range(300):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})

    async with running(secured(client)) as url:
        token = (await client.realtime.token(ch, ["tick"]))["key"]
        done = asyncio.create_task(client.run(work))

        async def read() -> list[Any]:
            async with subscribed(url, token, after="start") as reader:
                return [(await data_frame(reader))["data"]["n"] for _ in range(300)]

        readers = [asyncio.create_task(read()) for _ in range(10)]
        await done
        assert all(one == list(range(300)) for one in await asyncio.gather(*readers))


async def test_nothing_waits_for_a_stream_that_has_ended(client: Client, ch: JobChannel) -> None:
    """Its timers would keep it, and what it holds, for the hour that it might have lasted."""
    gateway = secured(client)
    async with running(gateway) as url:
        async with subscribed(url, (await client.realtime.token(ch))["key"]):
            (stream,) = gateway._streams._open
        await until_connections(gateway, 0)
        assert stream._timers
        assert all(timer.cancelled() for timer in stream._timers)


async def test_the_last_event_counts_and_not_where_the_page_began(client: Client, ch: JobChannel) -> None:
    """A browser's EventSource says both when it connects again: the URL stays what it was."""
    work = durable(client)
    async with running(secured(client)) as url, httpx.AsyncClient(timeout=20) as http:
        await client.run(work, {"first": 0, "count": 3})
        query = {"token": (await client.realtime.token(ch))["key"], "after": "start"}
        position = ""
        for expected in (0, 1):
            headers = {"Last-Event-ID": position} if position else {}
            async with http.stream("GET", f"{url}/v1/realtime/sse", params=query, headers=headers) as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("id: "):
                        position = line.removeprefix("id: ")
                    elif line.startswith("data: "):
                        assert json.loads(line.removeprefix("data: "))["data"] == {"n": expected}
                        break


class Slow:
    """Takes its time with messages; notes what it is told meanwhile."""

    def __init__(self) -> None:
        self.sending = False
        self.overtaken = False
        self.sent = asyncio.Event()

    async def begin(self, position: str | None) -> None:
        pass

    async def reset(self, position: str | None) -> None:
        pass

    async def send(self, envelopes: list[Envelope]) -> None:
        for turn in range(20):
            self.sending = turn > 5  # one that was on its way before may still come
            await asyncio.sleep(0)
        self.sending = False
        self.sent.set()

    async def keep_alive(self, position: str | None, dropped: int) -> None:
        self.overtaken = self.overtaken or self.sending

    async def closing(self) -> None:
        pass


async def test_no_position_overtakes_a_message(client: Client, ch: JobChannel) -> None:
    """A reader that is cut just then would resume behind a message that it never got."""
    gateway = secured(client, limits=Limits(keep_alive=timedelta(0)))
    async with client, asyncio.timeout(60):
        stream = await gateway._streams.open(
            StreamRequest(frozenset({(ch.name, "tick")}), None, None, True), READER
        )
        carrier = Slow()
        pump = asyncio.create_task(stream.pump(carrier))
        await client.realtime.publish(ch.tick, {"n": 1})
        await carrier.sent.wait()
        stream.end(End.AGE)
        await pump
        gateway._streams.leave(stream)
    assert not carrier.overtaken


async def test_no_message_overtakes_a_position(client: Client, ch: JobChannel) -> None:
    """A reader that is cut just then would go back, and get that message again."""
    work = durable(client)
    gateway = secured(client, limits=Limits(keep_alive=timedelta(0)), runs=False)
    async with running(gateway) as url:
        token = (await client.realtime.token(ch, ["tick"]))["key"]
        async with subscribed(url, token, after="now") as reader, events(url, token) as stream:
            await client.run(work, {"first": 0, "count": 50})
            told: list[str] = []
            found: dict[str, Any] = {}
            while found.get("data") != {"n": 49}:
                found = await frame(reader)
                told.append(found["metadata"]["position"])
            reader.transport.abort()  # its pings would be read before the end
            ids: list[str] = []
            async for event in stream:
                ids.append(event["id"])
                if '"n":49' in event.get("data", ""):
                    break
    for positions in (told, ids):
        places = [place(one) for one in positions]
        assert len(set(places)) > 40
        assert places == sorted(places)


async def test_a_long_batch_leaves_others_their_turns() -> None:
    """A thread that publishes waits for a turn of this event loop, and not for long."""
    sent = 0

    async def send(_: object) -> None:  # as a server does whose socket takes everything
        nonlocal sent
        sent += 1

    envelopes = [Envelope("c", "t", b"1", None, None, n) for n in range(1000)]
    carrier = _Plain(send, Frames(lambda text, _: text, str), keeps_cursor=False)
    sending = asyncio.create_task(carrier.send(envelopes))
    turns = 0
    while not sending.done():
        turns += 1
        await asyncio.sleep(0)
    assert sent == 1000
    assert turns > 20


async def test_there_is_room_for_one_however_many_come_at_once(client: Client, ch: JobChannel) -> None:
    """They all look back before any of them has its place."""
    work = durable(client)
    streams = secured(client, limits=Limits(connections=1))._streams
    async with client:
        await client.run(work, {"first": 0, "count": 1})
        position = engine_of(client).position
        asked = StreamRequest(frozenset({(ch.name, "tick")}), position, None, True)
        made = await asyncio.gather(*(streams.open(asked, READER) for _ in range(3)), return_exceptions=True)
        assert sorted(type(one).__name__ for one in made) == ["Refused", "Refused", "Stream"]
        assert len(streams) == 1


class Stuck(Slow):
    """Takes a message, and nothing ever again."""

    async def send(self, envelopes: list[Envelope]) -> None:
        self.sent.set()
        await asyncio.Event().wait()


async def test_a_reader_that_is_stuck_holds_up_no_shutdown(client: Client, ch: JobChannel) -> None:
    gateway = secured(client, limits=Limits(shutdown=timedelta(0)))
    async with client, asyncio.timeout(60):
        stream = await gateway._streams.open(
            StreamRequest(frozenset({(ch.name, "tick")}), None, None, True), READER
        )
        carrier = Stuck()
        pump = asyncio.create_task(stream.pump(carrier))
        pump.add_done_callback(lambda _: gateway._streams.leave(stream))
        await client.realtime.publish(ch.tick, {"n": 1})
        await carrier.sent.wait()
        await gateway.close()
        assert pump.done()
        assert pump.result() == End.SHUTDOWN


async def test_what_is_lost_while_it_is_read_ends_a_stream_as_any_shutdown(
    client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was there when the reader came, and is trimmed before it is read: the reader may come again."""

    async def lost(_feed: object) -> list[Envelope]:
        raise PositionLost

    gateway = secured(client)
    async with client:
        stream = await gateway._streams.open(
            StreamRequest(frozenset({(ch.name, "tick")}), "start", None, True), READER
        )
        monkeypatch.setattr(type(stream._feed), "next_batch", lost)
        assert await stream.pump(Slow()) == End.SHUTDOWN
        gateway._streams.leave(stream)
