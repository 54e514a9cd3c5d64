"""How many runs of a function execute at a time, when several sleeps of one run end together."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.tightbeam.engine.conftest import until
from tightbeam import Client, Context
from tightbeam._engine.limiter import Lane, Place


async def test_sleeps_that_end_together_need_one_place(client: Client) -> None:
    """The only place is taken while both of them wait for it."""
    asleep, held, done = asyncio.Event(), asyncio.Event(), []

    @client.function("work", on="app/work", concurrency=1)
    async def work(ctx: Context) -> None:
        if ctx.event.data["sleeps"]:
            asleep.set()
            naps = (ctx.step.sleep(f"nap{n}", timedelta(milliseconds=20)) for n in range(3))
            await asyncio.gather(*naps)
        else:
            held.set()
            lane = client._engine._session.runner._lanes["work"]  # type: ignore[attr-defined]
            await until(lambda: bool(lane._waking) and len(lane._waking[0]._waiters) == 3)
        done.append(ctx.event.data["sleeps"])

    async with client, asyncio.timeout(20):
        await client.send("app/work", {"sleeps": True})
        await asleep.wait()
        await client.send("app/work", {"sleeps": False})
        await held.wait()
        await until(lambda: done == [False, True])
        await client.send("app/work", {"sleeps": True})
        await until(lambda: len(done) == 3)


@pytest.fixture
def lane() -> Lane:
    return Lane(1, lambda: None)


async def test_who_stops_waiting_takes_no_place_along(lane: Lane) -> None:
    first = Place(lane)
    sleeper = Place(lane)  # one too many, which leaves at once
    sleeper.leave()
    assert lane.busy == 1
    waiting = [asyncio.create_task(sleeper.enter()) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.wait({waiting[0]})
    assert list(lane._waking) == [sleeper]
    waiting[1].cancel()
    await asyncio.wait({waiting[1]})
    first.leave()
    assert (lane.busy, len(lane._waking)) == (0, 0)


async def test_a_run_that_is_over_waits_for_no_place(lane: Lane) -> None:
    first = Place(lane)
    sleeper = Place(lane)
    sleeper.leave()
    waiting = asyncio.create_task(sleeper.enter())
    await asyncio.sleep(0)
    sleeper.close()
    await asyncio.wait_for(waiting, 10)
    first.leave()
    assert (lane.busy, len(lane._waking)) == (0, 0)


async def test_a_place_that_came_with_the_cancellation_is_given_back_in_the_end(lane: Lane) -> None:
    first = Place(lane)
    sleeper = Place(lane)
    sleeper.leave()
    waiting = asyncio.create_task(sleeper.enter())
    await asyncio.sleep(0)
    first.leave()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert lane.busy == 1
    sleeper.close()
    assert lane.busy == 0
