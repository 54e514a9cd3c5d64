"""An open journal whose files are removed or replaced: nothing is stored into nothing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.conftest import MakeClient
from tests.engine.samples import JobChannel
from tests.engine.test_wal import read_and_write
from tightbeam import Client, Context, JournalFailed
from tightbeam._engines.embedded import presence


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
    async with client, asyncio.timeout(20):
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


async def test_it_goes_on_when_the_file_is_back(
    client: Client, path: Path, ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 1})

    async with client, asyncio.timeout(20):
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


async def test_the_journal_of_a_process_that_began_anew_keeps_its_log(path: Path, ch: JobChannel) -> None:
    """The log of a file that was moved is neither emptied nor removed when the old client is left."""
    old, new = Client(path), Client(path)

    @new.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 7})

    @old.function("nothing")
    async def nothing(ctx: Context) -> None: ...

    async with asyncio.timeout(30):
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
