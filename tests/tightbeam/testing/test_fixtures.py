"""`tightbeam.testing`: what its fixtures record, and what they make fail."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import assert_type

import pytest

from tests.tightbeam.engine.samples import JobChannel, Status, Tick, job_channel
from tightbeam import Client, Context, ContextSync, InvalidPayload
from tightbeam.testing import Faults, InjectedFault, Published, Started, settle

ROOT = Path(__file__).parents[3]


@pytest.fixture
def client() -> Client:
    return Client(retry_delay=timedelta(hours=1))  # an injected fault doesn't wait


@pytest.fixture
def ch() -> JobChannel:
    return job_channel(job_id="j1")


async def test_what_was_published_is_typed_and_in_order(
    client: Client, ch: JobChannel, published: Published
) -> None:
    @client.function("work")
    async def work(ctx: Context) -> str:
        await ctx.publish(ch.status, {"message": "one"})
        await ctx.step.realtime.publish("p", ch.tick, {"n": 1})
        await client.realtime.publish(ch.status, Status(message="two", percent=2))
        return ctx.run_id

    async with client:
        run_id = await client.run(work)
    client.realtime.publish_sync(ch.token, "outside")
    assert_type(published(ch.status), list[Status])
    assert published(ch.status) == [Status(message="one"), Status(message="two", percent=2)]
    assert published(ch.tick) == [Tick(n=1)]
    assert published(ch.token) == ["outside"]
    assert published(job_channel(job_id="other").tick) == []
    assert [(message.topic, message.data, message.run_id) for message in published.messages] == [
        ("status", {"message": "one"}, run_id),
        ("tick", {"n": 1}, run_id),
        ("status", {"message": "two", "percent": 2}, run_id),
        ("token", "outside", None),
    ]
    published.clear()
    assert published.messages == []


async def test_what_was_refused_is_not_recorded(client: Client, ch: JobChannel, published: Published) -> None:
    with pytest.raises(InvalidPayload):
        await client.realtime.publish(ch.tick, {"n": "1"})  # type: ignore[arg-type]  # what is tested
    assert published.messages == []


def test_each_test_has_a_recorder_of_its_own(published: Published) -> None:
    assert published.messages == []


async def test_a_fault_after_a_step_shows_what_repeats(
    client: Client, ch: JobChannel, published: Published, faults: Faults
) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.publish(ch.status, {"message": f"attempt {ctx.attempt}"})
        await ctx.step.realtime.publish("durable", ch.tick, {"n": 1})
        await ctx.step.run("last", asyncio.sleep, 0)

    faults.after("durable")
    faults.before("last")
    async with client:
        await client.run(work)
    assert published(ch.tick) == [Tick(n=1)]
    assert [status.message for status in published(ch.status)] == ["attempt 0", "attempt 1", "attempt 2"]
    assert faults.waiting == []


async def test_faults_in_sync_handlers_and_counted_steps(
    client: Client, ch: JobChannel, published: Published, faults: Faults
) -> None:
    @client.function("work")
    def work(ctx: ContextSync) -> None:
        for n in range(3):
            ctx.step.realtime.publish("p", ch.tick, {"n": n})
        ctx.step.run("r", len, "")
        ctx.step.sleep("s", timedelta(0))

    for step_id in ("p:1", "r", "s"):
        faults.before(step_id)
        faults.after(step_id)
    async with client:
        await asyncio.wait_for(client.run(work), 60)
    assert published(ch.tick) == [Tick(n=0), Tick(n=1), Tick(n=2)]


async def test_the_handler_meets_a_fault_as_an_exception_of_its_own_code(
    client: Client, faults: Faults
) -> None:
    @client.function("work", retries=0)
    async def work(ctx: Context) -> str:
        try:
            await ctx.step.run("step", asyncio.sleep, 0)
        except InjectedFault:
            return "caught"
        return "missed"

    faults.before("step")
    async with client:
        assert await client.run(work) == "caught"


async def test_a_fault_in_a_task_group_is_retried_at_once(
    client: Client, faults: Faults, started: Started
) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.step.run("one", asyncio.sleep, 0))
            group.create_task(ctx.step.run("other", asyncio.sleep, 0))

    faults.before("one")
    faults.after("other")
    async with client:
        await client.send("app/work")
        await settle()
    assert [run.state for run in started(work)] == ["done"]


@pytest.mark.slow
def test_a_fault_that_never_happens_fails_the_test(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tightbeam.testing.plugin import faults, published\n")
    (tmp_path / "test_user.py").write_text("def test_it(faults):\n    faults.after('mistyped')\n")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "never happened: a fault after step 'mistyped'" in ended.stdout
