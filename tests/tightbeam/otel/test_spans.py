"""Spans by the messaging conventions, of what a client does on both engines."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import tightbeam
from tests.tightbeam.both_engines import EngineUnderTest
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.otel.spans import Recorder, attributes
from tightbeam import Client
from tightbeam.otel import context_of


async def test_publish_step_and_run_are_spans_of_one_tree(
    engine: EngineUnderTest, ch: JobChannel, recorder: Recorder
) -> None:
    async def inner() -> None:
        await client.realtime.publish(ch.token, "inside")

    async def body(ctx: tightbeam.Context) -> None:
        await ctx.step.run("store", inner)
        await ctx.step.realtime.publish("result", ch.tick, {"n": 1})

    client: Any = engine.client([recorder.hook()])
    await engine.run(client, body)
    live, durable = recorder.named("publish job:{jobId}")
    assert recorder.path(live)[:3] == ["publish job:{jobId}", "step store", "run work"]
    assert recorder.path(durable)[:3] == ["publish job:{jobId}", "step result", "run work"]
    assert {span.kind for span in (live, durable)} == {SpanKind.PRODUCER}
    assert recorder.named("step store")[0].kind is SpanKind.INTERNAL
    run = recorder.named("run work")[-1]
    assert run.kind is SpanKind.CONSUMER
    where = {} if engine.name == "embedded" else {"server.address", "server.port"}
    assert attributes(durable).keys() == {
        "messaging.system",
        "messaging.operation.name",
        "messaging.operation.type",
        "messaging.destination.name",
        "messaging.destination.template",
        "messaging.message.id",
        "messaging.message.body.size",
        "messaging.tightbeam.topic",
        "messaging.tightbeam.durable",
        "tightbeam.run.id",
        *where,
    }
    run_id = attributes(run)["tightbeam.run.id"]
    assert (
        attributes(durable).items()
        >= {
            "messaging.system": "tightbeam",
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
            "messaging.destination.name": "job:j1",
            "messaging.destination.template": "job:{jobId}",
            "messaging.message.id": f"{run_id}:result:0",
            "messaging.message.body.size": len(b'{"n":1}'),
            "messaging.tightbeam.topic": "tick",
            "messaging.tightbeam.durable": True,
            "tightbeam.run.id": run_id,
        }.items()
    )
    assert attributes(run) == {
        "messaging.system": "tightbeam",
        "messaging.operation.name": "run",
        "messaging.operation.type": "process",
        "messaging.destination.name": "app/upload",
        "messaging.consumer.group.name": "work",
        "tightbeam.function": "work",
        "tightbeam.run.id": run_id,
        "tightbeam.run.attempt": 0,
        "tightbeam.outcome": "completed",
    }
    assert not trace.get_current_span().get_span_context().is_valid
    scope = run.instrumentation_scope
    assert scope is not None
    assert scope.name == "tightbeam"


async def test_in_a_sync_handler_too(engine: EngineUnderTest, ch: JobChannel, recorder: Recorder) -> None:
    def inner() -> None:
        client.realtime.publish_sync(ch.token, "inside")

    def body(ctx: tightbeam.ContextSync) -> None:
        ctx.step.run("store", inner)
        ctx.step.realtime.publish("result", ch.tick, {"n": 1})

    client: Any = engine.client([recorder.hook()])
    await engine.run(client, body)
    assert [recorder.path(span)[:3] for span in recorder.named("publish job:{jobId}")] == [
        ["publish job:{jobId}", "step store", "run work"],
        ["publish job:{jobId}", "step result", "run work"],
    ]


async def test_a_subscriber_is_in_the_publishers_trace(
    engine: EngineUnderTest, ch: JobChannel, recorder: Recorder
) -> None:
    client: Any = engine.client([recorder.hook()])
    async with client, client.realtime.subscribe(ch.token) as messages:
        with recorder.tracer.start_as_current_span("request"):
            await client.realtime.publish(ch.token, "x")
        async with asyncio.timeout(60):
            message = await anext(messages)
        messages.close()
    with recorder.tracer.start_as_current_span("show", context=context_of(message)):
        pass
    receive, publish = recorder.one("receive job:{jobId}"), recorder.one("publish job:{jobId}")
    assert recorder.path(receive) == ["receive job:{jobId}", "publish job:{jobId}", "request"]
    assert recorder.path(recorder.one("show")) == ["show", "publish job:{jobId}", "request"]
    assert receive.kind is SpanKind.CLIENT
    assert [link.context.span_id for link in receive.links] == [publish.context.span_id]
    assert attributes(receive) == {
        "messaging.system": "tightbeam",
        "messaging.operation.name": "receive",
        "messaging.operation.type": "receive",
        "messaging.destination.name": "job:j1",
        "messaging.destination.template": "job:{jobId}",
        "messaging.message.body.size": 3,
        "messaging.tightbeam.topic": "token",
        "messaging.tightbeam.durable": False,
    }


async def test_what_the_reader_does_is_linked(ch: JobChannel, recorder: Recorder) -> None:
    client = Client(hooks=[recorder.hook()])
    messages = client.realtime.subscribe(ch.token)
    await client.realtime.publish(ch.token, "x")
    with recorder.tracer.start_as_current_span("job") as job:
        await anext(messages)
    receive = recorder.one("receive job:{jobId}")
    assert recorder.path(receive) == ["receive job:{jobId}", "publish job:{jobId}"]
    assert job.get_span_context().span_id in [link.context.span_id for link in receive.links]


async def test_a_run_belongs_to_the_send_in_every_execution(ch: JobChannel, recorder: Recorder) -> None:
    ended = asyncio.Event()
    client = Client(retry_delay=timedelta(0), hooks=[recorder.hook()])

    @client.function("work", on="app/work")
    async def work(ctx: tightbeam.Context) -> None:
        await ctx.publish(ch.tick, {"n": 1})
        if ctx.attempt < 2:
            raise ConnectionError("no")
        ended.set()

    async with client:
        with recorder.tracer.start_as_current_span("request"):
            [run_id] = await client.send("app/work")
        async with asyncio.timeout(60):
            await ended.wait()
            await client.runs.wait(run_id)
    send, runs = recorder.one("send app/work"), recorder.named("run work")
    assert [recorder.path(run) for run in runs] == [["run work", "send app/work", "request"]] * 3
    assert [attributes(run)["tightbeam.outcome"] for run in runs] == ["retrying", "retrying", "completed"]
    assert [attributes(run).get("error.type") for run in runs] == ["ConnectionError", "ConnectionError", None]
    assert len(recorder.traces_of()) == 1
    assert send.kind is SpanKind.PRODUCER
    assert attributes(send) == {
        "messaging.system": "tightbeam",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "app/work",
        "tightbeam.run.ids": (run_id,),
    }
    assert [link.context.span_id for link in runs[0].links] == [send.context.span_id]


async def test_what_was_current_when_the_client_was_entered_is_no_parent_of_runs(recorder: Recorder) -> None:
    client = Client(hooks=[recorder.hook()])

    @client.function("work", on="app/work")
    async def work(ctx: tightbeam.Context) -> None: ...

    with recorder.tracer.start_as_current_span("main"):
        async with client:
            with recorder.tracer.start_as_current_span("request", context=trace.Context()):
                [run_id] = await client.send("app/work")
            await client.runs.wait(run_id)
    run = recorder.one("run work")
    assert recorder.path(run) == ["run work", "send app/work", "request"]
    assert len(run.links) == 1  # to the send


async def test_baggage_travels_only_where_the_program_says_so(ch: JobChannel, recorder: Recorder) -> None:
    everything = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
    found: list[Any] = []
    for propagator in (None, everything):
        client = Client(hooks=[recorder.hook(propagator=propagator)])

        @client.function("work", on="app/work")
        async def work(ctx: tightbeam.Context) -> None:
            found.append(dict(baggage.get_all()))
            await ctx.publish(ch.token, "x")

        async with client, asyncio.timeout(60):
            messages = client.realtime.subscribe(ch.token)
            token = context.attach(baggage.set_baggage("tenant", "t1"))
            await client.send("app/work")
            context.detach(token)
            message = await anext(messages)
            found.append(dict(baggage.get_all(context_of(message, propagator or everything))))
    assert found == [{}, {}, {"tenant": "t1"}, {"tenant": "t1"}]


async def test_errors_are_told_as_the_log_tells_them(
    engine: EngineUnderTest, ch: JobChannel, recorder: Recorder
) -> None:
    wrong: Any = {"n": "s3cret"}

    async def fails() -> None:
        raise LookupError("no such file")

    async def body(ctx: tightbeam.Context) -> None:
        with pytest.raises(tightbeam.InvalidPayload):
            await ctx.publish(ch.tick, wrong)
        try:
            await ctx.step.run("look", fails)
        except tightbeam.StepError:
            return

    await engine.run(engine.client([recorder.hook()]), body, retries=0)
    publish, step = recorder.named("publish job:{jobId}")[0], recorder.one("step look")
    assert (publish.status.status_code, step.status.status_code) == (StatusCode.ERROR, StatusCode.ERROR)
    assert attributes(publish)["error.type"].endswith("InvalidPayload")
    assert "messaging.message.body.size" not in attributes(publish)
    assert not publish.events
    assert attributes(step)["error.type"] == "LookupError"
    assert attributes(step)["tightbeam.outcome"] == "failed"
    [event] = step.events
    told = dict(event.attributes or {})
    assert (event.name, told["exception.type"], told["exception.message"]) == (
        "exception",
        "LookupError",
        "no such file",
    )
    assert "in fails" in str(told["exception.stacktrace"])
    assert "s3cret" not in "".join(span.to_json() for span in recorder.spans)


async def test_an_error_that_quotes_its_input_is_told_without_it(recorder: Recorder) -> None:
    import pydantic

    client = Client(hooks=[recorder.hook()])

    @client.function("work", on="app/work", retries=0)
    async def work(ctx: tightbeam.Context) -> None:
        pydantic.TypeAdapter(int).validate_python(ctx.event.data["text"])

    async with client:
        with pytest.raises(pydantic.ValidationError):
            await client.run(work, {"text": "s3cret"})
    run = recorder.one("run work")
    assert run.status.status_code is StatusCode.ERROR
    assert "s3cret" not in run.to_json()


async def test_what_is_logged_of_a_failure_belongs_to_the_trace_of_its_run(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    current: list[int] = []

    class Correlates(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            current.append(trace.get_current_span().get_span_context().span_id)
            return True

    client = Client(hooks=[recorder.hook()], retry_delay=timedelta(0))

    @client.function("work", retries=1)
    async def work(ctx: tightbeam.Context) -> None:
        raise LookupError

    caplog.handler.addFilter(correlates := Correlates())
    try:
        async with client:
            with pytest.raises(LookupError):
                await client.run(work)
    finally:
        caplog.handler.removeFilter(correlates)
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert current == [run.context.span_id for run in recorder.named("run work")]


async def test_ids_that_are_made_at_run_time_name_only_so_many_spans(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tightbeam.otel import _spans

    monkeypatch.setattr(_spans, "_MAX_STEP_NAMES", 2)
    client = Client(hooks=[recorder.hook()])

    async def nothing() -> None: ...

    @client.function("work")
    async def work(ctx: tightbeam.Context) -> None:
        for number in range(4):
            await ctx.step.run(f"page-{number}", nothing)
        await ctx.step.run("page-1", nothing)

    async with client:
        await client.run(work)
    steps = [span.name for span in recorder.spans if "step" in span.name]
    assert steps == ["step page-0", "step page-1", "step.run", "step.run", "step page-1"]
    assert attributes(recorder.named("step page-1")[-1])["tightbeam.step.id"] == "page-1:1"
