"""Publishing to Inngest: ours beside the SDK's experimental helper, on one raw asyncio sink."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from statistics import median
from threading import Barrier
from typing import NamedTuple

from inngest.experimental.realtime import publish, publish_sync

from benchmarks.report import Bound, Report, Table
from generated.uploads import uploads_channel
from tightbeam.inngest import Client

__all__ = ["measure"]

WIDTH = 32
TASKS, THREADS = f"async, {WIDTH} at a time", f"sync, {WIDTH} threads"
ASYNC, SYNC = "async, one after the other", "sync, one after the other"
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


def measure(*, quick: bool = False) -> Report:
    """Publishes a second, async and sync, one after the other and 32 at a time."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=sink, args=(there,), daemon=True)
    process.start()
    client = Client(app_id="bench", is_production=False, api_base_url=f"http://127.0.0.1:{here.recv()}")
    rounds, ours, theirs = (3, 320, 64) if quick else (7, 1_920, 192)
    found = asyncio.run(_measure(client, rounds, ours, theirs))
    here.send(None)
    process.join(5)
    report = Report(
        "inngest_publish",
        "Live messages to an Inngest server: `tightbeam.inngest`, which checks the payload against its schema"
        ", beside the Inngest SDK's `experimental.realtime.publish`, which doesn't. Both send to one sink in"
        f" another process that answers and does nothing else. Medians of {rounds} interleaved rounds.",
    )
    rows = tuple(
        (name, f"{one.ours:,.0f}", f"{one.theirs:,.0f}", f"{one.ratio:.1f}") for name, one in found.items()
    )
    report.tables.append(Table("Publishes a second", ("", "Tightbeam", "Inngest SDK", "÷ SDK"), rows))
    for name in (ASYNC, SYNC, THREADS):
        report.bounds.append(Bound(f"{name}: ÷ SDK", found[name].ratio, "≥", 4.0, margin=4))
    over = found[TASKS].ours / found[ASYNC].ours
    report.bounds.append(Bound(f"Tightbeam, {TASKS} ÷ one after the other", over, "≥", 1.0))
    return report


class Found(NamedTuple):
    """Medians."""

    ours: float
    theirs: float
    ratio: float


async def _measure(client: Client, rounds: int, count: int, fewer: int) -> dict[str, Found]:
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
    asynchronous = {ASYNC: sequential, TASKS: wide}
    synchronous = {SYNC: sequential_sync, THREADS: threads}
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for name, run in asynchronous.items():
            found.setdefault(name, []).append((await run(ours, count), await run(theirs, fewer)))
        for name, run_sync in synchronous.items():
            found.setdefault(name, []).append((run_sync(ours_sync, count), run_sync(theirs_sync, fewer)))
    await realtime.close()
    return {
        name: Found(median(a for a, _ in each), median(b for _, b in each), median(a / b for a, b in each))
        for name, each in found.items()
    }
