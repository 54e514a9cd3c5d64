"""Bursts through the gateway: a reader that reads keeps its stream, and the durable end arrives."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
from typing import Any

import pytest

import tightbeam
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.node_process import node, require_node
from tests.tightbeam.gateway.serving import frame, running, secured, subscribed
from tests.tightbeam.gateway.sse import events
from tests.tightbeam.gateway.test_streams import stuck_reader
from tests.tightbeam_cli.test_commands import everything, raise_file_limit, serving
from tightbeam import Client, Context, ContextSync
from tightbeam.gateway import Limits

MANY = 5_000
END = -1


def burst(client: Client, ch: JobChannel, how: str, count: int) -> Any:
    """A function that publishes so many live messages one after the other, and a durable one."""
    if how == "async":

        @client.function("burst")
        async def publish(ctx: Context) -> None:
            for n in range(count):
                await ctx.publish(ch.tick, {"n": n})
            await ctx.step.realtime.publish("end", ch.tick, {"n": END})

        return publish

    @client.function("burst")
    def publish_sync(ctx: ContextSync) -> None:
        for n in range(count):
            ctx.publish(ch.tick, {"n": n})
        ctx.step.realtime.publish("end", ch.tick, {"n": END})

    return publish_sync


async def by_websocket(url: str, token: str, after: str | None) -> tuple[list[int], int]:
    """What a reader got, and how many messages it was told were dropped."""
    got, dropped = [], 0
    async with subscribed(url, token, **({} if after is None else {"after": after})) as reader:
        while True:
            one = await frame(reader)
            if one["kind"] == "data":
                got.append(one["data"]["n"])
                if one["data"]["n"] == END and after is None:
                    return got, 0
            elif one["kind"] == "ping":
                dropped = one["metadata"].get("dropped", dropped)
                if END in got:
                    return got, dropped
            if END in got and len(got) + dropped > MANY:
                return got, dropped


async def by_events(url: str, token: str, _after: str | None) -> tuple[list[int], int]:
    got = []
    async with events(url, token) as stream:
        async for event in stream:
            one = json.loads(event.get("data", "{}"))
            if one.get("kind") == "data":
                got.append(one["data"]["n"])
                if one["data"]["n"] == END:
                    break
    return got, 0


@pytest.mark.slow
@pytest.mark.parametrize("how", ["async", "plain"])
@pytest.mark.parametrize(
    ("read", "after"),
    [(by_websocket, None), (by_websocket, "now"), (by_events, None)],
    ids=["ws", "ws-cursor", "sse"],
)
async def test_a_reader_that_reads_keeps_its_stream(
    how: str, read: Any, after: str | None, client: Client, ch: JobChannel
) -> None:
    work = burst(client, ch, how, MANY)
    gateway = secured(client, runs=False)
    async with running(gateway) as url:
        token = (await client.realtime.token(ch))["key"]
        reading = [asyncio.create_task(read(url, token, after)) for _ in range(2)]
        async with asyncio.timeout(60):
            while gateway.connections < 2:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.005)
        await client.run(work)
        for got, dropped in await asyncio.wait_for(asyncio.gather(*reading), 60):
            live = [n for n in got if n != END]
            assert got[-1] == END
            assert live == sorted(live)
            assert live[-1] == MANY - 1
            assert after is None or len(live) + dropped == MANY


async def test_the_states_of_a_run_are_no_progress(client: Client, ch: JobChannel) -> None:
    """The official hook waits for the last of them."""
    gateway = secured(client, limits=Limits(buffer_messages=8))

    @client.function("burst")
    async def work(ctx: Context) -> None:
        await ctx.publish(ch.tick, {"n": 0})
        for n in range(100):
            client.realtime.publish_sync(ch.tick, {"n": n})  # lets nobody read

    async with running(gateway) as url, subscribed(url, (await client.realtime.token(ch))["key"]) as reader:
        await client.run(work)
        frames = []
        while not frames or frames[-1]["data"].get("status") != "completed":
            frames.append(await frame(reader))
    assert [one["data"]["status"] for one in frames if one["kind"] == "run"] == ["running", "completed"]
    assert [one["data"]["n"] for one in frames if one["kind"] == "data"][-1] == 99


async def test_durable_messages_beyond_the_buffer(client: Client, ch: JobChannel) -> None:
    @client.function("burst")
    async def work(ctx: Context) -> None:
        async with asyncio.TaskGroup() as group:
            for n in range(300):
                group.create_task(ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n}))

    async with running(secured(client, runs=False, limits=Limits(buffer_messages=8))) as url:
        token = (await client.realtime.token(ch))["key"]
        async with subscribed(url, token) as reader, events(url, token) as stream:
            await anext(stream)
            await client.run(work)
            got = [(await frame(reader))["data"]["n"] for _ in range(300)]
            heard = [json.loads((await anext(stream))["data"])["data"]["n"] for _ in range(300)]
    assert sorted(got) == list(range(300))
    assert heard == got


async def test_a_remote_subscription_says_how_many_it_lost(client: Client, ch: JobChannel) -> None:
    async with running(secured(client, runs=False, limits=Limits(buffer_messages=8))) as url:
        token = (await client.realtime.token(ch))["key"]
        async with (
            tightbeam.connect(url, token=token) as remote,
            remote.realtime.subscribe(ch.tick) as messages,
        ):
            assert messages.dropped == 0
            for first in (0, 50):
                for n in range(first, first + 50):
                    client.realtime.publish_sync(ch.tick, {"n": n})
                while (await anext(messages)).data.n != first + 49:
                    pass
                await client.realtime.publish(ch.tick, {"n": END})
                assert (await anext(messages)).data.n == END
                assert messages.dropped == first // 50 * 42 + 42


@pytest.mark.slow
async def test_the_official_client_does_not_notice(client: Client, ch: JobChannel) -> None:
    require_node()
    work = burst(client, ch, "async", 100_000)
    async with running(secured(client)) as url:
        key = (await client.realtime.token(ch, ["tick"]))["key"]
        settings = {"channel": ch.name, "topics": ["tick"], "key": key, "apiBaseUrl": url}
        async with node("client.mjs", settings) as js:
            assert await js.hear() == {"open": True}
            await client.run(work)
            got: list[int] = []
            states: list[str] = []
            async with asyncio.timeout(180):
                while got[-1:] != [END] or states[-1:] != ["completed"]:
                    message = await js.message()
                    if message["kind"] == "run":
                        states.append(message["data"]["status"])
                    else:
                        got.append(message["data"]["n"])
    assert got[-1] == END
    assert got[-2] == 99_999
    assert got[:-1] == sorted(got[:-1])


@pytest.mark.slow
@pytest.mark.parametrize("how", ["sigterm", pytest.param("vanish", marks=pytest.mark.soak)])
async def test_ten_thousand_streams_leave_at_once(how: str) -> None:
    raise_file_limit(11_000)
    ch = job_channel(job_id="j1")
    readers: list[socket.socket] = []
    try:
        async with serving("--no-access-log") as (server, url):
            assert server.stdout is not None
            logged = asyncio.create_task(server.stdout.read())  # a line for each stream would fill the pipe
            async with tightbeam.connect(url, key="any") as remote:

                def connect() -> None:
                    paths = ["/v1/realtime/connect", "/v1/realtime/sse"]
                    for n in range(9_990):
                        if n % 500 == 0:  # one token may be too old before all have connected
                            token = remote.realtime.token_sync(ch)["key"]
                        reader = stuck_reader(url, paths[n % 2], token)
                        readers.append(reader)
                        assert reader.recv(1 << 16).startswith((b"HTTP/1.1 101", b"HTTP/1.1 200"))

                await asyncio.to_thread(connect)
                if how == "vanish":
                    for reader in readers:
                        reader.close()
                    async with asyncio.timeout(60), remote.realtime.subscribe(ch.tick) as messages:
                        await remote.realtime.publish(ch.tick, {"n": 1})
                        assert (await anext(messages)).data.n == 1
            server.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                assert await server.wait() == 0
            assert b"Traceback" not in await logged
            for reader in readers if how == "sigterm" else ():
                tail = await asyncio.to_thread(everything, reader)
                assert re.findall(rb'"kind":"(\w+)"', tail) == [b"closing"]
    finally:
        for reader in readers:
            reader.close()
