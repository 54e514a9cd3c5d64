"""Entering waits for a file that another client is about to leave."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.samples import JobChannel
from tightbeam import Client, Context, JournalRefused
from tightbeam._engine import waiting
from tightbeam._engine.sqlite.lock import Lock

pytestmark = pytest.mark.usefixtures("path")  # see `tests.tightbeam.engine.stores`


async def test_the_next_client_takes_over(
    make_client: MakeClient, ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    """What the one before it was doing goes on."""
    begun, goes_on = asyncio.Event(), asyncio.Event()
    old, new = make_client(shutdown_timeout=timedelta(0)), make_client(wait_for_file=timedelta(seconds=60))
    for client in (old, new):

        @client.function("work", on="app/work")
        async def work(ctx: Context) -> None:
            begun.set()
            await goes_on.wait()
            await ctx.step.realtime.publish("p", ch.tick, {"n": 1})

    async with asyncio.timeout(30):
        await old.__aenter__()
        await old.send("app/work")
        await begun.wait()
        entering = asyncio.ensure_future(new.__aenter__())
        await until(lambda: "waiting for it" in caplog.text)
        assert not entering.done()
        await old.__aexit__(None, None, None)
        await entering
        goes_on.set()
        assert (await anext(new.realtime.subscribe(ch.tick, after="start"))).data.n == 1
        await new.__aexit__(None, None, None)
    told = [record.message for record in caplog.records if "waiting for it" in record.message]
    assert len(told) == 1
    assert f"is in use by process {os.getpid()}: waiting for it, 60 s at most" in told[0]


async def test_it_reminds_now_and_then(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_PAUSE", 0.0)
    monkeypatch.setattr(waiting, "_REMINDER", 0.0)
    async with make_client():
        seconds = itertools.count()  # each look takes one, however long it takes
        monkeypatch.setattr(waiting, "time", Mock(monotonic=lambda: float(next(seconds))))
        with pytest.raises(JournalRefused, match=r"in use by process .*\(waited 3 s for it\)$") as caught:
            await make_client(wait_for_file=timedelta(seconds=3)).__aenter__()
        assert caught.value.holder == os.getpid()
        assert len([record for record in caplog.records if record.levelno == logging.WARNING]) > 1


async def test_without_a_wait_it_is_refused_at_once_with_the_ways_out(make_client: MakeClient) -> None:
    async with make_client():
        with pytest.raises(JournalRefused, match="wait_for_file=") as caught:
            await make_client().__aenter__()
    assert caught.value.holder == os.getpid()
    assert "tightbeam serve" in str(caught.value)
    assert "tightbeam.connect" in str(caught.value)


async def test_what_is_wrong_with_the_file_is_not_waited_for(make_client: MakeClient, path: Path) -> None:
    path.write_text("something else" * 100)  # noqa: ASYNC240 - a moment
    with pytest.raises(JournalRefused, match="not a journal") as caught:
        await make_client(wait_for_file=timedelta(days=1)).__aenter__()
    assert caught.value.holder is None


@pytest.mark.slow
async def test_waiting_can_be_cancelled(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    client = make_client(wait_for_file=timedelta.max)
    async with make_client():
        for _ in range(3):
            caplog.clear()
            entering = asyncio.ensure_future(client.__aenter__())
            await until(lambda: "waiting for it" in caplog.text)
            entering.cancel()
            with pytest.raises(asyncio.CancelledError):
                await entering
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.__aenter__()
    async with asyncio.timeout(30), client:
        pass


async def test_cancelled_in_the_moment_of_taking_over_it_lets_go(
    make_client: MakeClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often: the file is free for the next one."""
    entering: list[asyncio.Future[Client]] = []
    note = Lock.note

    def cancelling(lock: Lock, *databases: str) -> None:
        loop.call_soon_threadsafe(entering[-1].cancel)
        note(lock, *databases)

    loop = asyncio.get_running_loop()
    with monkeypatch.context() as patched:
        patched.setattr(Lock, "note", cancelling)
        for _ in range(3):
            entering.append(asyncio.ensure_future(make_client(wait_for_file=timedelta(1)).__aenter__()))
            with pytest.raises(asyncio.CancelledError):
                await entering[-1]
    async with asyncio.timeout(20), make_client(wait_for_file=timedelta(1)):
        pass


@pytest.mark.parametrize("value", [5, -timedelta(seconds=1)])
def test_a_wait_is_a_length_of_time(path: Path, value: object) -> None:
    with pytest.raises((TypeError, ValueError), match="wait_for_file"):
        Client(path, wait_for_file=value)  # type: ignore[arg-type]  # what is tested


async def test_memory_is_nobody_elses() -> None:
    async with Client(wait_for_file=timedelta(1)), Client(wait_for_file=timedelta(1)):
        pass
