"""One order of a topic for every reader: there from the start, replaying, resuming, behind, remote."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncGenerator
from itertools import pairwise
from typing import Any

import pytest

from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.serving import running, secured, subscribed
from tests.tightbeam.gateway.sse import events
from tightbeam import Client, Context
from tightbeam._engine import feed as feeds

END = -1


async def test_progress_never_goes_back_after_the_end(client: Client, ch: JobChannel) -> None:
    @client.function("job")
    async def job(ctx: Context) -> None:
        await ctx.step.realtime.publish("begin", ch.tick, {"n": 10})
        await ctx.publish(ch.tick, {"n": 50})
        await ctx.step.realtime.publish("end", ch.tick, {"n": 100})

    async with client:
        readers = client.realtime.subscribe(ch.tick), client.realtime.subscribe(ch.tick, after="start")
        await client.run(job)
        for reader in readers:
            got = [await anext(reader) for _ in range(3)]
            assert [one.data.n for one in got] == [10, 50, 100]
            assert all(one.created_at <= other.created_at for one, other in pairwise(got))


class History:
    """Publishes at random, live and durable, on two topics of two channels; what each reader saw."""

    def __init__(self, seed: int, client: Client) -> None:
        self.choice = random.Random(seed)
        self.client = client
        self.channels = [job_channel(job_id=name) for name in ("j1", "j2")]
        self.seen: list[list[tuple[str, str, int]]] = []
        self.positions: list[str] = []
        self.published = 0
        self.function = self._function()

    def _function(self) -> Any:
        @self.client.function("publish")
        async def publish(ctx: Context) -> None:
            for _ in range(self.choice.randrange(1, 30)):
                await self.one(ctx)

        return publish

    async def one(self, ctx: Context) -> None:
        """Publish one message, and let others have some turns."""
        ch = self.choice.choice(self.channels)
        self.published += 1
        number = self.published
        if self.choice.random() < 0.5:
            await ctx.step.realtime.publish(f"p{number}", ch.tick, {"n": number})
        elif self.choice.random() < 0.5:
            await ctx.publish(ch.tick, {"n": number})
        else:
            await ctx.publish(ch.status, {"message": str(number)})
        for _ in range(self.choice.randrange(3)):
            await asyncio.sleep(0)

    async def end(self) -> None:
        """Publish what every reader waits for."""

        @self.client.function("end")
        async def end(ctx: Context) -> None:
            for ch in self.channels:
                await ctx.step.realtime.publish(f"end-{ch.name}", ch.tick, {"n": END})

        await self.client.run(end)

    async def read_here(self, after: str | None) -> None:
        """Read in the process to the end, now and then slowly."""
        seen: list[tuple[str, str, int]] = []
        self.seen.append(seen)
        ends = 0
        one, other = self.channels
        subscription = self.client.realtime.subscribe(
            one.tick, one.status, other.tick, other.status, after=after
        )
        async for message in subscription:
            if message.position is not None:
                self.positions.append(message.position)
            number = message.data.n if message.topic == "tick" else int(message.data.message)
            seen.append((message.channel, message.topic, number))
            ends += number == END
            if ends == 2:
                return
            if self.choice.random() < 0.3:
                await asyncio.sleep(0.001 * (self.choice.random() < 0.3))

    async def read_remotely(self, url: str, how: str) -> None:
        """Read one channel through the gateway to the end, with cuts."""
        ch = self.channels[0]
        seen: list[tuple[str, str, int]] = []
        self.seen.append(seen)
        cursor: dict[str, str] = {"after": "start"} if how != "since" else {"since": "1970-01-01T00:00:00Z"}
        while True:
            token = (await self.client.realtime.token(ch, since=cursor.get("since")))["key"]
            async with contextlib.aclosing(frames(url, how, token, cursor)) as stream:
                async for frame in stream:
                    assert frame["kind"] != "reset"
                    if frame["kind"] != "data":
                        continue
                    if how == "since":
                        cursor = {"since": f"{frame['created_at'][:23]}Z"}
                    elif "metadata" in frame:
                        cursor = {"after": frame["metadata"]["position"]}
                    data = frame["data"]
                    number = data["n"] if frame["topic"] == "tick" else int(data["message"])
                    seen.append((frame["channel"], frame["topic"], number))
                    if number == END:
                        return
                    if self.choice.random() < 0.1:
                        break


async def frames(
    url: str, how: str, token: str, cursor: dict[str, str]
) -> AsyncGenerator[dict[str, Any], None]:
    """Frames of one connection."""
    if how == "sse":
        async with events(url, token, **{"Last-Event-ID": cursor["after"]}) as stream:
            async for event in stream:
                if "data" in event:
                    yield json.loads(event["data"])
        return
    async with subscribed(url, token, **({} if how == "since" else cursor)) as connection:
        try:
            async for text in connection:
                yield json.loads(text)
        finally:
            connection.transport.abort()


def check(seen: list[list[tuple[str, str, int]]]) -> None:
    """Each reader's messages of an address are a part of one order, which is that of their numbers."""
    for reader in seen:
        by_address: dict[tuple[str, str], list[int]] = {}
        for channel, topic, number in reader:
            by_address.setdefault((channel, topic), []).append(number if number != END else 1 << 30)
        for numbers in by_address.values():
            assert numbers == sorted(set(numbers)), numbers


async def histories(seed: int, client: Client) -> None:
    history = History(seed, client)
    client, choice = history.client, history.choice
    async with running(secured(client, runs=False)) as url:
        reading = [asyncio.create_task(history.read_here(None))]
        for turn in range(8):
            running_now = asyncio.create_task(client.run(history.function))
            if choice.random() < 0.5:
                await asyncio.sleep(0.002 * choice.random())
            after = choice.choice([None, "start", *history.positions[-3:]])
            reading.append(asyncio.create_task(history.read_here(after)))
            if turn % 3 == 0:
                how = choice.choice(["websocket", "sse", "since"])
                reading.append(asyncio.create_task(history.read_remotely(url, how)))
            await running_now
        await history.end()
        await asyncio.wait_for(asyncio.gather(*reading), 60)
    check(history.seen)


@pytest.mark.quick_in_memory
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("room", [8, 1_024])
async def test_histories(client: Client, seed: int, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_MAX_MESSAGES", room)
    await histories(seed, client)


@pytest.mark.slow
@pytest.mark.parametrize("room", [4, 8, 1_024])
async def test_many_histories(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_MAX_MESSAGES", room)
    for seed in range(100, 120):
        await histories(seed, Client())
