"""What tests look at: the spans and metrics that the SDK has recorded in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

from tightbeam.otel import OpenTelemetryHook

__all__ = ["Recorder", "attributes", "until", "values"]


@dataclass
class Recorder:
    """The real SDK, with exporters in memory."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def __post_init__(self) -> None:
        self.traces = TracerProvider(shutdown_on_exit=False)
        self.traces.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)

    @property
    def tracer(self) -> Tracer:
        return self.traces.get_tracer("test")

    def hook(self, **options: Any) -> OpenTelemetryHook:
        return OpenTelemetryHook(tracer_provider=self.traces, meter_provider=self.meters, **options)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The ended spans, in the order of their ends."""
        return self.exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        [span] = self.named(name)
        return span

    def path(self, span: ReadableSpan) -> list[str]:
        """The names from a span up to its root."""
        by_id = {each.context.span_id: each for each in self.spans}
        names = [span.name]
        while span.parent is not None and span.parent.span_id in by_id:
            assert span.context.trace_id == span.parent.trace_id
            span = by_id[span.parent.span_id]
            names.append(span.name)
        return names

    def traces_of(self, *names: str) -> set[int]:
        return {span.context.trace_id for span in self.spans if not names or span.name in names}

    def points(self, metric: str) -> list[Any]:
        """The data points of a metric."""
        return [point for name, point in self._points() if name == metric]

    def _points(self) -> Iterator[tuple[str, Any]]:
        data = self.reader.get_metrics_data()
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        yield metric.name, point


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def values(points: list[Any], *names: str) -> dict[tuple[Any, ...], Any]:
    """The values of points by some of their attributes; of histograms the counts."""
    return {
        tuple(point.attributes.get(name) for name in names): getattr(point, "value", None)
        if hasattr(point, "value")
        else point.count
        for point in points
    }


async def until(there: Callable[[], bool]) -> None:
    """Wait for something that the SDK has been told, which nothing announces."""
    for _ in range(2_000):
        if there():
            return
        await asyncio.sleep(0.01)
    raise AssertionError
