"""Runs that were moved from a file go on in the database, where they were."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from tests.postgres.opened import open_store
from tests.tightbeam.engine.conftest import until
from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client, Context
from tightbeam._engine.requests import PullBack
from tightbeam_cli import main

pytestmark = pytest.mark.slow
HOUR = timedelta(hours=1)


class Program:
    """Functions that are stopped in the middle of all that a run may do."""

    def __init__(self, place: Path | str) -> None:
        self.done: Counter[str] = Counter()
        self.reached: set[str] = set()
        self.may_end = asyncio.Event()
        self.client = client = Client(
            place, shutdown_timeout=timedelta(milliseconds=100), retry_delay=timedelta(milliseconds=10)
        )
        ch = job_channel(job_id="j1")

        async def count(name: str) -> str:
            self.done[name] += 1
            return name

        @client.function("sleep", on="app/all")
        async def sleep(ctx: Context) -> str:
            value = await ctx.step.run("first", count, "sleep")
            await ctx.step.realtime.publish("before", ch.token, "sleep-before")
            self.reached.add("sleep")
            await ctx.step.sleep("nap", HOUR)
            await ctx.step.realtime.publish("after", ch.token, "sleep-after")
            return value

        @client.function("wait", on="app/all")
        async def wait(ctx: Context) -> str:
            await ctx.step.run("first", count, "wait")
            self.reached.add("wait")
            event = await ctx.step.wait_for_event("paid", event="app/paid", timeout=5 * HOUR)
            return str(event and event.data["by"])

        @client.function("child")
        async def child(ctx: Context) -> str:
            await ctx.step.run("first", count, "child")
            self.reached.add("child")
            await ctx.step.sleep("nap", HOUR)
            return "from the child"

        @client.function("parent", on="app/all")
        async def parent(ctx: Context) -> str:
            await ctx.step.run("first", count, "parent")
            return await ctx.step.invoke("ask", function=child, data={})

        @client.function("work", on="app/all")
        async def work(ctx: Context) -> str:
            await ctx.step.run("first", count, "work")
            self.reached.add("work")
            await self.may_end.wait()
            return await ctx.step.run("second", count, "work")

        @client.function("later", on="app/later")
        async def later(ctx: Context) -> str:
            return await count("later")

        @client.function("one", on="app/keyed", concurrency=(1, "event.data.key"))
        async def one(ctx: Context) -> str:
            await ctx.step.run("first", count, "one")
            self.reached.add("one")
            await self.may_end.wait()
            return "one"


async def test_all_that_a_run_may_be_in_the_middle_of(tmp_path: Path, address: str) -> None:
    before = Program(tmp_path / "app.db")
    async with asyncio.timeout(30), before.client as client:
        runs = await client.send("app/all", id="all")
        runs += await client.send("app/later", delay=HOUR)
        for _ in range(3):
            runs += await client.send("app/keyed", {"key": "a"})
        await until(lambda: before.reached == {"sleep", "wait", "child", "work", "one"})
    assert await asyncio.to_thread(main, ["move", str(tmp_path / "app.db"), address]) == 0

    store = open_store(address)
    store.call(PullBack(2 * HOUR // timedelta(microseconds=1)))
    await store.close(30)

    after = Program(address)
    after.may_end.set()
    async with asyncio.timeout(30), after.client as client:
        assert await client.send("app/all", id="all") == runs[:4]  # known by their key
        await client.send("app/paid", {"by": "card"})
        ended = [await client.runs.wait(run) for run in runs]
        assert sorted(map(str, ended)) == sorted(
            ["sleep", "card", "from the child", "work", "later", "one", "one", "one"]
        )
        messages = client.realtime.subscribe(job_channel(job_id="j1"), after="start")
        assert [(await anext(messages)).data for _ in range(2)] == ["sleep-before", "sleep-after"]
    assert before.done == {"sleep": 1, "wait": 1, "child": 1, "parent": 1, "work": 1, "one": 1}
    assert after.done == {"work": 1, "later": 1, "one": 2}
