"""Fifty orders with three topics in one stream of a gateway that is killed: by position, and by time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage

from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.gateway import test_killed
from tests.tightbeam.gateway.serving import subscribed
from tests.tightbeam.gateway.sse import events

ORDERS, ROUNDS = 50, 5
LIVES = (2, 4, ROUNDS)
"""Rounds until the end of each life of the gateway: however late a page reads, some are left."""
PROGRAM = """
import asyncio, sys
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tightbeam import Client, Context
from tightbeam.gateway import app, serve

client = Client(sys.argv[1])

@client.function("order", on="app/order")
async def order(ctx: Context) -> None:
    ch = job_channel(job_id=ctx.event.data["id"])
    for n in range(5):
        while n >= int(sys.argv[3]):
            await asyncio.sleep(1)
        await ctx.step.realtime.publish(f"tick{n}", ch.tick, {"n": n})
        await ctx.step.realtime.publish(f"status{n}", ch.status, {"message": str(n)})
        await ctx.step.realtime.publish(f"token{n}", ch.token, str(n))
        await ctx.publish(ch.token, "live")
        await asyncio.sleep(0.25)

gateway = app(client, channels=[JobChannel], dev=True, runs=False)

async def begin():
    for number in range(50):
        await client.send("app/order", {"id": f"j{number}"})

def ready(url):
    if sys.argv[4] == "first":
        asyncio.get_running_loop().create_task(begin()).add_done_callback(print)
    print(url, flush=True)

serve(gateway, port=int(sys.argv[2]), access_log=False, ready=ready)
"""
WANTED = {
    (f"job:j{order}", f"{topic}{n}:0")
    for order in range(ORDERS)
    for n in range(ROUNDS)
    for topic in ("tick", "status", "token")
}


class Page:
    """One reader of all orders, which comes back with a fresh token and what it remembers."""

    def __init__(self, url: str, kind: str) -> None:
        self.url, self.kind = url, kind
        self.connections = 0
        """Those on which something came."""
        self.seen: list[tuple[str, str]] = []
        self.position = "start"
        self.time = "1970-01-01T00:00:00Z"

    def has_come_to(self, part: int) -> bool:
        """Return whether something of each order and so many quarters have come, over as many connections."""
        orders = len({channel for channel, _ in self.seen})
        return self.connections >= part and orders == ORDERS and len(self.seen) >= len(WANTED) * part // 4

    async def token(self) -> str:
        topics = [{"channel": job_channel(job_id=f"j{n}").name, "name": "*"} for n in range(ORDERS)]
        query = {"since": self.time} if self.kind == "time" else {}
        async with httpx.AsyncClient(verify=False) as http:
            answer = await http.post(f"{self.url}/v1/realtime/token", json=topics, params=query)
        assert answer.status_code == 201, answer.text
        made: str = answer.json()["jwt"]
        return made

    async def read(self) -> None:
        while len(set(self.seen)) < len(WANTED):
            with contextlib.suppress(
                OSError, ConnectionClosed, InvalidMessage, httpx.TransportError, EOFError
            ):
                async with contextlib.aclosing(self._frames(await self.token())) as frames:
                    is_new = True
                    async for frame in frames:
                        self.connections += is_new
                        is_new = False
                        self._take(frame)
                        if len(set(self.seen)) == len(WANTED):
                            return
            await asyncio.sleep(0.02)

    async def _frames(self, token: str) -> AsyncIterator[dict[str, Any]]:
        if self.kind == "events":
            async with events(self.url, token, **{"Last-Event-ID": self.position}) as stream:
                async for event in stream:
                    if "data" in event:
                        yield json.loads(event["data"])
            return
        after = {} if self.kind == "time" else {"after": self.position}
        async with subscribed(self.url, token, **after) as reader:
            async for text in reader:
                yield json.loads(text)

    def _take(self, frame: dict[str, Any]) -> None:
        assert frame["kind"] in ("data", "ping", "closing"), frame["kind"]
        if frame["kind"] != "data":
            return
        self.time = f"{frame['created_at'][:23]}Z"
        if "metadata" in frame:
            self.seen.append((frame["channel"], frame["metadata"]["id"].partition(":")[2]))
            self.position = frame["metadata"]["position"]


@pytest.mark.slow
async def test_fifty_orders_in_one_stream_over_a_gateway_that_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_killed, "PROGRAM", PROGRAM)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await test_killed.started(tmp_path / "app.db", port, LIVES[0], "first")
    pages = [Page(f"http://127.0.0.1:{port}", kind) for kind in ("position", "events", "time")]
    try:
        async with asyncio.timeout(180):
            reading = [asyncio.create_task(page.read()) for page in pages]
            for part in (1, 2):
                while not all(page.has_come_to(part) for page in pages):  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.005)
                process.kill()
                await process.wait()
                process = await test_killed.started(tmp_path / "app.db", port, LIVES[part], "again")
            await asyncio.gather(*reading)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
    for page in pages:
        assert page.connections == len(LIVES), page.kind  # one stream each, and another after each kill
        assert len(page.seen) == len(set(page.seen)), f"{page.kind}: something came twice"
        assert set(page.seen) == WANTED, f"{page.kind}: something is missing"
    assert pages[0].seen == pages[1].seen == pages[2].seen
