"""The queries of docs/tracing.md, against the names that Prometheus' exporter gives our metrics."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

import tightbeam
from tests.docs.blocks import blocks
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import KEY, running, secured
from tightbeam.otel import OpenTelemetryHook

pytestmark = pytest.mark.slow

Labels = dict[str, dict[str, set[str]]]
PAGE = Path(__file__).parents[3] / "docs" / "tracing.md"
_METRIC = re.compile(r"\b((?:tightbeam|messaging)_\w+)(?:\{([^}]*)\})?")
_TABLE = re.compile(
    r"^\| `((?:tightbeam|messaging)\.[a-z.]+)` \| (?:counter|histogram|sum|gauge)", re.MULTILINE
)
_SERIES = re.compile(r"_(bucket|count|sum|created)$")
_GROUPED = re.compile(r"by \(([^)]*)\)")


async def exported(path: Path, ch: JobChannel) -> Labels:
    """The metrics of a program that does everything: their labels, with the values of each."""
    meters = MeterProvider([PrometheusMetricReader()], shutdown_on_exit=False)
    hook = OpenTelemetryHook(meter_provider=meters, tracer_provider=TracerProvider(shutdown_on_exit=False))
    client = tightbeam.Client(path, hooks=[hook])
    begun, go_on = asyncio.Event(), asyncio.Event()
    wrong: Any = {"n": "x"}

    @client.function("works", on="app/work", retries=0)
    async def works(ctx: tightbeam.Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 1})
        begun.set()
        await go_on.wait()
        raise LookupError

    async with client, running(secured(client)) as url, asyncio.timeout(30):
        remote = tightbeam.connect(url, key=KEY, hooks=[hook])
        async with remote, remote.realtime.subscribe(ch.tick) as messages:
            [run_id] = await client.send("app/work")
            await begun.wait()
            await anext(messages)
            with pytest.raises(tightbeam.InvalidPayload):
                await client.realtime.publish(ch.tick, wrong)
            scraped = generate_latest(REGISTRY).decode()
        go_on.set()
        with pytest.raises(tightbeam.RunFailed):
            await client.runs.wait(run_id)
    scraped += generate_latest(REGISTRY).decode()
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for family in text_string_to_metric_families(scraped):
        for sample in family.samples:
            labels = found[sample.name]
            for label, value in sample.labels.items():
                labels[label].add(value)
    meters.shutdown()
    return found


async def test_each_query_asks_for_what_there_is(tmp_path: Path, ch: JobChannel) -> None:
    metrics = await exported(tmp_path / "j.db", ch)
    [dashboard] = [block for block in blocks(PAGE) if block.language == "promql"]
    queries = [line for line in dashboard.text.splitlines() if line and not line.startswith("#")]
    assert len(queries) > 10
    asked = set[str]()
    for query in queries:
        [(name, matchers)] = _METRIC.findall(_GROUPED.sub("", query))
        asked.add(name)
        assert name in metrics, query
        grouped = [label.strip() for group in _GROUPED.findall(query) for label in group.split(",")]
        labels = [label.partition("=")[0].rstrip("!") for label in matchers.split(",") if label]
        # No commit has failed here, which is what that label says.
        known = {*metrics[name], *({"error_type"} if "commit" in name else ())}
        assert {*grouped, *labels} <= known, query
        for label, operator, value in re.findall(r'(\w+)(!?=)"([^"]*)"', matchers):
            assert operator == "!=" or value in metrics[name][label], query
    families = {_SERIES.sub("", name) for name in metrics if name.startswith(("tightbeam_", "messaging_"))}
    assert families == {_SERIES.sub("", name) for name in asked}
    # What only a journal on a server has is measured in tests/tightbeam/otel/test_metrics.py.
    on_server = {"tightbeam.log.lag"}
    assert len(families) == len({*_TABLE.findall(PAGE.read_text(encoding="utf-8"))} - on_server)
