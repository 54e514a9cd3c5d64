"""Bounds that mean the same on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.tightbeam.both_engines import Embedded, EngineUnderTest, OnInngest
from tests.tightbeam.inngest.standin import StandIn
from tightbeam import Context, ContextSync, RetryAfterError, StepMisuse, StepTimeout
from tightbeam.testing import Clock

MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["embedded", "inngest"])
def engine(request: pytest.FixtureRequest) -> Iterator[EngineUnderTest]:
    if request.param == "embedded":
        yield Embedded()
        return
    with StandIn() as server:
        yield OnInngest(server)


async def test_a_step_that_takes_too_long_is_tried_again(engine: EngineUnderTest, clock: Clock) -> None:
    calls: list[str] = []

    async def slow(value: str) -> str:
        calls.append(value)
        if len(calls) < 3:
            clock.advance(MINUTE)
            await asyncio.Event().wait()
        return value

    async def handler(ctx: Context) -> None:
        assert await ctx.step.run("slow", slow, "done", timeout=MINUTE) == "done"

    await engine.run(engine.client(), handler, retries=2)
    assert calls == ["done"] * 3


async def test_a_plain_step_is_judged_at_its_end(engine: EngineUnderTest, clock: Clock) -> None:
    calls: list[str] = []

    def slow(value: str) -> str:
        calls.append(value)
        if len(calls) < 3:
            clock.advance(MINUTE)
        return value

    def handler(ctx: ContextSync) -> None:
        assert ctx.step.run("slow", slow, "done", timeout=MINUTE) == "done"

    await engine.run(engine.client(), handler, retries=2)
    assert calls == ["done"] * 3


async def test_a_handler_catches_it_in_its_step(engine: EngineUnderTest, clock: Clock) -> None:
    """The name of its class and its text are all that a memo keeps."""
    caught: list[tuple[str, str, str]] = []

    async def slow() -> None:
        clock.advance(MINUTE)
        await asyncio.Event().wait()

    async def handler(ctx: Context) -> None:
        try:
            await ctx.step.run("slow", slow, timeout=MINUTE)
        except StepTimeout as error:
            caught.append((error.step_id, error.error_type, error.error_text))
        await ctx.step.sleep("next", timedelta(0))

    await engine.run(engine.client(), handler, retries=1)
    assert set(caught) == {("slow", "StepTimeout", "it took longer than its timeout of 0:01:00")}


async def test_what_can_be_no_timeout(engine: EngineUnderTest) -> None:
    async def handler(ctx: Context) -> None:
        for wrong in (5, timedelta(0), timedelta.max):
            with pytest.raises(StepMisuse, match='step "slow": timeout'):
                await ctx.step.run("slow", asyncio.sleep, 0, timeout=wrong)  # type: ignore[arg-type]  # as is tested

    await engine.run(engine.client(), handler)


async def test_an_error_that_says_when_is_tried_again(engine: EngineUnderTest, clock: Clock) -> None:
    calls: list[int] = []

    async def handler(ctx: Context) -> None:
        calls.append(ctx.attempt)
        if len(calls) < 3:
            raise RetryAfterError("busy", timedelta(0) if ctx.attempt else clock.now)

    await engine.run(engine.client(), handler, retries=2)
    assert calls == [0, 1, 2]
