"""The test kit with Inngest functions: the SDK's own ways of testing, and no server."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import inngest
import pytest
from inngest.experimental import mocked

import tightbeam
import tightbeam.hooks
import tightbeam.inngest
from generated.upload import Upload, UploadEvent, upload_event
from generated.uploads import Result, Status, UploadsChannel, uploads_channel
from tests.tightbeam.inngest.calls import Run, app_of
from tests.tightbeam.inngest.standin import StandIn
from tests.tightbeam.inngest.test_client import DATA, upload
from tightbeam.inngest import Client, Context, ContextSync
from tightbeam.testing import Faults, InjectedFault, Published

TRIGGER = inngest.TriggerEvent(event="app/upload")


@pytest.fixture
def client() -> Client:
    """As it is in production, without a key and without a server."""
    return Client(app_id="app", is_production=True)


def trigger(function: inngest.Function[Any], data: dict[str, Any] | None = None, **options: Any) -> Any:
    """`mocked.trigger`, in a thread with a loop of its own: it would make one and never close it."""

    def run() -> Any:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            event = inngest.Event(name="app/upload", data=data or {})
            return mocked.trigger(function, event, mocked.Inngest(app_id="test"), **options)
        finally:
            loop.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(60)


def test_mocked_trigger(client: Client, published: Published, ch: UploadsChannel) -> None:
    function = client.function("upload", on="app/upload")(upload)
    result = trigger(function, DATA)
    assert result.status is mocked.Status.COMPLETED
    assert result.output == {"success": True, "url": "/files/cat.png"}
    assert published(ch.result) == [Result(success=True, url="/files/cat.png")]
    assert Status(message="begun") in published(ch.status)
    assert {one.run_id for one in published.messages} == {"test"}


def test_mocked_trigger_sends_waits_and_invokes(client: Client, published: Published) -> None:
    @client.function("leaf", on=upload_event)
    async def leaf(ctx: Context[UploadEvent]) -> Upload:
        return ctx.event.data

    @client.function("f", on="app/upload")
    async def function(ctx: Context) -> list[Any]:
        ids = await ctx.step.send_event("send", upload_event, Upload(upload_id="u1", filename="a"))
        came = await ctx.step.wait_for_event("wait", event=upload_event, timeout=timedelta(hours=1))
        missed = await ctx.step.wait_for_event("miss", event=upload_event, timeout=timedelta(hours=1))
        found = await ctx.step.invoke("invoke", function=leaf, data=Upload(upload_id="u1", filename="a"))
        return [len(ids), came is not None and came.data.filename, missed, found.filename]

    file = {"uploadId": "u1", "filename": "a"}
    stubs = {"wait": {"name": "app/upload", "data": file}, "miss": mocked.Timeout, "invoke": file}
    result = trigger(function, DATA, step_stubs=stubs)
    assert (result.status, result.output) == (mocked.Status.COMPLETED, [1, "a", None, "a"])


def test_mocked_trigger_of_a_sync_function(client: Client, published: Published, ch: UploadsChannel) -> None:
    @client.create_function(fn_id="f", trigger=TRIGGER)
    def function(ctx: ContextSync) -> str:
        ctx.publish(ch.status, {"message": "live"})
        return ctx.step.realtime.publish("p", ch.result, {"success": True, "url": "/x"}).url

    result = trigger(function)
    assert (result.status, result.output) == (mocked.Status.COMPLETED, "/x")
    assert published(ch.result) == [Result(success=True, url="/x")]


def test_mocked_trigger_replays_as_inngest_does(
    client: Client, published: Published, ch: UploadsChannel
) -> None:
    """Two steps: the body's live publish five times, the durable one once."""

    @client.create_function(fn_id="f", trigger=TRIGGER)
    async def function(ctx: Context) -> None:
        await ctx.publish(ch.status, {"message": "live"})
        await ctx.step.run("s", asyncio.sleep, 0)
        await ctx.step.realtime.publish("p", ch.result, {"success": True, "url": "/x"})

    trigger(function)
    assert len(published(ch.status)) == 5
    assert len(published(ch.result)) == 1


def test_what_the_schema_refuses_fails_there_too(
    client: Client, published: Published, ch: UploadsChannel
) -> None:
    wrong: Any = {"success": 1}

    @client.create_function(fn_id="f", trigger=TRIGGER, retries=0)
    async def function(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.result, wrong)

    result = trigger(function)
    assert result.status is mocked.Status.FAILED
    assert isinstance(result.error, tightbeam.InvalidPayload)
    assert published.messages == []


def test_stubs_stand_in_for_a_durable_publish(
    client: Client, published: Published, ch: UploadsChannel
) -> None:
    @client.create_function(fn_id="f", trigger=TRIGGER)
    async def function(ctx: Context) -> str:
        return (await ctx.step.realtime.publish("p", ch.result, {"success": True, "url": "/x"})).url

    result = trigger(function, step_stubs={"p": {"success": False, "url": "/stubbed"}})
    assert result.output == "/stubbed"


def test_mocked_trigger_misreads_outputs_whose_keys_are_data_or_error() -> None:
    """A limit of the SDK's mock, not of its server: why such a payload doesn't come back there."""

    async def make() -> dict[str, int]:
        return {"data": 5}

    plain = inngest.Inngest(app_id="app", is_production=False)

    @plain.create_function(fn_id="f", trigger=TRIGGER)
    async def function(ctx: inngest.Context) -> object:
        return await ctx.step.run("s", make)

    result = trigger(function)
    assert result.output == 5


async def test_call_requests(client: Client, published: Published, ch: UploadsChannel) -> None:
    dev = Client(app_id="app", is_production=False)
    dev.function("upload", on="app/upload")(upload)
    last = await Run(app_of(dev, dev.functions), "app-upload", DATA).finish()
    assert last.status == 200
    assert published(ch.result) == [Result(success=True, url="/files/cat.png")]


def test_publishing_from_anywhere(client: Client, published: Published, ch: UploadsChannel) -> None:
    client.realtime.publish_sync(ch.status, {"message": "sync"})
    asyncio.run(client.realtime.publish(ch.status, {"message": "async"}))
    asyncio.run(
        tightbeam.inngest.realtime(inngest.Inngest(app_id="b")).publish(ch.status, {"message": "plain"})
    )
    assert [one.message for one in published(ch.status)] == ["sync", "async", "plain"]
    with pytest.raises(tightbeam.InvalidPayload):
        client.realtime.publish_sync(ch.status, {"message": 5})  # type: ignore[typeddict-item]  # what is tested
    assert len(published.messages) == 3


async def test_faults(published: Published, faults: Faults, ch: UploadsChannel) -> None:
    dev = Client(app_id="app", is_production=False)
    dev.function("upload", on="app/upload")(upload)
    faults.before("store")
    faults.after("done")
    run = Run(app_of(dev, dev.functions), "app-upload", DATA)
    last = await run.finish()
    assert last.status == 200
    failed = [one.body["name"] for one in run.answers if one.status == 500]
    assert failed == [InjectedFault.__name__] * 2
    assert len(published(ch.result)) == 1


async def test_faults_around_a_sleep(published: Published, faults: Faults, ch: UploadsChannel) -> None:
    dev = Client(app_id="app", is_production=False)
    dev.function("upload", on="app/upload")(upload)
    faults.before("wait")
    faults.after("wait")
    run = Run(app_of(dev, dev.functions), "app-upload", DATA)
    last = await run.finish()
    assert last.status == 200
    assert [one.body["name"] for one in run.answers if one.status == 500] == [InjectedFault.__name__] * 2
    assert len(published(ch.result)) == 1


@pytest.mark.parametrize("everywhere", [False, True])
async def test_a_hook_that_looks_on_keeps_nothing_from_the_server(
    server: StandIn, ch: UploadsChannel, everywhere: bool
) -> None:
    class Looks(tightbeam.Hook):
        def __init__(self) -> None:
            self.topics: list[str] = []

        def sent(self, message: tightbeam.hooks.MessageInfo, /) -> None:
            self.topics.append(message.topic)

    hook = Looks()
    client = Client(
        app_id="app", is_production=False, api_base_url=server.origin, hooks=[] if everywhere else [hook]
    )
    if everywhere:
        tightbeam.hooks.install(hook)
    try:
        await client.realtime.publish(ch.status, {"message": "x"})
        client.realtime.publish_sync(ch.status, {"message": "y"})
    finally:
        tightbeam.hooks.uninstall(hook)
    assert [request.query["topic"] for request in server.published] == hook.topics == ["status", "status"]


async def test_what_the_server_refuses_is_not_told_as_sent(server: StandIn, ch: UploadsChannel) -> None:
    class Looks(tightbeam.Hook):
        def sent(self, message: tightbeam.hooks.MessageInfo, /) -> None:
            raise AssertionError

    client = Client(app_id="app", is_production=False, api_base_url=server.origin, hooks=[Looks()])
    server.script.append((500, b""))
    with pytest.raises(tightbeam.PublishFailed):
        await client.realtime.publish(ch.status, {"message": "x"})


def test_without_the_fixture_it_needs_a_key(client: Client) -> None:
    with pytest.raises(tightbeam.SigningKeyError):
        client.realtime.publish_sync(uploads_channel(upload_id="u1").status, {"message": "x"})
