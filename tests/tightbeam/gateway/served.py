"""What the command serves in its tests."""

from __future__ import annotations

from tests.tightbeam.engine.samples import JobChannel, job_channel
from tightbeam import Client, Context
from tightbeam.gateway import app

client = Client()
gateway = app(client, channels=[JobChannel], dev=True)
nothing = 3


@client.function("work", on="app/work")
async def work(ctx: Context) -> None:
    ch = job_channel(job_id="j1")
    await ctx.step.realtime.publish("p", ch.tick, {"n": 1})
