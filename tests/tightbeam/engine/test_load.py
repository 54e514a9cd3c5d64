"""What many readers cost the others: counted, not timed."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.stores import Storage
from tests.tightbeam.engine.work import Look, Work, busy
from tightbeam import Client, Context
from tightbeam._engine.requests import FindLatest, FindOutcome, ReadPage, SeenUntil
from tightbeam._engine.sqlite import messages
from tightbeam._engine.sqlite.answers import answer
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._hub.hub import Hub, Mailbox
from tightbeam._message import Address, Envelope

ADDRESSES: list[Address] = [("jobs:1", topic) for topic in ("status", "result", "any", "$run")]


def hub_of(count: int) -> tuple[Hub, list[Mailbox]]:
    hub = Hub()
    return hub, [
        hub.register(ADDRESSES, catching_up=False, max_messages=10, max_bytes=100_000) for _ in range(count)
    ]


def calls(work: Callable[[], object]) -> int:
    """How many functions it calls, of Python's and of ours; a generator counts each time that it goes on.

    The collector waits meanwhile: what earlier tests have left would be counted as it goes.
    """
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gc.disable()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 4, -1])
def test_leaving_costs_the_same_among_few_and_among_many(which: int) -> None:
    (_, few), (hub, many) = hub_of(10), hub_of(10_000)
    assert calls(many[which].close) == calls(few[which].close)
    assert all(len(route) == 9_999 for route in hub._routes.values())


def test_all_who_leave_one_after_the_other() -> None:
    (_, few), (hub, many) = hub_of(10), hub_of(1_000)
    cost = calls(lambda: [one.close() for one in few])
    assert calls(lambda: [one.close() for one in many]) < 110 * cost
    assert not hub._routes


def test_to_follow_the_same_as_before_makes_no_work() -> None:
    hub, many = hub_of(1_000)
    before = [route.mailboxes for route in hub._routes.values()]
    assert calls(lambda: hub.reroute(many[0], frozenset(ADDRESSES))) < 10
    assert all(one is route.mailboxes for one, route in zip(before, hub._routes.values(), strict=True))


def test_who_leaves_while_a_message_is_delivered_harms_nobody() -> None:
    hub, (first, second, third) = hub_of(3)
    second._on_full = third.close
    for n in range(11):
        hub.emit(_live(n))
    assert [len(one.take_all()) for one in (first, second, third)] == [10, 10, 10]
    hub.emit(_live(11))
    assert [len(one.take_all()) for one in (first, second, third)] == [1, 1, 0]


def _live(n: int) -> Envelope:
    return Envelope(*ADDRESSES[0], b"1", None, None, n)


@pytest.mark.usefixtures("path")
async def test_a_rare_topic_costs_what_is_read_of_it(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    """Counted in instructions of SQLite's: as many among twenty thousand messages as among two hundred."""

    @client.function("begin")
    async def begin(ctx: Context) -> None:
        await ctx.step.realtime.publish("rare", ch.status, {"message": "rare"})
        await ctx.step.realtime.publish("frequent", ch.tick, {"n": 0})

    def fill(tx: Transaction, count: int) -> None:
        tx.execute(
            "WITH RECURSIVE more (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < ?) "
            "INSERT INTO message "
            "(channel, topic, run, run_id, step, number, started_at, ended_at, created_at, data) "
            "SELECT channel, topic, run, run_id, 'more', n + seq, started_at, ended_at, "
            "created_at + n * 1000, data FROM more, "
            "(SELECT * FROM message WHERE topic = 'tick' ORDER BY seq DESC LIMIT 1)",
            (count,),
        )

    def cost(tx: Transaction, work: Callable[[Transaction], object]) -> int:
        connection: Any = tx.execute.__self__  # type: ignore[attr-defined]  # of a method of the connection's
        count = 0

        def note() -> None:
            nonlocal count
            count += 1

        connection.set_progress_handler(note, 1)
        try:
            work(tx)
        finally:
            connection.set_progress_handler(None, 0)
        return count

    def costs(tx: Transaction) -> list[int]:
        since = tx.execute("SELECT created_at FROM message WHERE topic = 'status'").fetchone()[0] // 1000
        addresses = tuple((ch.name, name) for name in ("status", "tick", "token"))
        return [
            cost(tx, lambda tx: messages._last_time(tx, ch.name)),
            *(
                cost(tx, partial(answer, request=request))
                for request in (
                    ReadPage(addresses[2:], 0),
                    ReadPage(addresses[::2], 0),
                    ReadPage(addresses[:2], 0),
                    FindOutcome(ch.name),
                    FindLatest(addresses),
                    SeenUntil(ch.name, since),
                )
            ),
        ]

    async with client:
        await client.run(begin)
        store = storage.double.store
        await store.submit(Work(lambda tx: fill(tx, 400)))
        few = await store.submit(Look(costs))
        await store.submit(Work(lambda tx: fill(tx, 20_000)))
        many = await store.submit(Look(costs))
    assert many[:-1] == few[:-1]
    assert many[-1] < 3 * few[-1]  # by halving


@pytest.mark.slow
async def test_a_page_of_several_topics_is_in_order_and_bounded(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        async with asyncio.TaskGroup() as group:
            for n in range(400):
                ref: Any = ch.tick if n % 3 else ch.token
                group.create_task(ctx.step.realtime.publish(f"p{n}", ref, {"n": n} if n % 3 else str(n)))

    async with client:
        await client.run(work)
        store = storage.double.store
        addresses = tuple((ch.name, topic) for topic in ("token", "status", "tick"))
        place, seqs, pages = 0, [], 0
        while place < 400:
            page, place = await store.submit(ReadPage(addresses, place))
            seqs += [one.seq for one in page]
            pages += 1
    assert seqs == list(range(1, 401))
    assert pages == 2


@pytest.mark.usefixtures("path")
async def test_a_write_waits_for_one_read_however_many_wait(client: Client, storage: Storage) -> None:
    order: list[str] = []
    async with client:
        store = storage.double.store
        async with busy(store):
            reads = [store.submit(Look(lambda _tx, n=n: order.append(f"read {n}"))) for n in range(20)]
            first = store.submit(Work(lambda _tx: order.append("write")))
        await asyncio.gather(*reads, first)
    assert order == ["write", *(f"read {n}" for n in range(20))]


@pytest.mark.usefixtures("path")
async def test_writes_that_come_during_reads_go_first(client: Client, storage: Storage) -> None:
    order: list[str] = []
    async with client:
        store = storage.double.store
        loop = asyncio.get_running_loop()
        written: list[asyncio.Future[Any]] = []

        def read(n: int) -> None:
            order.append(f"read {n}")
            if n == 0:
                asked = asyncio.run_coroutine_threadsafe(write(), loop)
                asked.result(30)  # it is queued before the next read begins

        async def write() -> None:
            written.append(store.submit(Work(lambda _tx: order.append("write"))))

        await asyncio.gather(*(store.submit(Look(lambda _tx, n=n: read(n))) for n in range(5)))
        await written[0]
    assert order == ["read 0", "write", *(f"read {n}" for n in range(1, 5))]
