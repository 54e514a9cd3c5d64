"""Metrics: what is counted, by which attributes, and that counting asks for nothing at each publish."""

from __future__ import annotations

import asyncio
import gc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import tightbeam
from generated.uploads import uploads_channel
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.serving import KEY, running, secured
from tests.tightbeam.otel.spans import Recorder, until, values
from tightbeam import Client
from tightbeam.hooks import ClientInfo
from tightbeam.otel import _metrics, _tally

TEMPLATE, TOPIC = "messaging.destination.template", "messaging.tightbeam.topic"
ERROR, DURABLE = "error.type", "messaging.tightbeam.durable"
FUNCTION, STATE, OUTCOME = "tightbeam.function", "tightbeam.run.state", "tightbeam.outcome"
EXECUTIONS, SIDE = "tightbeam.run.executions", "tightbeam.connection.side"
SENT, CONSUMED = "messaging.client.sent.messages", "messaging.client.consumed.messages"


async def test_messages_are_counted_by_template_and_topic_never_by_channel(recorder: Recorder) -> None:
    client = Client(hooks=[recorder.hook()])
    wrong: Any = {"n": "x"}
    messages = client.realtime.subscribe(*(job_channel(job_id=f"j{n}").token for n in range(5)))
    for number in range(5):
        ch = job_channel(job_id=f"j{number}")
        await client.realtime.publish(ch.token, "x")
        client.realtime.publish_sync(ch.tick, {"n": 1})
        with pytest.raises(tightbeam.InvalidPayload):
            await client.realtime.publish(ch.tick, wrong)
        await anext(messages)
    assert values(recorder.points(SENT), TEMPLATE, TOPIC, ERROR) == {
        ("job:{jobId}", "token", None): 5,
        ("job:{jobId}", "tick", None): 5,
        ("job:{jobId}", "tick", "tightbeam.errors.InvalidPayload"): 5,
    }
    assert values(recorder.points(CONSUMED), TEMPLATE, TOPIC) == {("job:{jobId}", "token"): 5}
    assert recorder.points("messaging.client.operation.duration") == []  # nothing was waited for
    everything = str([list(point.attributes.values()) for point in recorder.points(SENT)])
    assert "j1" not in everything


@pytest.mark.slow
async def test_runs_are_measured(
    tmp_path: Path, ch: JobChannel, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_metrics, "_FRESH_SECONDS", 0)
    client = Client(tmp_path / "j.db", retry_delay=timedelta(0), hooks=[recorder.hook()])
    begun, go_on = asyncio.Event(), asyncio.Event()

    @client.function("waits", on="app/wait", concurrency=1)
    async def waits(ctx: tightbeam.Context) -> None:
        begun.set()
        await go_on.wait()

    @client.function("sleeps", on="app/sleep")
    async def sleeps(ctx: tightbeam.Context) -> None:
        await ctx.step.sleep("night", timedelta(hours=8))

    @client.function("works")
    async def works(ctx: tightbeam.Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 1})
        if ctx.attempt == 0:
            raise ConnectionError

    async with client, asyncio.timeout(30):
        await client.run(works)
        runs = [(await client.send("app/wait"))[0] for _ in range(3)]
        await client.send("app/sleep")
        await begun.wait()
        await until(lambda: ("sleeps", "sleeping") in values(recorder.points(EXECUTIONS), FUNCTION, OUTCOME))
        assert values(recorder.points("tightbeam.runs"), FUNCTION, STATE) == {
            ("waits", "running"): 1,
            ("waits", "ready"): 2,
            ("sleeps", "sleeping"): 1,
        }
        ages = values(recorder.points("tightbeam.queue.age"), FUNCTION)
        assert (ages["waits",] > 0, ages["sleeps",]) == (True, 0)
        go_on.set()
        await asyncio.gather(*map(client.runs.wait, runs))
    assert recorder.points("tightbeam.queue.age") == []
    executions = values(recorder.points(EXECUTIONS), FUNCTION, OUTCOME)
    assert executions["works", "retrying"] == executions["works", "completed"] == 1
    assert values(recorder.points("messaging.process.duration"), "messaging.consumer.group.name", ERROR) == {
        ("works", "ConnectionError"): 1,
        ("works", None): 1,
        ("sleeps", None): 1,
        ("waits", None): 3,
    }
    durations = values(
        recorder.points("messaging.client.operation.duration"), "messaging.operation.name", DURABLE
    )
    assert durations == {("publish", True): 1, ("send", None): 1}
    assert sum(values(recorder.points("tightbeam.commit.duration"), ERROR).values()) > 5


@pytest.mark.slow
async def test_readers_of_a_gateway_are_counted(ch: JobChannel, recorder: Recorder) -> None:
    client = Client(hooks=[recorder.hook()])
    async with client, running(secured(client)) as url, asyncio.timeout(30):
        remote = tightbeam.connect(url, key=KEY)
        async with remote, remote.realtime.subscribe(ch.token) as messages:
            await client.realtime.publish(ch.token, "x")
            await anext(messages)
            assert values(recorder.points("tightbeam.connections"), "tightbeam.connection.side") == {
                ("gateway",): 1
            }
            assert values(recorder.points("tightbeam.subscribers")) == {(): 1}
        await until(lambda: values(recorder.points("tightbeam.connections")) == {(): 0})
    carried = values(recorder.points("tightbeam.connection.messages"), SIDE, "tightbeam.connection.transport")
    assert carried == {("gateway", "websocket"): 1}
    assert values(recorder.points("tightbeam.subscribers")) == {(): 0}


@pytest.mark.slow
def test_what_is_dropped_is_counted_also_of_clients_that_are_gone(ch: JobChannel, recorder: Recorder) -> None:
    async def drop_six(before: int) -> None:
        client = Client(hooks=[recorder.hook()])
        messages = client.realtime.subscribe(ch.token)
        for _ in range(1_030):
            client.realtime.publish_sync(ch.token, "x")
        messages.close()
        assert values(recorder.points("tightbeam.dropped.messages")) == {(): before + 6}

    for dropped in (0, 6):
        asyncio.run(drop_six(dropped))
        gc.collect()
    assert values(recorder.points("tightbeam.dropped.messages")) == {(): 12}


async def test_clients_and_hooks_of_one_provider_are_counted_once(ch: JobChannel, recorder: Recorder) -> None:
    first, second = Client(hooks=[recorder.hook()]), Client(hooks=[recorder.hook()])
    for client in (first, second):
        client.realtime.publish_sync(ch.token, "x")
    assert [point.value for point in recorder.points(SENT)] == [2]


async def test_the_largest_lag_of_all_clients_is_told_where_there_can_be_any(
    ch: JobChannel, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = [Client(hooks=[recorder.hook()]) for _ in range(3)]
    for client in clients:
        client.realtime.publish_sync(ch.token, "x")
    assert recorder.points("tightbeam.log.lag") == []
    lags = iter([None, 7.5, 0.0])
    monkeypatch.setattr(ClientInfo, "read_lag", lambda _: next(lags))
    assert [point.value for point in recorder.points("tightbeam.log.lag")] == [7.5]


async def test_gauges_are_read_when_metrics_are_collected_and_not_at_a_publish(
    ch: JobChannel, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(_metrics, "_FRESH_SECONDS", 3600)  # however long a collection takes
    monkeypatch.setattr(ClientInfo, "count_runs", lambda _: asked.append("runs") or ())
    monkeypatch.setattr(ClientInfo, "subscribers", property(lambda _: asked.append("subscribers") or 0))
    client = Client(hooks=[recorder.hook()])
    async with client:
        for _ in range(100):
            await client.realtime.publish(ch.token, "x")
        assert asked == []
        recorder.points("tightbeam.runs")
    assert asked.count("subscribers") == 1
    assert asked.count("runs") == 1  # for both gauges, also where nothing is unfinished


def test_series_are_bounded(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tally, "MAX_SERIES", 2)
    client = Client(hooks=[recorder.hook()])
    ch, other = job_channel(job_id="j1"), uploads_channel(upload_id="u1")
    client.realtime.publish_sync(ch.token, "x")
    client.realtime.publish_sync(ch.tick, {"n": 1})
    for _ in range(3):
        client.realtime.publish_sync(other.status, {"message": "x"})
        client.realtime.publish_sync(ch.status, {"message": "x"})
    assert values(recorder.points(SENT), "messaging.operation.name", TOPIC) == {
        ("publish", "token"): 1,
        ("publish", "tick"): 1,
        ("_OTHER", None): 6,
    }
