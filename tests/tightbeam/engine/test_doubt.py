"""A clock that is ahead for a while drops nothing; one that stays ahead is believed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.tightbeam.engine.conftest import MakeClient
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, _clock
from tightbeam._client import engine_of
from tightbeam._engine import doubt, trimming
from tightbeam._engine.postgres import appending, retention
from tightbeam._engine.requests import FindStart

DAY = 24 * 3600 * 10**9
Shift = Callable[[float], None]


@pytest.fixture
def shift(monkeypatch: pytest.MonkeyPatch) -> Shift:
    """Set the time of day forward by so many days; what the steady clock says is the truth.

    Of a server, too, where that says how old messages are.
    """
    days = 0.0
    of_server = [
        (appending, "APPEND", appending.APPEND),
        (appending, "APPEND_ONE", appending.APPEND_ONE),
        (retention, "NOW", retention.NOW),
    ]
    really = time.time_ns
    for module in (time, _clock):
        monkeypatch.setattr(module, "time_ns", lambda: really() + int(days * DAY))
    for batches in ("_BATCHES", "_BATCHES_ON_SERVER"):
        monkeypatch.setattr(trimming, batches, 1)  # look after every batch

    def forward(by: float) -> None:
        nonlocal days
        days += by
        for module, name, statement in of_server:
            moved = f"(clock_timestamp() + interval '{days * 86_400} seconds')"
            monkeypatch.setattr(module, name, statement.replace("clock_timestamp()", moved))

    return forward


@pytest.fixture
def pass_days(shift: Shift, monkeypatch: pytest.MonkeyPatch) -> Shift:
    """Let so many days really pass."""
    passed = 0.0
    really = doubt._steady_us
    monkeypatch.setattr(doubt, "_steady_us", lambda: really() + int(passed * DAY) // 1000)

    def forward(by: float) -> None:
        nonlocal passed
        passed += by
        shift(by)

    return forward


async def publish(client: Client, ch: JobChannel, first: int, count: int) -> None:
    work = next((function for function in client.functions if function.id == "work"), None)
    if work is None:

        @client.function("work")
        async def work(ctx: Context) -> None:
            for n in range(ctx.event.data["first"], ctx.event.data["first"] + ctx.event.data["count"]):
                await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})

    await client.run(work, {"first": first, "count": count})
    for _ in range(3):  # the store looks at its clocks after it has answered; a query waits for that
        await engine_of(client).read(FindStart("start"))


async def kept(client: Client, ch: JobChannel, last: int) -> list[int]:
    reader = client.realtime.subscribe(ch.tick, after="start")
    found = [(await anext(reader)).data.n]
    while found[-1] != last:
        found.append((await anext(reader)).data.n)
    return found


async def test_a_clock_that_is_ahead_for_a_while(
    client: Client, storage: Storage, ch: JobChannel, shift: Shift, caplog: pytest.LogCaptureFixture
) -> None:
    async with client:
        await publish(client, ch, 0, 10)
        shift(40)
        await publish(client, ch, 10, 5)
        shift(-40)
        await publish(client, ch, 15, 5)
        assert await kept(client, ch, 19) == list(range(20))
    assert len(storage.runs()) == 3
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert sum("the clock is 40.0 days ahead" in line for line in warned) == 1


async def test_restarts_while_it_is_ahead(make_client: MakeClient, ch: JobChannel, shift: Shift) -> None:
    async with make_client() as client:
        await publish(client, ch, 0, 5)
    shift(40)
    for life in (1, 2, 3):  # its own messages are of that time
        async with make_client() as client:
            await publish(client, ch, 5 * life, 5)
            assert await kept(client, ch, 5 * life + 4) == list(range(5 * life + 5))
    shift(-40)
    async with make_client() as client:
        await publish(client, ch, 20, 5)
        assert await kept(client, ch, 24) == list(range(25))


async def test_one_that_stays_ahead_is_believed(
    make_client: MakeClient, ch: JobChannel, shift: Shift, pass_days: Shift
) -> None:
    async with make_client() as client:
        await publish(client, ch, 0, 5)
        shift(40)
        await publish(client, ch, 5, 1)
        pass_days(0.9)
        await publish(client, ch, 6, 1)
        assert await kept(client, ch, 6) == list(range(7))
        pass_days(0.2)
        await publish(client, ch, 7, 2)
        assert await kept(client, ch, 8) == [5, 6, 7, 8]


async def test_time_that_passes_is_believed(client: Client, ch: JobChannel, pass_days: Shift) -> None:
    """The process had nothing to do for so long, or the machine was suspended."""
    async with client:
        await publish(client, ch, 0, 5)
        pass_days(40)
        await publish(client, ch, 5, 2)
        assert await kept(client, ch, 6) == [5, 6]


@pytest.mark.slow
async def test_a_program_that_runs_once_a_week(make_client: MakeClient, ch: JobChannel, shift: Shift) -> None:
    """Whether the clock jumped while nobody looked can't be known; so it forgets a week later."""
    for week in range(8):
        async with make_client(retain_for=timedelta(days=20)) as client:
            await publish(client, ch, week, 1)
            found = await kept(client, ch, week)
        shift(7)
        assert len(found) <= 5
    assert found == [4, 5, 6, 7]


async def test_nothing_is_said_where_nothing_is_old(
    make_client: MakeClient, ch: JobChannel, shift: Shift, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with make_client() as client:
        await publish(client, ch, 0, 5)
    shift(10)
    async with make_client() as client:
        await publish(client, ch, 5, 5)
    assert "the clock" not in caplog.text
