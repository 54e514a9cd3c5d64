"""A process that executes runs of a journal on a server, until its standard input ends.

Everything it does goes into one file, line by line, which all processes of a test append to: so their order
is that in which things happened.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from datetime import timedelta
from pathlib import Path

from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client, Context, ContextSync

__all__ = ["LIMIT", "PER_KEY", "tell"]

LIMIT = 3
PER_KEY = 1


def tell(ledger: Path, *words: object) -> None:
    """Append a line, in one piece."""
    line = " ".join(map(str, (os.getpid(), *words))) + "\n"
    descriptor = os.open(ledger, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


async def until_let_go(ledger: Path) -> None:
    """Wait where the test holds what begins now, until it lets go."""
    held = ledger.with_name("hold").exists()
    while held and not ledger.with_name("go").exists():  # noqa: ASYNC110 - another process says so
        await asyncio.sleep(0.01)


def client_of(address: str, ledger: Path, lease: float, *, run_functions: bool = True) -> Client:
    """Return a client with the functions of these tests."""
    client = Client(
        address,
        lease=timedelta(seconds=lease),
        retry_delay=timedelta(0),
        run_functions=run_functions,
    )

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> str:
        ch = job_channel(job_id="j1")

        async def first() -> int:
            tell(ledger, "first", ctx.run_id)
            return 1

        async def second() -> int:
            tell(ledger, "second", ctx.run_id)
            await until_let_go(ledger)
            return 2

        await ctx.step.run("first", first)
        tell(ledger, "remembered", ctx.run_id)
        await ctx.step.run("second", second)
        tell(ledger, "went-on", ctx.run_id)
        await ctx.step.realtime.publish("done", ch.tick, {"n": 1})
        return "done"

    @client.function("blocks", on="app/blocks")
    def blocks(ctx: ContextSync) -> str:
        def block() -> int:
            tell(ledger, "second", ctx.run_id)
            held = ledger.with_name("hold").exists()
            while held and not ledger.with_name("go").exists():
                time.sleep(0.01)
            return 2

        ctx.step.run("block", block)
        tell(ledger, "went-on", ctx.run_id)
        ctx.step.realtime.publish("done", job_channel(job_id="j1").tick, {"n": 1})
        return "done"

    @client.function("few", on="app/few", concurrency=[LIMIT, (PER_KEY, "event.data.key")])
    async def few(ctx: Context) -> None:
        key = ctx.event.data["key"]
        tell(ledger, "+", key)
        await until_let_go(ledger)
        await asyncio.sleep(0.005)
        tell(ledger, "-", key)
        await ctx.step.sleep("nap", timedelta(milliseconds=20))
        tell(ledger, "+", key)
        await asyncio.sleep(0.005)
        tell(ledger, "-", key)

    return client


async def main(address: str, ledger: Path, lease: float) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    async with client_of(address, ledger, lease):
        tell(ledger, "entered", "-")
        await ended.wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])))
