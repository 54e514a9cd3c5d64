"""The clock is set back or forward, while a client is open and while none is: nothing waits for it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, ContextSync, _clock
from tightbeam._engine import alarm as clocks
from tightbeam._engine.alarm import Alarm, ClockWatch
from tightbeam._engine.records import FunctionLimit, NewRun, RunError
from tightbeam._engine.requests import AddRuns, BeginSleep, Claim, LeaveMemory, PullBack, Recover, RetryRun
from tightbeam._engine.store import Request
from tightbeam._message import microseconds_of, time_of
from tightbeam.gateway import _tokens

HOUR = 3600


class Clock:
    """The time of day, as everything in the runtime reads it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.offset = 0
        monkeypatch.setattr(_clock, "time_ns", lambda: time.time_ns() + self.offset * 1_000_000_000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
async def test_order_and_times(client: Client, ch: JobChannel, clock: Clock, jump: int) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        for n in range(6):
            if n == 3:
                clock.offset += jump
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
            await ctx.publish(ch.status, {"message": "live"})

    async with client:
        subscription = client.realtime.subscribe(ch)
        await client.run(work)
        messages: list[Any] = [await anext(subscription) for _ in range(12)]
        again: Any = client.realtime.subscribe(ch.tick, after=messages[4].position)
        assert [(await anext(again)).data.n for _ in range(3)] == [3, 4, 5]
    assert [message.topic for message in messages] == ["tick", "status"] * 6
    durable = [message for message in messages if message.topic == "tick"]
    assert [message.data.n for message in durable] == list(range(6))
    assert all(one.created_at < other.created_at for one, other in pairwise(durable))


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
async def test_runs_that_wait_for_their_place_begin_all_the_same(
    client: Client, clock: Clock, jump: int, storage: Storage
) -> None:
    held, release, ran = asyncio.Event(), asyncio.Event(), []

    @client.function("work", on="app/work", concurrency=1)
    async def work(ctx: Context) -> None:
        ran.append(ctx.run_id)
        held.set()
        await release.wait()

    async with client:
        ids = [(await client.send("app/work"))[0] for _ in range(3)]
        await asyncio.wait_for(held.wait(), 30)
        clock.offset += jump
        ids += await client.send("app/work")  # which would be due before those that wait
        release.set()
        await until(lambda: len(ran) == 4)
    assert sorted(ran) == sorted(ids)
    assert {storage.run(one).summary.state for one in ids} == {"done"}


async def test_a_retry_waits_as_long_as_it_was_meant_to(
    make_client: MakeClient, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(retry_delay=timedelta(milliseconds=300))
    failed = asyncio.Event()

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> int:
        if not ctx.attempt:
            failed.set()
            raise ValueError
        return 1

    @client.function("other")
    async def other(ctx: Context) -> None: ...

    async with client, asyncio.timeout(60):
        running = asyncio.ensure_future(client.run(work))
        await failed.wait()
        clock.offset -= HOUR
        await client.run(other)  # anything that makes the engine look: by itself it does every minute
        assert await running == 1
    assert any("set back by 3600 s" in record.getMessage() for record in caplog.records)


@pytest.mark.slow
async def test_a_sleep_goes_on_over_a_clock_that_was_set_back(
    make_client: MakeClient, clock: Clock, storage: Storage
) -> None:
    client = make_client()
    naps: list[float] = []

    def define(client: Client) -> None:
        @client.function("sleepy", on="app/sleepy")
        async def sleepy(ctx: Context) -> None:
            await ctx.step.sleep("nap", timedelta(seconds=10))
            naps.append(1)

        @client.function("other")
        async def other(ctx: Context) -> None: ...

    define(client)
    async with client:
        (run_id,) = await client.send("app/sleepy")
        await until(lambda: storage.run(run_id).summary.state == "sleeping")
        clock.offset -= HOUR
        await client.run(client.functions[1])  # it looks, and sets back what is stored
    await storage.closed()
    (nap,) = storage.run(run_id).steps
    assert nap.wake_at is not None
    assert nap.wake_at < datetime.now(UTC) - timedelta(seconds=HOUR - 60)
    again = make_client()
    define(again)
    async with again:
        await until(lambda: bool(naps))


@pytest.mark.slow
@pytest.mark.parametrize("open", [True, False], ids=["while open", "while nothing ran"])
async def test_a_timeout_ends_a_run_when_it_was_meant_to(
    make_client: MakeClient, clock: Clock, storage: Storage, open: bool
) -> None:
    """Also one that sleeps, and isn't in memory."""

    def define(client: Client) -> None:
        @client.function("work", on="app/work", timeout=timedelta(seconds=5))
        async def work(ctx: Context) -> None:
            await ctx.step.sleep("nap", timedelta(hours=2))

        @client.function("other")
        async def other(ctx: Context) -> None: ...

    client = make_client()
    define(client)
    async with client:
        (run_id,) = await client.send("app/work")
        await until(lambda: storage.double.requested(LeaveMemory) == 1)
        if open:
            clock.offset -= HOUR
            await client.run(client.functions[1])  # it looks, and sets back what is stored
            await until(lambda: storage.run(run_id).summary.state == "failed")
    if not open:
        await storage.closed()
        clock.offset -= HOUR
        again = make_client()
        define(again)
        async with again:
            await until(lambda: storage.run(run_id).summary.state == "failed")


@pytest.mark.slow
@pytest.mark.quick_in_memory
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_sleep_in_progress_ends_when_it_was_meant_to(
    client: Client, clock: Clock, storage: Storage, kind: str
) -> None:
    @client.function("async", on="app/async")
    async def async_(ctx: Context) -> None:
        await ctx.step.sleep("nap", timedelta(seconds=3))

    @client.function("sync", on="app/sync")
    def sync(ctx: ContextSync) -> None:
        ctx.step.sleep("nap", timedelta(seconds=3))

    async with client:
        (run_id,) = await client.send(f"app/{kind}")
        await until(lambda: storage.double.answered(BeginSleep) == 1)
        clock.offset -= HOUR
        await until(lambda: storage.run(run_id).summary.state == "done")


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_set_back_while_a_sleep_is_being_stored(
    client: Client, clock: Clock, storage: Storage, kind: str
) -> None:
    def set_back(request: Request[Any]) -> None:
        if isinstance(request, BeginSleep):
            clock.offset -= HOUR

    storage.double.answering = set_back

    @client.function("async")
    async def async_(ctx: Context) -> str:
        await ctx.step.sleep("nap", timedelta(milliseconds=50))
        return "awake"

    @client.function("sync")
    def sync(ctx: ContextSync) -> str:
        ctx.step.sleep("nap", timedelta(milliseconds=50))
        return "awake"

    async with client, asyncio.timeout(30):
        assert await client.run(async_ if kind == "async" else sync) == "awake"


async def test_set_back_while_nothing_ran(make_client: MakeClient, clock: Clock, storage: Storage) -> None:
    """A retry that would be due in an hour waits as long as it was meant to; a sleep of an hour stays one."""
    client = make_client(retry_delay=timedelta(milliseconds=200))
    ran = []

    def define(client: Client) -> None:
        @client.function("work", on="app/work")
        async def work(ctx: Context) -> None:
            ran.append(ctx.attempt)
            if not ctx.attempt:
                raise ValueError

        @client.function("sleepy", on="app/work")
        async def sleepy(ctx: Context) -> None:
            await ctx.step.sleep("nap", timedelta(hours=1))
            ran.append(-1)

    define(client)
    async with client:
        ids = await client.send("app/work")
        await until(lambda: {run.state for run in storage.runs()} == {"ready", "sleeping"} and ran == [0])
    await storage.closed()
    clock.offset -= HOUR
    again = make_client()
    define(again)
    async with again:
        await until(lambda: len(ran) == 2)
    assert ran == [0, 1]
    assert [storage.run(run_id).summary.state for run_id in ids] == ["done", "sleeping"]


@pytest.mark.parametrize("wait", [timedelta(seconds=30), timedelta(hours=8)])
@pytest.mark.parametrize("lost", [20, HOUR])
async def test_a_retry_keeps_its_delay_over_a_clock_that_was_set_back_while_nothing_ran(
    clock: Clock, storage: Storage, wait: timedelta, lost: int
) -> None:
    """It is neither dropped nor does it become longer."""
    wait_us = wait // timedelta(microseconds=1)
    async with storage.opened() as store:
        store.call(AddRuns((NewRun("r1", "work"),), "app/work", b"{}"))
        limit = FunctionLimit("work", 1, on_thread=False)
        assert store.call(Claim((), (limit,), 1, 1, frozenset())).runs
        due_at = _clock.now_us() + wait_us
        store.call(RetryRun("r1", 1, due_at, RunError("ValueError", "no", None), (), wait_us))
    clock.offset -= lost
    began = time_of(_clock.now_us())
    async with storage.opened() as store:
        store.call(Recover(frozenset({"work"}), 60_000_000))
    (run,) = storage.runs()
    assert began + wait <= run.due_at <= time_of(_clock.now_us()) + wait


@pytest.mark.parametrize("starts", [1, 2])
@pytest.mark.parametrize("noticed", [True, False])
async def test_set_back_while_nothing_ran_and_runs_had_not_begun(
    clock: Clock, storage: Storage, starts: int, noticed: bool
) -> None:
    """What was due is due, a delay is as long as it was, and a date is the same date."""
    delay = timedelta(minutes=5)
    date = datetime.now(UTC) + delay
    due_at = microseconds_of(date)
    async with storage.opened() as store:
        runs = (
            NewRun("now", "work"),
            NewRun("delayed", "work", due_at),
            NewRun("dated", "work", due_at, dated=True),
        )
        store.call(AddRuns(runs, "app/work", b"{}"))
    clock.offset -= HOUR
    for _ in range(starts):
        async with storage.opened() as store:
            if noticed:  # by the process that had it open, or by this one
                store.call(PullBack(HOUR * 1_000_000))
                noticed = False
            store.call(Recover(frozenset({"work"}), 0))
    now = time_of(_clock.now_us())
    due = {run.id: run.due_at for run in storage.runs()}
    assert due["now"] <= now
    assert now < due["delayed"] <= now + delay
    assert due["dated"] == date


async def test_set_back_while_nothing_ran_and_runs_were_parked_before_they_began(
    clock: Clock, storage: Storage
) -> None:
    delay = timedelta(minutes=5)
    due_at = microseconds_of(datetime.now(UTC) + delay)
    async with storage.opened() as store:
        runs = (NewRun("delayed", "work", due_at), NewRun("dated", "work", due_at, dated=True))
        store.call(AddRuns(runs, "app/work", b"{}"))
        store.call(Recover(frozenset(), 0))
    clock.offset -= HOUR
    limit = FunctionLimit("work", 1, on_thread=False)
    async with storage.opened() as store:
        store.call(Recover(frozenset({"work"}), 0))
        assert store.call(Claim(("work",), (limit,), 1, 1, frozenset())).runs == []
    due = {run.id: run.due_at for run in storage.runs()}
    assert due["delayed"] <= time_of(_clock.now_us()) + delay
    assert due["dated"] == time_of(due_at)


def test_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of before the jump is refused, if anything; one that is fetched now is fine."""
    secret = b"s" * 32
    now = time.time()

    def minted(offset: int) -> str:
        with monkeypatch.context() as patched:
            patched.setattr(_tokens.time, "time", lambda: now + offset)
            return _tokens.mint(secret, {"alerts": ["alert"]}, None, 60)

    for offset in (HOUR, -HOUR):  # the clock was set back, or forward, since
        with pytest.raises(_tokens.BadToken):
            _tokens.verify(minted(offset), [secret], 4096)
        assert _tokens.verify(minted(0), [secret], 4096).topics == {"alerts": ("alert",)}


def test_a_machine_that_was_suspended_is_woken_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile the time of day goes on, and the clock that nobody sets doesn't."""
    alarm = Alarm(clocks.now_us() + 3_600_000_000)
    assert alarm.left() > 3_000
    now = clocks.now_us()
    monkeypatch.setattr(clocks, "now_us", lambda: now + 3_600_000_000)
    assert alarm.left() == 0


def test_a_thread_that_stands_still_between_both_clocks_takes_none_for_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed, pauses = 0, [0, 0, 2_000_000, 0]

    def now_us() -> int:
        nonlocal passed
        now, passed = passed, passed + pauses.pop(0)
        return now

    monkeypatch.setattr(clocks, "now_us", now_us)
    monkeypatch.setattr(clocks, "steady_us", lambda: passed)
    watch = ClockWatch()
    assert [watch.lost() for _ in range(2)] == [0, 0]
    assert pauses == []
