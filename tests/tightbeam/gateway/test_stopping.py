"""Streams of a mounted gateway end with its server, for whatever reason that one stops."""

from __future__ import annotations

import asyncio
import logging
import select
import socket
import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import frame, patient, plain_uvicorn, subscribed
from tests.tightbeam.gateway.sse import events
from tightbeam import Client
from tightbeam.gateway import Gateway, _serve, _stopping, app


async def until_closing(stream: AsyncIterator[dict[str, str]]) -> None:
    async for event in stream:
        if '"kind":"closing"' in event.get("data", ""):
            return
    raise AssertionError("the stream ended without closing")


async def test_should_exit(client: Client, api: FastAPI, ch: JobChannel) -> None:
    async with plain_uvicorn(api, lifespan="on") as (server, url):
        token = (await client.realtime.token(ch))["key"]
        async with events(url, token) as stream, subscribed(url, token) as reader:
            server.should_exit = True
            await until_closing(stream)
            assert (await frame(reader))["kind"] == "closing"
            await reader.wait_closed()
            assert reader.close_code == 1012


@pytest.mark.slow
async def test_a_viewer_of_the_inspector(client: Client) -> None:
    api = FastAPI(lifespan=client.lifespan)
    api.mount("/", app(client, channels=[JobChannel], dev=True))
    for _ in range(2):
        async with (
            plain_uvicorn(api, lifespan="on") as (server, url),
            patient(verify=False) as http,
            http.stream("GET", f"{url}/inspector/api/messages") as answer,
        ):
            lines = answer.aiter_lines()
            await anext(lines)
            server.should_exit = True
            assert [line async for line in lines]


async def test_a_limit_of_requests(client: Client, api: FastAPI, ch: JobChannel) -> None:
    async with plain_uvicorn(api, lifespan="on", limit_max_requests=1) as (server, url):
        async with events(url, (await client.realtime.token(ch))["key"]) as stream:
            async with patient(verify=False) as http:
                await http.get(f"{url}/health")
            await until_closing(stream)
        assert not server.should_exit


async def test_a_connection_that_is_kept_alive_gets_no_new_stream(
    client: Client, gateway: Gateway, ch: JobChannel
) -> None:
    async with (
        client,
        plain_uvicorn(gateway) as (_, url),
        patient(verify=False) as http,
    ):
        await gateway.close()
        token = (await client.realtime.token(ch))["key"]
        assert (await http.get(f"{url}/v1/realtime/sse", params={"token": token})).status_code == 503


@pytest.mark.slow
async def test_another_server_of_the_event_loop_goes_on(
    client: Client, gateway: Gateway, api: FastAPI, ch: JobChannel
) -> None:
    async with plain_uvicorn(api, lifespan="on") as (_, url):
        async with plain_uvicorn(gateway, lifespan="off") as (_, other):
            token = (await client.realtime.token(ch))["key"]
            async with events(other, token):
                pass
        async with events(url, token) as stream:
            assert gateway.connections == 1
            await anext(stream)


@pytest.mark.slow
async def test_served_again_in_the_same_process(client: Client, api: FastAPI, ch: JobChannel) -> None:
    for _ in range(2):
        async with plain_uvicorn(api, lifespan="on") as (server, url):
            async with events(url, (await client.realtime.token(ch))["key"]) as stream:
                server.should_exit = True
                await until_closing(stream)


@pytest.mark.slow
async def test_a_reader_that_takes_nothing_is_cut(client: Client, api: FastAPI, ch: JobChannel) -> None:
    async with plain_uvicorn(api, lifespan="on") as (server, url):
        token = (await client.realtime.token(ch))["key"]
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(f"GET /v1/realtime/sse?token={token} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await reader.readuntil(b":\n\n")
        for _ in range(40):
            await client.realtime.publish(ch.token, "x" * 100_000)
            await asyncio.sleep(0)
        connection = next(iter(server.server_state.connections))
        async with asyncio.timeout(60):
            while not connection.transport.get_write_buffer_size():  # noqa: ASYNC110 - another's transport
                await asyncio.sleep(0.01)
        server.should_exit = True
    writer.close()


async def test_an_unknown_uvicorn_is_told_once_and_changes_nothing(
    client: Client,
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Server:
        """As it might be in a version to come."""

    monkeypatch.setitem(sys.modules, "uvicorn.server", SimpleNamespace(Server=Server))  # type: ignore[arg-type]  # stands for a module
    monkeypatch.setattr(_stopping, "_extended", set())
    with caplog.at_level(logging.WARNING, logger="tightbeam"):
        for _ in range(2):
            _stopping.end_with_server(gateway)
    (record,) = caplog.records
    assert "--timeout-graceful-shutdown 2" in record.getMessage()
    async with client:
        await gateway.close()


async def test_a_connection_that_outlasts_the_shutdown_is_let_go() -> None:
    """Its peer never reads: closing would wait for that, and a loop that ends leaves the socket open."""
    ours, theirs = socket.socketpair()
    with theirs:
        transport, protocol = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
        connection = SimpleNamespace(transport=transport, protocol=protocol)
        transport.write(b"x" * 8_000_000)
        transport.close()
        await asyncio.sleep(0)
        assert ours.fileno() != -1
        server = SimpleNamespace(server_state=SimpleNamespace(connections=[connection]))
        await _serve._abort_connections(server)
        assert ours.fileno() == -1


async def test_what_was_taken_in_the_last_moment_has_a_protocol() -> None:
    """asyncio forgets a connection that has no protocol yet when its server is closed: nobody closes it."""
    made: list[asyncio.BaseTransport] = []

    class Noted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.append(transport)

    server = await asyncio.get_running_loop().create_server(Noted, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()):
        assert select.select(server.sockets, [], [], 20)[0]
        for _ in range(2):  # looked for, and taken
            await asyncio.sleep(0)
        assert made == []
        await _stopping.stop_listening([server])
        async with asyncio.timeout(60):
            while not made:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0)
        made[0].abort()  # type: ignore[attr-defined]
