"""Options of functions and steps, right: no type checker says anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import assert_type

import tightbeam
import tightbeam.inngest
from tightbeam.testing import Clock, Faults, Started, StartedRun, settle

client = tightbeam.Client()
on_inngest = tightbeam.inngest.Client(app_id="app")
MINUTE = timedelta(minutes=1)


async def add(a: int, b: str) -> float:
    return a + len(b)


def plain(a: int) -> str:
    return str(a)


async def handle(ctx: tightbeam.Context[tightbeam.FailureEvent]) -> None:
    assert_type(ctx.event.data, tightbeam.FailedRun)
    assert_type(ctx.event.data.error.message, str)
    assert_type(ctx.event.data.error.stack, str | None)
    await ctx.step.sleep("wait", MINUTE)


async def handle_on_inngest(ctx: tightbeam.inngest.Context[tightbeam.FailureEvent]) -> None:
    assert_type(ctx.event.data.run_id, str)


def handle_plain(ctx: tightbeam.ContextSync[tightbeam.FailureEvent]) -> None:
    assert_type(ctx.event.data.function_id, str)


@client.function(
    "work",
    on="app/work",
    retries=2,
    concurrency=[10, (2, "event.data.userId")],
    timeout=MINUTE,
    retry_delay=[MINUTE, 2 * MINUTE],
    on_failure=handle,
    priority="event.data.urgency",
)
async def work(ctx: tightbeam.Context) -> float:
    assert_type(await ctx.step.run("add", add, 1, "b", timeout=MINUTE), float)
    assert_type(await ctx.step.run("add", add, 1, "b"), float)
    try:
        return await ctx.step.run("again", add, 1, "b", timeout=None)
    except tightbeam.StepTimeout as error:
        assert_type(error.step_id, str)
        raise tightbeam.RetryAfterError("later", MINUTE) from error


def by_user(event: tightbeam.Event) -> str:
    return str(event.data["user"])


@client.function(
    "plain",
    concurrency=(2, by_user),
    retry_delay=lambda attempt: MINUTE * attempt,
    on_failure=handle_plain,
    priority=lambda event: 5,
)
def work_plain(ctx: tightbeam.ContextSync) -> str:
    assert_type(ctx.step.run("plain", plain, 1, timeout=MINUTE), str)
    raise tightbeam.RetryAfterError("later", datetime(2030, 1, 1, tzinfo=UTC))


client.function("one", concurrency=5, retry_delay=MINUTE)(work)
on_inngest.function(
    "work", on="app/work", concurrency=(2, "event.data.userId"), timeout=MINUTE, on_failure=handle
)(work)


@on_inngest.function("other", on="app/work", on_failure=handle_on_inngest)
async def other(ctx: tightbeam.inngest.Context) -> None:
    assert_type(await ctx.step.run("add", add, 1, "b", timeout=MINUTE), float)


async def a_test(started: Started, clock: Clock, faults: Faults) -> None:
    faults.skip("wait")
    clock.advance(MINUTE)
    clock.set(datetime(2030, 1, 1, tzinfo=UTC))
    await settle(within=MINUTE)
    assert_type(started(work)[0], StartedRun[float])
    assert_type(started(work)[0].result, float)
    assert_type(started(work_plain)[0].result, str)
