"""On Inngest the context of a send goes with the event's data, and no handler sees it there."""

from __future__ import annotations

from typing import Any

import inngest
import pytest
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

import tightbeam
from tests.tightbeam.both_engines import OnInngest
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.inngest.calls import Run, app_of
from tests.tightbeam.inngest.standin import StandIn
from tests.tightbeam.otel.spans import Recorder, attributes

pytestmark = pytest.mark.slow


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[inngest.Event]:
    """Return what the SDK is given to send, in place of its sending."""
    events: list[inngest.Event] = []

    async def send(self: Any, given: Any, *, skip_middleware: bool = False) -> list[str]:
        events.extend(given if isinstance(given, list) else [given])
        return [f"e{number}" for number in range(len(events))]

    monkeypatch.setattr(inngest.Inngest, "send", send)
    return events


async def test_a_run_is_in_the_trace_of_its_send_at_each_call(
    server: StandIn, ch: JobChannel, recorder: Recorder, sent: list[inngest.Event]
) -> None:
    client = OnInngest(server).client([recorder.hook()])
    seen: list[Any] = []

    @client.function("work", on="app/upload")
    async def work(ctx: tightbeam.Context) -> None:
        seen.append(dict(ctx.event.data))
        await ctx.step.realtime.publish("p", ch.tick, {"n": 1})

    app = app_of(client, client.functions)
    FastAPIInstrumentor.instrument_app(app, tracer_provider=recorder.traces, meter_provider=recorder.meters)
    with recorder.tracer.start_as_current_span("request"):
        await client.send("app/upload", {"n": 1})
    last = await Run(app, "app-work", dict(sent[0].data)).finish()
    assert last.status == 200
    assert seen == [{"n": 1}] * len(seen)
    runs = recorder.named("run work")
    assert len(runs) == len(seen) == 2
    assert [recorder.path(run) for run in runs] == [["run work", "send app/upload", "request"]] * 2
    calls = [span for span in recorder.spans if span.name.startswith("POST ") and span.parent is None]
    assert [run.links[-1].context.span_id for run in runs] == [call.context.span_id for call in calls]
    publish = recorder.one("publish job:{jobId}")
    assert recorder.path(publish) == [
        "publish job:{jobId}",
        "step p",
        "run work",
        "send app/upload",
        "request",
    ]
    send = recorder.one("send app/upload")
    assert attributes(send)["server.address"] == "127.0.0.1"
    FastAPIInstrumentor.uninstrument_app(app)


async def test_without_a_context_of_its_own_a_run_belongs_to_the_request_that_calls_it(
    server: StandIn, recorder: Recorder
) -> None:
    client = OnInngest(server).client([recorder.hook()])

    @client.function("work", on="app/upload")
    async def work(ctx: tightbeam.Context) -> None: ...

    with recorder.tracer.start_as_current_span("call"):
        assert (await Run(app_of(client, client.functions), "app-work").finish()).status == 200
    assert recorder.path(recorder.one("run work")) == ["run work", "call"]


async def test_events_of_the_sdk_get_it_too_and_are_left_as_they_were(
    server: StandIn, recorder: Recorder, sent: list[inngest.Event]
) -> None:
    client = OnInngest(server).client([recorder.hook()])
    events = [inngest.Event(name="app/a", data={"n": 1}), inngest.Event(name="app/b", id="b1")]
    await client.send(events)
    assert [dict(event.data) for event in events] == [{"n": 1}, {}]
    assert [event.data["_tightbeam"] for event in sent] == [sent[0].data["_tightbeam"]] * 2
    assert [event.id for event in sent] == ["", "b1"]
    span = recorder.one("send")
    assert attributes(span)["messaging.batch.message_count"] == 2
    assert "messaging.destination.name" not in attributes(span)


async def test_without_hooks_the_data_is_sent_as_it_is(server: StandIn, sent: list[inngest.Event]) -> None:
    await OnInngest(server).client().send("app/upload", {"n": 1})
    assert dict(sent[0].data) == {"n": 1}


@pytest.mark.parametrize("value", [None, 7, "x", [1], {"traceparent": 5}, {"traceparent": "garbage"}])
async def test_what_else_is_under_the_key_is_no_context(
    server: StandIn, recorder: Recorder, value: Any
) -> None:
    client = OnInngest(server).client([recorder.hook()])
    seen: list[Any] = []

    @client.function("work", on="app/upload")
    async def work(ctx: tightbeam.Context) -> None:
        seen.append(dict(ctx.event.data))

    data = {"n": 1, "_tightbeam": value}
    assert (await Run(app_of(client, client.functions), "app-work", data).finish()).status == 200
    assert seen == [{"n": 1}]
    assert recorder.one("run work").parent is None


async def test_a_failure_is_handled_in_the_trace_of_the_run(server: StandIn, recorder: Recorder) -> None:
    client = OnInngest(server).client([recorder.hook()])
    seen: list[Any] = []

    async def failed(ctx: Any) -> None:
        seen.append(ctx.event.data["event"]["data"])

    @client.create_function(fn_id="work", trigger=inngest.TriggerEvent(event="app/upload"), on_failure=failed)
    async def work(ctx: tightbeam.Context) -> None: ...

    with recorder.tracer.start_as_current_span("request") as request:
        context = request.get_span_context()
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-01"
    original = {"name": "app/upload", "data": {"n": 1, "_tightbeam": {"traceparent": parent}}}
    data = {"event": original, "error": {"name": "E", "message": ""}, "function_id": "work", "run_id": "r"}
    run = Run(app_of(client, client.functions), "app-work-failure", data)
    assert (await run.finish()).status == 200
    assert seen == [{"n": 1}]
    assert recorder.path(recorder.one("run work-failure")) == ["run work-failure", "request"]
