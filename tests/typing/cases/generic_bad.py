"""Calls of functions over any topic that must be refused: the payload's type isn't lost on the way.

ty takes topics of two types for a list of one. Functions are called with the wrong payload when this is run; what has
wrong types only isn't.
"""

from __future__ import annotations

import tightbeam
from generated.uploads import Result, Status, uploads_channel
from generic_ok import collect, first, handle_first, latest, publish_logged, publish_once, publish_to_all, show


async def wrong_payloads(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    await publish_logged(ctx, ch.status, {"mesage": "Storing…"})  # bad
    await publish_logged(ctx, ch.status, Result(success=True, url="/1"))  # bad
    await publish_logged(ctx, ch.status)  # bad
    await publish_logged(ctx, ch.status, {"message": "1"}, {"message": "2"})  # bad
    await publish_logged(ctx, ch.status, data={"message": "1"})  # bad
    await publish_once(ctx, ch.result, {"success": "yes", "url": "/1"})  # bad
    await publish_to_all(client, [ch.status], {"mesage": "Go."})  # bad
    await publish_to_all(client, [ch.status, ch.result], {"message": "Go."})  # bad except ty


async def wrong_publishers(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    await publish_logged(client, ch.status, {"message": "Storing…"})  # bad
    await publish_logged(ctx, ch, {"message": "Storing…"})  # bad


async def wrong_results(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    await publish_once(ctx, ch.result, {"success": True, "url": "/1"})
    status: Status = await latest(client, ch.result)  # bad, types only
    print((await first(client, ch.result)).data.message)  # bad
    await handle_first(client, ch.status, show)  # bad, types only
    for message in await collect(client, ch, 1):
        print(message.data.message)  # bad
