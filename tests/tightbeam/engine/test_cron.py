"""Functions that the clock starts: one run a tick, over restarts, deaths, and clocks that are set."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import tightbeam
from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, CronEvent, EngineError, cron
from tightbeam.testing import Clock, settle

NOON = datetime(2026, 11, 29, 12, 0, 30, tzinfo=UTC)

pytestmark = pytest.mark.quick_in_memory


Ticks = Callable[..., list[str]]


@pytest.fixture
def ticks(storage: Storage) -> Ticks:
    return storage.ticks


@pytest.fixture
def at_noon(clock: Clock) -> Clock:
    clock.set(NOON)
    return clock


def registered(make_client: MakeClient, schedule: Any, id: str = "tick") -> Client:
    client = make_client()

    @client.function(id, on=schedule)
    async def tick(ctx: Context[CronEvent]) -> None:
        assert ctx.event.name == "inngest/scheduled.timer"
        assert ctx.event.data is None

    return client


async def test_each_tick_starts_a_run(make_client: MakeClient, at_noon: Clock, ticks: Ticks) -> None:
    client = registered(make_client, cron("*/5 * * * *"))
    async with client:
        assert ticks() == []
        for count in range(1, 4):
            at_noon.advance(timedelta(minutes=5))
            await until(lambda: len(ticks()) == count)  # noqa: B023 - awaited in the same turn
    assert ticks() == ["2026-11-29T12:05:00", "2026-11-29T12:10:00", "2026-11-29T12:15:00"]


async def test_of_missed_ticks_the_latest_starts_once_and_late(
    make_client: MakeClient, at_noon: Clock, ticks: Ticks, caplog: pytest.LogCaptureFixture
) -> None:
    async with registered(make_client, cron("0 9 * * *", tz="Europe/Berlin")):
        pass
    at_noon.advance(timedelta(days=3))
    with caplog.at_level(logging.WARNING, "tightbeam"):
        async with registered(make_client, cron("0 9 * * *", tz="Europe/Berlin")):
            await until(lambda: len(ticks()) == 1)
    assert "starts late" in caplog.text
    async with registered(make_client, cron("0 9 * * *", tz="Europe/Berlin")):
        at_noon.advance(timedelta(days=1))
        await until(lambda: len(ticks()) == 2)
    assert ticks() == ["2026-12-02T08:00:00", "2026-12-03T08:00:00"]


async def test_a_clock_that_goes_back_repeats_no_tick(
    make_client: MakeClient, at_noon: Clock, ticks: Ticks
) -> None:
    async with registered(make_client, cron("*/5 * * * *")):
        at_noon.advance(timedelta(minutes=10))
        await until(lambda: len(ticks()) == 1)
    at_noon.set(NOON)
    async with registered(make_client, cron("*/5 * * * *")):
        at_noon.advance(timedelta(minutes=9))
        at_noon.advance(timedelta(minutes=6))
        await until(lambda: len(ticks()) == 2)
    assert ticks() == ["2026-11-29T12:10:00", "2026-11-29T12:15:00"]


async def test_a_clock_that_was_a_year_ahead_stops_nothing(
    make_client: MakeClient, at_noon: Clock, ticks: Ticks
) -> None:
    async with registered(make_client, cron("*/5 * * * *")):
        at_noon.advance(timedelta(days=365))
        await until(lambda: len(ticks()) == 1)
    at_noon.set(NOON)
    async with registered(make_client, cron("*/5 * * * *")):
        at_noon.advance(timedelta(minutes=5))
        await until(lambda: len(ticks()) == 2)
    assert ticks()[1] == "2026-11-29T12:05:00"


async def test_another_expression_begins_when_it_is_deployed(
    make_client: MakeClient, at_noon: Clock, ticks: Ticks
) -> None:
    async with registered(make_client, cron("0 * * * *")):
        pass
    at_noon.advance(timedelta(hours=3))
    async with registered(make_client, cron("30 * * * *")):
        at_noon.advance(timedelta(minutes=31))
        await until(lambda: len(ticks()) == 1)
    assert ticks() == ["2026-11-29T15:30:00"]


async def test_several_schedules_and_an_event_start_one_function(
    make_client: MakeClient, at_noon: Clock, storage: Storage, ticks: Ticks
) -> None:
    client = make_client()
    seen: list[str] = []

    @client.function("tick", on=cron("0 * * * *") | cron("0 13 * * *") | cron("0 * * * *"))
    async def tick(ctx: Context[CronEvent]) -> None:
        seen.append(ctx.event.name)

    async with client:
        at_noon.advance(timedelta(hours=1))
        await until(lambda: len(seen) == 2)
    assert ticks() == ["2026-11-29T13:00:00"] * 2


async def test_a_function_that_is_registered_later_has_ticks(client: Client, at_noon: Clock) -> None:
    ran = asyncio.Event()
    async with client:

        @client.function("tick", on=cron("*/5 * * * *"))
        async def tick(ctx: Context[CronEvent]) -> None:
            ran.set()

        @client.function("other", on="app/other")
        async def other(ctx: Context) -> None: ...

        await client.send("app/other")  # until then the scheduler hasn't looked
        await settle(within=timedelta(minutes=1))
        at_noon.advance(timedelta(minutes=5))
        async with asyncio.timeout(30):
            await ran.wait()


async def test_a_scheduled_function_can_be_run_and_invoked(client: Client) -> None:
    @client.function("tick", on=cron("0 9 * * *"))
    async def tick(ctx: Context[CronEvent]) -> str:
        return ctx.event.name

    @client.function("a", on="app/a")
    async def a(ctx: Context) -> str:
        return await ctx.step.invoke("i", function=tick)

    async with client:
        assert await client.run(tick) == "inngest/scheduled.timer"
        assert await client.run(a) == "inngest/scheduled.timer"


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        (cron("61 * * * *"), "function \"f\": cron('61 * * * *'): bad minute"),
        (cron("0 9 * * *", tz="Mars/Olympus"), "no time zone 'Mars/Olympus'"),
        (cron("0 9 * * *") | cron("nonsense"), "has 1 fields"),
    ],
)
def test_what_is_no_schedule_is_refused_where_it_is_registered(
    client: Client, schedule: Any, says: str
) -> None:
    with pytest.raises(EngineError) as refused:
        client.function("f", on=schedule)
    assert says in str(refused.value)
    assert client.functions == []


def test_without_the_library_the_remedy_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cronsim", None)
    with pytest.raises(EngineError, match=r"pip install 'tightbeam\[cron\]'"):
        client.function("f", on=tightbeam.cron("7 9 * * *"))
