"""``retry_delay=`` of a function, and `RetryAfterError`, on the embedded engine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, ContextSync, EngineError, RetryAfterError
from tightbeam._engine.requests import RetryRun
from tightbeam.testing import Clock, Started, settle

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
Failing = Callable[[Client, BaseException], Any]


def waits(storage: Storage) -> list[timedelta]:
    """Return how long the runs were to wait, each time."""
    requests = (each for double in storage.doubles for each in double.requests)
    return [timedelta(microseconds=each.wait_us) for each in requests if isinstance(each, RetryRun)]


async def fail_to_the_end(client: Client, clock: Clock, **options: Any) -> None:
    """Let a run fail until no attempt is left, passing the time in between."""

    @client.function("work", on="app/work", **options)
    async def work(ctx: Context) -> None:
        raise ValueError

    async with client:
        await client.send("app/work")
        for _ in range(options["retries"]):
            await settle()
            clock.advance(HOUR * 24 * 3650)
        await settle()


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        ([SECOND, HOUR], [SECOND, HOUR, HOUR, HOUR]),
        ((timedelta(0),), [timedelta(0)] * 4),
        (lambda attempt: SECOND * (attempt + 1), [SECOND, 2 * SECOND, 3 * SECOND, 4 * SECOND]),
        (lambda _: timedelta.max, [timedelta(days=3650)] * 4),
    ],
)
async def test_delays_by_attempt(
    client: Client, clock: Clock, storage: Storage, delay: Any, expected: list[timedelta]
) -> None:
    await fail_to_the_end(client, clock, retries=4, retry_delay=delay)
    assert waits(storage) == expected


@pytest.mark.parametrize(
    ("delay", "longest"),
    [
        (SECOND, [SECOND, 2 * SECOND, 4 * SECOND]),
        (200 * SECOND, [200 * SECOND, 300 * SECOND, 300 * SECOND]),
        (HOUR, [HOUR, HOUR, HOUR]),
    ],
)
async def test_a_first_delay_doubles_with_jitter(
    client: Client, clock: Clock, storage: Storage, delay: timedelta, longest: list[timedelta]
) -> None:
    await fail_to_the_end(client, clock, retries=3, retry_delay=delay)
    for got, most in zip(waits(storage), longest, strict=True):
        assert most / 2 <= got <= most


async def test_without_one_it_is_the_clients(make_client: MakeClient, clock: Clock, storage: Storage) -> None:
    await fail_to_the_end(make_client(retry_delay=2 * HOUR), clock, retries=2)
    assert all(HOUR <= wait <= 2 * HOUR for wait in waits(storage))


@pytest.mark.parametrize("wrong", [lambda _: 5, lambda _: -SECOND, lambda _: 1 / 0])
async def test_a_function_that_gives_no_delay_is_logged_and_the_clients_is_taken(
    client: Client, clock: Clock, storage: Storage, wrong: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        await fail_to_the_end(client, clock, retries=1, retry_delay=wrong)
    assert 'retry_delay of function "work" gives no delay' in caplog.text
    assert waits(storage) == [timedelta(0)]  # the client's, in these tests


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (5, "not int"),
        ("1s", "not str"),
        (-SECOND, "no time at least"),
        ([], "no delay in it"),
        ([SECOND, 5], "timedeltas, not int"),
        ([SECOND, timedelta.max], "3650 days at most"),
    ],
)
def test_what_is_no_delay(client: Client, wrong: Any, message: str) -> None:
    async def work(ctx: Context) -> None: ...

    with pytest.raises(EngineError, match=f'function "work": retry_delay .*{message}'):
        client.function("work", retry_delay=wrong)(work)
    assert client.functions == []


@pytest.mark.parametrize("where", ["handler", "step", "group", "sync"])
async def test_an_error_says_when(client: Client, clock: Clock, storage: Storage, where: str) -> None:
    calls: list[int] = []

    def busy() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise RetryAfterError("too many requests", 5 * HOUR)
        return "done"

    async def busy_async() -> str:
        return busy()

    async def work(ctx: Context) -> str:
        if where == "handler":
            return busy()
        if where == "step":
            return await ctx.step.run("busy", busy_async)
        async with asyncio.TaskGroup() as group:
            group.create_task(busy_async())
        return "done"

    def work_sync(ctx: ContextSync) -> str:
        return ctx.step.run("busy", busy)

    if where == "sync":
        client.function("work", on="app/work", retry_delay=SECOND)(work_sync)
    else:
        client.function("work", on="app/work", retry_delay=SECOND)(work)
    async with client:
        await client.send("app/work")
        await settle()
        (wait,) = waits(storage)
        assert timedelta(0) <= 5 * HOUR - wait < HOUR
        clock.advance(5 * HOUR)
        await settle()
        assert [run.state for run in storage.runs()] == ["done"]


async def test_when_no_attempt_is_left_it_is_a_failure(client: Client, clock: Clock) -> None:
    @client.function("work", retries=0)
    async def work(ctx: Context) -> None:
        raise RetryAfterError("busy", HOUR)

    async with client:
        with pytest.raises(RetryAfterError, match="busy"):
            await client.run(work)


async def test_a_long_wait_outlasts_a_restart(
    make_client: MakeClient, clock: Clock, storage: Storage, started: Started
) -> None:
    """It isn't taken for a clock that was set back meanwhile."""

    def define(client: Client) -> None:
        @client.function("work", on="app/work")
        async def work(ctx: Context) -> None:
            if not ctx.attempt:
                raise RetryAfterError("busy", clock.now + timedelta(days=2))

    client = make_client()
    define(client)
    async with client:
        await client.send("app/work")
        await settle()
    clock.advance(timedelta(days=1))
    client = make_client()
    define(client)
    async with client:
        await settle()
        assert [run.state for run in started.runs] == ["retrying"]
        clock.advance(timedelta(days=1))
        await settle()
        assert [run.state for run in started.runs] == ["done"]


def test_what_is_no_time_to_retry() -> None:
    assert RetryAfterError("later", datetime(2020, 1, 1, tzinfo=UTC)).retry_after.year == 2020
    with pytest.raises(ValueError, match="time zone"):
        RetryAfterError("later", datetime(2020, 1, 1))  # noqa: DTZ001 - what is tested
    for wrong in (timedelta.max, datetime(9999, 1, 1, tzinfo=UTC)):
        with pytest.raises(ValueError, match="3650 days at most"):
            RetryAfterError("later", wrong)
    not_a_time: Any = 5_000
    with pytest.raises(TypeError, match="not int"):
        RetryAfterError("later", not_a_time)
