"""An OTLP/HTTP receiver on loopback: a real server that parses what the real exporter sends."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

__all__ = ["Received", "Receiver", "receiving"]


@dataclass(frozen=True)
class Received:
    """A span as it came over the wire."""

    service: str
    name: str
    kind: int
    trace: bytes
    id: bytes
    parent: bytes
    attributes: dict[str, Any]


@dataclass
class Receiver:
    """What came in."""

    url: str = ""
    spans: list[Received] = field(default_factory=list)
    metrics: set[str] = field(default_factory=set)
    bodies: list[bytes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def one(self, name: str) -> Received:
        [span] = [span for span in self.spans if span.name == name]
        return span

    def path(self, span: Received) -> list[str]:
        """The names from a span up to its root, over all processes."""
        by_id = {each.id: each for each in self.spans}
        names = [span.name]
        while span.parent:
            span = by_id[span.parent]
            names.append(span.name)
        return names

    def take(self, path: str, body: bytes) -> bytes:
        """Note a request, and return what to answer."""
        with self.lock:
            self.bodies.append(body)
            if path == "/v1/traces":
                self.spans += _spans(ExportTraceServiceRequest.FromString(body))
                return ExportTraceServiceResponse().SerializeToString()
            request = ExportMetricsServiceRequest.FromString(body)
            self.metrics |= {
                metric.name
                for resource in request.resource_metrics
                for scope in resource.scope_metrics
                for metric in scope.metrics
            }
            return ExportMetricsServiceResponse().SerializeToString()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Received]:
    for resource in request.resource_spans:
        service = _attributes(resource.resource).get("service.name", "")
        for scope in resource.scope_spans:
            for span in scope.spans:
                ids = span.trace_id, span.span_id, span.parent_span_id
                yield Received(service, span.name, span.kind, *ids, _attributes(span))


def _attributes(described: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in described.attributes}


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Serve a receiver, in threads of its own."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            answer = receiver.take(self.path, body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
