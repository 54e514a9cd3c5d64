"""Durable publishes, recovery and growth of the embedded engine, on the disk this checkout is on."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bindings import MEDIUM, payload_channel
from benchmarks.journals import (
    on_disk,
    raw,
    seconds_together,
    through_aiosqlite,
    through_dbos,
    two_commits,
)
from benchmarks.peers import peer
from benchmarks.report import Bound, Report, Table, us
from tightbeam import Client, Context
from tightbeam._engine.records import Memo, NewRun, Replaced, new_id
from tightbeam._engine.requests import AddRuns, MemoizeStep
from tightbeam._engine.sqlite.answers import answer
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._message import now_us

__all__ = ["RAW", "Contestants", "compare_rates", "fill", "measure", "publish_together"]

_CALLERS = (1, 8, 32, 256)
_BEFORE = 4_000
"""Messages before those that count: until the log beside the database has the length that it keeps.

A write that makes a file longer is synced at twice the cost of one that overwrites, here and by the peers.
"""
_STEADY = 50_000
"""With fewer messages the log beside the database is still growing to its own bound half way."""
RAW = "write and fdatasync, one after the other"
_OURS = "Tightbeam"
_FRESH = "Tightbeam, its first messages after a start"
_ON_ONE = (
    "Event loop and journal take turns. On two CPUs each turn wakes the other CPU, which takes a virtual"
    " machine long; on one it doesn't."
)

Contestants = dict[str, Callable[[int, int], float]]


def measure(*, quick: bool = False, messages: int = 100_000) -> Report:
    """Throughput by the number of callers, then memos, resuming, starting and growing."""
    report = Report(
        "durable",
        "Durable publishes (216 bytes) with several concurrent callers, each awaiting its own before the"
        " next; memo and message are on the disk when a publish returns. Wall time: the disk is what counts.",
    )
    logging.getLogger("tightbeam").setLevel(logging.ERROR)
    _throughput(report, quick)
    asyncio.run(_replay_and_resume(report, quick))
    _start_up(report, quick)
    asyncio.run(_growth(report, 3_000 if quick else messages))
    return report


# -- throughput --------------------------------------------------------------------------------------------


def _throughput(report: Report, quick: bool) -> None:
    rounds, total, before = (2, 200, 0) if quick else (9, 1_000, _BEFORE)
    contestants: Contestants = {
        RAW: raw,
        _OURS: lambda callers, count: asyncio.run(_ours(callers, count, before)),
        _FRESH: lambda callers, count: asyncio.run(_ours(callers, count, 0)),
        "publish, then journal: two commits of sqlite3": lambda _, count: two_commits(count, before // 8),
    }
    if peer("aiosqlite") is not None:
        contestants["aiosqlite, one transaction"] = lambda callers, count: asyncio.run(
            through_aiosqlite(callers, count, before // 8)
        )
    if not quick and peer("dbos") is not None:
        contestants["DBOS on SQLite, write_stream"] = through_dbos
    note = "The two of sqlite3 and the raw writes have no callers to wait for: they only repeat themselves."
    ratios = compare_rates(report, "Durable publish", contestants, _CALLERS, (rounds, total), note)
    ours = dict(zip(_CALLERS, ratios[_OURS], strict=True))
    # Not judged in CI: each hand-over waits for a CPU that other programs use, raw writes don't.
    report.bounds.append(Bound("1 caller: ÷ raw write and fdatasync", ours[1], "≥", 0.5, margin=None))
    report.bounds.append(Bound("32 callers: ÷ raw write and fdatasync", ours[32], "≥", 3.0, margin=None))
    if hasattr(os, "sched_setaffinity"):
        both = {name: contestants[name] for name in (RAW, _OURS)}
        with _one_cpu(total // 10):
            alone, _ = compare_rates(report, "The same on one CPU", both, (1, 32), (rounds, total), _ON_ONE)[
                _OURS
            ]
        report.bounds.append(Bound("1 caller, on one CPU: ÷ raw", alone, "≥", 0.5, margin=None))


def compare_rates(
    report: Report,
    title: str,
    contestants: Contestants,
    callers: tuple[int, ...],
    effort: tuple[int, int],
    note: str,
) -> dict[str, list[float]]:
    """Add a table; what each does of the raw writes, for each number of callers, in rounds side by side."""
    rounds, total = effort
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    ratios: dict[str, list[float]] = {name: [] for name in contestants}
    for together in callers:
        found: dict[str, list[float]] = {name: [] for name in contestants}
        for number in range(rounds):
            for name, run in contestants.items():
                slow = name.startswith("DBOS")
                if slow and number >= 2:
                    continue
                count = max(together, total // 10 if slow else total)
                found[name].append(count / run(together, count))
        for name, values in found.items():
            rates[name].append(median(values))
            pairs = zip(values, found[RAW], strict=False)
            ratios[name].append(median(one / other for one, other in pairs))
    rows = tuple(
        (
            name,
            *(
                text
                for rate, ratio in zip(rates[name], ratios[name], strict=True)
                for text in (f"{rate:,.0f}", f"{ratio:.2f}")
            ),
        )
        for name in contestants
    )
    headings = (
        "messages a second, by callers",
        *(text for count in callers for text in (str(count), "÷ raw")),
    )
    report.tables.append(Table(title, headings, rows, note))
    return ratios


@contextmanager
def _one_cpu(writes: int) -> Iterator[None]:
    """What is started within, threads and loops, has one CPU: the one that makes so many writes fastest.

    That is the one that the disk interrupts; raw writes by another are slower by half.
    """
    all_of_them = os.sched_getaffinity(0)
    took = {}
    try:
        for cpu in all_of_them:
            os.sched_setaffinity(0, {cpu})
            took[cpu] = raw(1, writes)
        os.sched_setaffinity(0, {min(took, key=took.__getitem__)})
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)


async def _ours(callers: int, count: int, before: int) -> float:
    with on_disk() as folder:
        return await publish_together(Client(folder / "app.db"), callers, count, before)


async def publish_together(client: Client, callers: int, count: int, before: int) -> float:
    """Return the seconds of durable publishes in one run of a client that this enters.

    Args:
        client: what publishes.
        callers: how many publish together.
        count: of all together.
        before: so many are published before, untimed.
    """
    channel = payload_channel("closed").closed_payloads_channel(id="1")
    took: list[float] = []

    @client.function("publish")
    async def publish(ctx: Context) -> None:
        async def one(number: int, step: int) -> None:
            await ctx.step.realtime.publish(f"p{number}-{step}", channel.medium, MEDIUM)

        callers, count = ctx.event.data["callers"], ctx.event.data["count"]
        took.append(await seconds_together(callers, count, one))

    async with client:
        if before:
            await client.run(publish, {"callers": 32, "count": before})
        await client.run(publish, {"callers": callers, "count": count})
    return took[-1]


# -- what was stored -----------------------------------------------------------------------------------------


async def _replay_and_resume(report: Report, quick: bool) -> None:
    channel = payload_channel("closed").closed_payloads_channel(id="1")
    steps = 100 if quick else 500
    times: list[list[float]] = []
    with on_disk() as folder:
        client = Client(folder / "app.db", retry_delay=timedelta(0))

        @client.function("replay", retries=4)
        async def replay(ctx: Context) -> None:
            start = time.perf_counter()
            for number in range(steps):
                await ctx.step.realtime.publish(f"p{number}", channel.medium, MEDIUM)
            times.append([(time.perf_counter() - start) / steps])
            if ctx.attempt < 4:
                raise RuntimeError("once more")

        async with client:
            await client.run(replay)
            first, *later = (took for (took,) in times)
            again = median(later)
            resumed, selected = [], []
            for _ in range(3 if quick else 15):
                resumed.append(await _resume(client, channel.medium))
                selected.append(_select(folder / "app.db", channel.medium.payload_type))
    report.tables.append(
        Table(
            "What was stored before",
            ("", "µs", "beside", "µs", "ratio"),
            (
                (
                    "a durable publish replayed",
                    us(again),
                    "published first",
                    us(first),
                    f"{again / first:.3f}",
                ),
                (
                    "100 messages resumed, each",
                    us(median(resumed) / 100),
                    "SELECT and Pydantic",
                    us(median(selected) / 100),
                    f"{median(resumed) / median(selected):.2f}",
                ),
            ),
        )
    )
    report.bounds.append(Bound("replay of a memo: ÷ first publish", again / first, "≤", 0.2, margin=4))


async def _resume(client: Client, ref: Any) -> float:
    start = time.perf_counter()
    async with client.realtime.subscribe(ref, after="start") as subscription:
        for _ in range(100):
            await anext(subscription)
    return time.perf_counter() - start


def _select(file: Path, model: Any) -> float:
    """The same by hand: the rows of a channel, and Pydantic."""
    start = time.perf_counter()
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    rows = connection.execute(
        "SELECT seq, topic, data FROM message WHERE channel = 'closed:1' ORDER BY seq LIMIT 100"
    ).fetchall()
    for _, _, data in rows:
        model.model_validate_json(data)
    connection.close()
    return time.perf_counter() - start


def _start_up(report: Report, quick: bool) -> None:
    finished, unfinished = (2_000, 20) if quick else (100_000, 1_000)
    opened: dict[str, list[float]] = {"empty": [], "full": []}
    checked: list[float] = []
    drained: list[float] = []
    with on_disk() as folder:
        for name, counts in (("empty", (0, 0)), ("full", (finished, unfinished))):
            asyncio.run(_enter(folder / f"{name}.db"))
            fill(folder / f"{name}.db", *counts)
        for _ in range(2 if quick else 5):
            for name, values in opened.items():
                copy = folder / "copy.db"
                shutil.copyfile(folder / f"{name}.db", copy)
                if name == "full":
                    checked.append(_quick_check(copy))
                took, done = asyncio.run(_enter(copy, unfinished if name == "full" else 0))
                values.append(took)
                if name == "full":
                    drained.append(done)
                copy.unlink()
    empty, full = median(opened["empty"]), median(opened["full"])
    report.tables.append(
        Table(
            f"Start-up with {finished:,} finished and {unfinished:,} unfinished runs",
            ("", "ms"),
            (
                ("entering, an empty journal", f"{empty * 1e3:,.1f}"),
                ("entering, the full one", f"{full * 1e3:,.1f}"),
                ("for comparison, `PRAGMA quick_check` of it", f"{median(checked) * 1e3:,.1f}"),
                (f"until all {unfinished:,} have ended", f"{median(drained) * 1e3:,.0f}"),
            ),
        )
    )
    ratio = full / median(checked)
    report.bounds.append(Bound("entering the full journal: ÷ quick_check", ratio, "≤", 3.0, margin=30))


def _quick_check(file: Path) -> float:
    start = time.perf_counter()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA quick_check(1)").fetchone()
    connection.close()
    return time.perf_counter() - start


async def _enter(file: Path, unfinished: int = 0) -> tuple[float, float]:
    """Seconds to enter a client, and until what was unfinished has ended."""
    client = Client(file)
    ended, count = asyncio.Event(), 0

    @client.function("work")
    async def work(_ctx: Context) -> None:
        nonlocal count
        count += 1
        if count == unfinished:
            ended.set()

    start = time.perf_counter()
    async with client:
        took = time.perf_counter() - start
        if unfinished:
            await ended.wait()
        return took, time.perf_counter() - start


def fill(file: Path, finished: int, unfinished: int) -> None:
    """Runs as the engine leaves them, with two steps each."""
    connection = sqlite3.connect(file, isolation_level=None)
    tx = Transaction(connection)
    now = now_us()
    memo = Memo("step.run", None, None, "done", None, b'"stored"', None, None)
    replaced = Replaced(failed=False, counted=False)
    connection.execute("BEGIN")
    for number in range(finished + unfinished):
        run_id = new_id()
        answer(tx, AddRuns((NewRun(run_id, "work"),), "bench/work", b"{}"))
        for step in ("load", "store"):
            answer(tx, MemoizeStep(run_id, step, memo, now, replaced))
        state, ended = ("done", now) if number < finished else ("running", None)
        connection.execute("UPDATE run SET state = ?, ended_at = ? WHERE id = ?", (state, ended, run_id))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.close()


# -- growth --------------------------------------------------------------------------------------------------


async def _growth(report: Report, messages: int) -> None:
    """Messages in ten parts, of which one part's number is retained; each part by runs of its own."""
    channel = payload_channel("closed").closed_payloads_channel(id="1")
    parts, callers = 10, 250
    each = messages // parts
    rates: list[float] = []
    costs: list[float] = []
    sizes: list[int] = []
    with on_disk() as folder:
        file = folder / "app.db"
        client = Client(file, retain_messages=each, retain_for=timedelta(seconds=0.5))

        @client.function("publish")
        async def publish(ctx: Context) -> None:
            async def one(number: int, step: int) -> None:
                await ctx.step.realtime.publish(f"p{number}-{step}", channel.medium, MEDIUM)

            start = time.process_time()
            rates.append(each / await seconds_together(callers, each, one))
            costs.append((time.process_time() - start) / each)

        async with client:
            for _ in range(parts):
                await client.run(publish)
                sizes.append(sum(part.stat().st_size for part in folder.glob("app.db*")))
    megabytes = [f"{size / 1e6:,.1f}" for size in sizes]
    report.tables.append(
        Table(
            f"Growth: {messages:,} messages of which {each:,} are retained, 250 callers",
            ("after", "messages a second", "CPU of a message, µs", "files, MB"),
            tuple(
                (f"{each * (part + 1):,}", f"{rates[part]:,.0f}", us(costs[part]), megabytes[part])
                for part in (0, parts // 2 - 1, parts - 1)
            ),
        )
    )
    late = median(costs[-3:]) / median(costs[:3])
    report.bounds.append(Bound("the last messages: ÷ the first, CPU", late, "≤", 1.3, margin=3))
    if messages >= _STEADY:
        ratio = sizes[-1] / sizes[4]
        report.bounds.append(Bound("files at the end: ÷ half way", ratio, "≤", 1.3, margin=1.6))
