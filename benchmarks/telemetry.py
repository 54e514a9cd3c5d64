"""What telemetry costs a live publish: without hooks, and with OpenTelemetry's hook, by what the SDK does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracerProvider, SpanKind
from opentelemetry.trace import TracerProvider as AnyTracerProvider

from benchmarks.bindings import PAYLOADS, payload_channel
from benchmarks.publish import seconds_of
from benchmarks.report import Bound, Report, Table, us
from benchmarks.side_by_side import Timing, compare
from tightbeam import Client
from tightbeam._client import engine_of
from tightbeam._context import current_run
from tightbeam._engine.engine import EmbeddedEngine
from tightbeam._publishing import MAX_PAYLOAD_BYTES, build_message, single_payload
from tightbeam.otel import OpenTelemetryHook

__all__ = ["measure"]

_BARE = "without the code that asks for hooks"
_OFF = "without hooks"
_NO_SDK = "with the hook, no SDK"
_UNSAMPLED = "with the hook, the trace not sampled"
_RECORDED = "with the hook, spans recorded"
_SPAN = "an SDK's span with the same attributes, alone"


def measure(*, quick: bool = False) -> Report:
    """Time a publish in interleaved rounds."""
    report = Report(
        "telemetry",
        "One live message without subscribers, from a dictionary by a closed schema (216 bytes). CPU time in"
        " microseconds. Spans go to a processor that drops them.",
    )
    asyncio.run(_measure(report, quick))
    return report


async def _measure(report: Report, quick: bool) -> None:
    channel = payload_channel("closed").closed_payloads_channel(id="1")
    rounds, messages = (7, 200) if quick else (41, 1_000)
    timings = await _timed(channel.medium, PAYLOADS["medium"], rounds, messages)
    names = (_BARE, _OFF, _NO_SDK, _UNSAMPLED, _RECORDED, _SPAN)
    rows = tuple((name, us(timings[name].seconds), us(timings[name].over)) for name in names)
    report.tables.append(Table("Time of a publish", ("", "µs", "over a publish without hooks"), rows))
    off = timings[_OFF].seconds / timings[_BARE].seconds
    report.bounds.append(Bound("without hooks: ÷ without the code for them", off, "≤", 1.01, margin=1.25))
    for name in (_NO_SDK, _UNSAMPLED, _RECORDED):
        report.bounds.append(Bound(f"{name}: over", timings[name].over * 1e6, "≤", 10.0, " µs", None))
    ours = timings[_RECORDED].over - timings[_SPAN].seconds
    report.bounds.append(
        Bound("spans recorded: over, without the SDK's own span", ours * 1e6, "≤", 10.0, " µs", None)
    )


async def _timed(ref: Any, data: object, rounds: int, messages: int) -> dict[str, Timing]:
    recording = TracerProvider(shutdown_on_exit=False)
    recording.add_span_processor(SpanProcessor())
    plain = Client()
    contestants: dict[str, Callable[[], Awaitable[None]]] = {
        _BARE: _bare(ref, data),
        _OFF: lambda: plain.realtime.publish(ref, data),
        _NO_SDK: _with_hook(ref, data, NoOpTracerProvider()),
        _UNSAMPLED: _with_hook(ref, data, TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)),
        _RECORDED: _with_hook(ref, data, recording),
        _SPAN: _span(ref, recording),
    }
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, call in contestants.items():
            await call()
            found[name].append(await seconds_of(call, messages))
    return compare(found, _OFF)


def _with_hook(ref: Any, data: object, provider: AnyTracerProvider) -> Callable[[], Awaitable[None]]:
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    client = Client(hooks=[OpenTelemetryHook(tracer_provider=provider, meter_provider=meters)])
    return lambda: client.realtime.publish(ref, data)


def _bare(ref: Any, data: object) -> Callable[[], Awaitable[None]]:
    """A publish as it would be if there were no hooks."""
    engine = engine_of(Client())
    assert isinstance(engine, EmbeddedEngine)
    emit, hub = type(engine)._emit, engine.hub

    class Bare(EmbeddedEngine):
        def _emit(self, envelope: Any) -> Any:
            if self._unheard is not None and self._unheard.check():
                self._unheard = None
            return hub.emit(envelope)

    engine.__class__ = Bare
    assert type(engine)._emit is not emit

    def live(
        carrier: Any, topic: Any, data: tuple[object, ...], kwargs: dict[str, Any], run_id: str | None
    ) -> Any:
        payload = single_payload(topic, data, kwargs)
        return carrier.publish(build_message(topic, payload, run_id, MAX_PAYLOAD_BYTES))

    async def publish(topic: Any, /, *data: object, **kwargs: Any) -> None:
        await live(engine, topic, data, kwargs, current_run.get())

    return lambda: publish(ref, data)


def _span(ref: Any, provider: TracerProvider) -> Callable[[], Awaitable[None]]:
    tracer = provider.get_tracer("alone")
    attributes = {
        "messaging.system": "tightbeam",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": ref.channel,
        "messaging.destination.template": "closed",
        "messaging.tightbeam.topic": ref.topic,
        "messaging.tightbeam.durable": False,
        "messaging.message.body.size": 216,
    }

    async def span() -> None:
        tracer.start_span("publish", kind=SpanKind.PRODUCER, attributes=attributes).end()

    return span
