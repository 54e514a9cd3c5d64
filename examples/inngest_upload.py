"""One handler on both engines: embedded while you develop and test, on Inngest in production.

Run it embedded: `python -m examples.inngest_upload`. Serve it to Inngest: `pip install fastapi uvicorn`, then
`uvicorn examples.inngest_upload:app`, with `npx inngest-cli dev` beside it.
"""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import inngest.fast_api
from fastapi import FastAPI, Header, HTTPException

import tightbeam
import tightbeam.inngest
from generated.upload import Upload, UploadEvent, upload_event
from generated.uploads import Result, uploads_channel

OWNERS = {"u1": "ada"}


async def store(upload: Upload) -> str:
    """Store the file; a step, so a retry doesn't store it again."""
    return f"/files/{upload.upload_id}/{upload.filename}"


async def process_upload(ctx: tightbeam.Context[UploadEvent]) -> Result:
    """Store a file; written against `tightbeam.Context`, so either engine can run it."""
    ch = uploads_channel(upload_id=ctx.event.data.upload_id)
    await ctx.publish(ch.status, {"message": "Processing…"})
    url = await ctx.step.run("store", store, ctx.event.data)
    return await ctx.step.realtime.publish("publish-result", ch.result, {"success": True, "url": url})


embedded = tightbeam.Client()
embedded.function("process-upload", on=upload_event, retries=3)(process_upload)

client = tightbeam.inngest.Client(app_id="uploads", is_production="INNGEST_SIGNING_KEY" in os.environ)
client.function("process-upload", on=upload_event, retries=3)(process_upload)

app = FastAPI(lifespan=client.lifespan)
inngest.fast_api.serve(app, client, client.functions)


@app.post("/uploads/{upload_id}/token")
async def token(upload_id: str, user: Annotated[str, Header()] = "") -> tightbeam.SubscriptionToken:
    """What `useRealtime` in a browser takes as its token, for whoever the upload belongs to."""
    if OWNERS.get(upload_id) != user:
        raise HTTPException(403, "this is somebody else's upload")
    return await client.realtime.token(uploads_channel(upload_id=upload_id))


async def main() -> None:
    """Run one upload on the embedded engine."""
    async with embedded, embedded.realtime.subscribe(uploads_channel(upload_id="u1")) as messages:
        await embedded.send(upload_event, {"uploadId": "u1", "filename": "cat.png"})
        async for message in messages:
            if message.topic == "status":
                print(message.data.message)
            else:
                print("stored at", message.data.url)
                break


if __name__ == "__main__":
    asyncio.run(main())
