"""How many runs of a function execute at a time, when several sleeps of one run end together."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.tightbeam.engine.conftest import until
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context
from tightbeam._engine.limiter import ConcurrencyLimiter, FunctionLimiter, Slot
from tightbeam.testing import Clock


async def test_sleeps_that_end_together_need_one_slot(
    client: Client, storage: Storage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only slot is taken while all of them wait for it."""
    held, done = asyncio.Event(), []
    waiting: list[Slot] = []
    really = Slot.acquire

    async def acquire(slot: Slot) -> None:
        waiting.append(slot)
        await really(slot)

    monkeypatch.setattr(Slot, "acquire", acquire)

    @client.function("work", on="app/work", concurrency=1)
    async def work(ctx: Context) -> None:
        if ctx.event.data["sleeps"]:
            naps = (ctx.step.sleep(f"nap{n}", timedelta(seconds=30)) for n in range(3))
            await asyncio.gather(*naps)
        else:
            held.set()
            await until(lambda: len(waiting) == 3)
            assert len(set(waiting)) == 1
        done.append(ctx.event.data["sleeps"])

    async def fall_asleep() -> None:
        (run_id,) = await client.send("app/work", {"sleeps": True})
        await until(lambda: [step.state for step in storage.run(run_id).steps] == ["sleeping"] * 3)

    async with client, asyncio.timeout(60):
        await fall_asleep()
        await client.send("app/work", {"sleeps": False})
        await held.wait()
        clock.advance(timedelta(seconds=30))
        await until(lambda: done == [False, True])
        await fall_asleep()
        clock.advance(timedelta(seconds=30))
        await until(lambda: len(done) == 3)


@pytest.fixture
def limiter() -> ConcurrencyLimiter:
    return ConcurrencyLimiter(1, lambda: None)


async def test_who_stops_waiting_takes_no_slot_along(limiter: ConcurrencyLimiter) -> None:
    first, sleeper = Slot(limiter), Slot(limiter)
    first.take()
    assert limiter.busy == 1
    waiting = [asyncio.create_task(sleeper.acquire()) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.wait({waiting[0]})
    assert len(limiter._waiting) == 1
    waiting[1].cancel()
    await asyncio.wait({waiting[1]})
    first.release()
    assert (limiter.busy, len(limiter._waiting)) == (0, 0)


async def test_a_run_that_is_over_waits_for_no_slot(limiter: ConcurrencyLimiter) -> None:
    first, sleeper = Slot(limiter), Slot(limiter)
    first.take()
    waiting = asyncio.create_task(sleeper.acquire())
    await asyncio.sleep(0)
    sleeper.close()
    await asyncio.wait_for(waiting, 30)
    first.release()
    assert (limiter.busy, len(limiter._waiting)) == (0, 0)


async def test_a_slot_that_came_with_the_cancellation_is_given_back_in_the_end(
    limiter: ConcurrencyLimiter,
) -> None:
    first, sleeper = Slot(limiter), Slot(limiter)
    first.take()
    waiting = asyncio.create_task(sleeper.acquire())
    await asyncio.sleep(0)
    first.release()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert limiter.busy == 1
    sleeper.close()
    assert limiter.busy == 0


async def test_a_run_that_waits_for_its_key_keeps_no_slot_from_others() -> None:
    limiter = FunctionLimiter(2, 1, lambda: None)
    first, second, other = limiter.slot("a"), limiter.slot("a"), limiter.slot(None)
    first.take()
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(0)
    assert (limiter.busy, limiter.free, limiter.keys) == (1, 1, {"a": 2})
    other.take()
    assert other.is_held
    first.release()
    assert limiter.take_freed() == frozenset(), "the one that waits has it"
    await asyncio.wait_for(waiting, 30)
    second.close()
    assert limiter.take_freed() == {"a"}
    assert limiter.take_freed() == frozenset()


async def test_a_sleeping_run_and_a_new_one_have_one_limit() -> None:
    """Also where nobody had a slot of the key in between."""
    limiter = FunctionLimiter(9, 1, lambda: None)
    sleeper = limiter.slot("a")
    sleeper.take()
    sleeper.release()
    another = limiter.slot("a")
    another.take()
    waiting = asyncio.create_task(sleeper.acquire())
    await asyncio.sleep(0)
    assert not waiting.done()
    another.close()
    await asyncio.wait_for(waiting, 30)
    assert sleeper.is_held
