"""A uvicorn whose private parts have moved: the gateway is served by its own protocols, with one warning."""

from __future__ import annotations

import logging

import pytest
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.websockets import websockets_sansio_impl

from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import data_frame, durable, running, secured, subscribed
from tests.tightbeam.gateway.sse import events, first_messages
from tightbeam import Client
from tightbeam.gateway import _uvicorn
from tightbeam.gateway._protocol import HttpProtocol, WebSocketProtocol

OURS = {"http": HttpProtocol, "ws": WebSocketProtocol}
PLAIN = {"http": "auto", "ws": "auto"}
CLASSES = {
    "HttpToolsProtocol": httptools_impl,
    "RequestResponseCycle": httptools_impl,
    "WebSocketsSansIOProtocol": websockets_sansio_impl,
}


def test_this_uvicorn_has_all_that_is_used(caplog: pytest.LogCaptureFixture) -> None:
    assert _uvicorn.protocols() == OURS
    assert not caplog.records


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_that_is_gone(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(CLASSES[name], name)
    assert _uvicorn.protocols() == PLAIN
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"has no {CLASSES[name].__name__}.{name}," in record.getMessage()


@pytest.mark.parametrize(
    ("name", "member"),
    [(name, member) for (_, name), members in _uvicorn._USED.items() for member in sorted(members)],
)
def test_a_member_that_has_another_name(name: str, member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods, and what constructors assign: no name of a class that has neither passes for one."""
    renamed = type(name, (), {})
    members = {key for (_, owner), keys in _uvicorn._USED.items() if owner == name for key in keys}
    for other in members - {member}:
        setattr(renamed, other, None)
    monkeypatch.setattr(CLASSES[name], name, renamed)
    assert _uvicorn._missing() == f"{CLASSES[name].__name__}.{name}.{member}"


async def test_the_gateway_is_served_all_the_same(
    client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    used = next(key for key in _uvicorn._USED if key[1] == "HttpToolsProtocol")
    monkeypatch.setitem(_uvicorn._USED, used, frozenset({"what_a_later_one_calls_otherwise"}))
    work = durable(client)
    gateway = secured(client)
    async with running(gateway) as url:
        token = (await client.realtime.token(ch))["key"]
        async with events(f"{url}", token) as stream, subscribed(url, token, after="start") as reader:
            await client.run(work, {"first": 0, "count": 3})
            assert [(await data_frame(reader))["data"]["n"] for _ in range(3)] == [0, 1, 2]
            assert len([event async for event in first_messages(stream, 3)]) == 3
            await gateway.close()
    warnings = [record for record in caplog.records if "protocols build on" in record.getMessage()]
    assert len(warnings) == 1
