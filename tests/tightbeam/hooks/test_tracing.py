"""Tracing by a hook in one file: spans are linked from publish to step to run, on both engines."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

import tightbeam
from tests.tightbeam.both_engines import EngineUnderTest
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.hooks.tracer import Span, Tracer, current


def path(tracer: Tracer, span: Span) -> list[str]:
    """The names from a span up to its root."""
    by_id = {each.id: each for each in tracer.spans}
    names = [span.name]
    while span.parent is not None:
        span = by_id[span.parent]
        names.append(span.name)
    return names


def named(tracer: Tracer, name: str) -> list[Span]:
    return [span for span in tracer.spans if span.name == name]


async def test_publishes_belong_to_steps_and_steps_to_runs(engine: EngineUnderTest, ch: JobChannel) -> None:
    tracer = Tracer()

    async def inner() -> None:
        await client.realtime.publish(ch.token, "inside")

    async def body(ctx: tightbeam.Context) -> None:
        await ctx.step.run("store", inner)
        await ctx.step.realtime.publish("result", ch.tick, {"n": 1})

    client: Any = engine.client([tracer])
    await engine.run(client, body)
    publishes = named(tracer, "publish job:{jobId}")
    assert [path(tracer, span)[:3] for span in publishes] == [
        ["publish job:{jobId}", "step store", "run work"],
        ["publish job:{jobId}", "step result", "run work"],
    ]
    assert [span.attributes["topic"] for span in publishes] == ["token", "tick"]
    assert len({span.trace for span in named(tracer, "run work")}) == len(named(tracer, "run work"))
    assert all(span.ended and span.error is None for span in tracer.spans)
    assert named(tracer, "run work")[-1].attributes["outcome"] == "completed"
    assert current.get() is None


async def test_in_a_sync_handler_too(engine: EngineUnderTest, ch: JobChannel) -> None:
    tracer = Tracer()

    def inner() -> None:
        client.realtime.publish_sync(ch.token, "inside")

    def body(ctx: tightbeam.ContextSync) -> None:
        ctx.step.run("store", inner)
        ctx.step.realtime.publish("result", ch.tick, {"n": 1})

    client: Any = engine.client([tracer])
    await engine.run(client, body)
    assert [path(tracer, span)[:3] for span in named(tracer, "publish job:{jobId}")] == [
        ["publish job:{jobId}", "step store", "run work"],
        ["publish job:{jobId}", "step result", "run work"],
    ]
    assert current.get() is None


async def test_a_remembered_step_has_no_second_span(engine: EngineUnderTest, ch: JobChannel) -> None:
    tracer = Tracer()
    calls = 0

    async def fails_once() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ConnectionError

    async def body(ctx: tightbeam.Context) -> None:
        await ctx.step.realtime.publish("first", ch.tick, {"n": 1})
        await ctx.step.run("second", fails_once)

    await engine.run(engine.client([tracer]), body)
    assert [span.error for span in named(tracer, "step first")] == [None]
    assert [span.error for span in named(tracer, "step second")] == ["ConnectionError", None]


async def test_a_refused_payload_ends_its_spans_with_the_error(
    engine: EngineUnderTest, ch: JobChannel
) -> None:
    tracer = Tracer()
    wrong: Any = {"n": "secret"}

    async def body(ctx: tightbeam.Context) -> None:
        with pytest.raises(tightbeam.InvalidPayload):
            await ctx.publish(ch.tick, wrong)

    await engine.run(engine.client([tracer]), body)
    [span] = named(tracer, "publish job:{jobId}")
    assert (span.error, "size" in span.attributes) == ("InvalidPayload", False)


async def test_a_subscriber_finds_the_publishers_context_in_the_metadata(
    engine: EngineUnderTest, ch: JobChannel
) -> None:
    tracer = Tracer()
    client: Any = engine.client([tracer])
    async with client, client.realtime.subscribe(ch.token) as messages:
        await client.realtime.publish(ch.token, "x")
        async with asyncio.timeout(60):
            await anext(messages)
        messages.close()
    [publish], [receive] = named(tracer, "publish job:{jobId}"), named(tracer, "receive")
    assert receive.attributes == {"topic": "token", "link": (publish.trace, publish.id)}


async def test_a_run_belongs_to_the_send_that_started_it(ch: JobChannel) -> None:
    tracer = Tracer()
    ended = asyncio.Event()
    client = tightbeam.Client(retry_delay=timedelta(0), hooks=[tracer])

    @client.function("work", on="app/work")
    async def work(ctx: tightbeam.Context) -> None:
        await ctx.publish(ch.tick, {"n": 1})
        ended.set()

    async with client:
        await client.send("app/work")
        async with asyncio.timeout(60):
            await ended.wait()
    [publish] = named(tracer, "publish job:{jobId}")
    assert path(tracer, publish) == ["publish job:{jobId}", "run work", "send app/work"]
