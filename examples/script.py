"""A script: run a function now, wait for its result, and look at what it published.

Run it: `python -m examples.script`.
"""

from __future__ import annotations

import asyncio

import tightbeam
from generated.uploads import uploads_channel

client = tightbeam.Client()


async def count(text: str) -> int:
    """Count the words."""
    return len(text.split())


@client.function("count-words")
async def count_words(ctx: tightbeam.Context) -> int:
    """Count the words of a text; no event starts this one, only `client.run`."""
    ch = uploads_channel(upload_id=ctx.event.data["uploadId"])
    words = await ctx.step.run("count", count, ctx.event.data["text"])
    await ctx.publish(ch.status, {"message": f"{words} words"})
    return words


async def main() -> None:
    """Run the function; its result, and its error too, come back here."""
    async with client, client.realtime.subscribe(uploads_channel(upload_id="essay").status) as statuses:
        words = await client.run(count_words, {"uploadId": "essay", "text": "to be or not to be"})
        message = await anext(statuses)
        print(f"{words} words; the status said: {message.data.message}")


if __name__ == "__main__":
    asyncio.run(main())
