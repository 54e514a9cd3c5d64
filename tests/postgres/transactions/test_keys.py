"""A transaction that is open and has used an id makes nothing wait but sends of the same id."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

import tightbeam
from tests.postgres.transactions.conftest import execute
from tests.postgres.transactions.kinds import KINDS, Taken
from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.events.samples import UploadEvent, ping_event, upload_event
from tightbeam._engine.postgres import aside

pytestmark = pytest.mark.slow

CH = job_channel(job_id="j1")
UPLOAD = {"uploadId": "u1"}


def made(address: str) -> tightbeam.Client:
    """A client with a function that publishes durably, and one that has ids."""
    client = tightbeam.Client(address)

    @client.function("publishes", on=ping_event)
    async def publishes(ctx: tightbeam.Context) -> None:
        for number in range(100):
            await ctx.step.realtime.publish("tick", CH.tick, {"n": number})

    @client.function("process", on=upload_event, retries=0)
    async def process(ctx: tightbeam.Context[UploadEvent]) -> str:
        return ctx.run_id

    @client.function("sends", on="app/sends", retries=0)
    async def sends(ctx: tightbeam.Context) -> list[str]:
        return await ctx.step.send_event("send", upload_event, UPLOAD, id="k")

    return client


@pytest_asyncio.fixture
async def client(address: str) -> AsyncIterator[tightbeam.Client]:
    """A client that is entered."""
    async with made(address) as entered:
        yield entered


@pytest_asyncio.fixture
async def holder(client: tightbeam.Client, address: str) -> AsyncIterator[Taken]:
    """A transaction that has sent with the id, and is open."""
    async with KINDS["psycopg"](address) as opened:
        await opened.send(client, upload_event, UPLOAD, id="k")
        yield opened


@pytest.mark.parametrize("commits", [True, False])
async def test_a_hundred_publishes_go_on_meanwhile(
    client: tightbeam.Client, holder: Taken, address: str, commits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "PATIENCE", 300.0)  # longer than all of it takes
    waiting = [asyncio.ensure_future(client.send(upload_event, UPLOAD, id="k")) for _ in range(3)]
    in_a_step = await client.send("app/sends", {})
    async with asyncio.timeout(60):
        (run_id,) = await client.send(ping_event)
        await client.runs.wait(run_id)  # its publishes are stored
        others = await client.send(upload_event, UPLOAD, id="another")
        await client.runs.wait(others[0])
        assert not any(each.done() for each in waiting)
        await (holder.commit() if commits else holder.rollback())
        answers = [tuple(await each) for each in waiting]
        assert [await client.runs.wait(*in_a_step)] == [list(answers[0])]
        assert len(set(answers)) == 1
        await client.runs.wait(*answers[0])
    keys = execute(
        address, "SELECT key, count(*) FROM tightbeam.run WHERE key IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    assert keys == [("another", 1), ("k", 1)]
    assert execute(address, "SELECT count(*) FROM tightbeam.message") == [(100,)]


async def test_one_that_stays_open(
    client: tightbeam.Client, holder: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "PATIENCE", 0.2)
    with pytest.raises(tightbeam.JournalFailed, match="has used the same id, and is still open") as caught:
        await client.send(upload_event, UPLOAD, id="k")
    assert caught.value.retryable
    with pytest.raises(tightbeam.JournalFailed):
        await asyncio.to_thread(client.send_sync, upload_event, UPLOAD, id="k")
    await holder.rollback()
    assert await client.send(upload_event, UPLOAD, id="k")


async def test_a_client_that_is_left_meanwhile(address: str) -> None:
    client = made(address)
    async with client, KINDS["Session"](address) as holder:
        await holder.send(client, upload_event, UPLOAD, id="k")
        waiting = asyncio.ensure_future(client.send(upload_event, UPLOAD, id="k"))
        await client.send(ping_event)  # is behind it in the writer's queue
        await client.__aexit__(None, None, None)
        with pytest.raises(tightbeam.JournalFailed, match="has used the same id"):
            await waiting
    assert execute(address, "SELECT count(*) FROM tightbeam.run WHERE key = 'k'") == [(0,)]
