"""A web application as a team writes it, traced by OpenTelemetry's own packages.

    python -m tests.tightbeam.otel.served JOURNAL PORT

Its route sends an event; the run has a step in which it publishes, fails once, and publishes durably.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import uvicorn
from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

import tightbeam
import tightbeam.otel
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.serving import KEY, SECRET
from tests.tightbeam.otel.exporting import exporting
from tightbeam import gateway

path, port = sys.argv[1], int(sys.argv[2])
providers = exporting("web")
client = tightbeam.Client(path, retry_delay=timedelta(0))
tightbeam.otel.instrument()
ch = job_channel(job_id="j1")


@client.function("process-upload", on="app/upload")
async def process_upload(ctx: tightbeam.Context) -> None:
    stored = await ctx.step.run("store", store, str(ctx.event.data["file"]))
    if ctx.attempt == 0:
        raise ConnectionError("once")
    await ctx.step.realtime.publish("publish-result", ch.tick, {"n": stored})


async def store(file: str) -> int:
    await client.realtime.publish(ch.token, "storing")
    return len(file)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with client.lifespan(app):
        yield
    providers.shutdown()


app = FastAPI(lifespan=lifespan)
FastAPIInstrumentor.instrument_app(app, excluded_urls="/v1/,/health")


@app.post("/uploads")
async def upload() -> list[str]:
    return await client.send("app/upload", {"file": "cat.png"})


app.mount(
    "/",
    gateway.app(
        client, channels=[JobChannel], token_secret=SECRET, server_key=KEY, public_url="http://127.0.0.1"
    ),
)
uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
