"""Subscribing in the process: order, bounds, event loops and threads."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.samples import JobChannel, Status, Tick, job_channel
from tests.tightbeam.engine.stores import Storage, place_in
from tightbeam import Client, Context, InvalidPayload, Subscription
from tightbeam._client import engine_of
from tightbeam._engine.feed import EmbeddedFeed
from tightbeam._engine.store import Store
from tightbeam._hooks.hook_list import HookList
from tightbeam._hub.hub import Hub
from tightbeam._message import Envelope

pytestmark = pytest.mark.quick_in_memory


async def test_a_message_says_where_it_comes_from(client: Client, ch: JobChannel) -> None:
    subscription = client.realtime.subscribe(ch)
    await client.realtime.publish(ch.status, Status(message="hello"))
    message = await anext(subscription)
    assert (message.channel, message.topic, message.data) == ("job:j1", "status", Status(message="hello"))
    assert (message.run_id, message.id, message.position) == (None, None, None)
    assert message.created_at.tzinfo is not None


async def test_a_subscription_is_registered_when_it_is_made(client: Client, ch: JobChannel) -> None:
    subscription = client.realtime.subscribe(ch.tick)
    for n in range(3):
        await client.realtime.publish(ch.tick, {"n": n})
    async with subscription:
        assert [(await anext(subscription)).data.n for _ in range(3)] == [0, 1, 2]


async def test_only_what_was_asked_for_arrives(client: Client, ch: JobChannel) -> None:
    other = job_channel(job_id="j2")
    whole = client.realtime.subscribe(ch)
    chosen = client.realtime.subscribe(ch.tick, other.token)
    for channel in (ch, other):
        await client.realtime.publish(channel.status, {"message": "m"})
        await client.realtime.publish(channel.tick, {"n": 1})
        await client.realtime.publish(channel.token, "t")
    whole.close()
    chosen.close()
    assert [message.topic async for message in whole] == ["status", "tick", "token"]
    assert [(message.channel, message.topic) async for message in chosen] == [
        ("job:j1", "tick"),
        ("job:j2", "token"),
    ]


def test_what_can_be_subscribed_to(client: Client, ch: JobChannel) -> None:
    for selection in [(), (ch, ch), (ch.tick, ch), ("tick",), (ch.tick,) * 9]:
        with pytest.raises(TypeError):
            client.realtime.subscribe(*selection)  # type: ignore[arg-type]  # what is tested


async def test_where_to_go_on_from_is_a_text(client: Client, ch: JobChannel) -> None:
    after: Any = 3
    with pytest.raises(
        TypeError, match=r'after= takes the position of a message, "start" or "latest", not int'
    ):
        client.realtime.subscribe(ch, after=after)


async def test_what_is_no_topic_is_refused_in_words(client: Client, ch: JobChannel) -> None:
    given: list[tuple[Any, str]] = [
        (ch, r'such as channel.status, not the channel; "job:j1" has: status, tick, token'),
        ("tick", "such as channel.status, not str"),
        (JobChannel.tick, "open the channel first"),
        (None, "not NoneType"),
    ]

    @client.function("all")
    async def body(ctx: Context) -> None:
        for ref, words in given:
            for publish in (
                ctx.publish(ref, {}),
                client.realtime.publish(ref, {}),
                ctx.step.realtime.publish("id", ref, {}),
            ):
                with pytest.raises(TypeError, match=words):
                    await publish
            with pytest.raises(TypeError, match=words):
                client.realtime.publish_sync(ref, {})

    async with client:
        await client.run(body)


async def test_a_wrong_publish_reaches_nobody(client: Client, ch: JobChannel) -> None:
    subscription = client.realtime.subscribe(ch)
    with pytest.raises(InvalidPayload, match='Schema validation failed for topic "tick"'):
        await client.realtime.publish(ch.tick, {"n": "1"})  # type: ignore[arg-type]  # what is tested
    with pytest.raises(TypeError):
        await client.realtime.publish(ch.tick)  # type: ignore[call-arg]
    subscription.close()
    assert [message async for message in subscription] == []


async def test_everyone_sees_one_order_whoever_publishes(client: Client, ch: JobChannel) -> None:
    """G4: threads and tasks publish live and durable messages; each subscriber sees the same sequence."""
    subscriptions = [client.realtime.subscribe(ch.tick) for _ in range(3)]

    @client.function("durable", on="app/durable")
    async def durable(ctx: Context) -> None:
        for n in range(20):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": ctx.event.data["base"] + n})

    def live(base: int) -> None:
        for n in range(100):
            client.realtime.publish_sync(ch.tick, {"n": base + n})

    async with client:
        for base in (1000, 2000):
            await client.send("app/durable", {"base": base})
        await asyncio.gather(*(asyncio.to_thread(live, base) for base in (10_000, 20_000, 30_000)))
    seen = [[(message.data.n, message.position) async for message in one] for one in subscriptions]
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) == 340
    for base in (1000, 2000, 10_000, 20_000, 30_000):
        of_one = [n for n, _ in seen[0] if base <= n < base + 100]
        assert of_one == sorted(of_one)
    places = [place_in(position) for _, position in seen[0] if position]
    assert places == sorted(set(places))


async def test_a_live_publish_never_waits_for_the_disk(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    """G4: the store is held up; live messages go on."""
    subscription = client.realtime.subscribe(ch.tick)
    async with client, storage.double.held():
        await client.realtime.publish(ch.tick, {"n": 1})
        assert (await anext(subscription)).data == Tick(n=1)


async def test_leaving_the_client_ends_the_iteration(client: Client, ch: JobChannel) -> None:
    waiting = asyncio.Event()

    async def read() -> list[int]:
        subscription = client.realtime.subscribe(ch.tick)
        waiting.set()
        return [message.data.n async for message in subscription]

    async with client:
        reader = asyncio.create_task(read())
        await waiting.wait()
        await client.realtime.publish(ch.tick, {"n": 1})
    assert await asyncio.wait_for(reader, 30) == [1]


def subscribe(hub: Hub, ch: JobChannel) -> Any:
    """Return a subscription to the ticks of a channel."""

    def no_store() -> Store:
        raise AssertionError("it replays nothing")

    refs = {(ch.name, "tick"): ch.tick}
    return Subscription(EmbeddedFeed(hub, refs, None, no_store), refs, "raise", HookList())


def tick(ch: JobChannel, n: int) -> Envelope:
    return Envelope(ch.name, "tick", b'{"n":%d}' % n, None, None, 0)


async def test_a_subscription_that_is_left_behind_leaves_the_hub(ch: JobChannel) -> None:
    hub = Hub()

    async def first() -> int:
        async for message in subscribe(hub, ch):
            return int(message.data.n)
        raise AssertionError

    reader = asyncio.create_task(first())
    await asyncio.sleep(0)
    assert hub._routes
    hub.emit(tick(ch, 7))
    assert await reader == 7
    gc.collect()
    assert not hub._routes


async def test_two_readers_of_one_subscription_are_told(client: Client, ch: JobChannel) -> None:
    subscription = client.realtime.subscribe(ch.tick)
    reader = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="two tasks"):
        await anext(subscription)
    await client.realtime.publish(ch.tick, {"n": 1})
    assert (await reader).data.n == 1


async def test_a_cancelled_read_loses_nothing(client: Client, ch: JobChannel) -> None:
    subscription = client.realtime.subscribe(ch.tick)
    reader = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    reader.cancel()
    await client.realtime.publish(ch.tick, {"n": 1})
    await asyncio.gather(reader, return_exceptions=True)
    assert reader.cancelled()
    assert (await anext(subscription)).data.n == 1


def test_publishing_and_reading_on_different_event_loops(client: Client, ch: JobChannel) -> None:
    ready = threading.Event()
    got: list[int] = []

    async def read() -> None:
        subscription = client.realtime.subscribe(ch.tick)
        ready.set()
        while len(got) < 200:
            got.append((await anext(subscription)).data.n)

    reader = threading.Thread(target=lambda: asyncio.run(asyncio.wait_for(read(), 30)))
    reader.start()
    assert ready.wait(60)

    async def publish() -> None:
        for n in range(200):
            await client.realtime.publish(ch.tick, {"n": n})

    asyncio.run(publish())
    reader.join(30)
    assert got == list(range(200))


def test_a_reader_whose_event_loop_is_gone_harms_nobody(ch: JobChannel) -> None:
    hub = Hub()
    kept: list[Any] = []

    async def abandon() -> None:
        subscription = subscribe(hub, ch)
        kept.append(subscription)
        kept.append(asyncio.ensure_future(anext(subscription)))
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(abandon())
    loop.close()
    hub.emit(tick(ch, 1))
    assert not hub._routes
    kept[1].remove_done_callback  # noqa: B018 - keep the task alive until here
    kept[1]._log_destroy_pending = False


async def test_the_run_id_is_attached_wherever_the_context_goes(client: Client, ch: JobChannel) -> None:
    @client.function("work")
    async def work(ctx: Context) -> str:
        await client.realtime.publish(ch.tick, {"n": 1})
        await asyncio.create_task(client.realtime.publish(ch.tick, {"n": 2}))
        await asyncio.to_thread(lambda: client.realtime.publish_sync(ch.tick, {"n": 3}))
        return ctx.run_id

    subscription = client.realtime.subscribe(ch.tick)
    async with client:
        run_id = await client.run(work)
        await client.realtime.publish(ch.tick, {"n": 4})
    assert [message.run_id async for message in subscription] == [run_id, run_id, run_id, None]


_HOLDING = """
import asyncio, os
from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client
from tightbeam._client import engine_of

BOUND = 4 * 1024 * 1024

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

async def main():
    client, ch = Client(), job_channel(job_id="j1")
    addresses = [(ch.name, "tick")]
    feed = engine_of(client).feed(addresses, None, max_messages=10**9, max_bytes=BOUND)
    client.realtime.publish_sync(ch.tick, {"n": 0})
    before = resident()
    while not feed.dropped:
        client.realtime.publish_sync(ch.tick, {"n": 1})
    print((resident() - before) / BOUND)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc; the bound is the same elsewhere")
def test_what_a_stuck_reader_holds_is_what_is_counted() -> None:
    """Of small messages: the buffers that orjson leaves behind them, the objects around them."""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", _HOLDING], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    assert float(done.stdout) < 1.25


@pytest.mark.parametrize("batch", [False, True])
async def test_what_was_read_makes_room(client: Client, ch: JobChannel, batch: bool) -> None:
    feed = engine_of(client).feed([(ch.name, "token")], None, max_messages=100, max_bytes=10 * (1_000 + 512))
    for _ in range(5):
        for _ in range(8):
            await client.realtime.publish(ch.token, "x" * 998)
        if batch:
            assert len(await feed.next_batch()) == 8
        else:
            for _ in range(8):
                assert await feed.next()
    feed.close()
