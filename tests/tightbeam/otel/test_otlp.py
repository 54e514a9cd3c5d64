"""One trace over processes, by the real exporter and FastAPI's instrumentation, to a receiver on loopback."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.otel.receiver import Receiver, receiving
from tests.tightbeam.otel.spans import Recorder
from tightbeam import Client

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PRODUCER, CONSUMER, SERVER = 4, 5, 2
"""Kinds of spans on the wire."""


def test_the_real_exporter_sends_what_a_receiver_can_parse(ch: JobChannel, recorder: Recorder) -> None:
    with receiving() as receiver:
        exporter = OTLPSpanExporter(f"{receiver.url}/v1/traces")
        recorder.traces.add_span_processor(SimpleSpanProcessor(exporter))
        Client(hooks=[recorder.hook()]).realtime.publish_sync(ch.token, "s3cret")
        recorder.traces.shutdown()
    span = receiver.one("publish job:{jobId}")
    assert (span.kind, span.attributes["messaging.destination.template"]) == (PRODUCER, "job:{jobId}")
    assert b"s3cret" not in b"".join(receiver.bodies)


@contextmanager
def process(module: str, *arguments: str, endpoint: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-m", f"tests.tightbeam.otel.{module}", *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            if started.poll() is None:
                started.terminate()
            started.wait(60)


def answers(port: int, method: str, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    finally:
        connection.close()


def wait_until_served(port: int) -> None:
    for _ in range(3_600):
        try:
            if answers(port, "GET", "/health") == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)  # a process that starts can't be waited for otherwise
    raise AssertionError("the application did not start")


def test_a_web_request_and_a_subscriber_elsewhere_are_one_trace(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = str(tmp_path / "j.db"), str(port)
    with receiving() as receiver, process("served", *arguments, endpoint=receiver.url) as web:
        wait_until_served(port)
        with process("subscriber", f"http://127.0.0.1:{port}", endpoint=receiver.url) as subscriber:
            assert subscriber.stdout is not None
            assert subscriber.stdout.readline() == "subscribed\n"
            assert answers(port, "POST", "/uploads") == 200
            assert subscriber.wait(180) == 0
        web.terminate()  # which exports the rest
        web.wait(60)
    check(receiver)


def check(receiver: Receiver) -> None:
    request = receiver.one("POST /uploads")
    assert (request.kind, request.service, request.parent) == (SERVER, "web", b"")
    assert {span.trace for span in receiver.spans if span.name != "connect"} == {request.trace}
    up = ["send app/upload", "POST /uploads"]
    shown = receiver.one("show result")
    assert shown.service == "subscriber"
    assert receiver.path(shown) == [
        "show result",
        "publish job:{jobId}",
        "step publish-result",
        "run process-upload",
        *up,
    ]
    received = [span for span in receiver.spans if span.name == "receive job:{jobId}"]
    assert {span.service for span in received} == {"subscriber"}
    assert sorted(receiver.path(span)[1:4] for span in received) == [
        ["publish job:{jobId}", "step publish-result", "run process-upload"],
        ["publish job:{jobId}", "step store", "run process-upload"],
    ]
    runs = [span for span in receiver.spans if span.name == "run process-upload"]
    assert [receiver.path(run)[1:] for run in runs] == [up, up]
    assert {run.kind for run in runs} == {CONSUMER}
    assert len([span for span in receiver.spans if span.name == "step store"]) == 1
    assert receiver.metrics >= {
        "messaging.client.sent.messages",
        "messaging.client.consumed.messages",
        "messaging.client.operation.duration",
        "messaging.process.duration",
        "tightbeam.commit.duration",
        "tightbeam.connections",
        "tightbeam.run.executions",
        "tightbeam.subscribers",
    }
    assert b"cat.png" not in b"".join(receiver.bodies)
