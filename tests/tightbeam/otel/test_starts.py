"""What a run starts is in its trace, whenever that begins."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import inngest
import pytest

import tightbeam
from tests.tightbeam.both_engines import OnInngest
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import KEY, running, secured
from tests.tightbeam.inngest.calls import Run, app_of, hashed
from tests.tightbeam.inngest.standin import StandIn
from tests.tightbeam.otel.spans import Recorder, attributes, until
from tightbeam import Client
from tightbeam.testing import Clock


async def test_runs_that_steps_start_are_in_the_trace_of_their_run(recorder: Recorder) -> None:
    client = Client(hooks=[recorder.hook()])
    ended = asyncio.Event()

    @client.function("child")
    async def child(ctx: tightbeam.Context) -> int:
        return 1

    @client.function("other", on="app/other")
    async def other(ctx: tightbeam.Context) -> None:
        ended.set()

    @client.function("work", on="app/work")
    async def work(ctx: tightbeam.Context) -> None:
        await ctx.step.invoke("ask", function=child, data={})
        await ctx.step.send_event("tell", "app/other", {})

    async with client, asyncio.timeout(20):
        with recorder.tracer.start_as_current_span("request"):
            await client.send("app/work")
        await ended.wait()
    up = ["run work", "send app/work", "request"]
    assert recorder.path(recorder.one("run child")) == [
        "run child",
        "send tightbeam/function.invoked",
        "step ask",
        *up,
    ]
    assert recorder.path(recorder.one("run other")) == ["run other", "send app/other", "step tell", *up]
    assert len(recorder.traces_of()) == 1


@pytest.mark.slow
async def test_waiting_holds_no_span_open_and_goes_on_in_the_trace(recorder: Recorder) -> None:
    client = Client(hooks=[recorder.hook()])
    ended = asyncio.Event()

    @client.function("work", on="app/work")
    async def work(ctx: tightbeam.Context) -> None:
        await ctx.step.wait_for_event("wait", event="app/paid", timeout=timedelta(days=3))
        ended.set()

    async with client, asyncio.timeout(20):
        with recorder.tracer.start_as_current_span("request"):
            await client.send("app/work")
        await until(lambda: bool(recorder.named("run work")))
        assert attributes(recorder.one("run work"))["tightbeam.outcome"] == "sleeping"
        assert attributes(recorder.one("step wait"))["tightbeam.outcome"] == "interrupted"
        await client.send("app/paid")
        await ended.wait()
    runs = recorder.named("run work")
    assert [recorder.path(run) for run in runs] == [["run work", "send app/work", "request"]] * 2
    assert attributes(runs[-1])["tightbeam.outcome"] == "completed"


@pytest.mark.slow
async def test_a_start_that_is_delayed_over_a_restart_is_in_the_trace(
    tmp_path: Path, recorder: Recorder, clock: Clock
) -> None:
    def client_with(ended: asyncio.Event) -> Client:
        client = Client(tmp_path / "j.db", hooks=[recorder.hook()])

        @client.function("work", on="app/work")
        async def work(ctx: tightbeam.Context) -> None:
            ended.set()

        return client

    ended = asyncio.Event()
    async with client_with(ended) as client:
        with recorder.tracer.start_as_current_span("request"):
            await client.send("app/work", delay=timedelta(hours=1))
    assert not recorder.named("run work")
    async with client_with(ended), asyncio.timeout(20):
        clock.advance(timedelta(hours=1))
        await ended.wait()
    assert recorder.path(recorder.one("run work")) == ["run work", "send app/work", "request"]


async def test_the_handler_of_a_failure_is_in_the_trace_of_the_run_that_failed(recorder: Recorder) -> None:
    client = Client(hooks=[recorder.hook()])
    handled = asyncio.Event()

    async def clean_up(ctx: tightbeam.Context[tightbeam.FailureEvent]) -> None:
        handled.set()

    @client.function("work", on="app/work", retries=0, on_failure=clean_up)
    async def work(ctx: tightbeam.Context) -> None:
        raise LookupError

    async with client, asyncio.timeout(20):
        with recorder.tracer.start_as_current_span("request"):
            await client.send("app/work")
        await handled.wait()
    up = ["send app/work", "request"]
    assert recorder.path(recorder.one("run work")) == ["run work", *up]
    assert recorder.path(recorder.one("run work-failure")) == ["run work-failure", *up]


async def test_a_plain_step_that_outlasts_the_cancelling_of_its_run_is_completed(recorder: Recorder) -> None:
    """It can't be interrupted, so it goes on to its end and is remembered: a retry has no span of it."""
    client = Client(hooks=[recorder.hook()])
    loop = asyncio.get_running_loop()
    begun, go_on = asyncio.Event(), threading.Event()

    def block() -> None:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(60)

    @client.function("work", on="app/work")
    def work(ctx: tightbeam.ContextSync) -> None:
        ctx.step.run("block", block)

    async with client, asyncio.timeout(20):
        [run_id] = await client.send("app/work")
        await begun.wait()
        cancelling = asyncio.create_task(client.runs.cancel(run_id))
        await asyncio.sleep(0.01)
        assert not cancelling.done()
        go_on.set()
        await cancelling
        await until(lambda: bool(recorder.named("run work")))
        assert attributes(recorder.one("run work"))["tightbeam.outcome"] == "cancelled"
        assert attributes(recorder.one("step block"))["tightbeam.outcome"] == "completed"
        await client.runs.retry(run_id)
        await client.runs.wait(run_id)
    assert len(recorder.named("step block")) == 1


async def test_a_cancelled_run_and_its_retry_are_executions_of_one_trace(recorder: Recorder) -> None:
    client = Client(hooks=[recorder.hook()])
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @client.function("work", on="app/work")
    async def work(ctx: tightbeam.Context) -> None:
        begun.set()
        await go_on.wait()
        ended.set()

    async with client, asyncio.timeout(20):
        with recorder.tracer.start_as_current_span("request"):
            [run_id] = await client.send("app/work")
        await begun.wait()
        await client.runs.cancel(run_id)
        go_on.set()
        with recorder.tracer.start_as_current_span("somebody retries it"):
            await client.runs.retry(run_id)
        await ended.wait()
    runs = recorder.named("run work")
    assert [recorder.path(run) for run in runs] == [["run work", "send app/work", "request"]] * 2
    outcomes = [attributes(run)["tightbeam.outcome"] for run in runs]
    assert outcomes == ["cancelled", "completed"]
    assert all("error.type" not in attributes(run) for run in runs)


@pytest.mark.slow
async def test_each_tick_of_a_schedule_is_a_trace_of_its_own(recorder: Recorder) -> None:
    client = Client(hooks=[recorder.hook()])

    @client.function("tick", on=tightbeam.cron("* * * * * *"))
    async def tick(ctx: tightbeam.Context) -> None: ...

    with recorder.tracer.start_as_current_span("main"):
        async with client:
            await until(lambda: bool(recorder.named("run tick")))
    assert recorder.path(recorder.named("run tick")[0]) == ["run tick", "send inngest/scheduled.timer"]
    assert all(span.parent is None for span in recorder.named("send inngest/scheduled.timer"))


@pytest.mark.slow
async def test_what_another_process_sends_and_publishes_through_a_gateway_is_in_its_trace(
    ch: JobChannel, recorder: Recorder
) -> None:
    there = Recorder()
    client = Client(hooks=[recorder.hook()])
    ended = asyncio.Event()

    @client.function("work", on="app/work")
    async def work(ctx: tightbeam.Context) -> None:
        ended.set()

    async with client, running(secured(client)) as url, asyncio.timeout(20):
        messages = client.realtime.subscribe(ch.token)
        async with tightbeam.connect(url, key=KEY, hooks=[there.hook()]) as remote:
            with there.tracer.start_as_current_span("request") as request:
                await remote.send("app/work", {"n": 1})
                await remote.realtime.publish(ch.token, "x")
        await ended.wait()
        await anext(messages)
    sent, published = there.one("send app/work"), there.one("publish job:{jobId}")
    assert attributes(sent)["server.address"] == attributes(published)["server.address"] == "127.0.0.1"
    run, receive = recorder.one("run work"), recorder.one("receive job:{jobId}")
    assert run.parent is not None
    assert receive.parent is not None
    assert (run.parent.span_id, receive.parent.span_id) == (sent.context.span_id, published.context.span_id)
    trace_id = request.get_span_context().trace_id
    assert {span.context.trace_id for span in (*recorder.spans, *there.spans)} == {trace_id}
    assert recorder.named("send app/work") == []  # the sender has that span
    assert len(there.points("messaging.client.operation.duration")) == 2


@pytest.mark.slow
async def test_on_inngest_too(server: StandIn, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[inngest.Event] = []

    async def send(self: Any, events: list[inngest.Event], *, skip_middleware: bool = False) -> list[str]:
        sent.extend(events)
        return ["e1"]

    monkeypatch.setattr(inngest.Inngest, "send", send)
    client = OnInngest(server).client([recorder.hook()])
    came: list[Any] = []

    @client.function("child")
    async def child(ctx: tightbeam.Context) -> dict[str, str]:
        return {}

    @client.function("work", on="app/upload")
    async def work(ctx: tightbeam.Context) -> None:
        await ctx.step.send_event("tell", "app/other", {"n": 1})
        await ctx.step.invoke("ask", function=child, data={"n": 2})
        event = await ctx.step.wait_for_event("wait", event="app/paid", timeout=timedelta(days=3))
        came.append(dict(event.data) if event is not None else None)

    app = app_of(client, client.functions)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    run = Run(app, "app-work", {"_tightbeam": {"traceparent": parent}})
    planned = []
    for _ in range(2):
        answer = await run.call()
        planned += answer.body
        run.keep(answer)
    (invoked,) = [one for one in planned if one["op"] == "InvokeFunction"]
    assert invoked["opts"]["payload"]["data"] == {"n": 2, "_tightbeam": {"traceparent": parent}}
    (answer,) = [await run.call()]
    run.keep(answer)
    run.steps[hashed("wait")] = {"name": "app/paid", "data": {"n": 3, "_tightbeam": {}}, "id": "e", "ts": 1}
    assert (await run.call()).status == 200
    assert came == [{"n": 3}]
    [event] = sent
    assert event.data["n"] == 1
    assert event.data["_tightbeam"]["traceparent"][3:35] == parent[3:35]
    send_span = recorder.one("send app/other")
    assert recorder.path(send_span) == ["send app/other", "step tell", "run work"]
    assert {span.context.trace_id for span in recorder.spans} == {int(parent[3:35], 16)}
