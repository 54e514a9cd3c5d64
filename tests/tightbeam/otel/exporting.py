"""The real SDK and the real exporters of a process, sending to the receiver that the environment names."""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

__all__ = ["Providers", "exporting"]


@dataclass
class Providers:
    traces: TracerProvider
    meters: MeterProvider

    def shutdown(self) -> None:
        self.traces.shutdown()
        self.meters.shutdown()


def exporting(service: str) -> Providers:
    """Have all spans and metrics of this process exported (OTEL_EXPORTER_OTLP_ENDPOINT)."""
    resource = Resource.create({"service.name": service})
    providers = Providers(
        TracerProvider(resource=resource, shutdown_on_exit=False),
        MeterProvider(
            [PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource, shutdown_on_exit=False
        ),
    )
    providers.traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=100))
    trace.set_tracer_provider(providers.traces)
    metrics.set_meter_provider(providers.meters)
    return providers
