"""Bounds as Inngest's server gets them, and what it can't do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

import tightbeam
from generated.uploads import UploadsChannel, uploads_channel
from tests.tightbeam.inngest.calls import Run, app_of, http_to
from tests.tightbeam.inngest.standin import StandIn
from tightbeam import EngineError, FailedRun, FailureEvent, RetryAfterError
from tightbeam.inngest import Client, Context
from tightbeam.testing import Published

WHEN = datetime(2030, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


@pytest.fixture
def client() -> Iterator[Client]:
    with StandIn() as server:
        origin = server.origin
        yield Client(app_id="app", is_production=False, api_base_url=origin, event_api_base_url=origin)


@pytest.fixture
def ch() -> UploadsChannel:
    return uploads_channel(upload_id="u1")


async def answer_of(client: Client) -> httpx.Response:
    """Call the client's function as the server does, once."""
    app = app_of(client, client.functions)
    body = {
        "ctx": {
            "attempt": 0,
            "disable_immediate_execution": False,
            "max_attempts": 4,
            "run_id": "r",
            "stack": {"stack": []},
        },
        "event": {"name": "app/work", "data": {}, "id": "e", "ts": 1},
        "events": [{"name": "app/work", "data": {}, "id": "e", "ts": 1}],
        "steps": {},
        "use_api": False,
    }
    async with http_to(app) as http:
        return await http.post("/api/inngest", params={"fnId": "app-work", "stepId": "step"}, json=body)


@pytest.mark.parametrize("where", ["handler", "group", "step"])
async def test_the_time_of_a_retry_reaches_the_server(client: Client, where: str) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        if where == "step":
            await ctx.step.run("busy", busy)
        async with asyncio.TaskGroup() if where == "group" else contextlib.nullcontext():
            await busy()

    answer = await answer_of(client)
    assert answer.status_code == 500
    assert answer.headers["retry-after"] == "2030-01-02T03:04:05.678Z"
    assert answer.headers.get("x-inngest-no-retry") != "true"
    assert answer.json()["name"] == "RetryAfterError"


async def test_delays_of_retries_are_the_servers(client: Client) -> None:
    async def work(ctx: Context) -> None: ...

    with pytest.raises(EngineError, match=r'function "work": retry_delay= .*RetryAfterError'):
        client.function("work", on="app/work", retry_delay=timedelta(seconds=1))(work)
    assert client.functions == []
    client.function("work", on="app/work")(work)  # the id is free


async def busy() -> None:
    raise RetryAfterError("busy", WHEN)


def test_limits_and_priority_are_the_servers(client: Client) -> None:
    async def work(ctx: Context) -> None: ...

    client.function(
        "work",
        on="app/work",
        retries=2,
        concurrency=[10, (2, "event.data.userId")],
        priority="event.data.urgency",
    )(work)
    config = client.functions[0].get_config("http://app").main
    assert [limit.model_dump(exclude_none=True) for limit in config.concurrency or []] == [
        {"limit": 10},
        {"limit": 2, "key": "event.data.userId"},
    ]
    assert config.priority is not None
    assert config.priority.run == "event.data.urgency"


@pytest.mark.parametrize("options", [{"concurrency": (2, lambda event: 1)}, {"priority": lambda event: 1}])
def test_functions_of_events_are_refused(client: Client, options: dict[str, Any]) -> None:
    async def work(ctx: Context) -> None: ...

    with pytest.raises(EngineError, match=r'function "work": .* is a path on Inngest'):
        client.function("work", on="app/work", **options)(work)
    assert client.functions == []


def test_the_timeout_of_runs_is_the_servers(client: Client) -> None:
    async def work(ctx: Context) -> None: ...

    client.function("work", on="app/work", timeout=timedelta(minutes=90))(work)
    assert client.functions[0].get_config("http://app").main.model_dump()["timeouts"] == {
        "start": None,
        "finish": "90m",
    }
    with pytest.raises(EngineError, match="whole number of seconds"):
        client.function("other", on="app/work", timeout=timedelta(milliseconds=1500))(work)


FAILED = {
    "error": {"error": "x", "name": "ValueError", "message": "no good", "stack": "Traceback"},
    "event": {"name": "app/work", "data": {"n": 1}, "id": "e"},
    "function_id": "app-work",
    "run_id": "r",
}


async def test_a_failure_is_handled_with_our_context(
    client: Client, published: Published, ch: UploadsChannel
) -> None:
    seen: list[FailedRun] = []

    async def handle(ctx: tightbeam.Context[FailureEvent]) -> None:
        seen.append(ctx.event.data)
        await ctx.publish(ch.status, {"message": ctx.event.data.error.message})

    @client.function("work", on="app/work", on_failure=handle)
    async def work(ctx: Context) -> None: ...

    run = Run(app_of(client, client.functions), "app-work-failure", FAILED)
    assert (await run.finish()).status == 200
    assert (seen[0].error.name, seen[0].function_id, seen[0].event.data) == (
        "ValueError",
        "app-work",
        {"n": 1},
    )
    assert [message.message for message in published(ch.status)] == ["no good"]
    assert client.functions[0].get_config("http://app").on_failure is not None


def test_both_are_async_or_neither_is(client: Client) -> None:
    async def work(ctx: Context) -> None: ...

    def plain(ctx: tightbeam.ContextSync[FailureEvent]) -> None: ...

    with pytest.raises(EngineError, match="both async, or both are not"):
        client.function("work", on="app/work", on_failure=plain)(work)
    assert client.functions == []
