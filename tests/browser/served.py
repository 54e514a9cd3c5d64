"""A program whose gateway the browser tests look at: `python -m tests.browser.served DATABASE PORT [KEY]`.

Without a name for the database its messages are gone when it ends. Besides the gateway it answers
`POST /send/NAME`: an event, with the body as its data. TOKEN_SECONDS is how long a token opens streams,
KEEP_ALIVE_SECONDS how often an idle stream is pinged; with LOOSE there is a channel more, whose schemas leave
much open; with READ_ONLY it changes no runs.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import generated
import tightbeam
from generated.alerts import alerts_channel
from generated.pipeline import pipeline_channel
from generated.uploads import uploads_channel
from tests.browser.loose import LooseChannel
from tightbeam.gateway import Limits, app, serve
from tightbeam.gateway._catalog import Catalog

SECRET = "0123456789abcdef0123456789abcdef"

database, port = sys.argv[1], int(sys.argv[2])
key = sys.argv[3] if len(sys.argv) > 3 else None
client = tightbeam.Client(database or None, retry_delay=timedelta(milliseconds=20))
failed: set[str] = set()


async def store(run_id: str, fails: bool) -> str:
    if fails and run_id not in failed:
        failed.add(run_id)
        raise ConnectionError("the storage didn't answer")
    return "/files/cat.png"


@client.function("process-upload", on="app/upload", retries=2)
async def process_upload(ctx: tightbeam.Context) -> dict[str, str]:
    ch = uploads_channel(upload_id=ctx.event.data["uploadId"])
    await ctx.publish(ch.status, {"message": "Processing…"})
    url = await ctx.step.run("store", store, ctx.run_id, bool(ctx.event.data.get("fails")))
    await ctx.step.sleep("settle", timedelta(milliseconds=30))
    await ctx.publish(ch.status, {"message": "Stored."})
    await ctx.step.realtime.publish("publish-result", ch.result, {"success": True, "url": url})
    if ctx.event.data.get("lost"):
        raise tightbeam.NonRetriableError("nobody is there to take it")
    return {"url": url}


@client.function("number", on="app/number", retries=0)
async def number(ctx: tightbeam.Context) -> None:
    """So many durable messages, numbered."""
    first, count = ctx.event.data["first"], ctx.event.data["count"]
    for n in range(first, first + count):
        await ctx.step.realtime.publish(
            f"p{n}", alerts_channel.alert, {"message": f"n={n}", "severity": "low"}
        )


@client.function("burst", on="app/burst", retries=0)
async def burst(ctx: tightbeam.Context) -> None:
    """So many live messages a second, for some seconds."""
    ch = pipeline_channel(run_id="burst")
    each, rate = 20, int(ctx.event.data["rate"])
    loop = asyncio.get_running_loop()
    begun, sent = loop.time(), 0
    while sent < ctx.event.data["count"]:
        for _ in range(each):
            await client.realtime.publish(ch.tokens, {"token": f"token {sent}"})
            sent += 1
        await asyncio.sleep(max(0.0, begun + sent / rate - loop.time()))


@client.function("unlucky", on="app/unlucky", retries=0)
async def unlucky(ctx: tightbeam.Context) -> str:
    """Fail at the first attempt only."""
    if ctx.run_id not in failed:
        failed.add(ctx.run_id)
        raise tightbeam.NonRetriableError("no luck today")
    return "better luck"


@client.function("hang", on="app/hang")
async def hang(ctx: tightbeam.Context) -> None:
    """Wait for what never comes."""
    await asyncio.Event().wait()


async def send(request: Request) -> JSONResponse:
    data: dict[str, Any] = await request.json()
    return JSONResponse(await client.send(request.path_params["name"], data))


if __name__ == "__main__":
    url = f"http://127.0.0.1:{port}"
    access: dict[str, Any] = {"dev": True}
    if key is not None:
        access = {"token_secret": SECRET, "server_key": key, "public_url": url, "inspector": True}
    limits = Limits(
        token_age=timedelta(seconds=int(os.environ.get("TOKEN_SECONDS", "60"))),
        keep_alive=timedelta(seconds=float(os.environ.get("KEEP_ALIVE_SECONDS", "15"))),
    )
    classes: Any = [LooseChannel, *Catalog(generated).classes] if "LOOSE" in os.environ else generated
    actions = "READ_ONLY" not in os.environ
    gateway = app(client, channels=classes, limits=limits, run_actions=actions, **access)
    gateway.router.routes.append(Route("/send/{name:path}", send, methods=["POST"]))
    serve(gateway, port=port, access_log=False)
