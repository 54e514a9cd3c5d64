"""The inspector of one process shows what all processes publish and execute, and acts on it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.gateway.serving import running, secured
from tests.tightbeam_inspector.test_routes import API, BEARER, lines
from tightbeam import Client, Context

pytestmark = pytest.mark.slow


class Worker:
    """A process of its own, as far as the database knows: it executes functions, the gateway's doesn't."""

    def __init__(self, address: str) -> None:
        self.is_broken = True
        self.interrupted = asyncio.Event()
        self.client = Client(address, shutdown_timeout=timedelta(milliseconds=200))
        ch = job_channel(job_id="j1")

        @self.client.function("work", on="app/work", retries=0)
        async def work(ctx: Context) -> str:
            await ctx.step.realtime.publish("tick", ch.tick, {"n": 1})
            await ctx.publish(ch.token, "live")
            if self.is_broken:
                raise ConnectionError("it didn't answer")
            return "done"

        @self.client.function("hang", on="app/hang")
        async def hang(ctx: Context) -> None:
            await ctx.publish(ch.token, "begun")
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                self.interrupted.set()
                raise


async def test_what_another_process_does(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for patience in ("bus._FLUSH", "live._PATIENCE"):  # durable and live messages keep their order meanwhile
        monkeypatch.setattr(f"tightbeam._engine.postgres.{patience}", 60.0)
    worker = Worker(address)
    gateway = secured(Client(address, run_functions=False), inspector=True)
    async with (
        asyncio.timeout(40),
        worker.client as client,
        running(gateway) as url,
        httpx.AsyncClient(base_url=url, headers=BEARER) as ask,
        ask.stream("GET", f"{API}/messages") as answer,
    ):
        heard = lines(answer)
        opened = await anext(heard)
        assert (opened["kind"], opened["reset"]) == ("open", False)
        (run_id,) = await client.send("app/work")
        seen: list[Any] = []
        while not any(one["kind"] == "run" and one["data"].get("status") == "failed" for one in seen):
            seen.append(await anext(heard))
        data = [one for one in seen if one["kind"] == "data"]
        assert [(one["topic"], one["data"]) for one in data] == [("tick", {"n": 1}), ("token", "live")]
        position = data[0]["metadata"]["position"]

        listed = (await ask.get(f"{API}/runs", params={"state": "failed"})).json()
        assert [(run["id"], run["function"]) for run in listed["runs"]] == [(run_id, "work")]
        assert listed["functions"] == ["work"]
        found = (await ask.get(f"{API}/runs/{run_id}")).json()
        assert found["actions"] == ["retry"]
        assert [message["position"] for message in found["messages"]] == [position]
        assert (await ask.get(f"{API}/payload", params={"id": found["messages"][0]["id"]})).json() == {"n": 1}

        worker.is_broken = False
        assert (await ask.post(f"/v1/realtime/runs/{run_id}/retry")).status_code == 200
        await client.runs.wait(run_id)
        (hangs,) = await client.send("app/hang")
        while (await anext(heard)).get("data") != "begun":
            pass
        assert (await ask.post(f"/v1/realtime/runs/{hangs}/cancel")).status_code == 200
        await worker.interrupted.wait()

        # A page that comes back goes on where it was.
        async with ask.stream("GET", f"{API}/messages", params={"after": position}) as again:
            assert not (await anext(lines(again)))["reset"]
        async with ask.stream("GET", f"{API}/messages", params={"after": "0badf00d.1.1"}) as again:
            heard = lines(again)
            assert (await anext(heard))["reset"]
            assert (await anext(heard))["data"] == {"n": 1}
