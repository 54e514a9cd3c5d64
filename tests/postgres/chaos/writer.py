"""A process that publishes durable messages from several callers until its input ends.

python -m tests.postgres.chaos.writer ADDRESS NUMBER
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
from datetime import timedelta

from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client, Context

__all__ = ["CHANNELS"]

CHANNELS = 3
_CALLERS = 4


async def write(address: str, number: int) -> None:
    """Publish to one of the channels after the other, in one run."""
    client = Client(address, wait_for_file=timedelta(seconds=30))
    enough = asyncio.Event()
    chance = random.Random(number)

    @client.function(f"write-{number}")
    async def publish(ctx: Context) -> None:
        async def one(caller: int) -> None:
            for n in itertools.count():
                if enough.is_set():
                    return
                channel = job_channel(job_id=f"j{chance.randrange(CHANNELS)}")
                await ctx.step.realtime.publish(f"p{caller}-{n}", channel.tick, {"n": n})
                await ctx.publish(channel.token, "live")
                await asyncio.sleep(chance.choice((0, 0, 0.001, 0.01)))

        await asyncio.gather(*(one(caller) for caller in range(_CALLERS)))

    async with client:
        running = asyncio.create_task(client.run(publish))
        await asyncio.to_thread(sys.stdin.read)
        enough.set()
        await running


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], int(sys.argv[2])))
