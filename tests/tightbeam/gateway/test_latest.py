"""The latest durable message of each topic comes first, then what comes: no gap, no repeat at the seam."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

import tightbeam
from tests.tightbeam.engine.conftest import until
from tests.tightbeam.engine.doubles import BackendDouble, HeldFanOut
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.engine.stores import KEEPS
from tests.tightbeam.gateway.serving import (
    KEY,
    data_frame,
    durable,
    frame,
    place,
    running,
    secured,
    subscribed,
)
from tests.tightbeam.gateway.sse import events, first_messages
from tightbeam import Client, Context, NotEntered, PositionLost
from tightbeam._client import client_over, engine_of
from tightbeam._engine.backends import backend_for
from tightbeam._engine.requests import FindOutcome


def publishing(client: Client, steps: list[tuple[JobChannel, str, Any]]) -> Any:
    """A function that publishes these durably, in order."""

    @client.function("publish-some")
    async def publish_some(ctx: Context) -> None:
        for number, (ch, topic, data) in enumerate(steps):
            await ctx.step.realtime.publish(f"p{number}", getattr(ch, topic), data)

    return publish_some


def some(one: JobChannel, two: JobChannel) -> list[tuple[JobChannel, str, Any]]:
    return [
        (two, "status", {"message": "old"}),
        (one, "tick", {"n": 1}),
        (two, "status", {"message": "latest"}),
        (one, "tick", {"n": 2}),
        (two, "tick", {"n": 3}),
        (one, "tick", {"n": 4}),
        (job_channel(job_id="j9"), "tick", {"n": 5}),
    ]


LATEST = [("job:j2", {"message": "latest"}), ("job:j2", {"n": 3}), ("job:j1", {"n": 4})]


@pytest.fixture
def two() -> JobChannel:
    return job_channel(job_id="j2")


Query = Callable[[Client, Any], Any]


async def by_after(client: Client, channels: Any) -> dict[str, str]:
    return {"token": (await client.realtime.token(channels))["key"], "after": "latest"}


async def by_since(client: Client, channels: Any) -> dict[str, str]:
    return {"token": (await client.realtime.token(channels))["key"], "since": "latest"}


async def by_token(client: Client, channels: Any) -> dict[str, str]:
    made = await client.realtime.token(channels, since="latest")
    assert "reset" not in made
    return {"token": made["key"]}


async def by_both(client: Client, channels: Any) -> dict[str, str]:
    """As clients ask that keep a cursor and leave it to the token where they begin."""
    return {**await by_token(client, channels), "after": "now"}


@pytest.mark.parametrize("query", [by_after, by_since, by_token, by_both])
async def test_over_a_websocket(query: Query, client: Client, ch: JobChannel, two: JobChannel) -> None:
    work, tick = publishing(client, some(ch, two)), durable(client)
    async with running(secured(client, runs=False)) as url:
        await client.run(work)
        asked = await query(client, [ch, two])
        async with subscribed(url, asked.pop("token"), **asked) as reader:
            first = [await (data_frame if "after" in asked else frame)(reader) for _ in range(3)]
            assert [(one["channel"], one["data"]) for one in first] == LATEST
            await client.run(tick, {"first": 7, "count": 2})
            assert [(await data_frame(reader))["data"]["n"] for _ in range(2)] == [7, 8]
        positions = [one["metadata"]["position"] for one in first]
        assert positions == sorted(positions, key=place)
        made = (await client.realtime.token([ch, two]))["key"]
        async with subscribed(url, made, after=positions[-1]) as reader:  # it resumes exactly
            assert [(await data_frame(reader))["data"]["n"] for _ in range(2)] == [7, 8]


async def test_over_server_sent_events(client: Client, ch: JobChannel, two: JobChannel) -> None:
    work, tick = publishing(client, some(ch, two)), durable(client)
    async with running(secured(client, runs=False)) as url:
        await client.run(work)
        token = (await by_token(client, [ch, two]))["token"]
        async with events(url, token) as stream:
            seen = [event async for event in first_messages(stream, 3)]
        await client.run(tick, {"first": 7, "count": 1})
        async with events(url, token, **{"Last-Event-ID": seen[-1]["id"]}) as stream:
            assert '"n":7' in (await anext(first_messages(stream, 1)))["data"]


async def test_from_python(client: Client, ch: JobChannel, two: JobChannel) -> None:
    work, tick, again = publishing(client, some(ch, two)), durable(client), publishing_again(client)
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        await client.run(work)
        for maker in (client, remote):
            async with maker.realtime.subscribe(
                ch.tick, two.status, two.tick, two.token, after="latest"
            ) as messages:
                first = [await anext(messages) for _ in range(3)]
                assert [(one.channel, one.data.model_dump()) for one in first] == LATEST
                await client.run(tick, {"first": 7, "count": 1})
                assert (await anext(messages)).position is not None
            last = first[-1].position
            async with maker.realtime.subscribe(ch.tick, after=last) as messages:
                assert (await anext(messages)).data.n == 7
            await client.run(again, {"n": 4})  # as it was, for the other one


def publishing_again(client: Client) -> Any:
    @client.function("tick-again")
    async def tick_again(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", job_channel(job_id="j1").tick, {"n": ctx.event.data["n"]})

    return tick_again


async def test_with_nothing_retained_nothing_comes_first(client: Client, ch: JobChannel) -> None:
    work = durable(client)
    async with running(secured(client, runs=False)) as url:
        token = (await client.realtime.token(ch))["key"]
        async with subscribed(url, token, after="latest") as reader:
            told = await frame(reader)
            assert told["kind"] == "ping"
            await client.realtime.publish(ch.tick, {"n": 99})
            assert (await frame(reader))["data"] == {"n": 99}
        # Cut before there was any message: all that came meanwhile comes, not only the latest.
        await client.run(work, {"first": 0, "count": 3})
        async with subscribed(url, token, after=told["metadata"]["position"]) as reader:
            assert [(await data_frame(reader))["data"]["n"] for _ in range(3)] == [0, 1, 2]


async def test_a_remote_reader_that_is_cut_before_any_message_misses_none(
    client: Client, ch: JobChannel
) -> None:
    work = durable(client)
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        async with remote.realtime.subscribe(ch.tick, after="latest") as messages:
            feed: Any = messages._feed
            reading = asyncio.ensure_future(anext(messages))
            async with asyncio.timeout(60):
                while feed._after == "latest":  # noqa: ASYNC110 - the gateway tells where it begins
                    await asyncio.sleep(0.01)
            feed._connection.transport.abort()
            await client.run(work, {"first": 0, "count": 3})
            seen = [(await reading).data.n, *[(await anext(messages)).data.n for _ in range(2)]]
    assert seen == [0, 1, 2]


async def test_the_official_client_is_told_no_positions(client: Client, ch: JobChannel) -> None:
    """It gave none: frames of other kinds than messages would only be errors in its log."""
    async with running(secured(client, runs=False)) as url:
        async with subscribed(url, (await by_token(client, ch))["token"]) as reader:
            await client.realtime.publish(ch.tick, {"n": 1})
            assert (await frame(reader))["kind"] == "data"


async def test_the_seam(tmp_path: Path, ch: JobChannel) -> None:
    """Committed and not yet handed out when the reader looks back: it is the latest, and comes once."""
    double = BackendDouble(backend_for(tmp_path / "app.db", KEEPS))
    client = client_over(double)
    work = durable(client)
    async with client:
        await client.run(work, {"first": 0, "count": 2})
        held = HeldFanOut(double)
        done = asyncio.create_task(client.run(work, {"first": 2, "count": 1}))
        await asyncio.to_thread(held.reached.wait, 20)
        subscription = client.realtime.subscribe(ch.tick, ch.status, after="latest")
        reading = asyncio.create_task(anext(subscription))
        await client.realtime.publish(ch.status, {"message": "live"})
        held.go.set()
        await done
        await client.run(work, {"first": 3, "count": 1})
        seen = [await reading, *[await anext(subscription) for _ in range(2)]]
    assert sorted(one.topic for one in seen) == ["status", "tick", "tick"]
    ticks = [one.data.n for one in seen if one.topic == "tick"]
    assert ticks == [2, 3]


@pytest.mark.parametrize("readers", [20])
async def test_many_readers_in_the_middle_of_publishing(readers: int, client: Client, ch: JobChannel) -> None:
    """Whatever the moment: from the latest on each number comes, once, in order."""
    work = durable(client)
    async with client:
        done = asyncio.create_task(client.run(work, {"first": 0, "count": 300}))

        async def read() -> list[int]:
            seen: list[int] = []
            async for message in client.realtime.subscribe(ch.tick, after="latest"):
                seen.append(message.data.n)
                if seen[-1] == 299:
                    break
            return seen

        async def later(turns: int) -> list[int]:
            for _ in range(turns):
                await asyncio.sleep(0)
            return await read()

        found = await asyncio.gather(*(later(n * 40) for n in range(readers)))
        await done
    for seen in found:
        assert seen == list(range(seen[0], 300))


async def test_a_large_look_back_is_read_in_pages(client: Client) -> None:
    """Between two of them others get the journal; what comes meanwhile comes after all of them."""
    channels = [job_channel(job_id=f"j{n}") for n in range(300)]
    work = publishing(client, [(one, "tick", {"n": n}) for n, one in enumerate(channels)])
    more = durable(client)
    async with client:
        await client.run(work)
        feed = engine_of(client).feed(
            [(one.name, "tick") for one in channels], "latest", max_messages=10, max_bytes=10_000
        )
        first = await feed.next_batch()
        await client.run(more, {"first": 1_000, "count": 1})
        assert len(first) == 256
        rest = await feed.next_batch()
        assert [one.channel for one in rest] == [f"job:j{n}" for n in range(256, 300)]
        assert [one.seq for one in rest] == sorted(one.seq or 0 for one in rest)
        assert [one.channel for one in await feed.next_batch()] == ["job:j1"]
        feed.close()


async def test_what_retention_took_is_no_latest() -> None:
    client = Client(retain_messages=1)
    one, two = (job_channel(job_id=f"j{n}") for n in (1, 2))
    work = durable(client)
    async with client:
        await client.run(work, {"first": 0, "count": 1})
        await client.run(work, {"job": "j2", "first": 0, "count": 200})
        async with client.realtime.subscribe(one.tick, two.tick, after="latest") as messages:
            assert (await anext(messages)).data.n == 199


async def test_without_a_journal(client: Client, ch: JobChannel) -> None:
    with pytest.raises(NotEntered):
        client.realtime.subscribe(ch, after="latest")
    transport = httpx.ASGITransport(secured(client))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answer = await http.get("/v1/realtime/sse", params=await by_token(client, ch))
    assert answer.status_code == 503


async def test_run_status_of_a_reader_of_the_latest(client: Client, ch: JobChannel) -> None:
    work = durable(client)
    async with running(secured(client)) as url:
        await client.run(work, {"first": 0, "count": 2})
        async with subscribed(url, (await by_token(client, ch))["token"]) as reader:
            assert (await frame(reader))["data"] == {"n": 1}
            assert (await frame(reader))["data"]["status"] == "completed"


def test_inngest_keeps_none(ch: JobChannel) -> None:
    from tightbeam.inngest import Client as InngestClient

    async def read() -> None:
        client = InngestClient(app_id="a", is_production=False)
        await anext(client.realtime.subscribe(ch, after="latest"))

    with pytest.raises(PositionLost, match="keeps no messages"):
        asyncio.run(read())


@pytest.mark.parametrize(("runs", "asked"), [(True, 0), (False, 0), (None, 2)])
async def test_the_journal_is_asked_only_for_ends_of_runs_that_nobody_else_knows(
    runs: bool | None,
    asked: int,
    ch: JobChannel,
    two: JobChannel,
) -> None:
    """A reader of fifty orders that comes back would wait for fifty answers."""
    double = BackendDouble(backend_for(None, KEEPS))
    client = client_over(double)
    work = publishing(client, some(ch, two))
    async with client:
        if runs is None:  # an earlier gateway saw the run
            await client.run(work)
        async with running(secured(client, runs=runs is not False)) as url:
            if runs is not None:
                await client.run(work)
            token = (await client.realtime.token([ch, two]))["key"]
            async with subscribed(url, token, after="latest") as reader:
                while (await frame(reader))["kind"] != "ping":
                    pass
                await client.realtime.publish(ch.tick, {"n": 9})
                while (await data_frame(reader))["data"] != {"n": 9}:
                    pass
    assert double.requested(FindOutcome) == asked


@pytest.mark.parametrize("is_known", [False, True])
async def test_a_run_that_ends_while_the_last_end_is_looked_up(is_known: bool, ch: JobChannel) -> None:
    """Its end comes behind its messages, once: a page that stops reading at it has them."""
    double = BackendDouble(backend_for(None, KEEPS))
    client = client_over(double)
    work = durable(client)
    async with client:
        if is_known:  # an earlier gateway saw one
            await client.run(work, {"first": 1, "count": 1})
        async with running(secured(client)) as url, double.held(FindOutcome) as hold:
            token = (await client.realtime.token(ch))["key"]
            async with subscribed(url, token, after="latest") as reader:
                await until(lambda: bool(hold.waiting))
                await client.run(work, {"first": 7, "count": 1})
                hold.release()
                got = [await told(reader) for _ in range(3 + is_known)]
                await client.realtime.publish(ch.tick, {"n": 9})
                assert (await told(reader)) == {"n": 9}
    assert got == [*([{"n": 1}] if is_known else []), "running", {"n": 7}, "completed"]


async def told(reader: ClientConnection) -> Any:
    """Return the data of the next message, or the status of the next run."""
    while (got := await frame(reader))["kind"] == "ping":
        pass
    return got["data"] if got["kind"] == "data" else got["data"]["status"]
