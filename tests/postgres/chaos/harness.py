"""Four workers on one server, and what happens to them: kills, stops, cut connections, a server that dies.

A process of its own without threads, so that workers can be forked from it:
python -m tests.postgres.chaos.harness FAULTS SEED [LEASE]. It has a server of its own, and prints one JSON
object: what the workers reported, and what the server has in the end.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import random
import select
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from tests.postgres.chaos.worker import LIMIT, WORKERS, Life, main
from tests.postgres.server import Server

PLANS = {"kill": 35, "leave": 8, "suspend": 15, "cut": 27, "crash": 10, "restart": 5}
"""How often which fault comes."""
_PATIENCE = 40.0
"""Seconds in which something is reported, unless the workers hang."""


@dataclass
class Child:
    """A worker's process."""

    pid: int
    life: Life
    phase: str = "unborn"
    continues_at: float | None = None
    """When it goes on, if it was stopped."""


@dataclass
class Harness:
    """The workers, the server and the faults."""

    server: Server
    database: str
    lease: timedelta
    seed: int
    folder: Path
    reports: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.address = self.server.address(self.database)
        self.chance = random.Random(self.seed)
        self.read_end, self.write_end = os.pipe()
        fcntl.fcntl(self.write_end, fcntl.F_SETPIPE_SZ, 1 << 20)  # no worker waits while the server starts
        self.buffer = b""
        self.children: dict[int, Child] = {}
        self.positions = ["start"] * WORKERS
        self.lives = 0
        self.cancelled: dict[str, int] = {}
        """How many messages the runs have that were cancelled at the last fault."""

    # -- workers -------------------------------------------------------------------------------------------

    def spawn(self, slot: int, *, finish: bool = False) -> Child:
        """Start a worker in a slot."""
        self.lives += 1
        life = Life(
            self.address,
            self.lives,
            slot,
            self.write_end,
            self.positions[slot],
            self.lease,
            str(self.folder / "mended"),
            finish,
        )
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.close(self.read_end)
                die_with_parent()
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_DFL)
                main(life)
                code = 0
            except BaseException:  # noqa: BLE001 - the worker ends below, and says why before it does
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(code)
        child = Child(pid, life)
        self.children[slot] = child
        return child

    def listen(self, seconds: float) -> None:
        """Take what is reported, and let those go on whose time has come; a line that was cut off is none."""
        deadline = time.monotonic() + seconds
        while True:
            self.let_go_on()
            if not select.select([self.read_end], [], [], min(0.05, max(0, deadline - time.monotonic())))[0]:
                if time.monotonic() >= deadline:
                    return
                continue
            *lines, self.buffer = (self.buffer + os.read(self.read_end, 1 << 16)).split(b"\n")
            for line in lines:
                self.take(line.decode())
            if seconds and lines:
                return

    def take(self, line: str) -> None:
        """Keep one report."""
        kind, number, *rest = line.split(":")
        child = next((one for one in self.children.values() if one.life.number == int(number)), None)
        if kind == "phase":
            if child is not None:
                child.phase = rest[0]
            return
        self.reports.append(line)
        if kind == "got":
            self.positions[int(rest[0])] = rest[1]

    def let_go_on(self) -> None:
        """Continue what was stopped for long enough, and note what ended by itself."""
        now = time.monotonic()
        for slot, child in list(self.children.items()):
            if child.continues_at is not None and child.continues_at <= now:
                child.continues_at = None
                self.reports.append(f"continues:{child.life.number}")
                os.kill(child.pid, signal.SIGCONT)
            if child.life.finish:  # whose end is waited for elsewhere
                continue
            ended, status = os.waitpid(child.pid, os.WNOHANG)
            if ended:
                self.wrong.append(f"worker {child.life.number} ended by itself in {child.phase}: {status}")
                self.spawn(slot)

    def wait_for(self, happened: Callable[[], bool], seconds: float = _PATIENCE) -> bool:
        """Listen until something has happened; whether it did in time."""
        deadline = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > deadline:
                return False
            self.listen(0.05)
        return True

    def wait_for_reports(self, many: int) -> None:
        """Listen until so many more lines have come."""
        until = len(self.reports) + many
        if not self.wait_for(lambda: len(self.reports) >= until):
            self.seen["hung"] += 1
            self.wrong.append(
                f"{len(self.reports)} reports, and no more for {_PATIENCE:g} s; {self.activity()}"
            )

    def activity(self) -> str:
        """Say what each connection does, for whom looks for the reason of a hang."""
        rows = self.server.execute(
            "SELECT application_name, state, wait_event, left(query, 80) FROM pg_stat_activity "
            "WHERE application_name LIKE 'tightbeam%'",
            self.database,
        )
        return repr(rows)

    # -- faults --------------------------------------------------------------------------------------------

    def fault(self) -> None:
        """Have one thing go wrong while the others write."""
        chance = self.chance
        plan = chance.choices(list(PLANS), list(PLANS.values()))[0]
        running = [one for one in self.children.values() if one.continues_at is None]
        if plan == "suspend" and len(running) <= 2:
            plan = "kill"
        if chance.random() < 0.8:  # else in the middle of what the last fault has started
            self.wait_for_reports(chance.randint(1, 60))
        time.sleep(chance.uniform(0, 0.004))
        self.seen[plan] += 1
        getattr(self, f"_{plan}")(chance.choice(running))
        self.check()

    def _kill(self, child: Child) -> None:
        self.seen[f"killed when {child.phase}"] += 1
        self.end(child, signal.SIGKILL)
        self.spawn(child.life.slot)

    def end(self, child: Child, number: int) -> None:
        """Send a signal that ends a worker, and wait for its end and its last reports."""
        del self.children[child.life.slot]
        os.kill(child.pid, number)
        deadline = time.monotonic() + _PATIENCE
        while not (ended := os.waitpid(child.pid, os.WNOHANG))[0]:
            self.listen(0.02)
            if time.monotonic() > deadline:
                self.wrong.append(f"worker {child.life.number} doesn't leave; {self.activity()}")
                os.kill(child.pid, signal.SIGKILL)
        self.listen(0)
        if number != signal.SIGKILL and ended[1] not in (0, signal.SIGTERM):  # by the signal while it starts
            self.wrong.append(f"worker {child.life.number} left with {ended[1]}")

    def _leave(self, child: Child) -> None:
        self.end(child, signal.SIGTERM)
        self.spawn(child.life.slot)

    def _suspend(self, child: Child) -> None:
        """Stop a worker for longer than its lease, so that others take over what it has."""
        self.listen(0)
        child.continues_at = time.monotonic() + self.lease.total_seconds() * self.chance.uniform(1.3, 2)
        self.reports.append(f"suspended:{child.life.number}")
        os.kill(child.pid, signal.SIGSTOP)

    def _cut(self, child: Child) -> None:
        """Cut any connections of any process."""
        many = self.chance.choice((1, 1, 1, 2, 5, 100))
        cut = self.server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tightbeam%' "
            f"AND pid <> pg_backend_pid() ORDER BY random() LIMIT {many}",
            self.database,
        )
        self.seen["connections cut"] += len(cut)

    def _crash(self, child: Child) -> None:
        """Stop the server as a crash does; sometimes for longer than a lease."""
        self.server.stop("immediate")
        longest = self.lease.total_seconds() * (1.5 if self.chance.random() < 0.3 else 0.2)
        self.wait_for(lambda: False, self.chance.uniform(0, longest))
        self._start()

    def _restart(self, child: Child) -> None:
        self.server.stop("fast")
        self._start()

    def _start(self) -> None:
        """Start the server; it may stay long enough for dead workers to be taken for dead."""
        self.server.start()
        if self.chance.random() < 0.5:
            self.wait_for(lambda: False, 1.5 * self.lease.total_seconds())

    # -- checks --------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Check what holds at any time, from outside."""
        with self.connect() as connection:
            rows = connection.execute(
                "SELECT run.id, count(message.run_id) FROM run LEFT JOIN message ON message.run_id = run.id "
                "WHERE run.state = 'cancelled' GROUP BY run.id"
            ).fetchall()
            states: dict[str, int] = dict(
                connection.execute("SELECT state, count(*) FROM run GROUP BY state").fetchall()
            )
            running: dict[str, int] = dict(
                connection.execute(
                    "SELECT function, count(*) FROM run WHERE state = 'running' GROUP BY function"
                ).fetchall()
            )
        cancelled: dict[str, int] = dict(rows)
        for run_id, count in cancelled.items():
            if not (self.folder / "mended" / run_id).exists() and self.cancelled.get(run_id, count) != count:
                self.wrong.append(f"run {run_id} was cancelled, and has published since")
        self.cancelled = cancelled
        if running.get("work", 0) > LIMIT:
            self.wrong.append(f"{running['work']} runs execute at a time, and {LIMIT} may")
        for state, count in states.items():
            self.seen[f"with a {state} run"] += count > 0

    def connect(self) -> psycopg.Connection[Any]:
        """Connect as an observer."""
        return psycopg.connect(self.address, autocommit=True, options="-csearch_path=tightbeam")

    def finish(self) -> None:
        """Let all go on, leave, and come once more to end what is left."""
        for child in list(self.children.values()):
            if child.continues_at is not None:
                child.continues_at = 0
        self.listen(0.1)
        for child in list(self.children.values()):
            self.end(child, signal.SIGTERM)
        for slot in range(WORKERS):
            self.spawn(slot, finish=True)
        deadline = time.monotonic() + 120
        for child in list(self.children.values()):
            while not (ended := os.waitpid(child.pid, os.WNOHANG))[0]:
                self.listen(0.02)
                if time.monotonic() > deadline:
                    self.wrong.append(f"worker {child.life.number} doesn't finish; {self.activity()}")
                    os.kill(child.pid, signal.SIGKILL)
                    deadline += 20
            if ended[1]:
                self.wrong.append(f"worker {child.life.number} finished with {ended[1]}")
        self.listen(0)

    def result(self) -> dict[str, Any]:
        """Return what was reported, and what is there."""
        with self.connect() as connection:
            runs = connection.execute("SELECT id, function, state FROM run").fetchall()
            messages = connection.execute(
                "SELECT xid::text, seq, channel, run_id, step, number, convert_from(data, 'UTF8') "
                "FROM message ORDER BY message.xid, message.seq"
            ).fetchall()
            steps = connection.execute(
                "SELECT run_id, id, state, convert_from(result, 'UTF8') FROM step"
            ).fetchall()
            processes = connection.execute("SELECT count(*) FROM process").fetchall()[0][0]
        return {
            "wrong": self.wrong,
            "seen": self.seen,
            "runs": runs,
            "messages": messages,
            "steps": steps,
            "processes": processes,
            "reports": self.reports,
            "mended": sorted(path.name for path in (self.folder / "mended").iterdir()),
        }


def die_with_parent() -> None:
    """Have the system kill this process when the harness ends, however it does."""
    assert ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL) == 0


def end(_number: int, _frame: object) -> None:
    """End by an exception, so that the server ends, too."""
    sys.exit("the harness was ended")


def run(faults: int, seed: int, lease: timedelta) -> dict[str, Any]:
    """Have so many faults happen, and return what came of it."""
    signal.signal(signal.SIGTERM, end)
    server = Server()
    server.start()
    try:
        folder = server.folder / "chaos"  # which is removed with the server
        (folder / "mended").mkdir(parents=True)
        harness = Harness(server, server.database(), lease, seed, folder)
        for slot in range(WORKERS):  # at once: each may be the one that makes the schema
            harness.spawn(slot)
        harness.wait_for_reports(1)
        for _ in range(faults):
            harness.fault()
        harness.finish()
        return harness.result()
    finally:
        server.remove()


if __name__ == "__main__":
    json.dump(
        run(int(sys.argv[1]), int(sys.argv[2]), timedelta(seconds=float((*sys.argv[3:], "2")[0]))), sys.stdout
    )
