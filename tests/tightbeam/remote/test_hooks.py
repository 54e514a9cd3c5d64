"""Hooks around the connections of subscriptions to a server, and around events sent to a gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import tightbeam
import tightbeam.inngest
from generated.uploads import uploads_channel
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import KEY, running, secured
from tests.tightbeam.inngest.standin import StandIn
from tests.tightbeam.remote.test_hardening import GOOD, sending, token
from tightbeam import Client
from tightbeam.hooks import ConnectionInfo, SendInfo


class Log(tightbeam.Hook):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.infos: list[Any] = []

    @contextmanager
    def connection(self, connection: ConnectionInfo, /) -> Iterator[None]:
        self.infos.append(connection)
        self.lines.append("opened")
        yield
        self.lines.append(f"{connection.messages} messages, {connection.reason}")

    @contextmanager
    def send(self, send: SendInfo, /) -> Iterator[None]:
        yield
        self.lines.append(f"{send.names} {len(send.ids)}")


async def test_each_connection_to_a_gateway_is_surrounded(ch: JobChannel) -> None:
    log = Log()
    async with sending(json.dumps(GOOD), json.dumps(GOOD)) as (url, readers):
        async with tightbeam.connect(url, token=token, hooks=[log]) as remote:
            async with remote.realtime.subscribe(ch.tick) as messages:
                await anext(messages)
                await anext(messages)
                await readers[0].close(1013, "enough")
                await anext(messages)
    await asyncio.sleep(0)
    assert log.lines == ["opened", "2 messages, code 1013, enough", "opened", "1 messages, closed here"]
    info = log.infos[0]
    assert (info.side, info.transport, info.server, info.topics) == (
        "client",
        "websocket",
        url,
        (("job:j1", "tick"),),
    )


async def test_each_connection_to_inngest_is_surrounded() -> None:
    log, ch = Log(), uploads_channel(upload_id="u1")
    with StandIn() as server:
        client = tightbeam.inngest.Client(
            app_id="a", is_production=False, api_base_url=server.origin, hooks=[log]
        )
        async with client.realtime.subscribe(ch.status) as messages:
            await client.realtime.publish(ch.status, {"message": "x"})
            await anext(messages)
        async with asyncio.timeout(20):
            while len(log.lines) < 2:  # noqa: ASYNC110 - the hook is the event
                await asyncio.sleep(0)
    assert log.lines == ["opened", "1 messages, closed here"]
    assert (log.infos[0].server, log.infos[0].topics) == (server.origin, ((ch.name, "status"),))


@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
async def test_events_that_are_sent_are_surrounded(client: Client, sync: bool) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: tightbeam.Context) -> None:
        """Do nothing."""

    log = Log()
    async with client, running(secured(client)) as url:
        async with tightbeam.connect(url, key=KEY, hooks=[log]) as remote:
            if sync:
                await asyncio.to_thread(remote.send_sync, "app/work")
            else:
                await remote.send("app/work")
    assert log.lines == ["('app/work',) 1"]
