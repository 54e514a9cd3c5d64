"""Resuming by position, and what is retained."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.engine.stores import Storage, place_in
from tightbeam import Client, Context, Function, NotEntered, PositionLost
from tightbeam._client import engine_of
from tightbeam._engine import step_log, trimming
from tightbeam._engine.requests import FindOutcome, ReadPage, SeenUntil
from tightbeam._engine.sqlite.answers import answer
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._message import Envelope


def publishing(client: Client, ch: JobChannel) -> Any:
    @client.function("publishing")
    async def work(ctx: Context) -> None:
        first, count = ctx.event.data["first"], ctx.event.data["count"]
        for n in range(first, first + count):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})

    return work


def ticking(client: Client, ch: JobChannel, count: int) -> Function[None]:
    """A function that publishes so many durable ticks, numbered from 0."""

    @client.function("work")
    async def work(ctx: Context) -> None:
        for n in range(count):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})

    return work


async def test_a_reader_resumes_after_a_restart(
    make_client: MakeClient, storage: Storage, ch: JobChannel
) -> None:
    client = make_client()
    work = publishing(client, ch)
    async with client:
        subscription = client.realtime.subscribe(ch.tick)
        await client.run(work, {"first": 0, "count": 10})
        positions = [(await anext(subscription)).position for _ in range(10)]
    again = make_client()
    storage.double.page = 3
    work = publishing(again, ch)
    async with again:
        from_start = again.realtime.subscribe(ch.tick, after="start")
        before = [(await anext(from_start)).data.n for _ in range(10)]
        resumed = again.realtime.subscribe(ch.tick, after=positions[3])
        await again.run(work, {"first": 10, "count": 5})
        got = [await anext(resumed) for _ in range(11)]
        since = [(await anext(from_start)).data.n for _ in range(5)]
    assert [message.data.n for message in got] == list(range(4, 15))
    assert [message.position for message in got[:6]] == positions[4:]
    assert before + since == list(range(15))


async def test_no_gap_and_no_duplicate_while_others_publish(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    storage.double.page = 3  # many hand-overs between store and mailbox
    other = job_channel(job_id="other")
    work = publishing(client, ch)
    count = 150

    @client.function("noise")
    async def noise(ctx: Context) -> None:
        for n in range(count):
            await ctx.step.realtime.publish(f"p{n}", other.tick, {"n": n})

    async def follow(start_after: str | None, expected: int) -> list[int]:
        """Read a few, cut, resume: again and again."""
        got: list[int] = []
        position: str | None = start_after
        while len(got) < expected:
            subscription = client.realtime.subscribe(ch.tick, after=position)
            for _ in range(min(7, expected - len(got))):
                message = await anext(subscription)
                got.append(message.data.n)
                position = message.position
            subscription.close()
        return got

    async def merged() -> list[tuple[str, int]]:
        subscription = client.realtime.subscribe(ch.tick, other.tick, after="start")
        return [
            (message.channel, place_in(message.position))
            for message in [await anext(subscription) for _ in range(2 * count)]
        ]

    async with client:
        running = asyncio.gather(client.run(work, {"first": 0, "count": count}), client.run(noise))
        followed: list[Any] = await asyncio.wait_for(
            asyncio.gather(*(follow("start", count) for _ in range(4)), merged()), 60
        )
        await running
    *readers, both = followed
    assert readers == [list(range(count))] * 4
    places = [place for _, place in both]
    assert places == sorted(set(places))
    assert [channel for channel, _ in both].count(other.name) == count


async def test_what_comes_between_registering_and_reading_comes_once(client: Client, ch: JobChannel) -> None:
    work = publishing(client, ch)
    async with client:
        subscription = client.realtime.subscribe(ch.tick, after="start")
        await client.run(work, {"first": 0, "count": 3})
        got = [(await anext(subscription)).data.n for _ in range(3)]
        reader = asyncio.ensure_future(anext(subscription))
        await asyncio.sleep(0)  # it has seen that it got all, and waits
        await client.run(work, {"first": 3, "count": 2})
        got += [(await reader).data.n, (await anext(subscription)).data.n]
    assert got == [0, 1, 2, 3, 4]


async def test_live_messages_keep_their_place_in_a_replay(client: Client, ch: JobChannel) -> None:
    work = publishing(client, ch)
    async with client:
        await client.run(work, {"first": 0, "count": 3})
        subscription = client.realtime.subscribe(ch.tick, after="start")
        await client.realtime.publish(ch.tick, {"n": 100})
        await client.run(work, {"first": 3, "count": 1})
        assert [(await anext(subscription)).data.n for _ in range(5)] == [0, 1, 2, 100, 3]


async def test_created_at_increases_by_a_millisecond_whatever_the_clock_does(
    client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([5_000_000, 1_000_000, 1_000_000, 9_000_000, 2_000_000] * 10)
    monkeypatch.setattr(step_log, "now_us", lambda: next(times))
    work = publishing(client, ch)
    async with client:
        subscription = client.realtime.subscribe(ch.tick)
        await client.run(work, {"first": 0, "count": 10})
        stamps = [(await anext(subscription)).created_at for _ in range(10)]
    assert all(later - earlier >= timedelta(milliseconds=1) for earlier, later in pairwise(stamps))


async def test_positions_that_cannot_be_resumed_from(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    work = publishing(client, ch)
    with pytest.raises(NotEntered):
        client.realtime.subscribe(ch.tick, after="start")
    async with client:
        await client.run(work, {"first": 0, "count": 2})
        epoch = storage.run(storage.runs()[0].id).messages[0].position.partition(":")[0]
        for after in (
            "",
            "nonsense",
            "0000:1",
            f"{epoch}:3",
            f"{epoch}:-1",
            f"{epoch}:x",
            f"{epoch}:",
            f"{epoch}:²",
            f"{epoch}:{'9' * 5000}",  # more digits than Python makes a number of
        ):
            with pytest.raises(PositionLost):
                await anext(client.realtime.subscribe(ch.tick, after=after))


async def test_old_messages_are_trimmed_and_their_positions_lost(
    make_client: MakeClient, storage: Storage, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for batches in ("_BATCHES", "_BATCHES_ON_SERVER"):
        monkeypatch.setattr(trimming, batches, 1)  # look after every batch
    client = make_client(retain_messages=10)
    work = publishing(client, ch)
    async with client:
        subscription = client.realtime.subscribe(ch.tick)
        await client.run(work, {"first": 0, "count": 30})
        positions = [(await anext(subscription)).position for _ in range(30)]
        await storage.follow()  # a reader may have the last one before the log is known to be followed so far
        await client.run(work, {"first": 30, "count": 0})  # now that all are handed on
        with pytest.raises(PositionLost):
            await anext(client.realtime.subscribe(ch.tick, after=positions[5]))
        kept = client.realtime.subscribe(ch.tick, after="start")
        numbers = [(await anext(kept)).data.n for _ in range(10)]
        resumed = client.realtime.subscribe(ch.tick, after=positions[25])
        assert (await anext(resumed)).data.n == 26
    assert numbers == list(range(20, 30))


def test_retention_that_fails_is_tried_again_after_the_next_batch() -> None:
    pace = trimming.Pace(1 << 30)
    assert pace.is_time(0)  # and then it fails
    assert pace.is_time(0)
    pace.has_more = False
    assert not any(pace.is_time(0) for _ in range(3))  # and not before it is time


def test_retention_looks_when_much_was_written() -> None:
    size = 1 << 30
    pace = trimming.Pace(size)
    assert pace.is_time(0)  # the first time in any case
    pace.has_more = False
    assert not pace.is_time(size // 32 - 1)
    assert pace.is_time(1)


async def test_a_reader_that_is_overtaken_by_retention_is_told(
    make_client: MakeClient, storage: Storage, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for batches in ("_BATCHES", "_BATCHES_ON_SERVER"):
        monkeypatch.setattr(trimming, batches, 1)
    client = make_client(retain_messages=10)
    storage.double.page = 2
    work = publishing(client, ch)
    async with client:
        await client.run(work, {"first": 0, "count": 9})
        await storage.follow()
        reader = client.realtime.subscribe(ch.tick, after="start")
        assert (await anext(reader)).data.n == 0
        await client.run(work, {"first": 9, "count": 30})
        await storage.follow()  # what isn't followed isn't dropped
        await client.run(work, {"first": 39, "count": 1})
        assert (await anext(reader)).data.n == 1  # of the page that was read before
        with pytest.raises(PositionLost):
            await anext(reader)


async def test_a_time_is_found_without_reading_everything(client: Client, path: Path) -> None:
    channels = [job_channel(job_id=f"j{n}") for n in range(3)]

    @client.function("work", retries=0)
    async def work(ctx: Context) -> None:
        async with asyncio.TaskGroup() as group:
            for n in range(600):
                publish = ctx.step.realtime.publish(f"p{n}", channels[n * n % 7 % 3].tick, {"n": n})
                group.create_task(publish)

    async with client:
        await client.run(work)
    count = 0

    def note(_statement: str) -> None:
        nonlocal count
        count += 1

    with contextlib.closing(sqlite3.connect(path)) as connection:
        tx = Transaction(connection)
        for ch in channels:
            query = "SELECT seq, created_at FROM message WHERE channel = ? ORDER BY seq"
            rows = connection.execute(query, (ch.name,)).fetchall()
            connection.set_trace_callback(note)
            for at in (
                0,
                *(created // 1_000 + more for _, created in rows[::25] for more in (-1, 0, 1)),
                2**50,
            ):
                count = 0
                seen = answer(tx, SeenUntil(ch.name, at))
                expected = max((seq for seq, created in rows if created < (at + 1) * 1_000), default=0)
                assert seen[:2] == (expected, rows[-1][1])
                assert count < 20
            connection.set_trace_callback(None)


async def test_times_go_on_after_those_of_another_process(
    make_client: MakeClient, path: Path, ch: JobChannel
) -> None:
    """It had the journal while this client was left, and its clock was ahead."""
    client = make_client()
    work = publishing(client, ch)
    async with client:
        await client.run(work, {"first": 0, "count": 3})
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE message SET created_at = created_at + 60000000 WHERE seq = 3")
        connection.commit()
    async with client:
        await client.run(work, {"first": 3, "count": 3})
    with contextlib.closing(sqlite3.connect(path)) as connection:
        times = [row[0] for row in connection.execute("SELECT created_at FROM message ORDER BY seq")]
    assert len(times) == 6
    assert all(later - earlier >= 1_000 for earlier, later in pairwise(times))


@pytest.mark.slow
async def test_by_size_the_oldest_messages_and_runs_go(
    make_client: MakeClient, path: Path, storage: Storage, ch: JobChannel
) -> None:
    bound = 1024 * 1024
    client = make_client(retain_bytes=bound)
    text = "x" * 2_000

    @client.function("work", on="app/work", retries=0)
    async def work(ctx: Context) -> None:
        async with asyncio.TaskGroup() as group:
            for n in range(50):
                data = f"{ctx.event.data['n']} {text}"
                group.create_task(ctx.step.realtime.publish(f"p{n}", ch.token, data))

    async with client:
        position = client.realtime.subscribe(ch.token)._feed.position  # type: ignore[attr-defined]
        largest = 0
        for n in range(60):  # 6 MB of messages, which are the memos too
            await client.run(work, {"n": n})
            largest = max(largest, path.stat().st_size)  # noqa: ASYNC240 - a moment
        with pytest.raises(PositionLost):
            await anext(client.realtime.subscribe(ch.token, after=position))
        kept = client.realtime.subscribe(ch.token, after="start")
        numbers = [int((await anext(kept)).data.split()[0])]
        assert 0 < numbers[0] < 59
        await client.run(work, {"n": 60})
        while numbers[-1] != 60:
            numbers.append(int((await anext(kept)).data.split()[0]))
    assert numbers == sorted(numbers)
    assert largest < bound * 2  # the bound, and what one batch adds before anything goes
    assert 1 < len(storage.runs()) < 60


async def test_a_size_that_holds_nothing_keeps_the_last_message_and_what_runs(
    make_client: MakeClient, ch: JobChannel
) -> None:
    client = make_client(retain_bytes=0)
    work = publishing(client, ch)
    async with client:
        reader = client.realtime.subscribe(ch.tick)
        await client.run(work, {"first": 0, "count": 30})
        position = [(await anext(reader)).position for _ in range(30)][-2]
        resumed = client.realtime.subscribe(ch.tick, after=position)
        assert (await anext(resumed)).data.n == 29


@pytest.mark.parametrize("name", ["retain_messages", "retain_bytes"])
def test_a_bound_is_a_number(name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} is an int, not str$"):
        Client(**{name: "1GB"})  # type: ignore[arg-type]  # what is tested


async def test_by_age_the_last_message_and_the_numbers_stay(
    make_client: MakeClient, storage: Storage, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for batches in ("_BATCHES", "_BATCHES_ON_SERVER"):
        monkeypatch.setattr(trimming, batches, 1)
    client = make_client(retain_for=timedelta(0))
    work = publishing(client, ch)
    async with client:
        subscription = client.realtime.subscribe(ch.tick)
        await client.run(work, {"first": 0, "count": 5})
        await client.run(work, {"first": 5, "count": 5})
        places = [place_in((await anext(subscription)).position) for _ in range(10)]
    assert places == sorted(set(places))
    assert len(storage.runs()) <= 1  # ended runs go with their time, too


async def test_a_replay_that_is_closed_ends_with_what_was_read(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    storage.double.page = 3
    work = ticking(client, ch, 9)

    async with client:
        await client.run(work)
        await storage.follow()
        subscription = client.realtime.subscribe(ch.tick, after="start")
        assert (await anext(subscription)).data.n == 0
        subscription.close()
        assert [message.data.n async for message in subscription] == [1, 2]


async def test_a_feed_that_replays_has_seen_no_more_than_it_gave(client: Client, ch: JobChannel) -> None:
    work = ticking(client, ch, 3)

    async with client:
        await client.run(work)
        feed = engine_of(client).feed([(ch.name, "tick")], "start", max_messages=9, max_bytes=9999)
        assert feed.advance() == "start"
        first = await feed.next()
        assert first is not None
        assert feed.advance() == feed.position_of(first)
        feed.close()


async def test_a_run_that_goes_on_has_no_outcome_yet(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    published, release = asyncio.Event(), asyncio.Event()

    @client.function("work")
    async def work(ctx: Context) -> str:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 1})
        published.set()
        await release.wait()
        return "done"

    async with client, asyncio.timeout(20):
        running = asyncio.ensure_future(client.run(work))
        await published.wait()
        assert storage.read(FindOutcome(ch.name)) is None
        release.set()
        await running
        await storage.follow()  # of a message that is still to be handed on the run goes on
        outcome = storage.read(FindOutcome(ch.name))
        assert outcome is not None
        assert (outcome.state, outcome.result) == ("done", b'"done"')


async def test_the_steps_of_a_run_go_with_it(
    make_client: MakeClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for batches in ("_BATCHES", "_BATCHES_ON_SERVER"):
        monkeypatch.setattr(trimming, batches, 1)
    client = make_client(retain_for=timedelta(0))

    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.run("step", asyncio.sleep, 0)

    async with client:
        for _ in range(5):
            await client.run(work)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        runs = {run_id for (run_id,) in connection.execute("SELECT id FROM run")}
        steps = {run_id for (run_id,) in connection.execute("SELECT run_id FROM step")}
    assert len(runs) <= 1
    assert steps <= runs


@pytest.mark.parametrize("bound", [{"messages": 4}, {"size": 4 * len(b'{"n":1}')}], ids=str)
async def test_a_page_is_bounded(
    client: Client, storage: Storage, ch: JobChannel, bound: dict[str, int]
) -> None:
    """In messages, and in bytes: a reader that resumes far back doesn't get all of it at once."""
    work = ticking(client, ch, 9)
    async with client:
        await client.run(work)
    whole, last = storage.read(ReadPage(((ch.name, "tick"),), 0))
    assert [envelope.data for envelope in whole] == [b'{"n":%d}' % n for n in range(9)]
    pages: list[list[Envelope]] = []
    upto = 0
    while upto < last:
        page, upto = storage.read(ReadPage(((ch.name, "tick"),), upto, **bound))
        pages.append(page)
    assert pages == [whole[:4], whole[4:8], whole[8:]]
