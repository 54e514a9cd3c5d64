"""`tightbeam.testing` in a sync test, where Starlette's test client enters the client on a thread."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.serving import secured
from tightbeam import Client, Context
from tightbeam.testing import Clock, Started, settle_sync

CH = job_channel(job_id="j1")


def test_a_page_hears_of_a_run_that_slept(started: Started, clock: Clock) -> None:
    client = Client()

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> int:
        await ctx.step.sleep("wait", timedelta(hours=1))
        await ctx.step.realtime.publish("tick", CH.tick, {"n": 1})
        return 1

    api = FastAPI(lifespan=client.lifespan)

    @api.post("/jobs")
    async def begin() -> list[str]:
        return await client.send("app/work")

    api.mount("/", secured(client, channels=[JobChannel]))
    with TestClient(api) as http:
        token = client.realtime.token_sync(CH)["key"]
        with http.websocket_connect(f"/v1/realtime/connect?token={token}") as page:
            (run_id,) = http.post("/jobs").json()
            settle_sync()
            assert [run.state for run in started(work)] == ["sleeping"]
            clock.advance(timedelta(hours=1))
            settle_sync()
            frames = [page.receive_json() for _ in range(3)]
            assert [frame["data"] for frame in frames if frame["kind"] == "data"] == [{"n": 1}]
        (run,) = started(work)
        assert (run.run_id, run.state, run.result) == (run_id, "done", 1)


async def test_on_an_event_loop_it_is_awaited() -> None:
    with pytest.raises(RuntimeError, match="await settle"):
        settle_sync()
