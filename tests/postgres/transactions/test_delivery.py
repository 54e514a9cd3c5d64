"""What is committed reaches readers, functions and steps that wait, in any process; nothing else does."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

import tightbeam
from tests.postgres.transactions.conftest import execute
from tests.postgres.transactions.kinds import ASYNC_KINDS, KINDS, Taken
from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.events.samples import UploadEvent, ping_event, upload_event

pytestmark = pytest.mark.slow

CH = job_channel(job_id="j1")
ROOT = Path(__file__).parents[3]


@pytest_asyncio.fixture
async def readers(address: str) -> AsyncIterator[list[tightbeam.Client]]:
    """Two clients that are entered, each as in a process of its own."""
    async with AsyncExitStack() as entered:
        yield [await entered.enter_async_context(tightbeam.Client(address)) for _ in range(2)]


@pytest.fixture
def sender(address: str) -> tightbeam.Client:
    """A client that is never entered."""
    return tightbeam.Client(address)


async def test_readers_get_what_is_committed_once_and_in_one_order(
    readers: list[tightbeam.Client], sender: tightbeam.Client, address: str
) -> None:
    feeds = [reader.realtime.subscribe(CH.tick) for reader in readers]
    kept = []
    for round_number, kind in enumerate(KINDS.values()):
        async with kind(address) as mine:
            for number in range(round_number * 10, round_number * 10 + 10):
                await mine.publish(sender, CH.tick, {"n": number})
                await mine.publish(sender, CH.tick, {"n": number})
                if number % 3:
                    await mine.commit()
                    kept += [number, number]
                else:
                    await mine.rollback()
        assert mine.given is not None
    async with KINDS["psycopg"](address) as mine:
        await mine.publish(sender, CH.tick, {"n": -1})
        await mine.commit()
    for feed in feeds:
        got = await until_last(feed)
        assert [message.data.n for message in got] == [*kept, -1]
        assert len({message.id for message in got}) == len(got)
        assert all(message.run_id is None and message.position for message in got)
    replayed = await until_last(readers[0].realtime.subscribe(CH.tick, after="start"))
    assert [message.id for message in replayed] == [message.id for message in got]
    rest = await until_last(readers[1].realtime.subscribe(CH.tick, after=replayed[49].position))
    assert [message.id for message in rest] == [message.id for message in replayed[50:]]


async def until_last(
    feed: tightbeam.Subscription[tightbeam.Message[str, object]],
) -> list[tightbeam.Message[str, object]]:
    """The messages of a subscription up to that with the number -1."""
    got = []
    async with asyncio.timeout(30), feed:
        async for message in feed:
            got.append(message)
            if message.data.n == -1:
                break
    return got


async def test_runs_begin_when_the_transaction_commits(address: str) -> None:
    begun: asyncio.Queue[str] = asyncio.Queue()
    worker, web = tightbeam.Client(address), tightbeam.Client(address)
    for client in (worker, web):

        @client.function("process", on=upload_event)
        async def process(ctx: tightbeam.Context[UploadEvent]) -> str:
            await begun.put(ctx.event.data.upload_id)
            return ctx.run_id

    async with worker:
        for name, kind in KINDS.items():
            async with kind(address) as mine:
                await mine.send(web, upload_event, {"uploadId": "never"})
                await mine.rollback()
                ids = await mine.send(web, upload_event, {"uploadId": name})
                assert begun.empty()
                await mine.commit()
                async with asyncio.timeout(30):
                    assert await begun.get() == name
                    assert await worker.runs.wait(ids[0]) == ids[0]
    assert begun.empty()
    assert execute(address, "SELECT count(*) FROM tightbeam.run") == [(len(KINDS),)]


async def test_steps_that_wait_get_the_event_once(address: str) -> None:
    worker, web = tightbeam.Client(address), tightbeam.Client(address)

    @worker.function("asks")
    async def asks(ctx: tightbeam.Context) -> list[str]:
        got = []
        for _ in range(2):
            event = await ctx.step.wait_for_event("answer", event=upload_event, timeout=timedelta(minutes=5))
            assert event is not None
            got.append(event.data.upload_id)
        return got

    async with worker:
        run = asyncio.ensure_future(worker.run(asks))
        async with asyncio.timeout(60), ASYNC_KINDS["AsyncSession over asyncpg"](address) as mine:
            for answer in ("first", "second"):
                await is_waiting(address)
                await mine.send(web, upload_event, {"uploadId": "never"})
                await mine.rollback()
                await mine.send(web, upload_event, {"uploadId": answer}, id=answer)
                await mine.commit()
                while execute(address, "SELECT count(*) FROM tightbeam.sent") != [(0,)]:  # noqa: ASYNC110 - as below
                    await asyncio.sleep(0.01)
            assert await run == ["first", "second"]


async def is_waiting(address: str) -> None:
    """Return once a step waits; what another process would see of it is its row."""
    asked = "SELECT count(*) FROM tightbeam.step WHERE state = 'waiting'"
    while execute(address, asked) == [(0,)]:  # noqa: ASYNC110 - the row is what a sender can see
        await asyncio.sleep(0.01)


async def test_events_that_were_sent_while_nobody_was_there(address: str, sender: tightbeam.Client) -> None:
    worker = tightbeam.Client(address)

    @worker.function("asks", on=ping_event)
    async def asks(ctx: tightbeam.Context) -> str:
        event = await ctx.step.wait_for_event("answer", event=upload_event, timeout=timedelta(hours=5))
        return "nothing" if event is None else event.data.upload_id

    async with worker:
        (run_id,) = await worker.send(ping_event)
        async with asyncio.timeout(30):
            await is_waiting(address)
    async with KINDS["Session"](address) as mine:
        for _ in range(250):
            await mine.send(sender, ping_event)
        await mine.send(sender, upload_event, {"uploadId": "late"})
        await mine.commit()
    async with worker, asyncio.timeout(120):
        assert await worker.runs.wait(run_id) == "late"
    assert execute(address, "SELECT count(*) FROM tightbeam.sent") == [(0,)]


async def test_inside_a_run_the_message_carries_its_id(address: str) -> None:
    client = tightbeam.Client(address)

    async def place(taken: Taken) -> None:
        await taken.publish(client, CH.tick, {"n": -1})
        await taken.commit()

    @client.function("order")
    async def order(ctx: tightbeam.Context) -> str:
        async with KINDS["psycopg"](address) as mine:
            await ctx.step.run("place", place, mine)
        return ctx.run_id

    async with client:
        feed = client.realtime.subscribe(CH.tick)
        run_id = await client.run(order)
        assert [message.run_id for message in await until_last(feed)] == [run_id]


ALONE = """
import asyncio, sys
sys.modules.update(dict.fromkeys(("psycopg", "sqlalchemy")))  # as if they weren't installed
import asyncpg
import tightbeam
from tests.tightbeam.engine.samples import job_channel

async def main():
    connection = await asyncpg.connect(sys.argv[1])
    async with connection.transaction():
        client = tightbeam.Client(sys.argv[1])
        await client.realtime.publish(job_channel(job_id="j1").tick, {"n": 1}, transaction=connection)
    await connection.close()

asyncio.run(main())
"""


async def test_a_program_with_asyncpg_alone(journal: str) -> None:
    done = await asyncio.create_subprocess_exec(sys.executable, "-W", "error", "-c", ALONE, journal, cwd=ROOT)
    async with asyncio.timeout(60):
        assert await done.wait() == 0
    assert execute(journal, "SELECT count(*) FROM tightbeam.message") == [(1,)]
