"""One of a program's processes: it executes functions, or serves a gateway, until its input ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from datetime import timedelta

from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.gateway.serving import running, secured
from tightbeam import Client, Context, Function
from tightbeam._engine.postgres import bus, live

__all__ = ["Registered", "functions_of", "program"]

Registered = dict[str, Function[object]]


def program(address: str, *, run_functions: bool) -> Client:
    """Return the client of a process."""
    return Client(address, run_functions=run_functions, retry_delay=timedelta(0))


def functions_of(client: Client) -> Registered:
    """Register the program's functions; each process knows all of them."""

    @client.function("answer", on="app/answer")
    async def answer(ctx: Context) -> dict[str, int]:
        n = await ctx.step.run("n", lambda: _number(ctx.event.data["n"]))
        return {"n": n, "process": os.getpid()}

    @client.function("fail", on="app/fail", retries=0)
    async def fail(ctx: Context) -> None:
        raise ValueError("no luck")

    @client.function("hang", on="app/hang")
    async def hang(ctx: Context) -> None:
        ch = job_channel(job_id=ctx.event.data["job"])
        await ctx.publish(ch.token, "begun")
        try:
            await asyncio.Event().wait()
        finally:
            await client.realtime.publish(ch.token, "interrupted")

    @client.function("stream", on="app/stream")
    async def stream(ctx: Context) -> int:
        ch = job_channel(job_id=ctx.event.data["job"])
        count = int(ctx.event.data["count"])
        for n in range(count):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
            await ctx.publish(ch.token, f"{n}")
        return count

    return {"answer": answer, "fail": fail, "hang": hang, "stream": stream}  # type: ignore[dict-item]


async def _number(n: int) -> int:
    return n


async def _work(address: str) -> None:
    bus._FLUSH = 60.0  # whatever stands still, a commit waits for the live messages before it
    client = program(address, run_functions=True)
    functions_of(client)
    async with client:
        await _until_input_ends("ready")


async def _serve(address: str) -> None:
    live._PATIENCE = 60.0  # as above: here a live message waits for the log
    client = program(address, run_functions=False)
    functions_of(client)
    async with running(secured(client)) as url:
        await _until_input_ends(url)


async def _until_input_ends(said: str) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    sys.stdout.write(f"{said}\n")
    sys.stdout.flush()
    await ended.wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run({"work": _work, "serve": _serve}[sys.argv[1]](sys.argv[2]))
