"""A whole `await client.realtime.publish(…)`, beside encoding alone and a bare fan-out over queues."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from benchmarks.bindings import PAYLOADS, payload_channel
from benchmarks.report import Bound, Report, Table, us
from benchmarks.side_by_side import Timing, compare
from tightbeam import Client
from tightbeam._payload.encode import encode

__all__ = ["measure", "seconds_of"]

_SUBSCRIBERS = (0, 1, 100)
_ENCODE = "check and encode only"
_QUEUES = "check, encode, asyncio.Queue for each"
_OURS = "Tightbeam"


def measure(*, quick: bool = False) -> Report:
    """Time and memory of a message, by the number of subscribers in the process."""
    report = Report(
        "publish",
        "One live message into the hub, from a dictionary by a closed schema (216 bytes), by the number"
        " of subscribers in the process. CPU time in microseconds; subscribers read between the rounds.",
    )
    asyncio.run(_measure(report, quick))
    return report


async def _measure(report: Report, quick: bool) -> None:
    channel = payload_channel("closed").closed_payloads_channel(id="1")
    rounds, messages = (5, 100) if quick else (21, 400)
    rows: list[tuple[str, ...]] = []
    found: dict[int, dict[str, Timing]] = {}
    for subscribers in _SUBSCRIBERS:
        found[subscribers] = await _timed(channel.medium, PAYLOADS["medium"], subscribers, rounds, messages)
    for name in (_ENCODE, _QUEUES, _OURS):
        cells = [name]
        for timings in found.values():
            cells += [us(timings[name].seconds), f"{timings[name].ratio:.2f}"]
        rows.append(tuple(cells))
    headings = ("subscribers", *(text for count in _SUBSCRIBERS for text in (str(count), "÷ encode")))
    report.tables.append(Table("Time of a message", headings, tuple(rows)))
    memory = [await _allocated(channel.medium, PAYLOADS["medium"], count) for count in _SUBSCRIBERS]
    report.tables.append(
        Table(
            "Memory of a message",
            ("subscribers", *map(str, _SUBSCRIBERS)),
            (
                ("bytes at most while it is published", *(f"{peak:,.0f}" for peak, _, _ in memory)),
                ("bytes kept until it is read", *(f"{kept:,.0f}" for _, kept, _ in memory)),
                ("objects kept until it is read", *(f"{blocks:.2f}" for _, _, blocks in memory)),
            ),
            "Subscribers share one encoded message; each decodes it for itself. Of what is kept, the text as"
            f" `orjson.dumps` returns it takes {_kept_by_orjson(PAYLOADS['medium']):,.0f} bytes.",
        )
    )
    alone, many = found[0], found[100]
    over = "no subscriber: over check and encode"
    report.bounds.append(Bound(over, alone[_OURS].over * 1e6, "≤", 2.0, " µs", None))
    ratio = many[_OURS].seconds / many[_QUEUES].seconds
    report.bounds.append(Bound("100 subscribers: ÷ asyncio.Queue", ratio, "≤", 1.5, margin=2.5))
    report.bounds.append(Bound("no subscriber: ÷ check and encode", alone[_OURS].ratio, "≤", 3.0, margin=2.5))


async def _timed(ref: Any, data: object, subscribers: int, rounds: int, messages: int) -> dict[str, Timing]:
    client = Client()
    subscriptions = [client.realtime.subscribe(ref) for _ in range(subscribers)]
    queues: list[asyncio.Queue[bytes]] = [asyncio.Queue() for _ in range(subscribers)]

    async def ours() -> None:
        await client.realtime.publish(ref, data)

    async def only_encode() -> None:
        encode(ref, data)

    async def into_queues() -> None:
        raw = encode(ref, data)
        for queue in queues:
            queue.put_nowait(raw)

    contestants = {_ENCODE: only_encode, _QUEUES: into_queues, _OURS: ours}
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, call in contestants.items():
            await call()
            found[name].append(await seconds_of(call, messages))
        for queue in queues:
            while not queue.empty():
                queue.get_nowait()
        for subscription in subscriptions:
            for _ in range(messages + 1):
                await anext(subscription)
    for subscription in subscriptions:
        subscription.close()
    return compare(found, _ENCODE)


async def seconds_of(call: Callable[[], Awaitable[None]], messages: int) -> float:
    """Return the CPU time of a call, over many of them."""
    start = time.process_time()
    for _ in range(messages):
        await call()
    return (time.process_time() - start) / messages


def _kept_by_orjson(data: object) -> float:
    tracemalloc.start()
    try:
        start = tracemalloc.get_traced_memory()[0]
        texts = [orjson.dumps(data) for _ in range(100)]
        return (tracemalloc.get_traced_memory()[0] - start) / len(texts)
    finally:
        tracemalloc.stop()


async def _allocated(ref: Any, data: object, subscribers: int) -> tuple[float, float, float]:
    """Bytes at the peak of one publish, bytes kept a message, and objects kept a message."""
    client = Client()
    subscriptions = [client.realtime.subscribe(ref) for _ in range(subscribers)]
    for _ in range(10):
        await client.realtime.publish(ref, data)
    messages = 200
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        await client.realtime.publish(ref, data)
        peak = tracemalloc.get_traced_memory()[1] - before
        first, start = tracemalloc.take_snapshot(), tracemalloc.get_traced_memory()[0]
        for _ in range(messages):
            await client.realtime.publish(ref, data)
        kept = tracemalloc.get_traced_memory()[0] - start
        second = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    own = [tracemalloc.Filter(False, tracemalloc.__file__)]
    changes = second.filter_traces(own).compare_to(first.filter_traces(own), "filename")
    blocks = sum(change.count_diff for change in changes)
    for subscription in subscriptions:
        subscription.close()
    return float(peak), max(0.0, kept / messages), max(0.0, blocks / messages)
