"""The guide's first function: an upload that shows where it is, and says once how it ended.

Run it: `python -m examples.upload`.
"""

from __future__ import annotations

import asyncio

import tightbeam
from generated.upload import Upload, UploadEvent, upload_event
from generated.uploads import Result, uploads_channel

client = tightbeam.Client()


async def store(upload: Upload) -> str:
    """Store the file; a step, so a retry doesn't store it again."""
    return f"/files/{upload.upload_id}/{upload.filename}"


@client.function("process-upload", on=upload_event, retries=3)
async def process_upload(ctx: tightbeam.Context[UploadEvent]) -> Result:
    """Store a file. The progress is live; the result is durable: published once, whatever fails after it."""
    ch = uploads_channel(upload_id=ctx.event.data.upload_id)
    await ctx.publish(ch.status, {"message": "Processing…"})
    url = await ctx.step.run("store", store, ctx.event.data)
    await ctx.publish(ch.status, {"message": "Stored."})
    return await ctx.step.realtime.publish("publish-result", ch.result, {"success": True, "url": url})


async def main() -> None:
    """Run one upload and print what a subscriber receives."""
    async with client, client.realtime.subscribe(uploads_channel(upload_id="u1")) as subscription:
        await client.send(upload_event, {"uploadId": "u1", "filename": "cat.png"})
        async for message in subscription:
            if message.topic == "status":
                print(message.data.message)
            else:
                print("stored at", message.data.url)
                break


if __name__ == "__main__":
    asyncio.run(main())
