"""Resuming over the wire: cursors in tokens, and ten thousand cuts on each kind of stream (G5)."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.tightbeam.engine.doubles import BackendDouble, HeldFanOut
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.engine.stores import KEEPS
from tests.tightbeam.gateway.serving import data_frame, durable, frame, running, secured, subscribed
from tests.tightbeam.gateway.sse import events
from tightbeam import Client, Context
from tightbeam._client import client_over
from tightbeam._engine.backends import backend_for

CUTS = 10_000


def cursor(message: dict[str, Any]) -> str:
    """What JavaScript makes of its time: milliseconds."""
    return f"{message['created_at'][:23]}Z"


async def test_a_token_with_a_cursor(client: Client, ch: JobChannel) -> None:
    """Times are cut to milliseconds, as JavaScript's are, and still tell all messages apart."""
    work = durable(client)
    async with running(secured(client)) as url:
        await client.run(work, {"first": 0, "count": 30})
        token = (await client.realtime.token(ch, ["tick"]))["key"]
        async with subscribed(url, token, after="start") as reader:
            sent = [await data_frame(reader) for _ in range(30)]
        for n in (0, 7, 28):
            token = (await client.realtime.token(ch, ["tick"], since=cursor(sent[n])))["key"]
            async with subscribed(url, token) as reader:
                assert [(await frame(reader))["data"]["n"] for _ in range(29 - n)] == list(range(n + 1, 30))
        token = (await client.realtime.token(ch, ["status"], since=cursor(sent[29])))["key"]
        async with subscribed(url, token) as reader:
            await client.realtime.publish(ch.status, {"message": "live"})
            assert (await data_frame(reader))["data"] == {"message": "live"}


async def test_what_was_live_while_a_message_was_stored_is_no_gap(tmp_path: Path, ch: JobChannel) -> None:
    """The window: a page sees a live message, is cut, and then comes what was being stored meanwhile."""
    double = BackendDouble(backend_for(tmp_path / "app.db", KEEPS))
    client = client_over(double)
    work = durable(client)
    async with running(secured(client, runs=False)) as url:
        held = HeldFanOut(double)
        async with subscribed(url, (await client.realtime.token(ch))["key"]) as reader:
            done = asyncio.create_task(client.run(work, {"first": 0, "count": 1}))
            await asyncio.to_thread(held.reached.wait, 20)
            await asyncio.sleep(0.005)  # by the clock, what is live comes later
            await client.realtime.publish(ch.tick, {"n": 99})
            seen = await frame(reader)
            assert seen["data"] == {"n": 99}
        held.go.set()
        await done
        token = (await client.realtime.token(ch, since=cursor(seen)))["key"]
        async with subscribed(url, token) as reader:
            assert (await frame(reader))["data"] == {"n": 0}


class Reader(Protocol):
    async def once(self, want: int) -> None:
        """Connect, read so many, break off."""
        ...


class Base:
    def __init__(self, url: str, client: Client, ch: JobChannel) -> None:
        self.url, self.client, self.ch = url, client, ch
        self.seen: list[str] = []

    async def token(self, since: str | None = None) -> str:
        return (await self.client.realtime.token(self.ch, ["tick"], since=since))["key"]

    def take(self, got: dict[str, Any]) -> None:
        assert got["kind"] != "reset", "a position was lost"
        if got["kind"] == "data" and "metadata" in got:
            self.seen.append(got["metadata"]["id"])


class OverWebSocket(Base):
    """Keeps the position."""

    position = "start"

    async def once(self, want: int) -> None:
        async with subscribed(self.url, await self.token(), after=self.position) as reader:
            for _ in range(want):
                try:
                    async with asyncio.timeout(1):
                        got = json.loads(await reader.recv())
                except TimeoutError:
                    break
                self.take(got)
                if got["kind"] == "data" and "metadata" in got:
                    self.position = got["metadata"]["position"]
            reader.transport.abort()


class OverEvents(Base):
    """As a browser's EventSource: the last id goes along as a header."""

    position = "start"

    async def once(self, want: int) -> None:
        async with events(self.url, await self.token(), **{"Last-Event-ID": self.position}) as stream:
            for _ in range(want):
                try:
                    async with asyncio.timeout(1):
                        event = await anext(stream)
                except TimeoutError:
                    break
                assert event.get("event") != "reset", "a position was lost"
                self.position = event.get("id", self.position)
                if "data" in event:
                    self.take(json.loads(event["data"]))


class WithTimes(Base):
    """As a page does it: a fresh token with the time of the last message, live or durable."""

    since = "1970-01-01T00:00:00.000Z"

    async def once(self, want: int) -> None:
        async with subscribed(self.url, await self.token(self.since)) as reader:
            for _ in range(want):
                try:
                    async with asyncio.timeout(1):
                        got = json.loads(await reader.recv())
                except TimeoutError:
                    break
                self.take(got)
                if got["kind"] == "data":
                    self.since = cursor(got)
            reader.transport.abort()


READERS: dict[str, type[OverWebSocket] | type[OverEvents] | type[WithTimes]] = {
    "websocket": OverWebSocket,
    "sse": OverEvents,
    "since": WithTimes,
}


async def cuts(kind: str, count: int, seed: int) -> None:
    client = Client()
    ch = job_channel(job_id="j1")
    work = durable(client)
    stop = asyncio.Event()
    published = 0
    choice = random.Random(seed)

    async def publish(job: str) -> None:
        nonlocal published
        while not stop.is_set():
            if published - len(reader.seen) > 100:  # enough for the reader to be behind, and no more
                await asyncio.sleep(0.001)
                continue
            published += 5 * (job == "j1")
            await client.run(work, {"first": 0, "count": 5, "job": job})
            await client.realtime.publish(ch.tick, {"n": -1})

    async with running(secured(client, runs=False)) as url:
        reader = READERS[kind](url, client, ch)
        publishers = [asyncio.create_task(publish(job)) for job in ("j1", "j1", "j2")]
        try:
            for _ in range(count):
                await reader.once(choice.randrange(6))
        finally:
            stop.set()
            await asyncio.gather(*publishers)
        await client.run(work, {"first": 1_000_000, "count": 1})
        last = client.realtime.subscribe(ch.tick, after="start")
        expected: list[str] = []
        while True:
            message = await anext(last)
            assert message.id is not None
            expected.append(message.id)
            if message.data.n == 1_000_000:
                break
        async with asyncio.timeout(60):
            while reader.seen[-1:] != expected[-1:]:
                await reader.once(10)
    assert len(expected) > 5
    assert reader.seen == expected  # each once, in order: no gap, no duplicate


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["websocket", *(pytest.param(one, marks=pytest.mark.slow) for one in ("sse", "since"))]
)
async def test_cuts_at_random_points(kind: str) -> None:
    await cuts(kind, 100, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", READERS)
async def test_three_hundred_cuts_at_random_points(kind: str) -> None:
    await cuts(kind, 300, seed=2)


@pytest.mark.soak
@pytest.mark.parametrize("kind", READERS)
async def test_ten_thousand_cuts_at_random_points(kind: str) -> None:
    await cuts(kind, CUTS, seed=3)


async def ended(reader: Any, *, messages: int) -> list[dict[str, Any]]:
    """The run frames that come with so many messages, and after them, up to a last live one."""
    found: list[dict[str, Any]] = []
    while messages:
        got = await frame(reader)
        found.append(got)
        messages -= got["kind"] == "data"
    return found


@pytest.mark.slow
@pytest.mark.parametrize("how", ["live", "durable"])
async def test_a_reader_that_comes_back_is_told_how_the_run_ended(
    how: str, client: Client, ch: JobChannel
) -> None:
    @client.function("work", retries=0)
    async def work(ctx: Context) -> dict[str, int]:
        await ctx.publish(ch.status, {"message": "begun"})
        if how == "durable":
            await ctx.step.realtime.publish("p", ch.tick, {"n": 1})
        return {"answer": 42}

    async with client:
        async with running(secured(client)) as url:
            async with subscribed(url, (await client.realtime.token(ch))["key"]) as reader:
                await client.realtime.publish(ch.status, {"message": "before"})
                since = cursor(await frame(reader))
            await asyncio.sleep(0.002)
            await client.run(work)
            token = (await client.realtime.token(ch, since=since))["key"]
            expected = {"status": "completed", "result": {"answer": 42}}
            for _ in range(2):  # it is state: told again to who asks again
                async with subscribed(url, token) as reader:
                    first = await ended(reader, messages=how == "durable")
                    last = await frame(reader)
                    assert [one["kind"] for one in first] == ["data"] * (how == "durable")
                    assert (last["kind"], last["data"]) == ("run", expected)
                    # No later than what is still to come: a page may take it for the last time it saw.
                    assert not first or cursor(last) == cursor(first[-1])
            later = (await client.realtime.token(ch, since="2999-01-01T00:00:00Z"))["key"]
            for other in (later, (await client.realtime.token(ch))["key"]):  # nothing missed, or no cursor
                async with subscribed(url, other) as reader:
                    await client.realtime.publish(ch.status, {"message": "after"})
                    assert (await frame(reader))["kind"] == "data"
        async with running(secured(client)) as url:  # knows only what the journal says
            token = (await client.realtime.token(ch, since=since))["key"]
            async with subscribed(url, token) as reader:
                await client.realtime.publish(ch.status, {"message": "after"})
                got = await ended(reader, messages=1 + (how == "durable"))
            told = [one["data"] for one in got if one["kind"] == "run"]
            assert told == ([expected] if how == "durable" else [])


async def test_a_run_that_goes_on_isnt_taken_for_the_one_before(client: Client, ch: JobChannel) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    @client.function("work", on="app/work", retries=0)
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 1})
        if ctx.event.data["wait"]:
            begun.set()
            await go.wait()

    async with running(secured(client)) as url:
        await client.run(work, {"wait": False})
        going = asyncio.create_task(client.run(work, {"wait": True}))
        await begun.wait()
        token = (await client.realtime.token(ch, since="1970-01-01T00:00:00Z"))["key"]
        async with subscribed(url, token) as reader:
            got = [await data_frame(reader) for _ in range(2)]
            go.set()
            await going
            assert (await frame(reader))["data"] == {"status": "completed", "result": None}
    assert len({one["run_id"] for one in got}) == 2


@pytest.mark.parametrize(
    ("settings", "told"), [({"runs": False}, []), ({"run_results": False}, [{"status": "completed"}])]
)
async def test_what_isnt_to_be_told_of_runs_isnt_told_later(
    settings: dict[str, Any], told: list[Any], client: Client, ch: JobChannel
) -> None:
    work = durable(client)
    async with client:
        await client.run(work, {"first": 0, "count": 1})  # before there is a gateway: the journal knows it
        async with running(secured(client, **settings)) as url:
            token = (await client.realtime.token(ch, since="1970-01-01T00:00:00Z"))["key"]
            async with subscribed(url, token) as reader:
                await client.realtime.publish(ch.status, {"message": "after"})
                got = await ended(reader, messages=2)
                while told and all(one["kind"] != "run" for one in got):
                    got.append(await frame(reader))  # a store may tell of ends later than of live messages
    assert [one["data"] for one in got if one["kind"] == "run"] == told
