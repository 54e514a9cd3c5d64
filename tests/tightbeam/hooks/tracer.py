"""A tracer as an OpenTelemetry package would be: one file, by public names only.

A span is current in a context variable, as OpenTelemetry's is; what begins meanwhile is its child. Between
processes the context travels in the metadata of messages, in the W3C form.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from tightbeam.hooks import Hook, MessageInfo, PublishInfo, RunInfo, SendInfo, StepInfo

__all__ = ["Span", "Tracer"]


@dataclass
class Span:
    """One span."""

    name: str
    trace: int
    id: int
    parent: int | None
    attributes: dict[str, object]
    error: str | None = None
    ended: bool = False


current: ContextVar[Span | None] = ContextVar("current_span", default=None)
_ids = itertools.count(1)


@dataclass
class Tracer(Hook):
    """Makes a span of each publish, step, run and send, and of each message that is received."""

    spans: list[Span] = field(default_factory=list)
    _sent: dict[str, Span] = field(default_factory=dict)

    @contextmanager
    def _span(self, name: str, parent: Span | None = None, **attributes: object) -> Iterator[Span]:
        parent = parent or current.get()
        number = next(_ids)
        span = Span(
            name,
            trace=number if parent is None else parent.trace,
            id=number,
            parent=None if parent is None else parent.id,
            attributes=attributes,
        )
        self.spans.append(span)
        token = current.set(span)
        try:
            yield span
        except BaseException as error:
            span.error = type(error).__name__
            raise
        finally:
            current.reset(token)
            span.ended = True

    @contextmanager
    def send(self, send: SendInfo, /) -> Iterator[None]:
        with self._span(f"send {' '.join(send.names)}") as span:
            yield
        self._sent.update(dict.fromkeys(send.ids, span))

    @contextmanager
    def run(self, run: RunInfo, /) -> Iterator[None]:
        with self._span(f"run {run.function}", self._sent.get(run.run_id), run_id=run.run_id) as span:
            try:
                yield
            finally:
                span.attributes["outcome"] = run.outcome

    @contextmanager
    def step(self, step: StepInfo, /) -> Iterator[None]:
        with self._span(f"step {step.step_id}", kind=step.kind, attempt=step.attempt):
            yield

    @contextmanager
    def publish(self, publish: PublishInfo, /) -> Iterator[None]:
        with self._span(f"publish {publish.template}", channel=publish.channel, topic=publish.topic) as span:
            publish.metadata["traceparent"] = f"00-{span.trace:032x}-{span.id:016x}-01"
            yield
            if publish.message is not None:
                span.attributes["size"] = publish.message.size

    def received(self, message: MessageInfo, /) -> None:
        parts = str(message.metadata.get("traceparent", "")).split("-")
        attributes: dict[str, object] = {"topic": message.topic}
        if len(parts) == 4:
            attributes["link"] = int(parts[1], 16), int(parts[2], 16)
        self.spans.append(Span("receive", 0, next(_ids), None, attributes, ended=True))
