"""Looking at a journal from outside."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.tightbeam.engine import inspection
from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, JournalRefused, StepError
from tightbeam._engine.requests import FindRun, ListRuns
from tightbeam._engine.sqlite.answers import answer
from tightbeam._engine.sqlite.journal_file import JournalFile
from tightbeam_cli.runs.tables import graph


async def test_the_graph_of_a_run(client: Client, storage: Storage, ch: JobChannel) -> None:
    failures: list[int] = []

    async def flaky() -> str:
        failures.append(1)
        if len(failures) < 3:
            raise ValueError("flaky")
        return "ok"

    async def broken() -> None:
        raise RuntimeError("broken")

    @client.function("work", on="app/work", retries=2)
    async def work(ctx: Context) -> None:
        await ctx.step.run("flaky", flaky)
        await ctx.step.realtime.publish("publish", ch.tick, {"n": 1})
        await ctx.step.sleep("nap", timedelta(milliseconds=1))
        await ctx.step.run("broken", broken)

    async with client:
        with pytest.raises(StepError):
            await client.run(work)
        (summary,) = storage.runs()  # while the client has it open
    assert (summary.function, summary.event, summary.state) == ("work", "app/work", "failed")
    assert (summary.error_type, summary.error_text) == (
        "StepError",
        'Step "broken" failed: RuntimeError: broken',
    )
    assert summary.created_at.tzinfo is not None
    detail = storage.run(summary.id)
    assert detail.summary == summary
    assert [(step.id, step.kind, step.state, step.attempts) for step in detail.steps] == [
        ("flaky", "step.run", "done", 3),
        ("publish", "step.realtime.publish", "done", 1),
        ("nap", "step.sleep", "done", 1),
        ("broken", "step.run", "failed", 3),
    ]
    assert (detail.steps[1].channel, detail.steps[1].topic) == ("job:j1", "tick")
    assert all(step.ended_at is not None and step.started_at <= step.ended_at for step in detail.steps)
    (message,) = detail.messages
    assert (message.id, message.channel, message.topic) == (f"{summary.id}:publish:0", "job:j1", "tick")
    assert message.size == len(b'{"n":1}')


async def test_a_step_that_is_failing_shows_its_attempts(make_client: MakeClient, storage: Storage) -> None:
    client = make_client(retry_delay=timedelta(hours=1), shutdown_timeout=timedelta(milliseconds=200))

    async def broken() -> None:
        raise RuntimeError("broken")

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        await ctx.step.run("broken", broken)

    async with client:
        (run_id,) = await client.send("app/work")
        await until(lambda: bool(storage.run(run_id).steps))
    detail = storage.run(run_id)
    assert (detail.summary.state, detail.summary.attempt, detail.summary.error_type) == (
        "ready",
        1,
        "RuntimeError",
    )
    assert detail.summary.due_at > detail.summary.created_at + timedelta(minutes=2)
    assert [(step.state, step.attempts, step.error_text) for step in detail.steps] == [
        ("failing", 1, "broken")
    ]


def test_looking_changes_nothing(client: Client, path: Path, storage: Storage, ch: JobChannel) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("publish", ch.tick, {"n": 1})

    async def fill() -> None:
        async with client:
            await client.run(work)

    asyncio.run(fill())
    before = path.read_bytes()
    assert len(storage.runs()) == 1
    assert path.read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir()) == ["app.db", "app.db.lock"]


async def test_what_cannot_be_looked_at(client: Client, path: Path) -> None:
    with pytest.raises(JournalRefused, match="not a file"):
        inspection.runs(path)
    async with client:
        pass
    assert JournalFile(path).read(FindRun("nobody")) is None


async def test_the_latest_runs_oldest_first(client: Client, storage: Storage) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None: ...

    async with client:
        ids = [(await client.send("app/work"))[0] for _ in range(5)]
    assert [summary.id for summary in storage.runs()] == ids
    assert [summary.id for summary in storage.read(ListRuns(2))] == ids[-2:]


async def test_looking_sees_one_moment(client: Client, path: Path) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None: ...

    async with client:
        await client.send("app/work")
        with JournalFile(path).snapshot() as tx:
            before = answer(tx, ListRuns(10))
            await client.send("app/work")
            assert answer(tx, ListRuns(10)) == before


async def test_a_step_that_sleeps_has_not_ended(client: Client, storage: Storage) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        await ctx.step.sleep("nap", timedelta(days=1))

    async with client:
        (run_id,) = await client.send("app/work")
        await until(lambda: bool(storage.run(run_id).steps))
        (step,) = storage.run(run_id).steps
    assert (step.state, step.ended_at) == ("sleeping", None)


@pytest.mark.parametrize("retries", [0, 1])
async def test_failures_as_a_person_counts_them(
    retries: int, make_client: MakeClient, storage: Storage
) -> None:
    client = make_client(retry_delay=timedelta(milliseconds=1))
    raised: list[int] = []

    @client.function("work", on="app/work", retries=retries)
    async def work(ctx: Context) -> None:
        raised.append(1)
        raise ValueError("never")

    async with client:
        with pytest.raises(ValueError, match="never"):
            await client.run(work)
    (summary,) = storage.runs()
    assert summary.failures == summary.attempts == len(raised) == retries + 1
    heading, *_ = graph(storage.run(summary.id))
    assert ("failed 1 time" if retries == 0 else "failed 2 times") in str(heading)


async def test_failures_before_a_step_and_after_it(make_client: MakeClient, storage: Storage) -> None:
    client = make_client(retry_delay=timedelta(milliseconds=1))
    raised: list[str] = []

    async def flaky() -> None:
        if not raised:
            raised.append("in the step")
            raise ValueError("flaky")

    @client.function("work", on="app/work", retries=2)
    async def work(ctx: Context) -> None:
        await ctx.step.run("flaky", flaky)
        if len(raised) < 3:
            raised.append("after it")
            raise ValueError("late")

    async with client:
        await client.run(work)
    (summary,) = storage.runs()
    assert (summary.state, summary.failures, summary.attempts) == ("done", 3, 4)
    heading, *_ = graph(storage.run(summary.id))
    assert "attempt 4  failed 3 times" in str(heading)
