"""Spans: each is current while it is open, so that what begins meanwhile is its child."""

from __future__ import annotations

from contextvars import Token
from time import perf_counter
from types import TracebackType
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Link, Span, SpanKind, Tracer

from tightbeam._hooks.info import ConnectionInfo, MessageInfo, PublishInfo, RunInfo, SendInfo, StepInfo
from tightbeam.otel._conventions import (
    ATTEMPT,
    BATCH_COUNT,
    BODY_SIZE,
    CONSUMER_GROUP,
    DESTINATION,
    DURABLE,
    FUNCTION,
    MESSAGE_ID,
    OPERATION_NAME,
    OPERATION_TYPE,
    OUTCOME,
    RUN_ID,
    RUN_IDS,
    STEP_ID,
    STEP_KIND,
    SYSTEM,
    SYSTEM_NAME,
    TEMPLATE,
    TOPIC,
)
from tightbeam.otel._errors import BoundedNames, record_error
from tightbeam.otel._metrics import Metrics, Operation, server_attributes
from tightbeam.otel._propagation import context_in, put_context
from tightbeam.otel._tally import MAX_SERIES

__all__ = [
    "ConnectionScope",
    "PublishScope",
    "RunScope",
    "SendScope",
    "StepScope",
    "Tracing",
    "receive",
]

_MAX_STEP_NAMES = 1_000
"""How many ids of steps name spans; a program that makes ids at run time has more, and those don't."""

Attributes = dict[str, Any]


class _PublishKind:
    """What the publishes to one topic of one template have in common, made once."""

    __slots__ = ("attributes", "name", "operation", "waits")

    def __init__(self, publish: PublishInfo) -> None:
        template, topic, durable, server = publish.template, publish.topic, publish.durable, publish.server
        self.name = f"publish {template}"
        self.operation = Operation("publish", "send", template, topic, durable, server=server)
        self.waits = durable or server is not None
        self.attributes: Attributes = {
            SYSTEM: SYSTEM_NAME,
            OPERATION_NAME: "publish",
            OPERATION_TYPE: "send",
            DESTINATION: "",  # of each publish
            TEMPLATE: template,
            TOPIC: topic,
            DURABLE: durable,
        }
        if server is not None:
            self.attributes.update(server_attributes(server))


class Tracing:
    """What all spans of a hook are made with."""

    __slots__ = ("_publishes", "metrics", "propagator", "step_name", "tracer")

    def __init__(self, tracer: Tracer, propagator: TextMapPropagator, metrics: Metrics) -> None:
        self.tracer = tracer
        self.propagator = propagator
        self.metrics = metrics
        self.step_name = BoundedNames(_MAX_STEP_NAMES, "")
        self._publishes: dict[tuple[str, str, bool, str | None], _PublishKind] = {}

    def kind_of(self, publish: PublishInfo) -> _PublishKind:
        """Return what a publish has in common with others."""
        key = publish.template, publish.topic, publish.step_id is not None, publish.server
        known = self._publishes.get(key)
        if known is None:
            known = _PublishKind(publish)
            if len(self._publishes) < MAX_SERIES:
                self._publishes[key] = known
        return known


class _Scope:
    """A context in which a span is the current one."""

    __slots__ = ("_began", "_context", "_span", "_token", "_tracing")

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._span: Span = trace.INVALID_SPAN
        self._context: Context | None = None
        self._token: Token[Context] | None = None
        self._began = 0.0

    def _open(self, span: Span, metadata: Attributes | None = None, *, inside: Context | None = None) -> None:
        """Make a span the current one.

        Args:
            span: just started.
            metadata: gets the span's context.
            inside: the context whose other values go on, such as baggage; None for what is current.
        """
        self._span = span
        self._context = context = trace.set_span_in_context(span, inside)
        if metadata is not None:
            try:
                put_context(metadata, span, context, self._tracing.propagator)
            except BaseException:
                span.end()  # an error of the propagator's: this scope is never left
                raise
        self._token = attach(context)
        self._began = perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if self._token is None:
            return
        seconds = perf_counter() - self._began
        if get_current() is self._context:  # else it is left in a context where it isn't the current one
            detach(self._token)
        try:
            if self._span.is_recording():
                self._describe(self._span, error)
        finally:
            self._span.end()
        self._measure(error, seconds)

    def _describe(self, span: Span, error: BaseException | None) -> None:
        """Set what is known at the end."""

    def _measure(self, error: BaseException | None, seconds: float) -> None:
        """Count what has ended."""


class PublishScope(_Scope):
    """A publish, whose context travels with the message."""

    __slots__ = ("_kind", "_publish")

    def __init__(self, tracing: Tracing, publish: PublishInfo) -> None:
        super().__init__(tracing)
        self._publish = publish
        self._kind = tracing.kind_of(publish)

    def __enter__(self) -> None:
        publish, kind = self._publish, self._kind
        attributes = kind.attributes.copy()
        attributes[DESTINATION] = publish.channel
        around = get_current()  # once: who isn't told what is current looks it up each time
        span = self._tracing.tracer.start_span(
            kind.name, around, kind=SpanKind.PRODUCER, attributes=attributes
        )
        self._open(span, publish.metadata, inside=around)

    def _describe(self, span: Span, error: BaseException | None) -> None:
        publish = self._publish
        message = publish.message
        if message is not None:
            span.set_attribute(BODY_SIZE, message.size)
            if message.id is not None:
                span.set_attribute(MESSAGE_ID, message.id)
        if publish.run_id is not None:
            span.set_attribute(RUN_ID, publish.run_id)
        if error is not None:
            record_error(span, error)

    def _measure(self, error: BaseException | None, seconds: float) -> None:
        kind = self._kind
        self._tracing.metrics.sent(kind.operation, error, seconds if kind.waits else None)


class SendScope(_Scope):
    """The sending of an event, whose context is kept with its runs."""

    __slots__ = ("_send",)

    def __init__(self, tracing: Tracing, send: SendInfo) -> None:
        super().__init__(tracing)
        self._send = send

    def __enter__(self) -> None:
        send, tracing = self._send, self._tracing
        if context_in(send.metadata, tracing.propagator) is not None:
            return  # a gateway: the sender has a span of its own, and the runs get its context
        names = set(send.names)
        attributes: Attributes = {SYSTEM: SYSTEM_NAME, OPERATION_NAME: "send", OPERATION_TYPE: "send"}
        if len(names) == 1:
            attributes[DESTINATION] = send.names[0]
        if len(send.names) != 1:
            attributes[BATCH_COUNT] = len(send.names)
        if send.server is not None:
            attributes.update(server_attributes(send.server))
        name = f"send {send.names[0]}" if len(names) == 1 else "send"
        # What was current when the client was entered is no cause of what a schedule starts.
        parent = Context() if send.is_scheduled else None
        span = tracing.tracer.start_span(name, parent, kind=SpanKind.PRODUCER, attributes=attributes)
        self._open(span, send.metadata)

    def _describe(self, span: Span, error: BaseException | None) -> None:
        if self._send.ids:
            span.set_attribute(RUN_IDS, self._send.ids)
        if error is not None:
            record_error(span, error)

    def _measure(self, error: BaseException | None, seconds: float) -> None:
        for event in self._send.names:
            operation = Operation("send", "send", event=event, server=self._send.server)
            self._tracing.metrics.sent(operation, error, seconds)


class RunScope(_Scope):
    """An execution of a run, which processes the event: a child of the send, however much later it is."""

    __slots__ = ("_run",)

    def __init__(self, tracing: Tracing, run: RunInfo) -> None:
        super().__init__(tracing)
        self._run = run

    def __enter__(self) -> None:
        run, tracing = self._run, self._tracing
        attributes: Attributes = {
            SYSTEM: SYSTEM_NAME,
            OPERATION_NAME: "run",
            OPERATION_TYPE: "process",
            DESTINATION: run.event,
            CONSUMER_GROUP: run.function,
            FUNCTION: run.function,
            RUN_ID: run.run_id,
            ATTEMPT: run.attempt,
        }
        # What was current when the client was entered is no cause of a run.
        ambient = get_current() if run.in_request else Context()
        parent, links = _parent(context_in(run.metadata, tracing.propagator), ambient)
        span = tracing.tracer.start_span(
            f"run {run.function}", parent, kind=SpanKind.CONSUMER, attributes=attributes, links=links
        )
        self._open(span, inside=parent)

    def _describe(self, span: Span, error: BaseException | None) -> None:
        span.set_attribute(OUTCOME, self._run.outcome or "stopped")
        if isinstance(error, Exception):  # a shutdown is no failure
            record_error(span, error, with_traceback=True)

    def _measure(self, error: BaseException | None, seconds: float) -> None:
        run = self._run
        operation = Operation("run", "process", event=run.event, function=run.function)
        failed = error if isinstance(error, Exception) else None
        self._tracing.metrics.executed(operation, run.outcome or "stopped", failed, seconds)


class StepScope(_Scope):
    """The execution of a step."""

    __slots__ = ("_step",)

    def __init__(self, tracing: Tracing, step: StepInfo) -> None:
        super().__init__(tracing)
        self._step = step

    def __enter__(self) -> None:
        step, tracing = self._step, self._tracing
        attributes: Attributes = {
            FUNCTION: step.function,
            RUN_ID: step.run_id,
            STEP_ID: step.step_id,
            STEP_KIND: step.kind,
            ATTEMPT: step.attempt,
        }
        known = tracing.step_name(_without_number(step.step_id))
        name = f"step {known}" if known else step.kind
        self._open(tracing.tracer.start_span(name, kind=SpanKind.INTERNAL, attributes=attributes))

    def _describe(self, span: Span, error: BaseException | None) -> None:
        if self._step.outcome is not None:
            span.set_attribute(OUTCOME, self._step.outcome)
        if error is not None and self._step.outcome == "failed":
            record_error(span, error, with_traceback=True)


def _without_number(step_id: str) -> str:
    """Return the id of a step as the handler gives it: ``id`` of ``id:2``."""
    name, _, number = step_id.rpartition(":")
    return name if name and number.isdigit() else step_id


class ConnectionScope:
    """A connection, which is counted."""

    __slots__ = ("_connection", "_metrics")

    def __init__(self, metrics: Metrics, connection: ConnectionInfo) -> None:
        self._metrics = metrics
        self._connection = connection

    def __enter__(self) -> None:
        self._metrics.connected(self._connection)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._metrics.disconnected(self._connection)


def receive(tracing: Tracing, message: MessageInfo) -> None:
    """Make the span of a message that a reader gets: a child of its publish, however far away that was."""
    template = message.template or ""
    tracing.metrics.consumed(Operation("receive", "receive", template, message.topic, message.durable))
    attributes: Attributes = {
        SYSTEM: SYSTEM_NAME,
        OPERATION_NAME: "receive",
        OPERATION_TYPE: "receive",
        DESTINATION: message.channel,
        TEMPLATE: template,
        TOPIC: message.topic,
        DURABLE: message.durable,
        BODY_SIZE: message.size,
    }
    if message.id is not None:
        attributes[MESSAGE_ID] = message.id
    if message.run_id is not None:
        attributes[RUN_ID] = message.run_id
    parent, links = _parent(context_in(message.metadata, tracing.propagator), get_current())
    span = tracing.tracer.start_span(
        f"receive {template}", parent, kind=SpanKind.CLIENT, attributes=attributes, links=links
    )
    span.end()


def _parent(creation: Context | None, ambient: Context) -> tuple[Context, list[Link]]:
    """Return the parent of a span that consumes a message, and its links.

    The parent is the context in which the message was created, so that what follows from a request is one
    trace; the context in which it is consumed is a link then.

    Args:
        creation: the context that the message brings, if any.
        ambient: the context of the consumer.
    """
    if creation is None:
        return ambient, []
    links = [Link(trace.get_current_span(creation).get_span_context())]
    current = trace.get_current_span(ambient)
    if current.is_recording():
        links.append(Link(current.get_span_context()))
    return creation, links
