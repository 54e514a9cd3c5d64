"""The hook: spans of what a client does, the context that travels with it, and what is measured of it."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import TracerProvider

from tightbeam._hooks.hook import Hook, Manager
from tightbeam._hooks.info import (
    ClientInfo,
    CommitInfo,
    ConnectionInfo,
    MessageInfo,
    PublishInfo,
    RunInfo,
    SendInfo,
    StepInfo,
)
from tightbeam.otel._conventions import SCHEMA_URL, SCOPE
from tightbeam.otel._metrics import metrics_of
from tightbeam.otel._propagation import TRACE_CONTEXT
from tightbeam.otel._spans import (
    ConnectionScope,
    PublishScope,
    RunScope,
    SendScope,
    StepScope,
    Tracing,
    receive,
)

__all__ = ["OpenTelemetryHook"]


class OpenTelemetryHook(Hook):
    """Traces and measures a client: ``Client(hooks=[OpenTelemetryHook()])``.

    Spans and metrics follow the messaging conventions of OpenTelemetry. The context of a publish travels in
    the message's metadata, that of a send with its runs: what follows from a request is one trace, over
    processes, retries and restarts. No payload, token or key reaches a span or a metric.

    Args:
        tracer_provider: makes the spans; the global one by default, also if that is set later.
        meter_provider: makes the instruments; the global one by default, likewise.
        propagator: puts the context into metadata and takes it from there: W3C's ``traceparent`` and
            ``tracestate`` by default. Baggage is left out unless you give a propagator that has it, since
            metadata reaches every reader of a message, in browsers too.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        propagator: TextMapPropagator | None = None,
    ) -> None:
        tracer = trace.get_tracer(SCOPE, tracer_provider=tracer_provider, schema_url=SCHEMA_URL)
        self._metrics = metrics_of(meter_provider)
        self._tracing = Tracing(tracer, propagator or TRACE_CONTEXT, self._metrics)

    def publish(self, publish: PublishInfo, /) -> Manager:
        """Trace a publish, and put its context beside the message."""
        return PublishScope(self._tracing, publish)

    def send(self, send: SendInfo, /) -> Manager:
        """Trace the sending of an event, and keep its context with the runs."""
        return SendScope(self._tracing, send)

    def run(self, run: RunInfo, /) -> Manager:
        """Trace an execution of a run, in the trace of what started it."""
        return RunScope(self._tracing, run)

    def step(self, step: StepInfo, /) -> Manager:
        """Trace the execution of a step."""
        return StepScope(self._tracing, step)

    def connection(self, connection: ConnectionInfo, /) -> Manager:
        """Count a connection; it is no span, since it may last for days."""
        return ConnectionScope(self._metrics, connection)

    def received(self, message: MessageInfo, /) -> None:
        """Trace that a reader gets a message, in the trace of its publish."""
        receive(self._tracing, message)

    def committed(self, commit: CommitInfo, /) -> None:
        """Measure a commit."""
        self._metrics.committed(commit)

    def attached(self, client: ClientInfo, /) -> None:
        """Ask the client when metrics are collected."""
        self._metrics.add_client(client)
