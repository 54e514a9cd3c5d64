"""Options of functions and steps, wrong: every type checker refuses each marked line."""

from __future__ import annotations

from datetime import timedelta

import tightbeam
from tightbeam.testing import Clock, Started

client = tightbeam.Client()
MINUTE = timedelta(minutes=1)


async def nothing() -> str:
    return ""


async def of_an_event(ctx: tightbeam.Context[tightbeam.CronEvent]) -> None: ...


async def work(ctx: tightbeam.Context) -> str:
    await ctx.step.run("a", nothing, timeout=5)  # bad, types only
    await ctx.step.run("b", nothing, time_limit=MINUTE)  # bad, types only
    return await ctx.step.run("c", nothing, timeout=MINUTE)


async def handle(ctx: tightbeam.Context[tightbeam.FailureEvent]) -> None:
    ctx.event.data.error.mesage  # bad, types only
    ctx.event.data["error"]  # bad, types only


client.function("a", timeout=5)  # bad, types only
client.function("b", retry_delay=5)  # bad, types only
client.function("c", retry_delay=["1s"])  # bad, types only
client.function("d", concurrency="2")  # bad, types only
client.function("e", concurrency=(2, 5))  # bad, types only
client.function("f", on_failure=of_an_event)  # bad, types only
client.function("g", on_failure=5)  # bad, types only
client.function("h", priority=5)  # bad, types only
client.function("i", time_limit=MINUTE)  # bad, types only
tightbeam.RetryAfterError("later")  # bad, types only
tightbeam.RetryAfterError("later", 5)  # bad, types only


async def a_test(started: Started, clock: Clock) -> None:
    clock.advance(60)  # bad, types only
    clock.set("2030-01-01")  # bad, types only
    started(5)  # bad, types only
