"""What goes wrong in telemetry changes nothing of what it watches."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Sampler
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import tightbeam
from tests.tightbeam.both_engines import EngineUnderTest
from tests.tightbeam.engine.samples import JobChannel, Tick
from tests.tightbeam.hooks.test_metadata import Stamps
from tests.tightbeam.otel.spans import Recorder
from tightbeam import Client
from tightbeam.otel import OpenTelemetryHook, context_of, instrument, uninstrument


async def works(engine: EngineUnderTest, client: Any, ch: JobChannel) -> None:
    """Check that a run publishes both ways, and ends well."""
    results = list[Any]()

    async def body(ctx: tightbeam.Context) -> None:
        await ctx.publish(ch.token, "x")
        results.append(await ctx.step.realtime.publish("p", ch.tick, {"n": 1}))

    await engine.run(client, body, retries=0)
    assert results[-1] == Tick(n=1)
    assert not trace.get_current_span().get_span_context().is_valid


async def test_without_an_sdk_nothing_is_recorded_and_a_context_still_travels(
    engine: EngineUnderTest, ch: JobChannel
) -> None:
    await works(engine, engine.client([OpenTelemetryHook()]), ch)
    client = Client(hooks=[OpenTelemetryHook()])
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    messages = client.realtime.subscribe(ch.token)
    await client.realtime.publish(ch.token, "x")
    assert (await anext(messages)).metadata == {}
    context = TraceContextTextMapPropagator().extract({"traceparent": parent})
    with trace.use_span(trace.get_current_span(context)):
        await client.realtime.publish(ch.token, "x")
    assert (await anext(messages)).metadata == {"traceparent": parent}


@pytest.mark.slow
def test_without_the_api_the_import_says_what_to_install() -> None:
    program = """
import sys, tightbeam
print([name for name in sys.modules if "telemetry" in name])
sys.modules["opentelemetry"] = None
try:
    import tightbeam.otel
except ImportError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    needs = "tightbeam.otel needs the package opentelemetry: pip install 'tightbeam[otel]'"
    assert ran.stdout.splitlines() == ["[]", needs]


async def test_an_exporter_without_a_server_holds_nothing_up(
    engine: EngineUnderTest, ch: JobChannel, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nothing listens there
        exporter = OTLPSpanExporter(f"http://127.0.0.1:{closed.getsockname()[1]}/v1/traces", timeout=1)
        processor = BatchSpanProcessor(exporter)
        recorder.traces.add_span_processor(processor)
        await works(engine, engine.client([recorder.hook()]), ch)
        exporter.shutdown()
        processor.shutdown()


class Boom(Exception): ...


class BrokenSampler(Sampler):
    def should_sample(self, *args: Any, **kwargs: Any) -> Any:
        raise Boom

    def get_description(self) -> str:
        return "broken"


class BrokenPropagator(TraceContextTextMapPropagator):
    def inject(self, *args: Any, **kwargs: Any) -> None:
        raise Boom

    def extract(self, *args: Any, **kwargs: Any) -> Any:
        raise Boom


class BrokenProcessor(SpanProcessor):
    def on_start(self, *args: Any, **kwargs: Any) -> None:
        raise Boom

    def on_end(self, *args: Any, **kwargs: Any) -> None:
        raise Boom


class LateProcessor(SpanProcessor):
    def on_end(self, *args: Any, **kwargs: Any) -> None:
        raise Boom


@pytest.mark.parametrize("broken", ["sampler", "propagator", "processor", "end"])
async def test_what_is_broken_in_telemetry_is_logged_once(
    engine: EngineUnderTest, ch: JobChannel, recorder: Recorder, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    if broken == "sampler":
        recorder.traces.sampler = BrokenSampler()
    hook = recorder.hook(propagator=BrokenPropagator() if broken == "propagator" else None)
    if broken in ("processor", "end"):
        recorder.traces.add_span_processor(BrokenProcessor() if broken == "processor" else LateProcessor())
    await works(engine, engine.client([hook]), ch)
    messages = [record.getMessage() for record in caplog.records]
    assert any("OpenTelemetryHook.publish failed, which changes nothing else" in text for text in messages)
    assert len(messages) == len(set(messages))


async def test_what_isnt_sampled_is_not_recorded_and_says_so_to_readers(
    ch: JobChannel, recorder: Recorder
) -> None:
    recorder.traces.sampler = ALWAYS_OFF
    client = Client(hooks=[recorder.hook()])
    messages = client.realtime.subscribe(ch.token)
    await client.realtime.publish(ch.token, "x")
    flags = int((await anext(messages)).metadata["traceparent"].rpartition("-")[2], 16)
    assert flags & 1 == 0
    assert recorder.spans == ()


GARBAGE = ["", "garbage", "00-0-0-0", f"00-{'0' * 32}-{'0' * 16}-01", "ff" * 600, 5, None, ["00"], {"a": 1}]


@pytest.mark.parametrize("parent", GARBAGE)
async def test_garbage_in_metadata_is_no_context(ch: JobChannel, recorder: Recorder, parent: Any) -> None:
    stamps = Stamps()
    stamps.metadata = {"traceparent": parent, "tracestate": parent}
    quiet = tightbeam.Client(hooks=[stamps])  # its hook writes nothing but that
    read = recorder.hook()

    @quiet.function("work")
    async def work(ctx: tightbeam.Context) -> None: ...

    messages = quiet.realtime.subscribe(ch.token)
    await quiet.realtime.publish(ch.token, "x")
    quiet._hooks.attach(read)
    message = await anext(messages)
    with recorder.tracer.start_as_current_span("show", context=context_of(message)):
        pass
    assert [span.parent for span in recorder.spans] == [None, None]
    quiet._hooks.detach(read)
    quiet._hooks.attach(recorder.hook())
    async with quiet:
        await quiet.run(work)
    [run] = recorder.named("run work")
    assert recorder.path(run) == ["run work", "send tightbeam/function.invoked"]


async def test_a_context_that_the_program_has_put_there_stands(ch: JobChannel, recorder: Recorder) -> None:
    stamps = Stamps()
    stamps.metadata = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    client = Client(hooks=[stamps, recorder.hook()])
    messages = client.realtime.subscribe(ch.token)
    await client.realtime.publish(ch.token, "x")
    assert (await anext(messages)).metadata == stamps.metadata
    receive = recorder.one("receive job:{jobId}")
    assert receive.parent is not None
    assert f"{receive.parent.span_id:016x}" == "b7ad6b7169203331"


@pytest.mark.parametrize("size", [3_900, 4_096, 5_000])
async def test_metadata_at_its_bound(
    ch: JobChannel, recorder: Recorder, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What other hooks add may leave no room: then none travels, and the message does."""
    client = Client(hooks=[Stamps(size=size), recorder.hook()])
    messages = client.realtime.subscribe(ch.token)
    await client.realtime.publish(ch.token, "x")
    message = await anext(messages)
    assert message.data == "x"
    assert ("traceparent" in message.metadata) == (size == 3_900)
    assert ("PublishInfo.metadata: left out" in caplog.text) == (size > 3_900)


async def test_all_clients_of_a_process_until_it_is_undone(ch: JobChannel, recorder: Recorder) -> None:
    client = Client()
    instrument(tracer_provider=recorder.traces, meter_provider=recorder.meters)
    instrument(tracer_provider=recorder.traces, meter_provider=recorder.meters)
    try:
        await client.realtime.publish(ch.token, "x")
    finally:
        uninstrument()
    uninstrument()
    await client.realtime.publish(ch.token, "x")
    assert len(recorder.named("publish job:{jobId}")) == 1


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_counts_for_itself_whatever_its_parent_was_doing(
    ch: JobChannel, recorder: Recorder
) -> None:
    client = Client(hooks=[recorder.hook()])
    client.realtime.publish_sync(ch.token, "x")
    counts = recorder.hook()._metrics._sent
    with counts._lock:  # as another thread of the parent may hold it, which the child doesn't have
        child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(60)
            client.realtime.publish_sync(ch.token, "x")
            code = 0 if [number for _, number in counts.counts()] == [1] else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [number for _, number in counts.counts()] == [1]
