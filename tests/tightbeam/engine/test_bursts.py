"""Bursts: a reader that only reads keeps its subscription, and loses live messages at worst."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import until
from tests.tightbeam.engine.samples import JobChannel, Tick
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, ContextSync, SubscriberTooSlow
from tightbeam._engine import feed as feeds
from tightbeam._hub.hub import Hub, Mailbox
from tightbeam._message import Envelope

pytestmark = pytest.mark.quick_in_memory

MANY = 20_000
END = -1


class Reading:
    """A task that only reads, up to the durable message that ends the burst."""

    def __init__(self, subscription: Any) -> None:
        self.subscription = subscription
        self.live: list[int] = []
        self.durable: list[int] = []
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.subscription:
            (self.live if message.position is None else self.durable).append(message.data.n)
            if message.data.n == END:
                return

    async def ended(self, count: int) -> None:
        """Wait for the end: what was live came in order, or is counted."""
        await asyncio.wait_for(self.task, 60)
        assert self.durable[-1] == END
        assert self.live == sorted(self.live)
        assert self.live[-1] == count - 1
        assert len(self.live) + self.subscription.dropped == count


async def handed_on_at_once(client: Client, ch: JobChannel) -> None:
    """Wait until live messages of the client wait for nothing: over a server the first ones do for the log.

    All of them are handed on together then, which is more than a buffer holds if there are many.
    """
    first = client.realtime.subscribe(ch.status)
    await client.realtime.publish(ch.status, {"message": "first"})
    await anext(first)


def ending(client: Client, ch: JobChannel) -> Any:
    @client.function("end")
    async def end(ctx: Context) -> None:
        await ctx.step.realtime.publish("end", ch.tick, {"n": END})

    return end


async def test_a_handler_that_publishes_in_a_loop(client: Client, ch: JobChannel) -> None:
    @client.function("burst")
    async def burst(ctx: Context) -> None:
        await handed_on_at_once(client, ch)
        for n in range(MANY):
            await ctx.publish(ch.tick, {"n": n})
        await ctx.step.realtime.publish("end", ch.tick, {"n": END})

    async with client:
        readers = [Reading(client.realtime.subscribe(ch.tick)) for _ in range(3)]
        await client.run(burst)
        for reader in readers:
            await reader.ended(MANY)
            assert reader.subscription.dropped == 0  # they share the event loop, which it lets have its turns


async def test_a_plain_handler_and_its_steps(client: Client, ch: JobChannel) -> None:
    def rows(first: int) -> None:
        for n in range(first, first + MANY // 2):
            client.realtime.publish_sync(ch.tick, {"n": n})

    @client.function("burst")
    def burst(ctx: ContextSync) -> None:
        for n in range(MANY // 2):
            ctx.publish(ch.tick, {"n": n})
        ctx.step.run("rows", rows, MANY // 2)
        ctx.step.realtime.publish("end", ch.tick, {"n": END})

    async with client:
        readers = [Reading(client.realtime.subscribe(ch.tick)) for _ in range(3)]
        await client.run(burst)
        for reader in readers:
            await reader.ended(MANY)


async def test_a_loop_outside_of_runs_before_the_reader_has_begun(client: Client, ch: JobChannel) -> None:
    end = ending(client, ch)
    async with client:
        await handed_on_at_once(client, ch)
        reader = Reading(client.realtime.subscribe(ch.tick))
        for n in range(MANY):
            await client.realtime.publish(ch.tick, {"n": n})
        await client.run(end)
        await reader.ended(MANY)
        assert reader.subscription.dropped == 0


async def test_threads(client: Client, ch: JobChannel) -> None:
    end = ending(client, ch)
    count = 4 * 5_000

    def publish() -> None:
        for n in range(5_000):
            client.realtime.publish_sync(ch.tick, {"n": n})

    async with client:
        reader = Reading(client.realtime.subscribe(ch.tick))
        await asyncio.gather(*(asyncio.to_thread(publish) for _ in range(4)))
        await client.run(end)
        await asyncio.wait_for(reader.task, 60)
    assert len(reader.live) + reader.subscription.dropped == count
    assert reader.durable == [END]


def test_a_reader_on_another_event_loop(client: Client, ch: JobChannel) -> None:
    ready = threading.Event()
    got: list[int] = []

    async def read() -> None:
        subscription = client.realtime.subscribe(ch.tick)
        ready.set()
        while not got or got[-1] != MANY - 1:
            got.append((await anext(subscription)).data.n)
        assert len(got) + subscription.dropped == MANY

    reader = threading.Thread(target=lambda: asyncio.run(asyncio.wait_for(read(), 60)))
    reader.start()
    assert ready.wait(60)

    async def publish() -> None:
        for n in range(MANY):
            await client.realtime.publish(ch.tick, {"n": n})

    asyncio.run(publish())
    reader.join(60)
    assert got[-1] == MANY - 1
    assert got == sorted(got)


async def test_a_loop_that_cannot_wait_keeps_the_newest_and_says_how_many_are_gone(
    client: Client, ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    subscription = client.realtime.subscribe(ch.tick)
    other = client.realtime.subscribe(ch.tick)
    for n in range(feeds._MAX_MESSAGES + 500):
        client.realtime.publish_sync(ch.tick, {"n": n})
    got = [(await anext(subscription)).data.n for _ in range(feeds._MAX_MESSAGES)]
    assert got == list(range(500, feeds._MAX_MESSAGES + 500))
    assert (subscription.dropped, other.dropped) == (500, 500)
    reading = asyncio.create_task(anext(subscription))
    await asyncio.sleep(0)
    other.close()
    assert len([message async for message in other]) == feeds._MAX_MESSAGES
    await client.realtime.publish(ch.tick, {"n": 1})
    assert (await reading).data.n == 1
    async with client:
        pass  # leaving it ends all subscriptions
    lines = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    drops = [line.partition(", at")[0] for line in lines if line.startswith("dropped")]
    assert drops == ["dropped live messages: 500"] * 2  # one at once


async def test_a_reader_that_does_not_read_costs_turns_once_in_a_while(
    client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0
    really = asyncio.sleep

    async def sleep(delay: float, result: Any = None) -> Any:
        nonlocal turns
        turns += 1
        return await really(delay, result)

    monkeypatch.setattr("tightbeam._hub.turns.asyncio.sleep", sleep)
    stuck = client.realtime.subscribe(ch.tick)
    for n in range(feeds._MAX_MESSAGES // 2):
        await client.realtime.publish(ch.tick, {"n": n})
    assert turns == 0
    for n in range(6_400):
        await client.realtime.publish(ch.tick, {"n": n})
    assert 0 < turns <= 16 + 100
    assert stuck.dropped == 6_400 - feeds._MAX_MESSAGES // 2


async def test_a_loop_that_publishes_to_nobody_lets_others_work_and_can_be_cancelled(
    client: Client, ch: JobChannel
) -> None:
    published, ticks = 0, 0

    async def publish() -> None:
        nonlocal published
        while published < 100_000:
            await client.realtime.publish(ch.tick, {"n": 1})
            published += 1

    publishing = asyncio.create_task(publish())
    while ticks < 3:
        ticks += 1
        await asyncio.sleep(0)
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    assert 0 < published < 10_000


async def test_an_event_loop_that_is_busy_holds_a_thread_up_once(
    client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[bool] = []
    really = threading.Event.wait

    def wait(event: threading.Event, timeout: float | None = None) -> bool:
        came = really(event, timeout)
        if threading.current_thread() is publishing:
            waits.append(came)
        return came

    def publish() -> None:
        for n in range(3 * feeds._MAX_MESSAGES):
            client.realtime.publish_sync(ch.tick, {"n": n})

    subscription = client.realtime.subscribe(ch.tick)
    reading = asyncio.create_task(anext(subscription))
    await asyncio.sleep(0)
    publishing = threading.Thread(target=publish)
    monkeypatch.setattr(threading.Event, "wait", wait)
    publishing.start()
    publishing.join()  # with the event loop's thread: it has no turn to give
    assert waits == [False]
    assert (await reading).data.n == subscription.dropped


async def test_durable_messages_that_find_no_room_are_read_from_the_journal(
    client: Client, storage: Storage, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "_MAX_MESSAGES", 5)

    @client.function("work")
    async def work(ctx: Context) -> None:
        for n in range(20):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
            await ctx.publish(ch.tick, {"n": 100 + n})

    async with client:
        late = client.realtime.subscribe(ch.tick)
        for _ in range(2):
            await client.run(work)
            await storage.follow()
            got = [await anext(late)]
            while got[-1].data.n != 119:
                got.append(await anext(late))
            assert [one.data.n for one in got if one.position] == list(range(20))
            live = [one.data.n for one in got if not one.position]
            assert live == list(range(120 - len(live), 120))  # the newest
            order = [one.data.n % 100 for one in got]
            assert order == sorted(order)  # each behind the durable one that it followed
        await client.realtime.publish(ch.tick, {"n": 7})
        assert (await anext(late)).data.n == 7
        mailbox: Mailbox = late._feed._mailbox  # type: ignore[attr-defined]
        assert not mailbox.catching_up


async def test_leaving_the_client_tells_a_reader_that_is_behind(
    client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "_MAX_MESSAGES", 5)

    @client.function("work")
    async def work(ctx: Context) -> None:
        for n in range(20):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})

    got: list[int] = []

    async def read() -> None:
        async for message in slow:
            got.append(message.data.n)  # noqa: PERF401 - kept on error

    async with client:
        slow = client.realtime.subscribe(ch.tick)
        await client.run(work)
    with pytest.raises(SubscriberTooSlow) as caught:
        await read()
    assert got == [0]  # what the buffer held
    with pytest.raises(SubscriberTooSlow):
        await anext(slow)
    async with client:
        resumed = client.realtime.subscribe(ch.tick, after=caught.value.position)
        while len(got) < 20:
            got.append((await anext(resumed)).data.n)
    assert got == list(range(20))


def box(*, messages: int, size: int = 1 << 20, has_journal: bool = True) -> tuple[Hub, Mailbox]:
    hub = Hub()
    return hub, hub.register(
        [("c", "t"), ("c", "$run")],
        catching_up=False,
        max_messages=messages,
        max_bytes=size,
        has_journal=has_journal,
    )


def live(n: int, *, topic: str = "t", size: int = 1) -> Envelope:
    return Envelope("c", topic, b"x" * size, None, None, n)


def durable(seq: int, *, size: int = 1) -> Envelope:
    return Envelope("c", "t", b"x" * size, "r", f"r:{seq}:0", seq, seq)


def test_the_oldest_live_messages_go_and_durable_ones_and_states_of_runs_stay() -> None:
    hub, mailbox = box(messages=6)
    for one in (durable(1), live(10), live(11, topic="$run"), live(12), durable(2), live(13)):
        (hub.fan_out([one]) if one.seq else hub.emit(one))
    for n in (14, 15, 16):
        hub.emit(live(n))
    left = [one.seq or one.created_us for one in mailbox.take_all()]
    assert left == [1, 11, 2, 14, 15, 16]
    assert mailbox.dropped == 3


def test_room_is_bounded_in_bytes_and_one_message_always_fits() -> None:
    hub, mailbox = box(messages=100, size=10 * (1_000 + 512))
    hub.emit(live(0, size=100_000))
    for n in range(1, 31):
        hub.emit(live(n, size=1_000))
    taken = mailbox.take_all()
    assert [one.created_us for one in taken] == list(range(21, 31))
    assert mailbox.dropped == 21


def test_without_a_journal_durable_messages_that_find_no_room_close_it() -> None:
    hub, mailbox = box(messages=3, has_journal=False)
    hub.fan_out([durable(1), durable(2)])
    hub.emit(live(10))
    hub.fan_out([durable(3)])
    assert mailbox.dropped == 1
    hub.emit(live(11))  # is what can go
    assert (mailbox.dropped, mailbox.overflowed) == (2, False)
    hub.fan_out([durable(4)])
    assert mailbox.overflowed
    assert [one.seq for one in mailbox.take_all()] == [1, 2, 3]
    hub.reroute(mailbox, frozenset({("c", "other")}))
    assert not hub._routes  # it isn't registered again: nobody would read what it is given


async def test_a_burst_holds_no_more_than_the_bound(client: Client, ch: JobChannel) -> None:
    held = 0

    @client.function("burst")
    def burst(ctx: ContextSync) -> None:
        nonlocal held
        for n in range(MANY):
            ctx.publish(ch.tick, {"n": n})
            held = max(held, len(mailbox._items))

    async with client:
        subscription = client.realtime.subscribe(ch.tick)
        mailbox: Mailbox = subscription._feed._mailbox  # type: ignore[attr-defined]
        running = asyncio.create_task(client.run(burst))
        async for message in subscription:
            if message.data == Tick(n=MANY - 1):
                break
        await running
    assert held <= feeds._MAX_MESSAGES
    await until(lambda: mailbox.closed)
