"""An open journal whose files are removed or replaced: nothing is stored into nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tightbeam.engine.conftest import MakeClient
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.test_wal import read_and_write
from tightbeam import Client, Context, JournalFailed, JournalRefused
from tightbeam._engine.sqlite import presence


def all_removed(path: Path) -> None:
    for one in path.parent.glob("app.db*"):
        one.unlink()


def removed(path: Path) -> None:
    path.unlink()


def moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def replaced(path: Path) -> None:
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    copy.replace(path)


def overwritten(path: Path) -> None:
    """As `cp backup.db app.db` does it: the file stays the same, its content doesn't."""
    backup = path.with_name("backup.db")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(backup),))
    shutil.copyfile(backup, path)


def content(path: Path) -> bytes:
    return path.read_bytes()


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def log_removed(path: Path) -> None:
    path.with_name("app.db-wal").unlink()


def log_replaced(path: Path) -> None:
    log_removed(path)
    path.with_name("app.db-wal").write_bytes(b"")


def lock_removed(path: Path) -> None:
    path.with_name("app.db.lock").unlink()


@pytest.fixture(autouse=True)
def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the log and the lock too, at which it looks once a second."""
    monkeypatch.setattr(presence, "_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (all_removed, r"app\.db was removed"),
        (removed, r"app\.db was removed"),
        (moved, r"app\.db was removed"),
        (replaced, r"app\.db was replaced by another file"),
        (overwritten, r"the content of .*app\.db was overwritten"),
        (emptied, r"the content of .*app\.db was overwritten"),
        (log_removed, r"app\.db-wal was removed or replaced"),
        (log_replaced, r"app\.db-wal was removed or replaced"),
        (lock_removed, r"app\.db\.lock was removed"),
    ],
)
async def test_a_publish_into_nothing_fails(
    make_client: MakeClient,
    path: Path,
    ch: JobChannel,
    happens: Callable[[Path], None],
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = make_client()
    outcomes: list[str] = []

    @client.function("work", retries=0)
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("before", ch.tick, {"n": 0})
        happens(path)
        for n in (1, 2, 3):
            with pytest.raises(JournalFailed, match=words) as caught:
                await ctx.step.realtime.publish(f"after{n}", ch.tick, {"n": n})
            outcomes.append(str(caught.value))
        published.set()

    published = asyncio.Event()
    async with client, asyncio.timeout(60):
        reader = client.realtime.subscribe(ch.tick)
        running = asyncio.ensure_future(client.run(work))
        await published.wait()
        assert (await anext(reader)).data.n == 0
        with pytest.raises(JournalFailed, match=words):
            await client.run(work)
        running.cancel()
    assert [message async for message in reader] == []  # nothing of what failed was handed out
    assert len(set(outcomes)) == 1
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == outcomes[:1]


@pytest.mark.slow
async def test_it_goes_on_when_the_file_is_back(
    client: Client, path: Path, ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 1})

    async with client, asyncio.timeout(60):
        await client.run(work)
        moved(path)
        with pytest.raises(JournalFailed, match="was removed"):
            await client.run(work)
        back = path.with_name("elsewhere.db")
        assert back.exists()
        rename(back, path)
        await client.run(work)
    assert "is in its place again" in caplog.text
    assert await read_and_write(path, ch) == [1, 1]


def rename(one: Path, other: Path) -> None:
    one.rename(other)


async def test_a_log_that_was_removed_is_not_lost_when_the_client_is_left(
    client: Client, path: Path, ch: JobChannel
) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 7})

    async with client:
        await client.run(work)
        log_removed(path)
        with pytest.raises(JournalFailed):
            await client.run(work)
    assert await read_and_write(path, ch) == [7]


async def test_a_backup_that_was_copied_over_an_open_file_stays_as_it_is(
    client: Client, path: Path, ch: JobChannel
) -> None:
    """The log of what was overwritten is neither moved into it nor taken for its own."""

    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 7})

    async with client:
        await client.run(work)
        overwritten(path)
        with pytest.raises(JournalFailed, match="was overwritten"):
            await client.run(work)
    assert content(path) == content(path.with_name("backup.db"))
    assert content(path.with_name("app.db-wal"))
    with pytest.raises(JournalRefused, match=r"isn't the database that app\.db-wal"):
        await read_and_write(path, ch)
    log_removed(path)
    path.with_name("app.db-shm").unlink()
    assert await read_and_write(path, ch) == [7]


async def test_a_page_that_moves_is_no_other_content(client: Client, path: Path, ch: JobChannel) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 7})

    async with client:
        await client.run(work)
        with contextlib.closing(sqlite3.connect(path)) as other:
            # They leave the mark no place on its page.
            others = ((f"a{n:05}", "x" * 50) for n in range(10_000))
            other.executemany("INSERT INTO meta VALUES (?, ?)", others)
            other.commit()
            other.execute("VACUUM")
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        await client.run(work)
    assert await read_and_write(path, ch) == [7, 7]


async def test_the_journal_of_a_process_that_began_anew_keeps_its_log(path: Path, ch: JobChannel) -> None:
    """The log of a file that was moved is neither emptied nor removed when the old client is left."""
    old, new = Client(path), Client(path)

    @new.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 7})

    @old.function("nothing")
    async def nothing(ctx: Context) -> None: ...

    async with asyncio.timeout(60):
        await old.__aenter__()
        all_removed(path)
        async with new:
            await new.run(work)
            with pytest.raises(JournalFailed, match="replaced by another file"):
                await old.run(nothing)
            await old.__aexit__(None, None, None)
            assert path.with_name("app.db-wal").exists()
            await new.run(work)
    assert await read_and_write(path, ch) == [7, 7]
