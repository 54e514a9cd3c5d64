"""A function worker: `python -m shop.worker`, in as many processes as there is work for."""

from __future__ import annotations

import asyncio
import signal

from shop.database import engine
from shop.functions import client


async def main() -> None:
    """Execute functions until the process is asked to stop."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with client:
        await stopped.wait()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
