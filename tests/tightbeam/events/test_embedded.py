"""Typed events on the embedded engine: sent, run, received, refused and parked."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

import tightbeam
from tests.tightbeam.events import breaking, older
from tests.tightbeam.events.samples import (
    Deleted,
    DeletedEvent,
    PingEvent,
    RestoredEvent,
    Upload,
    UploadEvent,
    counts_event,
    deleted_event,
    ping_event,
    restored_event,
    upload_event,
)
from tightbeam import Context, ContextSync, CronEvent, cron

UPLOAD = {"uploadId": "u1", "size": 3}
DAILY = cron("0 9 * * *")


@pytest.fixture
def client() -> tightbeam.Client:
    return tightbeam.Client(retry_delay=timedelta(0), max_payload_bytes=1_000)


class Heard:
    """The events that handlers got, and when the first has come."""

    def __init__(self) -> None:
        self.events: list[tuple[str, object]] = []
        self._more = asyncio.Event()

    def note(self, ctx: Any) -> None:
        self.events.append((ctx.event.name, ctx.event.data))
        self._more.set()

    async def handler(self, ctx: Context) -> None:
        self.note(ctx)

    async def wait(self, count: int = 1) -> None:
        async with asyncio.timeout(30):
            while len(self.events) < count:
                self._more.clear()
                await self._more.wait()


@pytest.mark.parametrize("data", [UPLOAD, Upload(upload_id="u1", size=3)], ids=["dictionary", "model"])
@pytest.mark.parametrize("sync", [False, True], ids=["send", "send_sync"])
async def test_a_handler_gets_the_model(client: tightbeam.Client, data: Any, *, sync: bool) -> None:
    heard = Heard()
    client.function("f", on=upload_event)(heard.handler)
    async with client:
        if sync:
            ids = await asyncio.to_thread(client.send_sync, upload_event, data)
        else:
            ids = await client.send(upload_event, data)
        await heard.wait()
    assert len(ids) == 1
    assert heard.events == [("app/upload", Upload(upload_id="u1", size=3))]


async def test_a_sync_handler_gets_the_model(client: tightbeam.Client) -> None:
    @client.function("f", on=upload_event)
    def f(ctx: ContextSync[UploadEvent]) -> int | None:
        return ctx.event.data.size

    async with client:
        assert await client.run(f, {"uploadId": "u1", "size": 3}) == 3


async def test_an_event_without_data(client: tightbeam.Client) -> None:
    heard = Heard()

    @client.function("f", on=ping_event)
    async def f(ctx: Context[PingEvent]) -> None:
        heard.note(ctx)

    async with client:
        await client.send(ping_event)
        await client.send("app/ping")
        await client.send("app/ping", {})
        await heard.wait(3)
        await client.run(f)
    assert heard.events == [("app/ping", None)] * 4


async def test_a_name_and_a_reference_start_the_same_functions(client: tightbeam.Client) -> None:
    typed, untyped = Heard(), Heard()
    client.function("typed", on=upload_event)(typed.handler)
    client.function("untyped", on="app/upload")(untyped.handler)
    async with client:
        assert len(await client.send(upload_event, Upload(upload_id="u1"))) == 2
        assert len(await client.send("app/upload", {"uploadId": "u1"})) == 2
        await typed.wait(2)
        await untyped.wait(2)
    assert typed.events == [("app/upload", Upload(upload_id="u1"))] * 2
    assert untyped.events == [("app/upload", {"uploadId": "u1"})] * 2


@pytest.mark.parametrize("data", [{"uploadId": "u1", "size": 3}, Upload(upload_id="u1", size=3)])
async def test_a_function_with_other_bindings_gets_what_it_can_read(
    client: tightbeam.Client, data: Any
) -> None:
    """As a reader of messages does: an undeclared property is passed over, and what is stored has it."""
    heard, untyped = Heard(), Heard()
    client.function("f", on=older.upload_event)(heard.handler)
    client.function("g", on="app/upload")(untyped.handler)
    async with client:
        await client.send(upload_event, data)
        await heard.wait()
        await untyped.wait()
    assert heard.events == [("app/upload", older.Upload(upload_id="u1"))]
    assert untyped.events == [("app/upload", {"uploadId": "u1", "size": 3})]


async def test_what_a_function_with_other_bindings_cant_read_is_refused(client: tightbeam.Client) -> None:
    heard = Heard()
    client.function("f", on=breaking.upload_event)(heard.handler)
    client.function("g", on=upload_event)(heard.handler)
    async with client:
        with pytest.raises(tightbeam.InvalidPayload, match="/reason: is required"):
            await client.send(upload_event, {"uploadId": "u1"})
    assert heard.events == []


WRONG = {
    "missing": ({"size": 3}, "/uploadId: is required"),
    "undeclared": ({"uploadId": "u1", "extra": "secret"}, "extra"),
    "another type": ({"uploadId": 55_555}, "/uploadId: must be a string"),
    "out of bounds": ({"uploadId": "u1", "size": -55_555}, "/size: must be at least 0"),
    "not JSON": ({"uploadId": {1, 2}}, "/uploadId: "),
    "no object": ([1], "(payload): must be an object"),
    "another model": (
        Deleted(reason="secret"),
        "samples.Upload or plain data, not a tests.tightbeam.events.samples.Deleted",
    ),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("how", ["send", "send_sync", "run"])
async def test_a_wrong_payload_is_refused_before_anything_is_stored(
    client: tightbeam.Client, case: str, how: str
) -> None:
    heard = Heard()
    function = client.function("f", on=upload_event)(heard.handler)
    wrong, reason = WRONG[case]
    data: Any = wrong
    calls: dict[str, Any] = {
        "send": lambda: client.send(upload_event, data),
        "send_sync": lambda: asyncio.to_thread(client.send_sync, upload_event, data),
        "run": lambda: client.run(function, data),
    }
    async with client:
        with pytest.raises(tightbeam.InvalidPayload) as caught:
            await calls[how]()
    assert heard.events == []
    assert (caught.value.event, caught.value.topic) == ("app/upload", "")
    assert str(caught.value).startswith('Schema validation failed for event "app/upload"\n')
    assert reason in str(caught.value)
    assert not any(value in str(caught.value) for value in ("secret", "55555", "55_555"))


@pytest.mark.parametrize("case", [each for each in WRONG if each not in ("no object", "another model")])
async def test_a_name_is_checked_by_the_functions_that_listen(client: tightbeam.Client, case: str) -> None:
    heard = Heard()
    client.function("f", on=upload_event | deleted_event | ping_event)(heard.handler)
    data: Any = WRONG[case][0]
    async with client:
        with pytest.raises(tightbeam.InvalidPayload):
            await client.send("app/upload", data)
        with pytest.raises(tightbeam.NotJson):
            await client.send("app/upload", [1])  # type: ignore[call-overload]  # what is refused
        with pytest.raises(tightbeam.InvalidPayload, match="must be left out"):
            await client.send("app/ping", {"n": 1})
    assert heard.events == []


@pytest.mark.parametrize(
    ("event", "data", "text"),
    [
        (upload_event, (), 'send takes the event "app/upload" and its data'),
        (upload_event, (UPLOAD, UPLOAD), 'send takes the event "app/upload" and its data'),
        (ping_event, ({},), 'send takes no data for the event "app/ping"'),
        (ping_event, (None,), 'send takes no data for the event "app/ping"'),
        (upload_event | deleted_event, (UPLOAD,), "send takes one event, or the name of one, not <EventRef"),
        (DAILY, (), "send takes one event, or the name of one, not cron"),
        (Upload, (UPLOAD,), "send takes an event, or the name of one, not ModelMetaclass"),
        ("app/upload", ({}, {}), "send takes the name of an event and its data"),
    ],
)
async def test_wrong_calls(client: tightbeam.Client, event: Any, data: tuple[Any, ...], text: str) -> None:
    client.function("f", on=upload_event | ping_event)(Heard().handler)
    async with client:
        with pytest.raises(TypeError) as caught:
            await client.send(event, *data)
    assert str(caught.value).startswith(text)


async def test_data_over_the_limit(client: tightbeam.Client) -> None:
    client.function("f", on=deleted_event)(Heard().handler)
    async with client:
        with pytest.raises(
            tightbeam.PayloadTooLarge, match=r'for event "app/deleted" is 1,013 bytes; the limit is 1,000'
        ):
            await client.send(deleted_event, {"reason": "x" * 1_000})


async def test_names_are_true(client: tightbeam.Client) -> None:
    """`run` gives the event the name that its type says, whatever starts the function."""
    heard = Heard()
    single = client.function("single", on=upload_event)(heard.handler)
    timed = client.function("timed", on=DAILY)(heard.handler)
    either = client.function("either", on=upload_event | deleted_event | DAILY)(heard.handler)
    named = client.function("named", on="app/named")(heard.handler)
    manual = client.function("manual")(heard.handler)
    async with client:
        await client.run(single, {"uploadId": "u1"})
        await client.run(timed)
        await client.run(either, Upload(upload_id="u2"))
        await client.run(either, Deleted(reason="x"))
        await client.run(either, None)
        await client.run(named, {"n": 1})
        await client.run(manual)
    assert heard.events == [
        ("app/upload", Upload(upload_id="u1")),
        ("inngest/scheduled.timer", None),
        ("app/upload", Upload(upload_id="u2")),
        ("app/deleted", Deleted(reason="x")),
        ("inngest/scheduled.timer", None),
        ("app/named", {"n": 1}),
        ("tightbeam/function.invoked", {}),
    ]


async def test_a_dictionary_tells_the_event_whose_data_is_a_map(client: tightbeam.Client) -> None:
    heard = Heard()
    function = client.function("f", on=upload_event | counts_event)(heard.handler)
    async with client:
        await client.run(function, {"a": 1})
        await client.run(function, Deleted(reason="x"))
        await client.run(function, Upload(upload_id="u1"))
    assert heard.events == [
        ("app/counts", {"a": 1}),
        ("app/counts", Deleted(reason="x")),
        ("app/upload", Upload(upload_id="u1")),
    ]


@pytest.mark.parametrize(
    ("trigger", "data", "text"),
    [
        (upload_event, (), "takes its event's data"),
        (upload_event, (UPLOAD, UPLOAD), "takes one event"),
        (DAILY, ({},), "takes no data"),
        (ping_event, (None,), "takes no data"),
        (upload_event | deleted_event, (), "pass the data of one, a model"),
        (upload_event | deleted_event, ({"reason": "x"},), "is told by a model of one of them, not by dict"),
        (upload_event | deleted_event, (None,), "is told by a model of one of them, not by NoneType"),
        (upload_event | restored_event, (Upload(upload_id="u1"),), "and <EventRef 'app/upload'> and"),
        (deleted_event | counts_event, (Deleted(reason="x"),), "take a Deleted: send the event instead"),
        (ping_event | DAILY, (None,), "send the event instead"),
    ],
)
async def test_run_refuses_what_doesnt_tell_the_event(
    client: tightbeam.Client, trigger: Any, data: tuple[Any, ...], text: str
) -> None:
    function: Any = client.function("f", on=trigger)(Heard().handler)
    async with client:
        with pytest.raises(TypeError, match='function "f" ') as caught:
            await client.run(function, *data)
    assert text in str(caught.value)


async def test_two_events_with_one_model_are_told_apart_when_they_are_sent(client: tightbeam.Client) -> None:
    names = []
    ended = asyncio.Event()

    @client.function("f", on=upload_event | restored_event)
    async def f(ctx: Context[UploadEvent | RestoredEvent]) -> None:
        names.append(ctx.event.name)
        if len(names) == 2:
            ended.set()

    async with client:
        await client.send(restored_event, {"uploadId": "u1"})
        await client.send(upload_event, {"uploadId": "u1"})
        async with asyncio.timeout(30):
            await ended.wait()
    assert sorted(names) == ["app/restored", "app/upload"]


async def test_narrowing_by_name(client: tightbeam.Client) -> None:
    @client.function("f", on=upload_event | deleted_event | DAILY)
    async def f(ctx: Context[UploadEvent | DeletedEvent | CronEvent]) -> str:
        if ctx.event.name == "app/upload":
            return ctx.event.data.upload_id
        if ctx.event.name == "app/deleted":
            return ctx.event.data.reason
        return "daily"

    async with client:
        assert await client.run(f, Upload(upload_id="u1")) == "u1"
        assert await client.run(f, Deleted(reason="why")) == "why"
        assert await client.run(f, None) == "daily"


@pytest.mark.parametrize("on", [5, b"app/upload", Upload, [upload_event, deleted_event], "", "\ud800"])
def test_what_a_function_cant_be_registered_with(client: tightbeam.Client, on: Any) -> None:
    with pytest.raises(tightbeam.EngineError):
        client.function("f", on=on)(Heard().handler)


def test_two_events_of_one_name(client: tightbeam.Client) -> None:
    with pytest.raises(tightbeam.EngineError, match="two events of one name"):
        client.function("f", on=upload_event | older.upload_event)(Heard().handler)
