"""An older copy of the journal is put back: whoever saw what is gone is told, all others resume."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

import tightbeam
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import KEY, data_frame, durable, frame, running, secured, subscribed
from tests.tightbeam.gateway.sse import events
from tightbeam import Client, PositionLost


async def first_life(path: Path, ch: JobChannel) -> list[str]:
    """Publish six messages, with a copy made after three; returns their positions."""
    client = Client(path)
    work = durable(client)
    async with client, client.realtime.subscribe(ch.tick) as reader:
        await client.run(work, {"first": 0, "count": 3})
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("VACUUM INTO ?", (f"{path}.copy",))
        await client.run(work, {"first": 3, "count": 3})
        return [(await anext(reader)).position or "" for _ in range(6)]


async def test_cursors_of_a_lost_future_are_reset(tmp_path: Path, ch: JobChannel) -> None:
    path = tmp_path / "app.db"
    positions = await first_life(path, ch)
    path.with_name("app.db.copy").replace(path)
    client = Client(path)
    work = durable(client)
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        await client.run(work, {"first": 100, "count": 5})
        token = (await client.realtime.token(ch))["key"]
        for after, expected in ((positions[5], ["reset", 0]), (positions[2], ["ping", 100])):
            async with subscribed(url, token, after=after) as reader:
                first = await frame(reader)
                assert [first["kind"], (await data_frame(reader))["data"]["n"]] == expected
            async with events(url, token, **{"Last-Event-ID": after}) as stream:
                assert (await anext(stream)).get("event", "ping") == expected[0]
                assert json.loads((await anext(stream))["data"])["data"]["n"] == expected[1]
        with pytest.raises(PositionLost):
            await anext(remote.realtime.subscribe(ch.tick, after=positions[4]))
        resumed = remote.realtime.subscribe(ch.tick, after=positions[1])
        assert [(await anext(resumed)).data.n for _ in range(6)] == [2, *range(100, 105)]


@pytest.mark.slow
async def test_cursors_stay_over_restarts(tmp_path: Path, ch: JobChannel) -> None:
    """A ping tells a position too, also in an opening that has published nothing yet."""
    path = tmp_path / "app.db"
    client = Client(path)
    work = durable(client)
    cursor = ""
    for life in range(4):
        async with running(secured(client)) as url:
            token = (await client.realtime.token(ch))["key"]
            if life:
                async with subscribed(url, token, after=cursor) as reader:
                    told = await frame(reader)
                    assert (told["kind"], told["metadata"]["position"]) == ("ping", cursor)
                    if life % 2:
                        await client.run(work, {"first": life, "count": 1})
                        assert (await data_frame(reader))["data"]["n"] == life
            async with subscribed(url, token, after="now") as reader:
                cursor = (await frame(reader))["metadata"]["position"]
