"""Lines with typed events that every checker must refuse. The marks are those of bindings_bad.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ParamSpec, TypeVar

import tightbeam
from generated.upload import Upload, UploadDict, UploadEvent, upload_event
from shapes_bindings import upload_event as not_there  # bad
from shapes_bindings.events.deleted import Deleted, DeletedEvent, deleted_event
from shapes_bindings.events.odd import Odd, odd_event
from shapes_bindings.events.payment import PaymentCard, PaymentEvent, payment_event
from shapes_bindings.events.ping import PingEvent, ping_event
from shapes_bindings.events.restored import restored_event
from shapes_bindings.events.scores import scores_event
from shapes_bindings.events.stored import StoredEvent, stored_event
from tightbeam import Context, ContextSync, CronEvent, EventRef, Function, Sendable, cron

P = ParamSpec("P")
Name = TypeVar("Name", bound=str)
Data = TypeVar("Data")

functions = tightbeam.Client()


async def takes_deleted(ctx: Context[DeletedEvent]) -> int:
    return 1


def takes_deleted_sync(ctx: ContextSync[DeletedEvent]) -> int:
    return 1


async def takes_upload(ctx: Context[UploadEvent]) -> int:
    print(ctx.event.data.nothing)  # bad, types only
    print(ctx.event.data["uploadId"])  # bad, types only
    print(ctx.nothing)  # bad, types only
    return 1


async def takes_either(ctx: Context[UploadEvent | DeletedEvent]) -> int:
    print(ctx.event.data.filename)  # bad, types only
    return 1


async def takes_payment(ctx: Context[PaymentEvent]) -> str:
    print(ctx.event.data.iban)  # bad, types only
    if ctx.event.data.kind == "card":
        return ctx.event.data.iban  # bad, types only
    return ctx.event.data.last4  # bad, types only


async def narrowed(ctx: Context[UploadEvent | DeletedEvent]) -> None:
    if ctx.event.name == "app/upload":
        print(ctx.event.data.reason)  # bad, types only
    else:
        print(ctx.event.data.filename)  # bad, types only


async def by_model(ctx: Context[Upload]) -> None:  # bad, types only
    print(ctx)


def of_deleted(event: DeletedEvent) -> int:
    return len(event.data.reason)


async def takes_bare(ctx: Context) -> int:
    return 1


async def takes_none(ctx: Context[CronEvent]) -> int:
    return 1


async def takes_ping(ctx: Context[PingEvent]) -> int:
    return 1


async def takes_stored(ctx: Context[StoredEvent]) -> int:
    return 1


functions.function("a", on=upload_event)(takes_deleted)  # bad, types only
functions.function("b", on=upload_event)(takes_deleted_sync)  # bad, types only
functions.function("c", on="app/upload")(takes_upload)  # bad, types only
functions.function("d")(takes_upload)  # bad, types only
functions.function("e", on=cron("0 9 * * *"))(takes_upload)  # bad, types only
functions.function("f", on=upload_event | deleted_event)(takes_upload)  # bad, types only
functions.function("g", on=upload_event | cron("0 9 * * *"))(takes_upload)  # bad, types only
functions.function("h", on=upload_event)(takes_none)  # bad, types only
functions.function("i", on=5)(takes_bare)  # bad
functions.function("j", on=restored_event)(takes_stored)  # bad, types only
functions.function("k", on=ping_event)(takes_none)  # bad, types only
functions.function("l", on=[upload_event, deleted_event])(takes_either)  # bad
functions.function("m", on=UploadEvent)(takes_upload)  # bad
functions.function("n", on=Upload)(takes_upload)  # bad
functions.function("o", on=upload_event, retries="3")(takes_upload)  # bad
functions.function("p", on=upload_event, retry=3)(takes_upload)  # bad
functions.function("q", on=upload_event, concurrency=(2, of_deleted))(takes_upload)  # bad, types only
functions.function("q", on=upload_event, concurrency=[(2, lambda e: e.data.typo)])(takes_upload)  # bad, types only
functions.function("q", on=upload_event, concurrency=[9, (2, of_deleted)])(takes_upload)  # bad, types only
functions.function("q", on=upload_event, concurrency=[(2, lambda: 5)])(takes_upload)  # bad, types only
functions.function("q", on="app/plain", concurrency=(2, of_deleted))(takes_bare)  # bad, types only
functions.function("q", on=upload_event, concurrency=("2", "event.data.uploadId"))(takes_upload)  # bad
functions.function("q", on=upload_event, concurrency="2")(takes_upload)  # bad
functions.function("q", on=upload_event, priority=lambda e: e.data.typo)(takes_upload)  # bad, types only
functions.function("q", on=upload_event, priority=lambda e: e.data.filename)(takes_upload)  # bad, types only
functions.function("q", on=upload_event, priority=of_deleted)(takes_upload)  # bad, types only
functions.function("q", on=upload_event, priority=5)(takes_upload)  # bad
functions.function("q", on=upload_event, on_failure=takes_upload)(takes_upload)  # bad, types only
functions.function("q", on=upload_event, timeout=5)(takes_upload)  # bad
functions.function("q", on=upload_event, retry_delay=5)(takes_upload)  # bad
upload_event | "app/other"  # bad
cron(5)  # bad
cron("0 9 * * *", "Europe/Berlin")  # bad
cron("0 9 * * *", zone="Europe/Berlin")  # bad
upload_event.name = "app/other"  # bad


@functions.function("decorated", on=upload_event)  # bad, types only
async def decorated(ctx: Context[DeletedEvent]) -> int:
    return 1


@functions.function("process", on=upload_event)
async def process(ctx: Context[UploadEvent]) -> int:
    return 1


@functions.function("process-sync", on=upload_event)
def process_sync(ctx: ContextSync[UploadEvent]) -> int:
    return 1


@functions.function("plain", on="app/plain")
async def plain(ctx: Context) -> str:
    return ""


@functions.function("either", on=upload_event | deleted_event)
async def either(ctx: Context[UploadEvent | DeletedEvent]) -> None:
    return None


@functions.function("daily", on=cron("0 9 * * *"))
async def daily(ctx: Context[CronEvent]) -> int:
    return 1


async def narrow(client: tightbeam.Client, event: EventRef[[Upload], str, Upload]) -> None:
    await client.send(event, {"uploadId": "u1", "filename": "cat.png"})  # bad, types only
    await client.send(event)  # bad, types only


async def forward(
    client: tightbeam.Client, event: Sendable[P], /, *data: P.args, **options: P.kwargs
) -> list[str]:
    return await client.send(event, *data, **options)


async def pass_on(
    client: tightbeam.Client, event: EventRef[P, Name, Data], /, *data: P.args, **kwargs: P.kwargs
) -> list[str]:
    await client.send(event)  # bad, types only
    return await client.send(event, *data, **kwargs)


def listening(client: tightbeam.Client) -> None:
    client.function("u", on=upload_event)(process)
    client.function("i", on=ping_event)(takes_ping)
    others = deleted_event | payment_event | scores_event | odd_event | stored_event
    client.function("o", on=others | restored_event)(takes_bare)


async def sending(ctx: Context, client: tightbeam.Client) -> None:
    listening(client)
    loose: dict[str, str] = {"uploadId": "u1"}
    anything: object = loose
    await client.send(upload_event, {"uploadId": "u1"})  # bad
    await client.send(upload_event, {})  # bad
    await client.send(upload_event, {"uploadId": "u1", "filename": 5})  # bad
    await client.send(upload_event, {"uploadId": "u1", "filename": "x", "extra": 1})  # bad
    await client.send(upload_event, {"upload_id": "u1", "filename": "x"})  # bad
    await client.send(upload_event, Deleted(reason="x"))  # bad
    await client.send(upload_event, Upload(upload_id="u1"))  # bad
    await client.send(upload_event, loose)  # bad
    await client.send(upload_event, anything)  # bad
    await client.send(upload_event)  # bad
    await client.send(upload_event, None)  # bad
    await client.send(upload_event, {"uploadId": "u1", "filename": "x"}, "id")  # bad
    await client.send(upload_event, data={"uploadId": "u1", "filename": "x"})  # bad
    await client.send(ping_event, {"a": 1})  # bad
    await client.send(ping_event, None)  # bad
    await client.send("app/upload", "text")  # bad
    await client.send("app/upload", {"uploadId": "u1", "filename": "x"}, {})  # bad
    await client.send(upload_event | deleted_event, {"reason": "x"})  # bad
    await client.send(cron("0 9 * * *"))  # bad
    await client.send(Upload, {"uploadId": "u1", "filename": "x"})  # bad
    await client.send(UploadEvent, {"uploadId": "u1", "filename": "x"})  # bad
    await client.send(5)  # bad
    await client.send()  # bad
    wrong: int = await client.send(ping_event)  # bad, types only
    client.send_sync(upload_event, {"uploadId": "u1"})  # bad
    client.send_sync(ping_event, {"a": 1})  # bad
    client.send_sync(upload_event)  # bad


async def sending_other_shapes(ctx: Context, client: tightbeam.Client) -> None:
    listening(client)
    await client.send(payment_event, {"kind": "card"})  # bad
    await client.send(payment_event, {"kind": "cash", "last4": "1234"})  # bad
    await client.send(payment_event, {"kind": "card", "iban": "DE1"})  # bad
    await client.send(payment_event, {"kind": "transfer", "iban": "DE1", "cents": "5"})  # bad
    await client.send(payment_event, PaymentCard(kind="transfer", last4="1234"))  # bad
    await client.send(scores_event, {"ann": "1"})  # bad
    await client.send(scores_event, [1])  # bad
    await client.send(odd_event, {"first_name": "a"})  # bad
    await client.send(odd_event, {"first-name": "a", "class": ["c"]})  # bad
    await client.send(odd_event, {"first-name": "a", "children": [{"class": []}]})  # bad
    await client.send(odd_event, Odd(first_name="a", class_=["c"]))  # bad
    await client.send(stored_event, {"uploadId": "u1"})  # bad
    await client.send(stored_event, {"uploadId": "u1", "size": None, "storedAt": datetime(2026, 1, 1)})  # bad
    await client.send(restored_event, {"uploadId": 1, "size": None})  # bad


async def options(ctx: Context, client: tightbeam.Client) -> None:
    listening(client)
    await client.send(ping_event, {"a": 1}, id="x")  # bad
    await client.send(ping_event, id=5)  # bad
    await client.send(ping_event, ids="x")  # bad
    await client.send(upload_event, {"uploadId": "u1", "filename": "x"}, id=5)  # bad
    await client.send(upload_event, {"uploadId": "u1", "filename": "x"}, delay=5)  # bad
    await client.send(upload_event, {"uploadId": "u1", "filename": "x"}, at="tomorrow")  # bad
    await client.send(upload_event, {"uploadId": "u1", "filename": "x"}, nonsense=1)  # bad
    await client.send(upload_event, {"uploadId": "u1"}, id="x")  # bad
    await client.send(upload_event, {"uploadId": "u1", "filename": 5}, id="x")  # bad
    await client.send(upload_event, {"uploadId": "u1", "filename": "x", "extra": 1}, id="x")  # bad
    await client.send(upload_event, Deleted(reason="x"), id="x")  # bad
    await client.send(upload_event, id="x")  # bad
    await client.send("app/upload", "text", id="x")  # bad
    await client.send("app/upload", {"uploadId": "u1", "filename": "x"}, id=5)  # bad
    await client.send("app/upload", {"uploadId": "u1", "filename": "x"}, nonsense=1)  # bad
    client.send_sync(ping_event, id=5)  # bad
    client.send_sync(upload_event, {"uploadId": "u1", "filename": "x"}, delay=5)  # bad


async def helpers(ctx: Context, client: tightbeam.Client) -> None:
    listening(client)
    await forward(client, upload_event, {"uploadId": "u1"}, id=None)  # bad
    await forward(client, upload_event, {"uploadId": "u1", "filename": "x"}, id=5)  # bad
    await forward(client, ping_event, {"a": 1})  # bad
    await forward(client, "app/upload", {"a": 1})  # bad
    await pass_on(client, upload_event, {"uploadId": "u1"})  # bad, types only
    await pass_on(client, ping_event, {"a": 1})  # bad, types only
    await narrow(client, deleted_event)  # bad, types only


async def running(ctx: Context, client: tightbeam.Client) -> None:
    process_here = client.function("process", on=upload_event)(process)
    sync_here = client.function("process-sync", on=upload_event)(process_sync)
    plain_here = client.function("plain", on="app/plain")(plain)
    either_here = client.function("either", on=upload_event | deleted_event)(either)
    daily_here = client.function("daily", on=cron("0 9 * * *"))(daily)
    await client.run(process_here, {"uploadId": "u1"})  # bad
    await client.run(process_here, {"uploadId": "u1", "filename": "x", "extra": 1})  # bad
    await client.run(process_here, Deleted(reason="x"))  # bad
    await client.run(process_here)  # bad
    await client.run(process_here, {"uploadId": "u1", "filename": "x"}, id="x")  # bad
    await client.run(sync_here, {"uploadId": "u1", "filename": 5})  # bad
    await client.run(plain_here, 5)  # bad
    await client.run(plain_here, Deleted(reason="x"))  # bad
    await client.run(daily_here, {"a": 1})  # bad
    await client.run(either_here)  # bad
    await client.run(either_here, {"uploadId": "u1"})  # bad
    await client.run(takes_upload, {"uploadId": "u1", "filename": "x"})  # bad
    wrong: str = await client.run(process_here, {"uploadId": "u1", "filename": "x"})  # bad, types only
    listed: list[Function[str]] = [process_here]  # bad, types only


async def calling(context: Context[DeletedEvent]) -> None:
    await process(context)  # bad, types only


def references(event: EventRef[[Upload | UploadDict], str, Upload]) -> None:
    number: EventRef[[int], str, Upload] = event  # bad, types only
    wider: EventRef[[Upload | UploadDict | int], str, Upload] = event  # bad, types only
    other: EventRef[..., str, Deleted] = event  # bad, types only
    read: EventRef[..., str, Any] = event
    print(number, wider, other, read)
