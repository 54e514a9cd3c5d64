"""Typed events that every checker must pass; `test_running.py` runs them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, ParamSpec, TypeVar, assert_never, assert_type

import tightbeam
from generated.upload import Upload, UploadDict, UploadEvent, upload_event
from shapes_bindings.common.uploads import StoredUpload
from shapes_bindings.events import StoredEvent as StoredByPackage, stored_event as stored_by_package
from shapes_bindings.events.deleted import Deleted, DeletedEvent, deleted_event
from shapes_bindings.events.odd import Odd, OddEvent, odd_event
from shapes_bindings.events.payment import (
    Payment,
    PaymentCard,
    PaymentEvent,
    PaymentTransfer,
    payment_event,
)
from shapes_bindings.events.ping import PingEvent, ping_event
from shapes_bindings.events.restored import RestoredEvent, restored_event
from shapes_bindings.events.scores import ScoresEvent, scores_event
from shapes_bindings.events.stored import StoredEvent, stored_event
from tightbeam import Context, ContextSync, CronEvent, Event, EventRef, Function, Sendable, cron

P = ParamSpec("P")
Name = TypeVar("Name", bound=str)
Data = TypeVar("Data")
Result = TypeVar("Result")

functions = tightbeam.Client()


@functions.function("process", on=upload_event, retries=3)
async def process(ctx: Context[UploadEvent]) -> int:
    assert_type(ctx.event.name, Literal["app/upload"])
    assert_type(ctx.event.data, Upload)
    assert_type(ctx.event.data.filename, str)
    await ctx.step.run("length", length, ctx.event.data.filename)
    return 1


async def length(text: str) -> int:
    return len(text)


@functions.function("process-sync", on=upload_event)
def process_sync(ctx: ContextSync[UploadEvent]) -> int:
    assert_type(ctx.event.data, Upload)
    return 1


@functions.function("plain", on="app/plain")
async def plain(ctx: Context) -> str:
    print(ctx.event.data["key"])
    assert_type(ctx.event.name, str)
    return "x"


@functions.function("plain-mapping", on="app/plain")
async def plain_mapping(ctx: Context[Event[str, Mapping[str, Any]]]) -> str:
    assert_type(ctx.event.data, Mapping[str, Any])
    return "x"


@functions.function("plain-sync", on="app/plain")
def plain_sync(ctx: ContextSync) -> str:
    print(ctx.event.data["key"])
    return "x"


@functions.function("bare-typed", on=upload_event)
async def bare_typed(ctx: Context) -> str:
    print(ctx.event.data)
    return "x"


@functions.function("bare-typed-sync", on=upload_event)
def bare_typed_sync(ctx: ContextSync) -> str:
    print(ctx.event.data)
    return "x"


@functions.function("manual")
async def manual(ctx: Context) -> bool:
    return True


@functions.function("either", on=upload_event | deleted_event)
async def either(ctx: Context[UploadEvent | DeletedEvent]) -> None:
    data = ctx.event.data
    assert_type(ctx.event.data, Upload | Deleted)
    if isinstance(ctx.event.data, Upload):
        print(ctx.event.data.filename)
    else:
        print(ctx.event.data.reason)
    match data:
        case Upload():
            print(data.filename)
        case Deleted():
            print(data.reason)
        case _:
            assert_never(data)


@functions.function("named", on=upload_event | deleted_event)
async def named(ctx: Context[UploadEvent | DeletedEvent]) -> None:
    if ctx.event.name == "app/upload":
        assert_type(ctx.event.data, Upload)
    else:
        assert_type(ctx.event.data, Deleted)
    match ctx.event.name:
        case "app/upload":
            assert_type(ctx.event.data, Upload)
        case "app/upload.deleted":
            assert_type(ctx.event.data, Deleted)
        case _:
            assert_never(ctx.event)
    event = ctx.event
    if event.name == "app/upload":
        assert_type(event.data, Upload)
        return
    assert_type(event.data, Deleted)


@functions.function("named-sync", on=upload_event | deleted_event | cron("0 9 * * *"))
def named_sync(ctx: ContextSync[UploadEvent | DeletedEvent | CronEvent]) -> str:
    if ctx.event.name == "inngest/scheduled.timer":
        assert_type(ctx.event.data, None)
        return "cron"
    if ctx.event.name == "app/upload":
        return ctx.event.data.filename
    return ctx.event.data.reason


@functions.function("by-payload", on=stored_event | restored_event)
async def by_payload(ctx: Context[Event[str, StoredUpload]]) -> None:
    assert_type(ctx.event.data, StoredUpload)


@functions.function("by-name", on=stored_event | restored_event)
async def by_name(ctx: Context[StoredEvent | RestoredEvent]) -> bool:
    assert_type(ctx.event.data.stored_at, datetime | None)
    return ctx.event.name == "app/upload.restored"


@functions.function("of-the-package", on=stored_by_package)
async def of_the_package(ctx: Context[StoredByPackage]) -> int | None:
    return ctx.event.data.size


@functions.function("three", on=upload_event | deleted_event | cron("0 9 * * *", tz="Europe/Berlin"))
async def three(ctx: Context[UploadEvent | DeletedEvent | CronEvent]) -> None:
    if ctx.event.data is None:
        return
    assert_type(ctx.event.data, Upload | Deleted)


@functions.function("wide", on=upload_event)
async def wide(ctx: Context[UploadEvent | DeletedEvent]) -> None:
    assert_type(ctx.event.data, Upload | Deleted)


@functions.function("daily", on=cron("0 9 * * *"))
async def daily(ctx: Context[CronEvent]) -> int:
    assert_type(ctx.event.data, None)
    return 1


@functions.function("daily-bare", on=cron("0 9 * * *"))
async def daily_bare(ctx: Context) -> int:
    return 1


@functions.function("ping", on=ping_event)
async def ping(ctx: Context[PingEvent]) -> int:
    assert_type(ctx.event.data, None)
    return 1


@functions.function("paid", on=payment_event)
async def paid(ctx: Context[PaymentEvent]) -> str:
    assert_type(ctx.event.data, PaymentCard | PaymentTransfer)
    if ctx.event.data.kind == "card":
        return ctx.event.data.last4
    return ctx.event.data.iban


@functions.function("scored", on=scores_event)
async def scored(ctx: Context[ScoresEvent]) -> int:
    assert_type(ctx.event.data, dict[str, int])
    return sum(ctx.event.data.values())


@functions.function("odd", on=odd_event)
async def odd(ctx: Context[OddEvent]) -> int:
    return len(ctx.event.data.children or [])


def uploader(event: UploadEvent) -> str:
    return event.data.upload_id


def any_key(event: Event) -> str:
    return event.name


@functions.function("by-key", on=upload_event, concurrency=(2, uploader), priority=lambda event: 5)
async def by_key(ctx: Context[UploadEvent]) -> int:
    return 1


@functions.function(
    "by-lambda",
    on=upload_event,
    concurrency=[10, (2, lambda event: event.data.upload_id)],
    priority=lambda event: len(event.data.filename),
)
def by_lambda(ctx: ContextSync[UploadEvent]) -> int:
    return 1


@functions.function(
    "by-name-and-data",
    on=upload_event | deleted_event | cron("0 9 * * *"),
    concurrency=[(2, lambda event: event.data.by if event.name == "app/upload.deleted" else event.name)],
    priority="event.data.urgency",
)
async def by_name_and_data(ctx: Context[UploadEvent | DeletedEvent | CronEvent]) -> int:
    return 1


@functions.function("by-any-key", on=upload_event | deleted_event, concurrency=(2, any_key))
async def by_any_key(ctx: Context[UploadEvent | DeletedEvent]) -> int:
    return 1


@functions.function("by-untyped-key", on="app/plain", concurrency=[(2, lambda event: event.data["user"])])
async def by_untyped_key(ctx: Context) -> int:
    return 1


@functions.function("by-path", on=upload_event, concurrency=[20, (2, "event.data.uploadId")])
async def by_path(ctx: Context[UploadEvent]) -> int:
    return 1


async def helper(ctx: Context) -> int:
    return ctx.attempt


async def typed_helper(ctx: Context[UploadEvent]) -> int:
    return await helper(ctx)


def listed(one: Function[int], every: list[Function[Any]]) -> None:
    assert [one, *every]


class Service:
    async def handle(self, ctx: Context[UploadEvent]) -> int:
        return 1


service_function = functions.function("method", on=upload_event)(Service().handle)


async def forward(
    client: tightbeam.Client, event: Sendable[P], /, *data: P.args, **options: P.kwargs
) -> list[str]:
    return await client.send(event, *data, **options)


async def send_logged(
    client: tightbeam.Client, event: EventRef[P, Name, Data], /, *data: P.args, **kwargs: P.kwargs
) -> list[str]:
    print(event.name)
    return await client.send(event, *data, **kwargs)


async def send_upload(
    client: tightbeam.Client, event: EventRef[[Upload | UploadDict], str, Upload]
) -> list[str]:
    return await client.send(event, Upload(upload_id="u1", filename="cat.png"))


async def send_anything(client: tightbeam.Client, event: EventRef[..., str, Any], data: Any) -> list[str]:
    return await client.send(event, data)


def only_read(ctx: Context[Event[Name, Data]]) -> Event[Name, Data]:
    return ctx.event


async def sending(ctx: Context, client: tightbeam.Client) -> None:
    client.function("p", on=upload_event)(process)
    client.function("n", on="app/plain")(plain)
    client.function("i", on=ping_event)(ping)
    client.function("d", on=deleted_event | payment_event | scores_event | odd_event | stored_event)(helper)
    await client.send(upload_event, {"uploadId": "u1", "filename": "cat.png"})
    assert_type(await client.send(upload_event, Upload(upload_id="u1", filename="cat.png")), list[str])
    untyped: Any = {"uploadId": "u1", "filename": "cat.png"}
    await client.send(upload_event, untyped)
    await client.send("app/upload", {"uploadId": "u1", "filename": "cat.png"})
    await client.send("app/plain", {"key": 1})
    await client.send(ping_event)
    await client.send("app/ping")
    await client.send(payment_event, {"kind": "card", "last4": "1234"})
    await client.send(payment_event, {"kind": "transfer", "iban": "DE1", "cents": 5})
    await client.send(payment_event, PaymentTransfer(kind="transfer", iban="DE1"))
    await client.send(scores_event, {"ann": 1, "bob": 2})
    await client.send(odd_event, {"first-name": "a", "class": ["a"], "children": [{"first-name": "b"}]})
    await client.send(odd_event, Odd(first_name="a", class_=["b"], children=[Odd(first_name="c")]))
    await client.send(stored_event, {"uploadId": "u1", "size": None, "storedAt": "2026-11-29T12:00:00Z"})
    await client.send(
        stored_event, StoredUpload(upload_id="u1", size=3, stored_at=datetime(2026, 11, 29, tzinfo=UTC))
    )
    await asyncio.to_thread(
        lambda: client.send_sync(upload_event, {"uploadId": "u1", "filename": "cat.png"}, id=None)
    )
    payment: Payment = PaymentCard(kind="card", last4="1234")
    await client.send(payment_event, payment)


async def sending_with_options(ctx: Context, client: tightbeam.Client) -> None:
    client.function("p", on=upload_event)(process)
    client.function("i", on=ping_event)(ping)
    await client.send(ping_event, id="p1")
    assert_type(await client.send(ping_event, id=None, delay=timedelta(hours=1)), list[str])
    await client.send(upload_event, {"uploadId": "u1", "filename": "cat.png"}, id="u1")
    await client.send(upload_event, {"uploadId": "u2", "filename": "cat.png"}, delay=timedelta(hours=1))
    await client.send(upload_event, Upload(upload_id="u1", filename="cat.png"), at=datetime.now(UTC))
    await client.send("app/upload", {"uploadId": "u1", "filename": "cat.png"}, id="u3", at=datetime.now(UTC))
    await client.send("app/ping", id="p2")


async def sending_by_helpers(ctx: Context, client: tightbeam.Client) -> None:
    client.function("p", on=upload_event)(process)
    client.function("i", on=ping_event)(ping)
    await forward(client, upload_event, {"uploadId": "u1", "filename": "cat.png"}, id="u4")
    await forward(client, ping_event)
    await send_logged(client, upload_event, {"uploadId": "u1", "filename": "cat.png"})
    await send_logged(client, ping_event)
    await send_upload(client, upload_event)
    await send_anything(client, upload_event, {"uploadId": "u1", "filename": "cat.png"})


async def running(ctx: Context, client: tightbeam.Client) -> None:
    process_here = client.function("process", on=upload_event)(process)
    assert_type(await client.run(process_here, {"uploadId": "u1", "filename": "cat.png"}), int)
    assert_type(await client.run(process_here, Upload(upload_id="u1", filename="cat.png")), int)
    sync_here = client.function("process-sync", on=upload_event)(process_sync)
    assert_type(await client.run(sync_here, {"uploadId": "u1", "filename": "cat.png"}), int)
    bare_here = client.function("bare", on=upload_event)(bare_typed)
    assert_type(await client.run(bare_here, {"uploadId": "u1", "filename": "cat.png"}), str)
    plain_here = client.function("plain", on="app/plain")(plain)
    assert_type(await client.run(plain_here, {"key": 1}), str)
    manual_here = client.function("manual")(manual)
    assert_type(await client.run(manual_here, {"key": 1}), bool)
    assert_type(await client.run(manual_here), bool)
    daily_here = client.function("daily", on=cron("0 9 * * *"))(daily)
    assert_type(await client.run(daily_here), int)
    ping_here = client.function("ping", on=ping_event)(ping)
    assert_type(await client.run(ping_here), int)
    either_here = client.function("either", on=upload_event | deleted_event)(either)
    await client.run(either_here, Upload(upload_id="u1", filename="cat.png"))
    await client.run(either_here, Deleted(reason="x"))
    named_here = client.function("named", on=upload_event | deleted_event | cron("0 9 * * *"))(named_sync)
    assert_type(await client.run(named_here, Deleted(reason="x")), str)
    assert_type(await client.run(named_here, None), str)
    paid_here = client.function("paid", on=payment_event)(paid)
    assert_type(await client.run(paid_here, {"kind": "card", "last4": "1234"}), str)
    scored_here = client.function("scored", on=scores_event)(scored)
    assert_type(await client.run(scored_here, {"ann": 1}), int)


class FakeEvent:
    name: Literal["app/upload"] = "app/upload"
    data = Upload(upload_id="u1", filename="cat.png")


async def calling(ctx: Context, client: tightbeam.Client) -> None:
    listed(process, [process, process_sync, plain, either, daily])
    functions_of: list[Function[Any]] = client.functions
    assert functions_of


async def as_it_is(ctx: Context[UploadEvent]) -> None:
    assert_type(await process(ctx), int)
    assert_type(only_read(ctx), Event[Literal["app/upload"], Upload])
