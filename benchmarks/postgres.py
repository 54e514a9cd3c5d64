"""Channels and runs that several processes share on one Postgres, beside what one would write without."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.durable import RAW, Contestants, compare_rates, publish_together
from benchmarks.journals import on_disk, raw, through_dbos
from benchmarks.peers import peer
from benchmarks.postgres_growth import grow
from benchmarks.postgres_peers import connection_each, notifications
from benchmarks.postgres_processes import Process
from benchmarks.report import Bound, Report, Table
from tests.postgres.server import Server, find_programs
from tightbeam import Client

__all__ = ["measure"]

_OURS = "Tightbeam on Postgres"
_FOUR = "Tightbeam on Postgres, four processes"
_DBOS = "DBOS on the same server, write_stream"
_PROCESSES = 4
_BEFORE = 2_000
_AHEAD = 0.3
"""Seconds in which all processes have begun their runs, so that they publish at the same time."""
_SETTINGS = {"fsync": "on", "shared_buffers": "128MB"}


def measure(*, quick: bool = False, messages: int = 1_000_000) -> Report:
    """Throughput, live messages across processes, what idling costs, and growth."""
    report = Report(
        "postgres",
        "Several processes on one server of this machine, which is on the same disk. Durable publishes are"
        " those of `durable`. Client, server and disk share the CPUs, which makes wall times of one machine.",
    )
    logging.getLogger("tightbeam").setLevel(logging.ERROR)
    if find_programs() is None:  # as peers that aren't installed, it is left out
        return report
    with _server() as server:
        _throughput(report, server, quick)
        _live(report, server, quick)
        _idle(report, server, quick)
        grow(report, server, 10_000 if quick else messages, quick=quick)
    return report


@contextmanager
def _server() -> Iterator[Server]:
    server = Server(_SETTINGS)
    server.start()
    try:
        yield server
    finally:
        server.remove()


# -- durable publishes ---------------------------------------------------------------------------------------


def _throughput(report: Report, server: Server, quick: bool) -> None:
    rounds, total, before = (2, 200, 0) if quick else (7, 2_000, _BEFORE)
    peers, dbos, shared = server.new(), server.new(), server.new()
    with ExitStack() as stack:
        processes = [
            stack.enter_context(Process("publisher", shared, number)) for number in range(_PROCESSES)
        ]
        contestants: Contestants = {
            RAW: raw,
            _OURS: lambda callers, count: asyncio.run(
                publish_together(Client(server.new()), callers, count, before)
            ),
            _FOUR: lambda callers, count: _together(processes, callers, count),
            "Tightbeam on a file": lambda callers, count: _on_file(callers, count, before),
            "a connection for each caller": lambda callers, count: connection_each(
                peers, callers, count, notify=False
            ),
            "the same, with pg_notify in each transaction": lambda callers, count: connection_each(
                peers, callers, count, notify=True
            ),
        }
        if not quick and peer("dbos") is not None:
            contestants[_DBOS] = lambda callers, count: through_dbos(callers, count, dbos)
        note = (
            "The callers of four processes are divided among them; a process has at least one. The raw writes"
            " have no callers to wait for: they only repeat themselves."
        )
        ratios = compare_rates(report, "Durable publish", contestants, (1, 32), (rounds, total), note)
    one, many = ratios[_OURS]
    # Not judged in CI: client and server wait for CPUs that other programs use, raw writes don't.
    report.bounds.extend(
        [
            Bound("1 caller: ÷ raw write and fdatasync", one, "≥", 0.35, margin=None),
            Bound("32 callers, one process: ÷ raw", many, "≥", 3.5, margin=None),
            Bound("32 callers, four processes: ÷ raw", ratios[_FOUR][1], "≥", 2.0, margin=None),
        ]
    )
    if _DBOS in ratios:
        report.bounds.append(Bound("32 callers: ÷ DBOS", many / ratios[_DBOS][1], "≥", 30, margin=None))


def _on_file(callers: int, count: int, before: int) -> float:
    with on_disk() as folder:
        return asyncio.run(publish_together(Client(folder / "app.db"), callers, count, before))


def _together(processes: list[Process], callers: int, count: int) -> float:
    """Return the seconds from the common start to the last end, scaled to the whole count."""
    each = max(1, callers // len(processes))
    part = count // len(processes) // each * each
    at = time.monotonic() + _AHEAD  # one clock for all processes of a machine
    for process in processes:
        process.order(callers=each, count=part, at=at)
    answers = [process.answer() for process in processes]
    took = max(answer["end"] for answer in answers) - min(answer["start"] for answer in answers)
    return float(took) * count / (part * len(processes))


# -- live messages -------------------------------------------------------------------------------------------


def _live(report: Report, server: Server, quick: bool) -> None:
    address = server.new()
    seconds = 1 if quick else 5
    rows = []
    latency = 0.0
    best = 0.0
    with Process("sender", address) as sender, Process("reader", address) as reader:
        for rate in (1_000, 1_000, 20_000) if quick else (1_000, 1_000, 20_000, 60_000, 100_000):
            reader.order(count=rate * seconds)
            sender.order(count=rate * seconds, rate=rate)
            took = sender.answer()["seconds"]
            got = reader.answer()
            received = got["received"] / max(got["seconds"], 1e-9)
            rows.append(
                (
                    f"{rate:,} a second",
                    f"{rate * seconds / took:,.0f}",
                    f"{received:,.0f}",
                    f"{100 * (1 - got['received'] / (rate * seconds)):.1f} %",
                    f"{got['p50'] * 1e3:.2f}",
                    f"{got['p99'] * 1e3:.2f}",
                )
            )
            if rate == 1_000:  # the second time, when all has been imported and compiled
                latency = got["p50"] * 1e3
            best = max(best, received)
    alone = notifications(address, 20_000 if quick else 400_000)
    rows.append(("NOTIFY in batches by psycopg, nothing else", "", f"{alone:,.0f}", "", "", ""))
    report.tables.append(
        Table(
            "Live messages from one process to another",
            ("offered", "published", "received", "lost", "p50, ms", "p99, ms"),
            tuple(rows),
        )
    )
    report.bounds.append(Bound("live, 1,000 a second: p50", latency, "≤", 2.0, " ms", margin=None))
    if not quick:
        report.bounds.append(
            Bound("live, the most that is received in a second", best, "≥", 50_000, margin=None)
        )


# -- idling --------------------------------------------------------------------------------------------------


def _idle(report: Report, server: Server, quick: bool) -> None:
    address = server.new()
    seconds = 3 if quick else 30
    with Process("idler", address):
        time.sleep(2)
        before = _statements(server)
        time.sleep(seconds)
        after = _statements(server)
    a_second = (after - before) / seconds
    report.tables.append(
        Table("An idle process", ("", "a second"), (("statements at the server", f"{a_second:.2f}"),))
    )
    report.bounds.append(Bound("idle: statements a second", a_second, "≤", 2.0, margin=2))


def _statements(server: Server) -> int:
    """Count what clients of ours sent to the server, by the server's log."""
    server.execute("ALTER SYSTEM SET log_statement = 'all'")
    server.execute("ALTER SYSTEM SET log_line_prefix = 'app=%a '")
    server.execute("SELECT pg_reload_conf()")
    text = server.log.read_text("utf-8", "replace")
    return sum(
        line.startswith("app=tightbeam") and (" statement: " in line or " execute " in line)
        for line in text.splitlines()
    )
