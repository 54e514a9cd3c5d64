"""``on_failure=`` of a function, on the embedded engine."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, assert_type

import pytest

from tests.tightbeam.engine.conftest import MakeClient
from tests.tightbeam.engine.samples import JobChannel, Tick
from tests.tightbeam.engine.stores import Storage
from tests.tightbeam.events.samples import upload_event
from tightbeam import Client, Context, ContextSync, EngineError, FailedRun, FailureEvent, RunFailed
from tightbeam._engine.requests import MAX_DEATHS
from tightbeam.testing import Clock, Published, Started, settle


class Seen:
    """What a handler of failures was called with."""

    def __init__(self) -> None:
        self.failures: list[FailedRun] = []

    async def __call__(self, ctx: Context[FailureEvent]) -> None:
        assert_type(ctx.event.data, FailedRun)
        assert ctx.event.name == "inngest/function.failed"
        self.failures.append(ctx.event.data)


@pytest.fixture
def seen() -> Seen:
    return Seen()


async def fail(ctx: Context) -> None:
    raise ValueError("no good")


async def test_a_failed_run_is_handled_in_a_run_of_its_own(
    client: Client, seen: Seen, started: Started, storage: Storage
) -> None:
    client.function("work", on="app/work", retries=1, on_failure=seen)(fail)
    async with client:
        (run_id,) = await client.send("app/work", {"order": {"id": 2**60}})
        await settle()
    assert [(run.function, run.state) for run in started.runs] == [
        ("work", "failed"),
        ("work-failure", "done"),
    ]
    (failed,) = seen.failures
    assert (failed.run_id, failed.function_id) == (run_id, "work")
    assert (failed.event.name, failed.event.data) == ("app/work", {"order": {"id": 2**60}})
    assert (failed.error.name, failed.error.message) == ("ValueError", "no good")
    assert 'raise ValueError("no good")' in (failed.error.stack or "")
    assert [run.event for run in storage.runs()] == ["app/work", "inngest/function.failed"]
    assert [function.id for function in client.functions] == ["work"]


async def test_typed_events_steps_and_publishes(client: Client, published: Published, ch: JobChannel) -> None:
    async def notify(ctx: Context[FailureEvent]) -> None:
        size = ctx.event.data.event.data["size"]
        await ctx.step.realtime.publish("failed", ch.tick, {"n": size})

    @client.function("work", on=upload_event, retries=0, on_failure=notify)
    async def work(ctx: Any) -> None:
        await ctx.step.run("fails", fail, ctx)

    async with client:
        await client.send(upload_event, {"uploadId": "u", "size": 7})
        await settle()
    assert published(ch.tick) == [Tick(n=7)]


async def test_plain_functions(client: Client, seen: Seen) -> None:
    def handle(ctx: ContextSync[FailureEvent]) -> None:
        seen.failures.append(ctx.event.data)

    @client.function("work", on="app/work", retries=0, on_failure=handle)
    def work(ctx: ContextSync) -> None:
        raise KeyError("k")

    async with client:
        await client.send("app/work")
        await settle()
    assert seen.failures[0].error.name == "KeyError"


async def test_only_a_failure_is_handled(client: Client, seen: Seen, clock: Clock) -> None:
    """No run that is done, cancelled, parked or about to be tried again; each end once."""
    begun = asyncio.Event()

    @client.function("done", on="app/work", on_failure=seen)
    async def done(ctx: Context) -> None: ...

    @client.function("cancelled", on="app/work", on_failure=seen)
    async def cancelled(ctx: Context) -> None:
        begun.set()
        await asyncio.Event().wait()

    @client.function("retried", on="app/work", retries=1, retry_delay=[timedelta(hours=1)], on_failure=seen)
    async def retried(ctx: Context) -> None:
        raise ValueError

    async with client:
        ids = await client.send("app/work")
        await begun.wait()
        await client.runs.cancel(ids[1])
        await settle()
        assert seen.failures == []
        clock.advance(timedelta(hours=1))
        await settle()
        assert [failed.function_id for failed in seen.failures] == ["retried"]
        await client.runs.retry(ids[2])
        await settle()
        clock.advance(timedelta(hours=1))
        await settle()
        assert [failed.run_id for failed in seen.failures] == [ids[2]] * 2


async def test_a_handler_that_fails_is_handled_by_nothing(client: Client, started: Started) -> None:
    async def fails_too(ctx: Context[FailureEvent]) -> None:
        raise RuntimeError

    client.function("work", on="app/work", retries=1, on_failure=fails_too)(fail)
    client.function("all", on="inngest/function.failed", retries=0)(fail)
    async with client:
        await client.send("app/work")
        await settle()
    assert sorted((run.function, run.state, run.executions) for run in started.runs) == [
        ("all", "failed", 1),
        ("work", "failed", 2),
        ("work-failure", "failed", 2),
    ]


async def test_one_function_for_the_failures_of_all(client: Client) -> None:
    seen: list[tuple[str, str]] = []

    @client.function("all", on="inngest/function.failed")
    async def all_(ctx: Context) -> None:
        seen.append((ctx.event.data["function_id"], ctx.event.data["error"]["name"]))

    client.function("one", on="app/work", retries=0)(fail)
    client.function("two", on="app/work", retries=0)(fail)
    async with client:
        await client.send("app/work")
        await settle()
    assert sorted(seen) == [("one", "ValueError"), ("two", "ValueError")]


async def test_a_timeout_is_a_failure(client: Client, seen: Seen, clock: Clock) -> None:
    @client.function("work", on="app/work", timeout=timedelta(hours=1), on_failure=seen)
    async def work(ctx: Context) -> None:
        await ctx.step.sleep("nap", timedelta(days=1))

    async with client:
        await client.send("app/work")
        await settle()
        clock.advance(timedelta(hours=1))
        await settle()
    assert [failed.error.name for failed in seen.failures] == ["RunTimeout"]


async def test_a_run_that_is_given_up_is_a_failure(
    make_client: MakeClient, storage: Storage, seen: Seen
) -> None:
    def define() -> Client:
        client = make_client()

        @client.function("work", on="app/work", on_failure=seen)
        async def work(ctx: Context) -> None:
            raise AssertionError

        return client

    async with storage.opened() as store:
        from tightbeam._engine.records import NewRun
        from tightbeam._engine.requests import AddRuns

        store.call(AddRuns((NewRun("r", "work", metadata=b'{"a":1}'),), "app/work", b'{"n":1}'))
    await storage.die("work", MAX_DEATHS)
    async with define():
        await settle()
    (failed,) = seen.failures
    assert (failed.run_id, failed.error.name, failed.error.stack) == ("r", RunFailed.__name__, None)
    assert failed.event.data == {"n": 1}


async def test_what_is_wrong_with_a_handler(client: Client, seen: Seen) -> None:
    async def work(ctx: Context) -> None: ...

    def plain(ctx: ContextSync[FailureEvent]) -> None: ...

    not_a_handler: Any = "work"
    for wrong, message in ((not_a_handler, "a function, not str"), (plain, "both async, or both are not")):
        with pytest.raises(EngineError, match=message):
            client.function("work", on_failure=wrong)(work)
        assert client.functions == []
    client.function("other-failure")(work)
    with pytest.raises(EngineError, match='already a function "other-failure"'):
        client.function("other", on_failure=seen)(work)
    client.function("work", on_failure=seen)(work)
    with pytest.raises(EngineError, match='already a function "work-failure"'):
        client.function("work-failure")(work)
