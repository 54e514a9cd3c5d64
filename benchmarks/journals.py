"""The journals that the embedded engine's is measured beside, each in the fastest form it has."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from benchmarks.bindings import MEDIUM
from benchmarks.peers import PEERS, environment, peer

__all__ = ["on_disk", "raw", "seconds_together", "through_aiosqlite", "through_dbos", "two_commits"]

_TABLES = (
    "CREATE TABLE message (seq INTEGER PRIMARY KEY, channel TEXT, topic TEXT, id TEXT UNIQUE, data BLOB);"
    "CREATE TABLE memo (run_id TEXT, id TEXT, result BLOB, PRIMARY KEY (run_id, id)) WITHOUT ROWID"
)
_MESSAGE = "INSERT INTO message (channel, topic, id, data) VALUES ('c', 't', ?, ?)"
_MEMO = "INSERT INTO memo (run_id, id, result) VALUES ('r', ?, ?)"
_DATA = orjson.dumps(MEDIUM)


@contextmanager
def on_disk() -> Iterator[Path]:
    """On the disk of this checkout: the system's temporary folder may be in memory."""
    home = Path(".cache/bench").absolute()
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=home))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def raw(_callers: int, count: int) -> float:
    """The limit: a log file that is appended to and synced."""
    with on_disk() as folder:
        descriptor = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            os.write(descriptor, _DATA)
            os.fdatasync(descriptor)
            start = time.perf_counter()
            for _ in range(count):
                os.write(descriptor, _DATA)
                os.fdatasync(descriptor)
            return time.perf_counter() - start
        finally:
            os.close(descriptor)


async def seconds_together(
    callers: int, count: int, publish: Callable[[int, int], Awaitable[object]]
) -> float:
    """Seconds in which so many callers make `count` publishes together."""

    async def caller(number: int) -> None:
        for step in range(count // callers):
            await publish(number, step)

    start = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    return (time.perf_counter() - start) * count / (count // callers * callers)


def two_commits(count: int, before: int) -> float:
    """The message in one transaction, then the memo in another: repeats messages after a crash.

    ``before`` so many are made before those that are timed, until the log has its length.
    """
    with on_disk() as folder:
        connection = _database(folder / "peer.db")

        def publish(number: int) -> None:
            connection.execute(_MESSAGE, (f"m{number}", _DATA))
            connection.execute(_MEMO, (f"m{number}", _DATA))

        for number in range(before):
            publish(number)
        start = time.perf_counter()
        for number in range(before, before + count):
            publish(number)
        took = time.perf_counter() - start
        connection.close()
        return took


def _database(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {_TABLES}")
    return connection


async def through_aiosqlite(callers: int, count: int, before: int) -> float:
    """Message and memo in one transaction; one caller at a time, as one connection demands."""
    aiosqlite = peer("aiosqlite")
    with on_disk() as folder:
        _database(folder / "peer.db").close()
        async with aiosqlite.connect(folder / "peer.db", isolation_level=None) as connection:
            await connection.execute("PRAGMA synchronous = FULL")
            turn = asyncio.Lock()
            made = 0

            async def one(_number: int, _step: int) -> None:
                nonlocal made
                made += 1
                name = f"m{made}"
                async with turn:
                    await connection.execute("BEGIN IMMEDIATE")
                    await connection.execute(_MESSAGE, (name, _DATA))
                    await connection.execute(_MEMO, (name, _DATA))
                    await connection.execute("COMMIT")

            if before:
                await seconds_together(1, before, one)
            return await seconds_together(callers, count, one)


_DBOS = """
import asyncio, json, logging, sys, time
from dbos import DBOS
address, callers, count, data = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
DBOS(config={"name": "bench", "system_database_url": address, "log_level": "ERROR"})

@DBOS.workflow()
async def caller(steps: int) -> float:
    start = time.perf_counter()
    for _ in range(steps):
        await DBOS.write_stream_async("medium", data)
    return time.perf_counter() - start

async def main() -> None:
    DBOS.launch()
    start = time.perf_counter()
    handles = [await DBOS.start_workflow_async(caller, count // callers) for _ in range(callers)]
    own = [await handle.get_result() for handle in handles]
    took = own[0] if callers == 1 else time.perf_counter() - start
    print("TOOK", took * count / (count // callers * callers), flush=True)
    DBOS.destroy()

asyncio.run(main())
"""


def through_dbos(callers: int, count: int, address: str | None = None) -> float:
    """Return the seconds of DBOS, in a process of its own: it has threads and a state that outlive a run.

    Args:
        callers: how many publish together.
        count: of all together.
        address: of the server; None means a file.
    """
    with on_disk() as folder:
        done = subprocess.run(
            [
                sys.executable,
                "-W",
                "ignore",
                "-c",
                _DBOS,
                address or f"sqlite:///{folder / 'dbos.db'}",
                str(callers),
                str(count),
                json.dumps(MEDIUM),
            ],
            env=environment(PYTHONPATH=str(PEERS.absolute())),
            capture_output=True,
            text=True,
            check=True,
        )
        line = next(line for line in done.stdout.splitlines() if line.startswith("TOOK"))
        return float(line.split()[1])
