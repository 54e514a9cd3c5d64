"""Gateways of several processes: streams, run frames, resume and publishing are the same at each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

from tests.postgres.crew import crew, started
from tests.postgres.crew_child import functions_of, program
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.node_process import Node, node, require_node
from tests.tightbeam.gateway.serving import KEY, frame, secured, subscribed
from tests.tightbeam.gateway.test_official_client import answer, settings
from tightbeam import Client

pytestmark = pytest.mark.slow
COUNT = 20
STRANGE = "0" * 26
"""The id of a run of another program."""


@pytest.fixture
def ch() -> JobChannel:
    return job_channel(job_id="j1")


async def frames_until_end(connection: ClientConnection) -> list[dict[str, Any]]:
    """The frames of messages and runs, up to the one that says how the run has ended."""
    found: list[dict[str, Any]] = []
    while not found or found[-1]["kind"] != "run" or found[-1]["data"]["status"] == "running":
        found.append(await shown_frame(connection))
    return found


async def shown_frame(connection: ClientConnection) -> dict[str, Any]:
    """The next frame of a message or a run."""
    while (found := await frame(connection))["kind"] not in ("data", "run"):
        pass
    return found


def shown(one: dict[str, Any]) -> tuple[object, ...]:
    """What of a frame is the same for all readers."""
    return one["kind"], one.get("topic"), json.dumps(one["data"]), one.get("metadata", {}).get("position")


async def test_two_gateways_show_the_same(address: str, ch: JobChannel) -> None:
    """One process executes, two serve, and this one sends: readers can't tell to which they are connected."""
    async with asyncio.timeout(90), crew(address, workers=1, gateways=2) as (one, other):
        client = program(address, run_functions=False)
        stream = functions_of(client)["stream"]
        secured(client)  # for tokens
        async with client:
            token = (await client.realtime.token(ch))["key"]
            async with subscribed(one, token) as here, subscribed(other, token) as there:
                assert await client.run(stream, {"job": "j1", "count": COUNT}) == COUNT
                frames, same = await frames_until_end(here), await frames_until_end(there)
            assert [shown(each) for each in frames] == [shown(each) for each in same]
            assert [each["data"] for each in frames if each["kind"] == "run"] == [
                {"status": "running"},
                {"status": "completed", "result": COUNT},
            ]
            # Each live message comes behind the durable one that was published before it.
            data = [each["data"] for each in frames if each["kind"] == "data"]
            assert data == [part for n in range(COUNT) for part in ({"n": n}, f"{n}")]

            # From any position of one gateway a reader goes on at the other.
            durable = [shown(each) for each in frames if each.get("topic") == "tick"]
            half = COUNT // 2
            async with subscribed(other, token, after=durable[half - 1][-1]) as again:
                assert [shown(await shown_frame(again)) for _ in range(half)] == durable[half:]

            # What is published at one gateway reaches readers at the other, and begins no run there.
            async with subscribed(one, token) as here, subscribed(other, token) as there:
                async with httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as http:
                    query = {"channel": ch.name, "topic": "tick", "run_id": STRANGE}
                    await http.post(f"{one}/v1/realtime/publish", params=query, json={"n": 77})
                for connection in (here, there):
                    found = await shown_frame(connection)
                    assert (found["kind"], found["data"], found["run_id"]) == ("data", {"n": 77}, STRANGE)


@pytest.fixture
async def here(address: str) -> AsyncIterator[Client]:
    """The client of this process, which mints tokens, and executes nothing."""
    require_node()
    client = program(address, run_functions=False)
    functions_of(client)
    secured(client)
    async with client:
        yield client


async def test_the_official_client_and_hook_go_on_at_another_gateway(
    address: str, here: Client, ch: JobChannel
) -> None:
    """Of a run that a third process executes."""
    hook = {"channel": ch.name, "topics": ["tick", "status"], "autoClose": False}
    async with (
        asyncio.timeout(90),
        crew(address, workers=1, gateways=1) as (other,),
        node("hook.mjs", hook) as js,
    ):
        async with started("serve", address) as one:
            await answer(js, here, ch, one)
            await js.state(connectionStatus="open")
            async with node("client.mjs", await settings(here, other, ch, topics=["tick"])) as plain:
                assert await plain.hear() == {"open": True}
                await here.send("app/stream", {"job": "j1", "count": 3})
                assert [await tick(plain) for _ in range(3)] == [0, 1, 2]
            seen = [await tick(js) for _ in range(3)]
            await js.state(runStatus="completed", result=3)
        await here.send("app/stream", {"job": "j1", "count": 2})  # while the hook's gateway is gone
        while len(seen) < 5:
            heard = await js.hear()
            if heard.get("wants") == "token":
                made = await here.realtime.token(ch, ["tick", "status"], since=heard["since"])
                await js.say({**made, "apiBaseUrl": other})
            elif heard.get("message", {}).get("topic") == "tick":
                seen.append(heard["message"]["data"]["n"])
    assert seen == [0, 1, 2, 0, 1]


async def tick(js: Node) -> int:
    """The number of the next tick."""
    while (message := await js.message()).get("topic") != "tick":
        pass
    number: int = message["data"]["n"]
    return number
