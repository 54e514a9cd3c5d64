"""A function without `await`: the same three methods for code that blocks, on a thread of its own.

Run it: `python -m examples.sync_function`.
"""

from __future__ import annotations

import asyncio

import tightbeam
from generated.alerts import alerts_channel
from generated.uploads import uploads_channel

client = tightbeam.Client()


def checksum(text: str) -> int:
    """Work that blocks: it holds up its thread, not the event loop."""
    return sum(text.encode()) % 256


@client.function("check", on="app/check")
def check(ctx: tightbeam.ContextSync) -> int:
    """Check an upload, and tell people when it is broken."""
    ch = uploads_channel(upload_id=ctx.event.data["uploadId"])
    ctx.publish(ch.status, {"message": "Checking…"})
    found = ctx.step.run("checksum", checksum, ctx.event.data["text"])
    if found != ctx.event.data["checksum"]:
        client.realtime.publish_sync(alerts_channel.alert, {"message": "broken upload", "severity": "medium"})
    ctx.step.realtime.publish("publish-result", ch.result, {"success": True, "url": "/files/u1"})
    return found


async def main() -> None:
    """Run it once with a wrong checksum."""
    async with client, client.realtime.subscribe(alerts_channel) as alerts:
        await client.run(check, {"uploadId": "u1", "text": "hello", "checksum": 1})
        message = await anext(alerts)
        print(f"{message.data.severity}: {message.data.message}")


if __name__ == "__main__":
    asyncio.run(main())
