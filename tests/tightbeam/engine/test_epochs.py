"""Positions over restarts and restored copies: of another history is recognised, of this one resumes."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tightbeam.engine import inspection
from tests.tightbeam.engine.conftest import MakeClient
from tests.tightbeam.engine.samples import JobChannel
from tightbeam import Client, Context, PositionLost
from tightbeam._engine import trimming
from tightbeam._engine.sqlite import epochs

pytestmark = pytest.mark.usefixtures("path")  # see `tests.tightbeam.engine.stores`


async def publish(client: Client, ch: JobChannel, first: int, count: int) -> list[str]:
    """Publish durable ticks in an opening of its own; returns the positions as a reader is given them."""
    async with client:
        return await publish_entered(client, ch, first, count)


async def publish_entered(client: Client, ch: JobChannel, first: int, count: int) -> list[str]:
    work = next((function for function in client.functions if function.id == "work"), None)
    if work is None:

        @client.function("work")
        async def work(ctx: Context) -> None:
            for n in range(ctx.event.data["first"], ctx.event.data["first"] + ctx.event.data["count"]):
                await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})

    reader = client.realtime.subscribe(ch.tick)
    await client.run(work, {"first": first, "count": count})
    return [(await anext(reader)).position or "" for _ in range(count)]


async def resumed(client: Client, ch: JobChannel, after: str, count: int) -> list[int]:
    reader = client.realtime.subscribe(ch.tick, after=after)
    return [(await asyncio.wait_for(anext(reader), 20)).data.n for _ in range(count)]


def copied(path: Path, copy: Path) -> None:
    shutil.copyfile(path, copy)


def vacuumed(path: Path, copy: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))


def backed_up(path: Path, copy: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(copy)) as to:
        source.backup(to)


def replace(file: Path, by_name: Path) -> None:
    file.replace(by_name)


@pytest.mark.parametrize("again", [False, True], ids=["at once", "after new messages"])
@pytest.mark.parametrize("make_copy", [copied, vacuumed, backed_up])
async def test_a_restored_copy_knows_its_own_positions_only(
    make_client: MakeClient, path: Path, ch: JobChannel, make_copy: Callable[[Path, Path], None], again: bool
) -> None:
    before = await publish(make_client(), ch, 0, 3)
    copy = path.with_name("copy.db")
    make_copy(path, copy)
    lost = [*await publish(make_client(), ch, 3, 2), *await publish(make_client(), ch, 5, 2)]
    replace(copy, path)
    client = make_client()
    async with client:
        if again:
            await publish_entered(client, ch, 100, 10)
        for position in lost:
            with pytest.raises(PositionLost, match="older copy"):
                await resumed(client, ch, position, 1)
        if not again:
            await publish_entered(client, ch, 100, 10)
        assert await resumed(client, ch, before[1], 11) == [2, *range(100, 110)]
        assert await resumed(client, ch, before[2], 10) == list(range(100, 110))


@pytest.mark.slow
@pytest.mark.parametrize("make_copy", [vacuumed, backed_up])
async def test_a_copy_of_an_open_journal_ends_where_it_was_made(
    make_client: MakeClient, path: Path, ch: JobChannel, make_copy: Callable[[Path, Path], None]
) -> None:
    """One opening published before and after the copy: its epoch is in both, its later messages are not."""
    client, copy = make_client(), path.with_name("copy.db")
    async with client:
        before = await publish_entered(client, ch, 0, 3)
        make_copy(path, copy)
        lost = await publish_entered(client, ch, 3, 3)
    replace(copy, path)
    async with client:
        for position in lost:
            with pytest.raises(PositionLost):
                await resumed(client, ch, position, 1)
        await publish_entered(client, ch, 100, 5)
        for position in lost:
            with pytest.raises(PositionLost):
                await resumed(client, ch, position, 1)
        assert await resumed(client, ch, before[0], 7) == [1, 2, *range(100, 105)]


async def test_two_histories_of_one_file_do_not_mix(
    make_client: MakeClient, path: Path, ch: JobChannel
) -> None:
    """The copy is put back, goes on, and is replaced by the file that it had replaced."""
    start = await publish(make_client(), ch, 0, 2)
    copy, other = path.with_name("copy.db"), path.with_name("other.db")
    copied(path, copy)
    first = await publish(make_client(), ch, 2, 3)
    replace(path, other)
    replace(copy, path)
    second = await publish(make_client(), ch, 100, 3)
    client = make_client()
    async with client:
        assert await resumed(client, ch, second[0], 2) == [101, 102]
        with pytest.raises(PositionLost):
            await resumed(client, ch, first[0], 1)
    replace(other, path)
    async with client:
        assert await resumed(client, ch, first[0], 2) == [3, 4]
        assert await resumed(client, ch, start[0], 4) == [1, 2, 3, 4]
        with pytest.raises(PositionLost):
            await resumed(client, ch, second[0], 1)


async def test_positions_stay_over_many_restarts(make_client: MakeClient, path: Path, ch: JobChannel) -> None:
    given = [position for n in range(6) for position in await publish(make_client(), ch, n * 2, 2)]
    client = make_client()
    async with client:
        reader = client.realtime.subscribe(ch.tick, after="start")
        assert [(await anext(reader)).position for _ in range(12)] == given
        for n, position in enumerate(given[:-1]):
            assert await resumed(client, ch, position, 11 - n) == list(range(n + 1, 12))
        run = inspection.run(path, inspection.runs(path)[0].id)
        assert [message.position for message in run.messages] == given[:2]


def stored(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM meta WHERE name LIKE 'opening%'")]


async def test_an_opening_that_publishes_nothing_leaves_no_trace(
    make_client: MakeClient, path: Path, ch: JobChannel
) -> None:
    client = make_client()
    (position,) = await publish(client, ch, 0, 1)
    for _ in range(5):
        async with client:
            live = client.realtime.subscribe(ch.tick)
            assert live._feed.position == position  # type: ignore[attr-defined]  # what a ping tells
    assert len(stored(path)) == 1


async def test_the_oldest_of_very_many_openings_are_merged(
    make_client: MakeClient, path: Path, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [position for n in range(6) for position in await publish(make_client(), ch, n, 1)]
    monkeypatch.setattr(epochs, "_MOST", 5)
    client = make_client()
    async with client:
        for position in given[:3]:  # never taken for another's
            with pytest.raises(PositionLost):
                await resumed(client, ch, position, 1)
        for n, position in enumerate(given[3:-1], 3):
            assert await resumed(client, ch, position, 5 - n) == list(range(n + 1, 6))
        reader = client.realtime.subscribe(ch.tick, after="start")
        anew = [(await anext(reader)).position or "" for _ in range(6)]
        assert await resumed(client, ch, anew[0], 5) == [1, 2, 3, 4, 5]
        assert anew[3:] == given[3:]
    assert len(stored(path)) == 4
    async with client:
        assert await resumed(client, ch, anew[1], 4) == [2, 3, 4, 5]


async def test_openings_go_with_their_messages(
    make_client: MakeClient, path: Path, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimming, "_BATCHES", 1)
    given = [
        position for n in range(8) for position in await publish(make_client(retain_messages=3), ch, n * 2, 2)
    ]
    client = make_client()
    async with client:
        reader = client.realtime.subscribe(ch.tick, after="start")
        kept = [(await anext(reader)).position for _ in range(3)]
        assert await resumed(client, ch, given[-4], 3) == [13, 14, 15]  # the last that was dropped
        for position in given[:-4]:
            with pytest.raises(PositionLost, match=r"no longer retained|not of this journal"):
                await resumed(client, ch, position, 1)
    assert kept == given[-3:]
    assert len(stored(path)) == 2


@pytest.mark.parametrize("number", ["", "-1", "+1", "1_0", " 1", "²", "9" * 19, "9" * 5000, "1:1"])
async def test_what_is_no_position(client: Client, ch: JobChannel, number: str) -> None:
    async with client:
        (position,) = await publish_entered(client, ch, 0, 1)
        with pytest.raises(PositionLost):
            await resumed(client, ch, f"{position.partition(':')[0]}:{number}", 1)
