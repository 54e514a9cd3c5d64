"""Publishing to Inngest: ours against the SDK's experimental helper, on one raw asyncio sink.

Run it: `python -m benchmarks.inngest_publish` (extra `inngest`). Full path on both sides: ours checks the payload
against its schema, encodes and sends it; the SDK's encodes and sends. Rounds alternate, so that a busy machine
disturbs both; what is printed are medians, and their ratios.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from inngest.experimental.realtime import publish, publish_sync

from generated.uploads import uploads_channel
from tightbeam.inngest import Client

ROUNDS = 7
COUNT = 300
WIDTH = 32
CHANNEL = uploads_channel(upload_id="u1")
DATA = {"message": "Processing the file, please wait"}


class Sink(asyncio.Protocol):
    """Answers 200 to every request, and looks at as little of it as possible."""

    _ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember whom to answer."""
        self._transport = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            if isinstance(self._transport, asyncio.WriteTransport):
                self._transport.write(self._ANSWER)


def sink(pipe: Connection) -> None:
    """A process with the sink; says its port."""

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0, backlog=512)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(pipe.recv)

    asyncio.run(main())


def per_second(count: int, started: float) -> float:
    """Publishes a second, since then."""
    return count / (time.perf_counter() - started)


async def sequential(one: Callable[[], Awaitable[None]]) -> float:
    """One after the other."""
    started = time.perf_counter()
    for _ in range(COUNT):
        await one()
    return per_second(COUNT, started)


async def wide(one: Callable[[], Awaitable[None]]) -> float:
    """Thirty-two at a time."""

    async def lane() -> None:
        for _ in range(COUNT // WIDTH):
            await one()

    started = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(WIDTH)))
    return per_second(COUNT // WIDTH * WIDTH, started)


def sequential_sync(one: Callable[[], None]) -> float:
    """One after the other, without an event loop."""
    started = time.perf_counter()
    for _ in range(COUNT):
        one()
    return per_second(COUNT, started)


def threads(one: Callable[[], None]) -> float:
    """From thirty-two threads."""

    def lane(_: int) -> None:
        for _ in range(COUNT // WIDTH):
            one()

    with ThreadPoolExecutor(WIDTH) as pool:
        started = time.perf_counter()
        list(pool.map(lane, range(WIDTH)))
        return per_second(COUNT // WIDTH * WIDTH, started)


async def measure(client: Client) -> dict[str, tuple[float, float]]:
    """Medians of all four, ours and the SDK's."""
    realtime = client.realtime

    async def ours() -> None:
        await realtime.publish(CHANNEL.status, {"message": "Processing the file, please wait"})

    async def theirs() -> None:
        await publish(client, CHANNEL.name, "status", DATA)

    def ours_sync() -> None:
        realtime.publish_sync(CHANNEL.status, {"message": "Processing the file, please wait"})

    def theirs_sync() -> None:
        publish_sync(client, CHANNEL.name, "status", DATA)

    for _ in range(20):  # connections, caches
        await ours()
        await theirs()
        ours_sync()
        theirs_sync()
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(ROUNDS):
        found.setdefault("async, sequential", []).append((await sequential(ours), await sequential(theirs)))
        found.setdefault(f"async, {WIDTH} at a time", []).append((await wide(ours), await wide(theirs)))
        found.setdefault("sync, sequential", []).append((sequential_sync(ours_sync), sequential_sync(theirs_sync)))
        found.setdefault(f"sync, {WIDTH} threads", []).append((threads(ours_sync), threads(theirs_sync)))
    return {
        name: (statistics.median(a for a, _ in rounds), statistics.median(b for _, b in rounds))
        for name, rounds in found.items()
    }


def main() -> int:
    """Measure and print."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=sink, args=(there,), daemon=True)
    process.start()
    client = Client(app_id="bench", is_production=False, api_base_url=f"http://127.0.0.1:{here.recv()}")
    found = asyncio.run(measure(client))
    here.send(None)
    process.join(5)
    print(f"{'publishes a second':24}{'ours':>10}{'SDK':>10}{'ratio':>8}")
    for name, (ours, theirs) in found.items():
        print(f"{name:24}{ours:>10,.0f}{theirs:>10,.0f}{ours / theirs:>8.1f}")
    one, many = (found[name][0] for name in ("async, sequential", f"async, {WIDTH} at a time"))
    print(f"ours, {WIDTH} at a time over sequential: {many / one:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
