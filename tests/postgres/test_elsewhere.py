"""Runs that other processes execute: waiting for them, cancelling them, what a lost notice changes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.postgres.crew import crew
from tests.postgres.crew_child import Registered, functions_of, program
from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client, Context, RunCancelled, RunFailed
from tightbeam._engine.postgres.sending import Sender
from tightbeam._engine.session import open_schedulers

pytestmark = pytest.mark.slow


class Web:
    """The client of this process, which executes nothing."""

    def __init__(self, address: str) -> None:
        self.client: Client = program(address, run_functions=False)
        self.functions: Registered = functions_of(self.client)


@pytest.fixture
async def web(address: str) -> AsyncIterator[Web]:
    """This process, beside three that execute functions."""
    async with crew(address, workers=3):
        made = Web(address)
        async with asyncio.timeout(60), made.client:
            yield made


async def test_runs_of_other_processes(web: Web) -> None:
    client, answer, fail = web.client, web.functions["answer"], web.functions["fail"]
    results = await asyncio.gather(*(client.run(answer, {"n": n}) for n in range(60)))
    assert [result["n"] for result in results] == list(range(60))  # type: ignore[index]
    assert os.getpid() not in {result["process"] for result in results}  # type: ignore[index]
    with pytest.raises(RunFailed, match="ValueError: no luck") as caught:
        await client.run(fail, {})
    assert (caught.value.error_type, caught.value.error_text) == ("ValueError", "no luck")
    (run_id,) = await client.send("app/answer", {"n": 5})
    assert (await client.runs.wait(run_id))["n"] == 5
    assert (await asyncio.to_thread(client.runs.wait_sync, run_id))["n"] == 5
    # As often as they were sent, however many processes look for due runs.
    assert len(await client.runs.list(function="answer", limit=1_000)) == 61

    ch = job_channel(job_id="j1")
    async with client.realtime.subscribe(ch.token) as tokens:
        (run_id,) = await client.send("app/hang", {"job": "j1"})
        assert (await anext(tokens)).data == "begun"
        waiting = asyncio.ensure_future(client.runs.wait(run_id))
        await client.runs.cancel(run_id)
        assert (await client.runs.get(run_id)).state == "cancelled"
        assert (await anext(tokens)).data == "interrupted"  # in the other process
        with pytest.raises(RunCancelled):
            await waiting


async def test_an_end_whose_notice_is_lost_is_found(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Client(address)

    @worker.function("work", on="app/work")
    async def work(ctx: Context) -> str:
        await begun.wait()
        return "done"

    begun = asyncio.Event()
    client = Client(address, run_functions=False)
    async with asyncio.timeout(60), worker, client:
        (run_id,) = await worker.send("app/work")
        waiting = asyncio.ensure_future(client.runs.wait(run_id))
        for _ in range(2):  # the second is answered behind what the wait has read: the run goes on
            await client.runs.get(run_id)
        monkeypatch.setattr(Sender, "tell", lambda *_: None)  # as if it died just after the commit
        begun.set()
        assert await waiting == "done"


@pytest.mark.parametrize("retried", [False, True], ids=["cancelled", "retried"])
async def test_a_handler_that_goes_on_before_it_hears_of_the_cancelling(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, retried: bool
) -> None:
    """It finds out by its next step. That is no failure: none is logged, stored or told to who waits."""
    began, go_on = asyncio.Event(), asyncio.Event()
    worker, client = Client(address, retry_delay=timedelta(0)), Client(address, run_functions=False)
    ch = job_channel(job_id="j1")

    @worker.function("work", on="app/work", retries=0)
    async def work(ctx: Context) -> str:
        began.set()
        await go_on.wait()
        await ctx.step.realtime.publish("late", ch.token, "late")
        return "done"

    async with asyncio.timeout(60), worker, client:
        (run_id,) = await worker.send("app/work")
        await began.wait()
        with monkeypatch.context() as silent:
            silent.setattr(Sender, "tell", lambda *_: None)  # the word of it is late
            await client.runs.cancel(run_id)
            if retried:
                await client.runs.retry(run_id)
        waiting = asyncio.ensure_future(client.runs.wait(run_id))
        go_on.set()
        if retried:
            assert await waiting == "done"
        else:
            with pytest.raises(RunCancelled):
                await waiting
        assert (await client.runs.get(run_id)).state == ("done" if retried else "cancelled")
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def test_handlers_hear_of_a_cancelled_run_once(address: str) -> None:
    """Hooks of the process that executes it do; those of the one that cancels it don't."""
    from tests.tightbeam.engine.test_elsewhere import Outcomes

    there, here = Outcomes(), Outcomes()
    worker, client = Client(address, hooks=[there]), Client(address, hooks=[here], run_functions=False)
    functions_of(worker)
    async with asyncio.timeout(60), worker, client:
        async with client.realtime.subscribe(job_channel(job_id="j1").token) as tokens:
            (run_id,) = await worker.send("app/hang", {"job": "j1"})
            await anext(tokens)
            await client.runs.cancel(run_id)
            await anext(tokens)
        while there.seen != ["cancelled"]:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
        assert here.seen == []


async def test_a_late_word_of_a_cancelling_does_not_end_the_execution_after_the_retry(address: str) -> None:
    client = program(address, run_functions=True)
    begun, go_on = asyncio.Event(), asyncio.Event()

    @client.function("held", on="app/held")
    async def held(ctx: Context) -> str:
        begun.set()
        await go_on.wait()
        return "done"

    async with asyncio.timeout(30), client:
        (run_id,) = await client.send("app/held", {})
        await begun.wait()
        (scheduler,) = open_schedulers()
        scheduler.cancelled([run_id])
        await client.runs.get(run_id)
        await client.send("app/held", {}, id="behind what was asked because of that word")
        go_on.set()
        assert await client.runs.wait(run_id) == "done"
