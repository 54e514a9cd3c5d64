"""What ends an execution early: a handler that swallows it, and errors that can't be looked at or stored."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, EngineError, StepError, StepMisuse
from tightbeam.errors import TightbeamError

pytestmark = pytest.mark.quick_in_memory


async def in_gather(step: Awaitable[object]) -> None:
    await asyncio.gather(step, return_exceptions=True)


async def in_suppress(step: Awaitable[object]) -> None:
    with contextlib.suppress(BaseException):
        await step


Swallow = Callable[[Awaitable[object]], Awaitable[None]]
swallows = pytest.mark.parametrize("swallow", [in_gather, in_suppress])


@swallows
async def test_a_step_with_attempts_left_is_tried_again_whoever_swallows_its_failure(
    client: Client, swallow: Swallow
) -> None:
    calls: list[int] = []

    async def failing() -> int:
        calls.append(1)
        if len(calls) < 3:
            raise ValueError
        return len(calls)

    @client.function("work", retries=2)
    async def work(ctx: Context) -> int:
        await swallow(ctx.step.run("failing", failing))
        return len(calls)

    async with client:
        assert await client.run(work) == 3


@swallows
async def test_when_no_attempt_is_left_the_handler_may_swallow_it(client: Client, swallow: Swallow) -> None:
    async def failing() -> None:
        raise ValueError

    @client.function("work", retries=0)
    async def work(ctx: Context) -> str:
        await swallow(ctx.step.run("failing", failing))
        return "on"

    async with client:
        assert await client.run(work) == "on"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["step", "await"])
async def test_a_handler_that_swallows_the_shutdown_is_resumed(
    make_client: MakeClient, storage: Storage, kind: str
) -> None:
    """It returned, but half-way: its run isn't done."""
    finished: list[str] = []

    def define(client: Client, nap: timedelta) -> None:
        @client.function("work", on="app/work")
        async def work(ctx: Context) -> None:
            begun.set()
            with contextlib.suppress(BaseException):
                if kind == "step":
                    await ctx.step.sleep("nap", nap)
                else:
                    await asyncio.sleep(nap.total_seconds())
                finished.append(ctx.run_id)

    begun = asyncio.Event()
    client = make_client(shutdown_timeout=timedelta(0))
    # A nap that doesn't end by itself before the shutdown, and is too short to leave memory for.
    define(client, timedelta(seconds=50) if kind == "step" else timedelta(hours=1))
    async with client:
        (run_id,) = await client.send("app/work")
        await asyncio.wait_for(begun.wait(), 30)
    await storage.closed()
    assert storage.run(run_id).summary.state in ("ready", "sleeping")
    await storage.let_time_pass()
    again = make_client()
    define(again, timedelta(0))
    async with again:
        await until(lambda: finished == [run_id])
    assert storage.run(run_id).summary.state == "done"


class Unreadable(TightbeamError):
    """An error whose own property raises."""

    @property
    def retryable(self) -> bool:  # type: ignore[override]
        raise LookupError


class Silent(BaseException):
    """An error that can't be told."""

    def __str__(self) -> str:
        raise SystemExit


class Mute(Exception):
    """An error that can't be asked."""

    def __getattribute__(self, name: str) -> object:
        raise LookupError(name)


def deep() -> Exception:
    error: Exception = ValueError("at the bottom")
    for _ in range(3_000):
        error = ExceptionGroup("deep", [error])
    return error


def wide() -> Exception:
    """Few objects, 2^60 paths."""
    error: Exception = ValueError("at the bottom")
    for _ in range(60):
        error = ExceptionGroup("wide", [error, error])
    return error


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ValueError("no file \udcff"), "no file \\udcff"),
        (deep, "ValueError: at the bottom"),
        (wide, "ValueError: at the bottom"),
        (lambda: Unreadable("x"), ""),
        (Silent, ""),
        (Mute, ""),
    ],
)
@pytest.mark.parametrize("kind", ["handler", "step"])
async def test_a_run_ends_whatever_its_error_is_like(
    client: Client, storage: Storage, make: Callable[[], BaseException], text: str, kind: str
) -> None:
    @client.function("work", on="app/work", retries=0)
    async def work(ctx: Context) -> None:
        async def failing() -> None:
            raise make()

        await (failing() if kind == "handler" else ctx.step.run("failing", failing))

    async with client:
        (run_id,) = await client.send("app/work")
        await until(lambda: storage.run(run_id).summary.state == "failed")
    assert text in (storage.run(run_id).summary.error_text or "")


async def test_ids_that_cannot_be_stored(client: Client) -> None:
    @client.function("work", retries=0)
    async def work(ctx: Context) -> None:
        await ctx.step.run("half \ud800", asyncio.sleep, 0)

    async with client:
        with pytest.raises(StepMisuse, match="half of a surrogate pair"):
            await client.run(work)
    for name, on in (("half \ud800", None), ("whole", "half \ud800")):
        with pytest.raises(EngineError, match="half of a surrogate pair"):
            client.function(name, on=on)(work.__wrapped__)


async def test_an_id_of_any_language_is_fine(client: Client) -> None:
    @client.function("Größe", on="app/größe")
    async def work(ctx: Context) -> str:
        with contextlib.suppress(StepError):
            await ctx.step.run("📦", asyncio.sleep, 0)
        return "ok"

    async with client:
        assert await client.run(work) == "ok"
