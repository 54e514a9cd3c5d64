"""Processes that share one Postgres, for the benchmarks: each takes orders from its input.

``python -m benchmarks.postgres_processes ROLE ADDRESS NUMBER``; one line of JSON for each order, one for each
answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from benchmarks.bindings import MEDIUM, payload_channel
from benchmarks.journals import seconds_together
from tightbeam import Client, Context, Subscription

__all__ = ["Process"]

_MODULE = "benchmarks.postgres_processes"
Order = dict[str, Any]
_QUIET = 2.0
"""Seconds after which a reader takes what hasn't come for lost."""


class Process:
    """A process with one of the roles below: ``publisher``, ``sender``, ``reader``, ``idler``."""

    def __init__(self, role: str, address: str, number: int = 0) -> None:
        """Start it; it is ready when this returns.

        Args:
            role: what it does.
            address: of the server.
            number: tells it from others of its role.
        """
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "benchmarks.postgres_processes",
                role,
                address,
                str(number),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answer()

    def order(self, **order: object) -> None:
        """Have it do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for the answer to an order."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a process ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


# -- in the process ------------------------------------------------------------------------------------------


async def _orders() -> AsyncIterator[Order]:
    _reply({"ready": os.getpid()})
    while line := await asyncio.to_thread(sys.stdin.readline):
        yield json.loads(line)


def _reply(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def _publisher(client: Client, number: int) -> None:
    """Publish durably from several callers."""
    ref = payload_channel("closed").closed_payloads_channel(id=str(number)).medium

    @client.function(f"publish-{number}")
    async def publish(ctx: Context) -> None:
        async def one(caller: int, step: int) -> None:
            await ctx.step.realtime.publish(f"p{caller}-{step}", ref, MEDIUM)

        await asyncio.sleep(ctx.event.data["at"] - time.monotonic())
        start = time.monotonic()
        await seconds_together(ctx.event.data["callers"], ctx.event.data["count"], one)
        _reply({"start": start, "end": time.monotonic()})

    async with client:
        async for order in _orders():
            await client.run(publish, order)


async def _sender(client: Client, _number: int) -> None:
    """Publish live, so many a second."""
    ref = payload_channel("closed").closed_payloads_channel(id="live").tiny
    async with client:
        async for order in _orders():
            count, rate = order["count"], order["rate"]
            start, sent = time.monotonic(), 0
            while sent < count:
                due = min(count, int((time.monotonic() - start) * rate) + 1)
                for _ in range(sent, due):
                    await client.realtime.publish(ref, {"message": str(time.monotonic_ns())})
                sent = max(sent, due)
                await asyncio.sleep(0.0005)
            _reply({"seconds": time.monotonic() - start})


async def _reader(client: Client, _number: int) -> None:
    """Read live messages, and tell how old they were."""
    ref = payload_channel("closed").closed_payloads_channel(id="live").tiny
    async with client, client.realtime.subscribe(ref) as subscription:
        async for order in _orders():
            received = await _receive(subscription, order["count"])
            if not received:
                raise RuntimeError("no message came")
            ages = sorted(now - int(sent) for now, sent in received)
            _reply(
                {
                    "received": len(ages),
                    "seconds": (received[-1][0] - received[0][0]) / 1e9,
                    **{f"p{part}": ages[len(ages) * part // 100] / 1e9 for part in (50, 99)},
                }
            )


async def _receive(subscription: Subscription[Any], count: int) -> list[tuple[int, str]]:
    """Read so many messages, or those that come; return when each came, and when it was sent."""
    received: list[tuple[int, str]] = []
    loop = asyncio.get_running_loop()
    with suppress(TimeoutError):
        async with asyncio.timeout(30) as limit:
            async for message in subscription:
                received.append((time.monotonic_ns(), message.data.message))
                if len(received) == count:
                    break
                if len(received) % 500 == 1:  # not each time, which would cost more than a message does
                    limit.reschedule(loop.time() + _QUIET)
    return received


async def _idler(client: Client, _number: int) -> None:
    """Be entered, with a function and a subscription, and do nothing."""

    @client.function("idle", on="bench/idle")
    async def idle(ctx: Context) -> None: ...

    ref = payload_channel("closed").closed_payloads_channel(id="idle").tiny
    async with client, client.realtime.subscribe(ref):
        async for _ in _orders():
            _reply({})


_ROLES = {"publisher": _publisher, "sender": _sender, "reader": _reader, "idler": _idler}

if __name__ == "__main__":
    logging.getLogger("tightbeam").setLevel(logging.ERROR)
    asyncio.run(_ROLES[sys.argv[1]](Client(sys.argv[2]), int(sys.argv[3])))
