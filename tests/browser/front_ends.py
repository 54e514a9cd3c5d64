"""A program behind the recipes: `python -m tests.browser.front_ends DATABASE PORT PAGES`.

It serves the built pages of PAGES, token routes, the gateway, and routes with which a test moves runs on.
RETAIN is how many durable messages are kept.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import defaultdict
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import generated
import tightbeam
from generated.alerts import alerts_channel
from generated.orders import orders_channel
from generated.uploads import uploads_channel
from tightbeam.gateway import app, serve

database, port, pages = sys.argv[1], int(sys.argv[2]), sys.argv[3]
client = tightbeam.Client(
    database,
    retry_delay=timedelta(milliseconds=20),
    retain_messages=int(os.environ.get("RETAIN", "10000")),
)
gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)


@client.function("upload", on="app/upload", retries=2)
async def upload(ctx: tightbeam.Context) -> str | None:
    """A durable message, a wait for the test's word, another one, and a result, which may be none."""
    data = ctx.event.data
    ch = uploads_channel(upload_id=data["uploadId"])
    await ctx.step.realtime.publish("begun", ch.status, {"message": f"{data['file']} begun"})
    await gates[data["file"]].wait()
    await ctx.step.realtime.publish("done", ch.result, {"success": True, "url": f"/files/{data['file']}"})
    return None if data.get("isQuiet") else str(data["file"])


@client.function("number", on="app/number", retries=0)
async def number(ctx: tightbeam.Context) -> None:
    """So many durable alerts, numbered."""
    first, count = ctx.event.data["first"], ctx.event.data["count"]
    for n in range(first, first + count):
        payload = {"message": f"n={n}", "severity": "low"}
        await ctx.step.realtime.publish(f"p{n}", alerts_channel.alert, payload)
        await asyncio.sleep(0.002)


@client.function("order", on="app/order", retries=0)
async def order(ctx: tightbeam.Context) -> None:
    """A durable message about each of these orders."""
    for n, order_id in enumerate(ctx.event.data["ids"]):
        state = {"kind": "cancelled", "reason": ctx.event.data["reason"]}
        ch = orders_channel(region="eu", order_id=order_id)
        await ctx.step.realtime.publish(f"o{n}", ch.state, state)


async def send(request: Request) -> Response:
    data: dict[str, Any] = await request.json()
    return JSONResponse(await client.send(request.path_params["name"], data))


async def go_on(request: Request) -> Response:
    gates[request.path_params["name"]].set()
    return Response()


async def token(request: Request) -> Response:
    """What an application's token route is, but that everybody may see everything."""
    since, names = request.query_params.get("since"), request.path_params["names"].split(",")
    topics = request.path_params.get("topics")
    made = await client.realtime.token(
        names[0] if len(names) == 1 else names,
        topics.split(",") if topics is not None else TOPICS[names[0].partition(":")[0]],
        since=since,
    )
    return JSONResponse(made)


async def token_of_upload(request: Request) -> Response:
    """The token route that the recipes ask."""
    upload_id = request.path_params["id"]
    if upload_id == "nobodys":
        return Response(status_code=404)
    since = request.query_params.get("since")
    return JSONResponse(await client.realtime.token(uploads_channel(upload_id=upload_id), since=since))


async def bad_token(request: Request) -> Response:
    """A token that the gateway refuses."""
    return JSONResponse({"key": "a.b.c", "apiBaseUrl": f"http://127.0.0.1:{port}"})


async def refuse(request: Request) -> Response:
    return Response(status_code=request.path_params["status"])


TOPICS = {"alerts": ["alert"], "uploads": ["status", "result"], "orders": ["state"]}

if __name__ == "__main__":
    gateway = app(client, channels=generated, dev=True)
    gateway.router.routes += [
        Route("/send/{name:path}", send, methods=["POST"]),
        Route("/go-on/{name}", go_on, methods=["POST"]),
        Route("/token/{names}", token),
        Route("/token/{names}/{topics}", token),
        Route("/api/uploads/{id}/token", token_of_upload),
        Route("/bad-token", bad_token),
        Route("/refuse/{status:int}", refuse),
        Mount("/pages", StaticFiles(directory=pages, html=True)),
    ]
    serve(gateway, port=port, access_log=False)
