"""Typed events through a gateway: checked here by the sender's bindings, there by the functions'."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

import tightbeam
from tests.tightbeam.events import older
from tests.tightbeam.events.samples import Upload, deleted_event, ping_event, upload_event
from tests.tightbeam.gateway.serving import KEY, running, secured
from tightbeam.gateway import RemoteClient


@pytest.fixture
def started() -> list[Any]:
    return []


@pytest.fixture
async def remote(started: list[Any]) -> AsyncIterator[RemoteClient]:
    client = tightbeam.Client(max_payload_bytes=1_000)

    @client.function("f", on=upload_event | ping_event | deleted_event)
    async def f(ctx: tightbeam.Context) -> None:
        started.append((ctx.event.name, ctx.event.data))

    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as connected:
        yield connected


async def sent(remote: RemoteClient, way: str, *arguments: Any) -> list[str]:
    if way == "async":
        return await remote.send(*arguments)
    return await asyncio.to_thread(remote.send_sync, *arguments)


@pytest.mark.parametrize("way", ["async", "sync"])
async def test_events_arrive(remote: RemoteClient, started: list[Any], way: str) -> None:
    assert len(await sent(remote, way, upload_event, {"uploadId": "u1"})) == 1
    await sent(remote, way, upload_event, Upload(upload_id="u2", size=5))
    await sent(remote, way, "app/upload", {"uploadId": "u3"})
    await sent(remote, way, ping_event)
    async with asyncio.timeout(30):
        while len(started) < 4:  # noqa: ASYNC110 - the functions are on another thread
            await asyncio.sleep(0.005)
    assert sorted(started, key=str) == [
        ("app/ping", None),
        ("app/upload", Upload(upload_id="u1")),
        ("app/upload", Upload(upload_id="u2", size=5)),
        ("app/upload", Upload(upload_id="u3")),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        (upload_event, {"size": 5}),  # refused here
        ("app/upload", {"size": 5}),  # there
        (older.upload_event, {"uploadId": ""}),  # there, since these bindings know of no such bound
    ],
)
async def test_a_wrong_payload_is_the_same_error_wherever_it_is_refused(
    remote: RemoteClient, started: list[Any], arguments: tuple[Any, Any]
) -> None:
    with pytest.raises(tightbeam.InvalidPayload, match='failed for event "app/upload"') as caught:
        await remote.send(*arguments)
    assert [issue.pointer for issue in caught.value.issues] == ["/uploadId"]
    assert started == []


async def test_what_is_too_large_there(remote: RemoteClient, started: list[Any]) -> None:
    with pytest.raises(tightbeam.SendFailed, match="its data is too large"):
        await remote.send(deleted_event, {"reason": "x" * 2_000})
    assert started == []
