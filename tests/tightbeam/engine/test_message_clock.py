"""The time of a message says, to who remembers only that, which durable messages come after it."""

from __future__ import annotations

import asyncio
import random
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tightbeam.engine.doubles import HeldFanOut
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, ContextSync
from tightbeam._hub import message_clock
from tightbeam._hub.message_clock import MILLISECOND, MessageClock
from tightbeam._message import Envelope


def envelope(channel: str, created: int, seq: int | None = None) -> Envelope:
    return Envelope(channel, "t", b"1", None, None, created, seq)


class History:
    """Hands out messages of two channels, on a clock that may stand still or go back."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.times = MessageClock()
        self.clock = 1_000_000
        self.waiting: list[tuple[str, int]] = []
        self.out: dict[str, list[tuple[str, int]]] = {"a": [], "b": []}
        self.stream: list[tuple[str, int]] = []
        """As a reader of both channels gets them."""
        self.journal: dict[str, int] = {}

    def tick(self) -> int:
        self.clock += self.random.choice([0, 1, 300, 5_000, -20_000])
        return self.clock

    def live(self) -> None:
        channel = self.random.choice("ab")
        self._hand_out(channel, "live", self.times.stamp(envelope(channel, self.tick())).created_us)

    def _hand_out(self, channel: str, kind: str, stamp: int) -> None:
        self.out[channel].append((kind, stamp))
        self.stream.append((kind, stamp))

    def store(self) -> None:
        channel = self.random.choice("ab")
        at_least = self.tick() - self.random.randrange(3_000)
        if not self.times.is_known(channel):  # only then is the journal asked
            at_least = max(at_least, self.journal.get(channel, 0) + MILLISECOND)
        stamp = self.times.reserve(channel, at_least)
        assert stamp >= self.journal.get(channel, 0) + MILLISECOND
        self.journal[channel] = stamp
        self.waiting.append((channel, stamp))

    def commit(self) -> None:
        for channel, stamp in self.waiting:
            self.times.commit(channel, stamp)
            self._hand_out(channel, "durable", stamp)
        self.waiting.clear()
        self.times.release()

    def roll_back(self) -> None:
        self.journal.clear()
        for channel, out in self.out.items():
            durable = [stamp for kind, stamp in out if kind == "durable"]
            if durable:
                self.journal[channel] = durable[-1]
        self.waiting.clear()
        self.times.release()


@settings(max_examples=150, deadline=None)
@given(
    st.integers(), st.lists(st.sampled_from(["live", "live", "store", "commit", "roll_back"]), max_size=60)
)
def test_the_last_time_seen_tells_what_was_seen(seed: int, orders: list[str]) -> None:
    history = History(seed)
    for order in [*orders, "commit"]:
        getattr(history, order)()
    for out in history.out.values():
        for n, (_, seen) in enumerate(out):
            cut = seen // MILLISECOND
            for kind, stamp in out[:n]:
                assert kind == "live" or stamp // MILLISECOND <= cut  # wouldn't come again
            for kind, stamp in out[n + 1 :]:
                assert kind == "live" or stamp // MILLISECOND > cut  # would come


def after_one_time(stream: list[tuple[str, int]], seen: int) -> list[int]:
    """Which messages the journal gives to a reader of several channels: see `records.place_of_seen`."""
    cut = seen // MILLISECOND
    durable = [n for n, (kind, _) in enumerate(stream) if kind == "durable"]
    exact = [n for n in durable if stream[n][1] // MILLISECOND == cut]
    later = [n - 1 for n in durable if stream[n][1] // MILLISECOND > cut]
    begin = min(exact or later or [len(stream)])
    return [n for n in durable if n > begin]


@settings(max_examples=150, deadline=None)
@given(
    st.integers(), st.lists(st.sampled_from(["live", "live", "store", "commit", "roll_back"]), max_size=60)
)
def test_one_time_tells_what_was_seen_of_several_channels(seed: int, orders: list[str]) -> None:
    history = History(seed)
    for order in [*orders, "commit"]:
        getattr(history, order)()
    stream = history.stream
    for n, (_, seen) in enumerate(stream):
        expected = [m for m, (kind, _) in enumerate(stream) if m > n and kind == "durable"]
        assert after_one_time(stream, seen) == expected


@pytest.mark.parametrize("count", [100, 3_000])
def test_more_than_a_thousand_messages_a_second_are_no_gap(count: int) -> None:
    """Then messages of several channels have the same millisecond, and no time tells them apart."""
    times, stream, clock, repeats = MessageClock(), list[tuple[str, int]](), 1_000_000_000, 0
    for n in range(count):
        channel = f"c{n % 7}"
        clock += 20
        times.commit(channel, stamp := times.reserve(channel, clock))
        times.release()
        stream.append(("durable", stamp))
        if n % 5 == 0:
            live = times.stamp(envelope("live", clock)).created_us
            assert live <= clock + message_clock._MAX_AHEAD
            stream.append(("live", live))
    for n in range(len(stream) - 200, len(stream)) if count > 200 else range(len(stream)):
        expected = {m for m, (kind, _) in enumerate(stream) if m > n and kind == "durable"}
        given = set(after_one_time(stream, stream[n][1]))
        assert given >= expected
        repeats += len(given - expected)
    assert (repeats > 0) == (count > 1_000)


def test_a_live_message_counts_although_what_was_being_stored_never_came() -> None:
    times = MessageClock()
    times.reserve("a", 1_000_000)
    seen = times.stamp(envelope("a", 1_000_000)).created_us
    times.release()  # it was rolled back, and then the clock was set back
    assert times.reserve("a", 900_000) // MILLISECOND > seen // MILLISECOND


def test_channels_that_are_past_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_clock, "_MAX_CHANNELS", 10)
    times = MessageClock()
    now = time.time_ns() // 1000
    for n in range(100):
        times.commit(f"c{n}", now - 1_000_000 + n)
    times.commit("ahead", now + 60_000_000)
    assert len(times._last_durable) <= 11
    assert times.stamp(envelope("c0", now - 2_000_000)).created_us >= now - 1_000_000
    assert times.stamp(envelope("ahead", now)).created_us == now + 60_000_000


@pytest.mark.one_process
async def test_what_is_live_while_a_message_is_being_stored_comes_before_it(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    other = job_channel(job_id="j2")

    @client.function("work")
    def work(ctx: ContextSync) -> None:
        ctx.step.realtime.publish("p", ch.tick, {"n": 1})

    async with client:
        reader, others = client.realtime.subscribe(ch), client.realtime.subscribe(other)
        held = HeldFanOut(storage.double)
        running = asyncio.create_task(client.run(work))
        assert await asyncio.to_thread(held.reached.wait, 30)
        later = time.time_ns() + 3_000_000
        while time.time_ns() < later:  # noqa: ASYNC110 - by the clock, the live one comes milliseconds later
            await asyncio.sleep(0)
        await client.realtime.publish(ch.tick, {"n": 0})
        await client.realtime.publish(other.tick, {"n": 0})
        held.go.set()
        await running
        live, durable, elsewhere = await anext(reader), await anext(reader), await anext(others)
    assert (live.data.n, durable.data.n) == (0, 1)  # type: ignore[union-attr]
    assert _milliseconds(live) < _milliseconds(durable)
    # For readers of both: one time says what they have seen.
    assert _milliseconds(live) <= _milliseconds(elsewhere) < _milliseconds(durable)


async def test_what_is_live_after_many_messages_of_one_moment_comes_after_them(ch: JobChannel) -> None:
    client = Client()

    @client.function("work")
    async def work(ctx: Context) -> None:
        async with asyncio.TaskGroup() as group:
            for n in range(200):  # stored together, a millisecond apart: ahead of the clock
                group.create_task(ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n}))

    async with client:
        reader = client.realtime.subscribe(ch.tick)
        await client.run(work)
        await client.realtime.publish(ch.tick, {"n": 1_000})
        got = [await anext(reader) for _ in range(201)]
    assert got[-1].data.n == 1_000
    assert got[-1].created_at >= got[-2].created_at


async def test_what_is_live_during_a_replay_comes_where_it_was_published(ch: JobChannel) -> None:
    client = Client()

    @client.function("work")
    async def work(ctx: Context) -> None:
        for n in range(20):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
            if n == 9:
                await ctx.publish(ch.tick, {"n": 1_000})  # waits in the buffer

    async with client:
        reader = client.realtime.subscribe(ch.tick, after="start")
        await client.run(work)
        got = [await anext(reader) for _ in range(21)]
    assert [one.data.n for one in got] == [*range(10), 1_000, *range(10, 20)]
    assert all(first.created_at <= second.created_at for first, second in pairwise(got))


def _milliseconds(message: Any) -> int:
    return int(message.created_at.timestamp() * 1000)
