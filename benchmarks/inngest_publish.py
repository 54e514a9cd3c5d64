"""Publishing to Inngest: ours against the SDK's experimental helper, on one raw asyncio sink.

Run it: `python -m benchmarks.inngest_publish` (extra `inngest`). Full path on both sides: ours checks the
payload against its schema, encodes and sends it; the SDK's encodes and sends. Rounds alternate, so that a
busy machine disturbs both; what is printed are medians, and their ratios.
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
from threading import Barrier

from inngest.experimental.realtime import publish, publish_sync

from generated.uploads import uploads_channel
from tightbeam.inngest import Client

ROUNDS = 7
OURS, THEIRS = 1_920, 192
"""How many publishes a round; multiples of `WIDTH`."""
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


async def sequential(one: Callable[[], Awaitable[None]], count: int) -> float:
    """One after the other."""
    started = time.perf_counter()
    for _ in range(count):
        await one()
    return per_second(count, started)


async def wide(one: Callable[[], Awaitable[None]], count: int) -> float:
    """Thirty-two at a time."""

    async def lane() -> None:
        for _ in range(count // WIDTH):
            await one()

    started = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(WIDTH)))
    return per_second(count, started)


def sequential_sync(one: Callable[[], None], count: int) -> float:
    """One after the other, without an event loop."""
    started = time.perf_counter()
    for _ in range(count):
        one()
    return per_second(count, started)


def threads(one: Callable[[], None], count: int) -> float:
    """From thirty-two threads, which are there before the clock starts."""
    ready = Barrier(WIDTH + 1)

    def lane() -> None:
        ready.wait()
        for _ in range(count // WIDTH):
            one()

    with ThreadPoolExecutor(WIDTH) as pool:
        lanes = [pool.submit(lane) for _ in range(WIDTH)]
        ready.wait()
        started = time.perf_counter()
        for one_lane in lanes:
            one_lane.result()
        return per_second(count, started)


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
    asynchronous = [
        ("async, sequential", sequential, (ours, theirs)),
        (f"async, {WIDTH} at a time", wide, (ours, theirs)),
    ]
    synchronous = [
        ("sync, sequential", sequential_sync, (ours_sync, theirs_sync)),
        (f"sync, {WIDTH} threads", threads, (ours_sync, theirs_sync)),
    ]
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(ROUNDS):
        for name, run, pair in asynchronous:
            found.setdefault(name, []).append((await run(pair[0], OURS), await run(pair[1], THEIRS)))
        for name, run_sync, pair_sync in synchronous:
            found.setdefault(name, []).append((run_sync(pair_sync[0], OURS), run_sync(pair_sync[1], THEIRS)))
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
