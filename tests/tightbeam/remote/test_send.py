"""Events from other processes: `tightbeam.connect(…).send`, and the route beneath it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

import tightbeam
from tests.tightbeam.gateway.serving import KEY, running, secured
from tests.tightbeam.remote.test_reconnect import Streams, answering, listening, token
from tightbeam import (
    Client,
    Context,
    GatewayRefused,
    JournalFailed,
    NotEntered,
    NotJson,
    NotRegistered,
    NotStorable,
    SendFailed,
)
from tightbeam.gateway import RemoteClient

SEND = "/v1/realtime/send"


@pytest.fixture
def events(client: Client) -> list[Any]:
    """The data of the events that started runs."""
    found: list[Any] = []

    @client.function("note", on="app/note")
    async def note(ctx: Context) -> None:
        found.append(ctx.event.data)

    @client.function("note-too", on="app/note")
    async def note_too(ctx: Context) -> None:
        found.append(ctx.event.data)

    return found


def http(client: Client, **changed: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(secured(client, **changed)),
        base_url="http://127.0.0.1",
        headers={"Authorization": f"Bearer {KEY}"},
    )


async def until(found: list[Any], count: int) -> None:
    async with asyncio.timeout(20):
        while len(found) < count:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)


async def sent(remote: RemoteClient, way: str) -> list[str]:
    """Send an event without data."""
    if way == "async":
        return await remote.send("app/note")
    return await asyncio.to_thread(remote.send_sync, "app/note")


@pytest.mark.parametrize("way", ["async", "sync"])
async def test_an_event_starts_runs(way: str, client: Client, events: list[Any]) -> None:
    data = {"é": [1, 2.5, None, 2**70], "nested": {"a": "b"}}
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        if way == "async":
            ids = await remote.send("app/note", data)
            await remote.send("app/note")
        else:
            ids = await asyncio.to_thread(remote.send_sync, "app/note", data)
            await asyncio.to_thread(remote.send_sync, "app/note")
        assert len(set(ids)) == 2
        assert all(len(one) == 26 for one in ids)
        await until(events, 4)
        with pytest.raises(NotRegistered, match="app/note"):
            await remote.send("app/nothing")
        for wrong in ([1], {1: 2}, {"a": {1, 2}}, {"a": float("nan")}):
            with pytest.raises(NotJson):
                await remote.send("app/note", wrong)  # type: ignore[arg-type]
    assert len(events) == 4
    assert events.count(data) == events.count({}) == 2  # in whatever order their runs begin


async def test_any_name_travels(client: Client) -> None:
    name = "app/ü ?&=%#\n"
    seen: list[str] = []

    @client.function("odd", on=name)
    async def odd(ctx: Context) -> None:
        seen.append(ctx.event.name)

    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        await remote.send(name)
        await asyncio.to_thread(remote.send_sync, name)
        await until(seen, 2)
    assert seen == [name, name]


async def test_what_the_key_is_needed_for(client: Client, events: list[Any]) -> None:
    async with running(secured(client)) as url:
        async with tightbeam.connect(url, token=token) as remote:
            with pytest.raises(GatewayRefused, match="server key"):
                await remote.send("app/note")
            with pytest.raises(GatewayRefused, match="server key"):
                remote.send_sync("app/note")
        async with tightbeam.connect(url, key="k-wrong") as remote:
            with pytest.raises(GatewayRefused) as refused:
                await remote.send("app/note")
            assert refused.value.status == 401
            assert "k-wrong" not in str(refused.value)
    assert events == []


async def test_a_client_that_isnt_entered(client: Client, events: list[Any], monkeypatch: Any) -> None:
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        with monkeypatch.context() as patch:
            for kind in (NotEntered, JournalFailed, NotStorable):

                async def fails(*_: object, kind: type[Exception] = kind) -> list[str]:
                    raise kind("why")

                patch.setattr(client, "send", fails)
                with pytest.raises(kind, match="why"):
                    await remote.send("app/note")
                with pytest.raises(kind, match="why"):
                    await asyncio.to_thread(remote.send_sync, "app/note")


@pytest.mark.parametrize(
    ("query", "body", "status", "kind"),
    [
        ({"name": "app/note"}, b"{}", 503, "NotEntered"),
        ({"name": "app/nothing"}, b"[]", 503, "NotEntered"),  # which comes before all that may come of it
        ({"name": "app/nothing"}, b"{}", 404, "NotRegistered"),
        ({"name": "app/note"}, b"[]", 422, "NotJson"),
        ({"name": "app/note"}, b"null", 503, "NotEntered"),  # as no data at all
        ({"name": "app/note"}, b'{"a":"\\ud800"}', 422, "NotJson"),
        ({"name": "app/note"}, b'{"a":NaN}', 400, None),
        ({"name": "app/note"}, b"", 400, None),
        ({"name": "app/note"}, b"\xff", 400, None),
        ({"name": "app/note"}, b"[" * 100_000, 400, None),
        ({"name": "app/note"}, b'{"a":"' + b"x" * 524_288 + b'"}', 413, None),
        ({"name": ""}, b"{}", 400, None),
        ({"name": "x" * 1_025}, b"{}", 400, None),
        ({}, b"{}", 400, None),
    ],
)
async def test_what_is_refused(
    query: dict[str, str], body: bytes, status: int, kind: str | None, client: Client, events: list[Any]
) -> None:
    is_entered = kind in ("NotRegistered", "NotJson")
    async with client if is_entered else contextlib.nullcontext(), http(client) as ask:
        answer = await ask.post(SEND, params=query, content=body)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.json().get("type") == kind
        assert answer.json()["error"]
        key = {"Authorization": "Bearer wrong"}
        assert (await ask.post(SEND, params=query, content=body, headers=key)).status_code == 401
        assert (await ask.get(SEND, params=query)).status_code == 405


async def test_data_that_is_too_large(client: Client, events: list[Any]) -> None:
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        with pytest.raises(SendFailed, match="too large") as failed:
            await remote.send("app/note", {"a": "x" * 600_000})
    assert (failed.value.status, failed.value.retryable, failed.value.may_have_started) == (413, False, False)


async def reads_and_hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


@pytest.mark.parametrize("way", ["async", "sync"])
@pytest.mark.parametrize(
    ("handle", "retryable", "may_have_started", "status"),
    [
        (reads_and_hangs_up, True, True, None),
        (answering("HTTP/1.1 504 Gateway Timeout"), True, True, 504),
        (answering("HTTP/1.1 429 Too Many Requests"), True, False, 429),
        (answering("HTTP/1.1 404 Not Found", "<html>"), False, False, 404),
        (answering("HTTP/1.1 201 Created", "[]"), False, True, 201),
    ],
    ids=["hangs up", "504", "429", "another server", "no ids"],
)
async def test_it_is_never_sent_twice(
    handle: Streams, retryable: bool, may_have_started: bool, status: int | None, way: str
) -> None:
    requests: list[object] = []

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(writer)
        await handle(reader, writer)

    async with listening(counted) as place, tightbeam.connect(f"http://{place}", key="k") as remote:
        with pytest.raises(SendFailed) as failed:
            await sent(remote, way)
    error = failed.value
    assert (error.retryable, error.may_have_started, error.status) == (retryable, may_have_started, status)
    assert ("may have been started" in str(error)) is may_have_started
    assert len(requests) == 1


@pytest.mark.parametrize("way", ["async", "sync"])
async def test_nobody_there(way: str) -> None:
    async with listening(answering("")) as place:
        pass
    async with tightbeam.connect(f"http://{place}", key="k") as remote:
        with pytest.raises(SendFailed, match="ConnectionRefusedError") as failed:
            await sent(remote, way)
    assert (failed.value.retryable, failed.value.may_have_started) == (True, False)


async def test_a_dev_gateway_takes_any_key(client: Client, events: list[Any]) -> None:
    async with running(secured(client, dev=True, public_url=None)) as url:
        async with tightbeam.connect(url, key="") as remote:
            assert len(await remote.send("app/note", {"a": 1})) == 2
            await until(events, 2)


def test_the_data_of_an_event_is_not_touched_on_the_way(client: Client) -> None:
    sent: list[bytes] = []
    remote = tightbeam.connect("http://127.0.0.1", key="k")

    async def send(_name: str, data: bytes, *_: object, **__: object) -> list[str]:
        sent.append(data)
        return []

    remote._carrier.send = send  # type: ignore[method-assign,assignment]
    remote.send_sync("app/note", {"n": 2**70, "f": 1.0})
    assert json.loads(sent[0]) == {"n": 2**70, "f": 1.0}


def answering_at_last(failing: int, seen: list[str]) -> Streams:
    """Take a request and hang up, so many times; then answer."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen.append(head.split(" ")[1])
        if len(seen) <= failing:
            writer.close()
            return
        body = b'{"run_ids": ["r"]}'
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    return handle


@pytest.mark.parametrize("way", ["async", "sync"])
@pytest.mark.parametrize("failing", [1, 2, 3])
async def test_with_an_id_it_is_sent_again_after_a_lost_answer(way: str, failing: int) -> None:
    seen: list[str] = []
    async with listening(answering_at_last(failing, seen)) as place:
        async with tightbeam.connect(f"http://{place}", key="k") as remote:

            async def send() -> list[str]:
                if way == "async":
                    return await remote.send("app/note", id="order 17/ü")
                return await asyncio.to_thread(remote.send_sync, "app/note", id="order 17/ü")

            if failing < 3:
                assert await send() == ["r"]
            else:
                with pytest.raises(SendFailed):
                    await send()
    assert len(seen) == min(failing + 1, 3)
    assert set(seen) == {"/v1/realtime/send?name=app%2Fnote&id=order%2017%2F%C3%BC"}


async def test_what_is_refused_is_not_sent_again() -> None:
    requests: list[object] = []

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(writer)
        await answering("HTTP/1.1 429 Too Many Requests")(reader, writer)

    async with listening(counted) as place, tightbeam.connect(f"http://{place}", key="k") as remote:
        with pytest.raises(SendFailed):
            await remote.send("app/note", id="1")
    assert len(requests) == 1


async def test_options_travel(client: Client, events: list[Any]) -> None:
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        first = await remote.send("app/note", {"n": 1}, id="one")
        assert await remote.send("app/note", {"n": 2}, id="one") == first
        assert await asyncio.to_thread(remote.send_sync, "app/note", {"n": 3}, id="one") == first
        await until(events, 2)
        later = await remote.send("app/note", delay=timedelta(hours=2))
        moment = datetime(2200, 1, 1, tzinfo=UTC)
        with pytest.raises(ValueError, match="days from now"):
            await remote.send("app/note", at=moment)
        moment = datetime.now(UTC) + timedelta(days=3)
        dated = await remote.send("app/note", at=moment)
        due = {run.id: run.due_at for run in await client.runs.list()}
        for run_id in later:
            assert timedelta(hours=1, minutes=55) < due[run_id] - datetime.now(UTC) < timedelta(hours=2)
        assert {due[run_id] for run_id in dated} == {moment}
    assert events == [{"n": 1}] * 2


async def test_the_longest_delay_travels(client: Client, events: list[Any]) -> None:
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        for days in (1_200, 3_650):
            here = await client.send("app/note", delay=timedelta(days=days))
            there = await remote.send("app/note", delay=timedelta(days=days))
            due = {run.id: run.due_at for run in await client.runs.list()}
            assert abs(due[there[0]] - due[here[0]]) < timedelta(days=1)
        with pytest.raises(ValueError, match="at most 3650 days"):
            await remote.send("app/note", delay=timedelta(days=3_651))
    assert events == []


@pytest.mark.parametrize(
    "query",
    [
        {"id": ""},
        {"id": "x" * 600},
        {"start": ""},
        {"start": "soon"},
        {"start": "nan"},
        {"start": "-1"},
        {"start": "1e3"},
        {"start": "315360001"},  # more than ten years
        {"start": "999999999"},
        {"start": "99999999999"},
        {"start": "2026-03-01T09:00:00"},
        {"start": "2999-03-01T09:00:00Z"},
    ],
)
async def test_options_that_are_refused(query: dict[str, str], client: Client, events: list[Any]) -> None:
    async with client, http(client) as ask:
        answer = await ask.post(SEND, params={"name": "app/note", **query}, content=b"{}")
        assert (answer.status_code, answer.json()["code"]) == (400, "request")
        assert events == []


@pytest.mark.slow
async def test_an_event_with_a_definition_may_start_nothing(client: Client) -> None:
    """As where the functions are: its name alone would be taken for a mistake."""
    from generated.upload import upload_event

    data = {"uploadId": "u1", "filename": "cat.png"}
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        assert await client.send(upload_event, data) == []
        assert await remote.send(upload_event, data) == []
        for sender in (client, remote):
            with pytest.raises(NotRegistered):
                await sender.send("app/upload", data)
