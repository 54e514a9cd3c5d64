"""Hooks at the gateway: around its readers' connections, and of messages that other processes publish."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import tightbeam
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import KEY, data_frame, patient, running, secured, subscribed
from tests.tightbeam.gateway.sse import events
from tightbeam import Client
from tightbeam.hooks import ConnectionInfo, MessageInfo, PublishInfo

BEARER = {"Authorization": f"Bearer {KEY}"}


class Stamp(tightbeam.Hook):
    """Puts a mark on what it publishes, and reads it from what it receives."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.read: list[str | None] = []

    @contextmanager
    def publish(self, publish: PublishInfo, /) -> Iterator[None]:
        publish.metadata["mark"] = self.mark
        yield

    def received(self, message: MessageInfo, /) -> None:
        self.read.append(message.metadata.get("mark"))


class Log(tightbeam.Hook):
    def __init__(self) -> None:
        self.opened: list[str] = []
        self.ended: list[ConnectionInfo] = []
        self.sent_messages: list[tuple[str, bool, str | None]] = []

    @contextmanager
    def connection(self, connection: ConnectionInfo, /) -> Iterator[None]:
        self.opened.append(connection.transport)
        yield
        self.ended.append(connection)

    def sent(self, message: MessageInfo, /) -> None:
        self.sent_messages.append((message.topic, message.relayed, message.metadata.get("key")))


@pytest.mark.parametrize("transport", ["websocket", "sse"])
async def test_each_connection_of_a_reader_is_surrounded(ch: JobChannel, transport: str) -> None:
    log = Log()
    client = Client(hooks=[log])
    async with running(secured(client)) as url:
        token = client.realtime.token_sync(ch)["key"]
        if transport == "websocket":
            async with subscribed(url, token) as reader:
                await client.realtime.publish(ch.token, "x")
                await client.realtime.publish(ch.token, "y")
                assert [(await data_frame(reader))["data"] for _ in range(2)] == ["x", "y"]
                assert (log.opened, log.ended) == ([transport], [])
        else:
            async with events(url, token) as stream:
                await client.realtime.publish(ch.token, "x")
                await client.realtime.publish(ch.token, "y")
                assert [await anext(stream) for _ in range(2)]
                assert (log.opened, log.ended) == ([transport], [])
    [info] = log.ended
    assert (info.side, info.server, info.messages, info.dropped) == ("gateway", None, 2, 0)
    assert info.topics == tuple((ch.name, topic) for topic in ("status", "tick", "token"))
    assert info.reason in ("gone", "shutdown")


async def test_a_reader_that_is_refused_has_no_connection(ch: JobChannel) -> None:
    log = Log()
    async with running(secured(Client(hooks=[log]))) as url, patient() as http:
        assert (await http.get(f"{url}/v1/realtime/sse?token=none")).status_code == 401
    assert log.opened == []


async def test_what_another_process_publishes_is_relayed(ch: JobChannel) -> None:
    log = Log()
    async with (
        running(secured(Client(hooks=[log]))) as url,
        patient(headers=BEARER) as http,
    ):
        place = f"channel={ch.name}&topic=token&run_id=01M80WNAQGSQ2ZY17B9WK74G59"
        answer = await http.post(
            f"{url}/v1/realtime/publish?{place}&metadata=%7B%22key%22:%22v%22%7D", json="x"
        )
        assert answer.status_code == 200
    assert log.sent_messages == [("token", True, "v")]


async def test_frames_of_run_status_are_no_messages(ch: JobChannel) -> None:
    log = Log()
    client = Client(hooks=[log])

    @client.function("work")
    async def work(ctx: tightbeam.Context) -> None:
        await ctx.publish(ch.token, "x")

    async with running(secured(client)) as url:
        async with subscribed(url, client.realtime.token_sync(ch)["key"]) as reader:
            await client.run(work)
            await data_frame(reader)
    assert log.sent_messages == [("token", False, None)]


async def test_metadata_travels_to_and_from_other_processes(ch: JobChannel) -> None:
    here, there = Stamp("here"), Stamp("there")
    client = Client(hooks=[here])
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY, hooks=[there]) as remote:
        async with remote.realtime.subscribe(ch.token) as far, client.realtime.subscribe(ch.token) as near:
            await remote.realtime.publish(ch.token, "x")
            await asyncio.to_thread(remote.realtime.publish_sync, ch.token, "y")
            await client.realtime.publish(ch.token, "z")
            async with asyncio.timeout(60):
                for messages in (near, far):
                    assert [(await anext(messages)).data for _ in range(3)] == ["x", "y", "z"]
    assert here.read == there.read == ["there", "there", "here"]
