"""Run children that work on one journal and kill them at random; then let one finish, and say what there is.

A process of its own without threads, so that children can be forked from it: python -m
tests.tightbeam.engine.kill_nursery FILE KILLS SEED. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from tests.tightbeam.engine.kill_child import Life, live
from tightbeam._engine.sqlite.epochs import position_at

BACKLOG = 24
"""Unfinished runs from which on no events are sent: a start is to recover many, not more and more."""


def spawn(life: Life) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            asyncio.run(live(life))
            code = 0
        except BaseException:  # noqa: BLE001 - the child ends below, and says why before it does
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return pid


class Nursery:
    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.chance = random.Random(seed)
        self.read_end, self.write_end = os.pipe()
        self.buffer = b""
        self.lines: list[str] = []
        self.phase = ""
        self.position = "start"
        self.unfinished = 0
        self.seen: Counter[str] = Counter()
        self.checks: set[str] = set()
        self.mended = tempfile.mkdtemp(prefix="tightbeam-mended-")
        self.cancelled: dict[str, int] = {}
        """How many messages the runs have that were cancelled at the last kill."""

    def kill_one(self) -> None:
        chance = self.chance
        plans = ("creating", "starting", "working", "operating", "leaving")
        plan = chance.choices(plans, (3, 30, 37, 10, 20))[0]
        if not self.seen["creating"]:  # which is rare: once for certain
            plan = "creating"
        elif not self.lines:  # with few kills, nothing else may live until it has sent something
            plan = "working"
        life = Life(
            str(self.path),
            self.write_end,
            events=3 if self.unfinished < BACKLOG or plan == "operating" else 0,
            after=self.position,
            autocheckpoint=chance.choice((None, 1, 2, 8)),
            mended=self.mended,
        )
        if plan == "creating":
            life = replace(life, path=str(self.path.with_name(f"fresh-{chance.randrange(1 << 40)}.db")))
        elif plan == "leaving":
            life = replace(life, leave_after=chance.randint(1, 12))
        self.phase = "unborn"
        lines, position = len(self.lines), self.position
        pid = spawn(life)
        self.wait_for(lambda: self.phase != "unborn", 30)
        if plan in ("creating", "starting"):
            time.sleep(chance.uniform(0, 0.015))  # opening, recovering, the first claims
        elif plan == "working":
            many = lines + chance.randint(1, 60)
            self.wait_for(lambda: len(self.lines) >= many)
            time.sleep(chance.uniform(0, 0.004))
        elif plan == "operating":  # however slow the machine is
            self.wait_for(lambda: any(line.startswith("retried") for line in self.lines[lines:]))
            time.sleep(chance.uniform(0, 0.004))
        else:
            self.wait_for(lambda: self.phase in ("leave", "out"))
            time.sleep(chance.uniform(0, 0.010))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.listen(0)
        if plan == "creating":
            self.look_at_fresh(Path(life.path))
            del self.lines[lines:]  # told of that file
            self.position = position
        else:
            self.look()

    def has_met_all(self, kills: int) -> bool:
        """Return whether what is met seldom, and how seldom is up to the machine, was met often enough."""
        operated = (sum(line.startswith(kind) for line in self.lines) for kind in ("cancelled", "retried"))
        return min(operated) > kills / 20 and self.seen["in a checkpoint"] > 0

    def wait_for(self, happened: Callable[[], bool], seconds: float = 5) -> None:
        """Wait until something is told, or nothing was for so many seconds: nothing may be left to do."""
        told, since = len(self.lines), time.monotonic()
        while not happened() and time.monotonic() < since + seconds:
            self.listen(0.2)
            if len(self.lines) > told:
                told, since = len(self.lines), time.monotonic()

    def listen(self, seconds: float) -> None:
        """Take what was told; a line that a kill cut off is none."""
        while select.select([self.read_end], [], [], seconds)[0]:
            seconds = 0
            *whole, self.buffer = (self.buffer + os.read(self.read_end, 1 << 16)).split(b"\n")
            for line in (one.decode() for one in whole):
                kind, _, rest = line.partition(":")
                if kind == "phase":
                    self.phase = rest
                    continue
                self.lines.append(line)
                if kind == "got":
                    self.position = ":".join(rest.split(":")[:2])

    def look(self) -> None:
        """Check a copy, so that the next child finds the file and its log as the kill left them."""
        phase = {"open": "starting", "in": "working", "leave": "leaving", "out": "left"}.get(
            self.phase, "unborn"
        )
        self.seen[phase] += 1
        self.buffer = b""
        if not self.path.exists():
            return
        log = self.path.with_name(f"{self.path.name}-wal")
        self.seen["with a log to recover"] += log.exists() and log.stat().st_size > 0
        self.seen["in a checkpoint"] += in_checkpoint(self.path)
        with tempfile.TemporaryDirectory(dir=self.path.parent) as folder:
            copy = Path(folder) / "copy.db"
            shutil.copyfile(self.path, copy)
            with suppress(FileNotFoundError):
                shutil.copyfile(log, copy.with_name("copy.db-wal"))
            with closing(sqlite3.connect(copy)) as connection:
                self.checks.add(connection.execute("PRAGMA quick_check").fetchone()[0])
                states = dict(connection.execute("SELECT state, count(*) FROM run GROUP BY state").fetchall())
                cancelled = dict(
                    connection.execute(
                        "SELECT id, (SELECT count(*) FROM message WHERE run = run.number) FROM run "
                        "WHERE state = 'cancelled'"
                    ).fetchall()
                )
        for run_id, count in cancelled.items():
            self.seen["a cancelled run"] += 1
            if not Path(self.mended, run_id).exists() and self.cancelled.get(run_id, count) != count:
                self.checks.add(f"run {run_id} was cancelled, and has published since")
        self.cancelled = cancelled
        ended = ("done", "failed", "cancelled")
        self.unfinished = sum(count for state, count in states.items() if state not in ended)
        for state in ("running", "sleeping"):
            self.seen[f"with a {state} run"] += state in states

    def look_at_fresh(self, path: Path) -> None:
        """A journal is there whole, or isn't there."""
        self.buffer = b""
        self.seen["creating"] += 1
        if path.exists():
            self.seen["creating, the file was there"] += 1
            with closing(sqlite3.connect(path)) as connection:
                self.checks.add(connection.execute("PRAGMA quick_check").fetchone()[0])
                assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] >= 4
        for one in path.parent.glob(f"{path.name}*"):
            one.unlink()

    def finish(self) -> int:
        self.phase = "unborn"
        life = Life(str(self.path), self.write_end, after=self.position, finish=True, mended=self.mended)
        pid = spawn(life)
        while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
            self.listen(0.02)
        self.listen(0)
        return ended[1]


def in_checkpoint(path: Path) -> bool:
    """Whether SQLite had begun to move pages of the log into the file, and not noted that it had finished."""
    try:
        shared = path.with_name(f"{path.name}-shm").read_bytes()
    except FileNotFoundError:
        return False
    # The index's header stands there twice, 48 bytes each; then pages moved, five marks, eight locks, pages
    # that were begun to be moved.
    moved, begun = (int.from_bytes(shared[place : place + 4], sys.byteorder) for place in (96, 128))
    return begun > moved


def main() -> None:
    path, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    nursery = Nursery(path, seed)
    for number in range(2 * kills):
        if number >= kills and (kills < 200 or nursery.has_met_all(kills)):
            break
        nursery.kill_one()
    status = nursery.finish()
    with closing(sqlite3.connect(path)) as connection:
        nursery.checks.add(connection.execute("PRAGMA integrity_check").fetchone()[0])
        runs = connection.execute("SELECT id, function, state FROM run").fetchall()
        messages = connection.execute("SELECT seq, id, run_id, channel FROM message ORDER BY seq").fetchall()
        positions = {seq: position_at(connection.execute, seq) for seq, *_ in messages}
        steps = connection.execute(
            "SELECT memo.state, count(*) FROM memo JOIN run ON run.number = memo.run "
            "WHERE function NOT LIKE 'victim%' GROUP BY memo.state"
        ).fetchall()
    found: dict[str, list[object]] = {run_id: [function, state, []] for run_id, function, state in runs}
    for _, message_id, run_id, _ in messages:
        found[run_id][2].append(message_id)  # type: ignore[attr-defined]
    print(
        json.dumps(
            {
                "status": status,
                "checks": sorted(nursery.checks),
                "seen": nursery.seen,
                "runs": found,
                "steps": dict(steps),
                "everyone": [
                    [positions[seq], one] for seq, one, _, channel in messages if channel == "job:everyone"
                ],
                "lines": nursery.lines,
                "mended": sorted(one.name for one in Path(nursery.mended).iterdir()),
                "left": sorted(one.name for one in path.parent.iterdir()),
            }
        )
    )


if __name__ == "__main__":
    main()
