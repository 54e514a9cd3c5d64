"""Several processes with one journal: they are killed and stopped, and runs go on elsewhere, once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.postgres.worker_child import LIMIT, PER_KEY, client_of
from tightbeam import Client

pytestmark = pytest.mark.slow

LEASE = 5.0
"""Of tests that wait for the end of one."""
_LONG = 15.0
"""Of tests in which no process is stopped: on a busy machine each may stand still for a moment."""


class Workers:
    """The processes of one test, and what they have told."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address
        self.lease = LEASE
        self.ledger = folder / "ledger"
        self.ledger.touch()
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        """Start one; it has entered when the ledger says so."""
        number = len(self.processes)
        with (self.folder / f"{number}.err").open("wb") as errors:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.postgres.worker_child",
                    self.address,
                    str(self.ledger),
                    str(self.lease),
                ],
                stdin=subprocess.PIPE,
                stderr=errors,
                cwd=Path(__file__).parents[2],
            )
        self.processes.append(process)
        return process

    async def started(self, number: int = 1) -> list[subprocess.Popen[bytes]]:
        """Start some, and wait until they have entered."""
        started = [self.start() for _ in range(number)]
        for process in started:
            await self.until(lambda pid=process.pid: any(pid == each[0] for each in self.told("entered")))
        return started

    def said(self, process: subprocess.Popen[bytes]) -> str:
        """Return what a process has logged."""
        return (self.folder / f"{self.processes.index(process)}.err").read_text()

    def told(self, what: str) -> list[tuple[int, str]]:
        """Return process and run of the lines of one kind."""
        lines = (line.split() for line in self.ledger.read_text().splitlines())
        return [(int(pid), rest) for pid, word, rest in lines if word == what]

    def hold(self) -> None:
        """Have second steps, and runs with limits, wait from now on, until `go`."""
        (self.folder / "hold").touch()

    def no_hold(self) -> None:
        """Have second steps that begin from now on not wait."""
        (self.folder / "hold").unlink()

    def go(self) -> None:
        """Have go on what waits."""
        (self.folder / "go").touch()

    async def until(self, happened: Callable[[], bool], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while not happened():  # noqa: ASYNC110 - other processes do it
                await asyncio.sleep(0.01)

    def close(self) -> None:
        for process in self.processes:
            if process.stdin is not None:
                process.stdin.close()
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(60)


@pytest.fixture
async def many(address: str, tmp_path: Path) -> AsyncIterator[Workers]:
    many = Workers(address, tmp_path)
    yield many
    await asyncio.to_thread(many.close)


@asynccontextmanager
async def sender(many: Workers) -> AsyncIterator[Client]:
    """Enter a client that executes nothing, as web processes do."""
    client = client_of(many.address, many.ledger, many.lease, run_functions=False)
    async with client:
        yield client


def rows(many: Workers, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(many.address) as connection:
        return connection.execute(query.encode()).fetchall()


async def test_a_process_that_executes_nothing_sends_and_waits(many: Workers) -> None:
    many.lease = _LONG
    (worker,) = await many.started()
    async with sender(many) as client:
        work = next(function for function in client.functions if function.id == "work")
        async with asyncio.timeout(60):
            assert await client.run(work, {}) == "done"
    assert {pid for pid, _ in many.told("first")} == {worker.pid}
    assert os.getpid() not in {pid for pid, _ in many.told("first")}


async def test_a_process_that_is_leaving_begins_nothing_more(many: Workers) -> None:
    many.lease = _LONG
    many.hold()
    (leaves,) = await many.started()
    async with sender(many) as client:
        (held,) = await client.send("app/work", {})
        await many.until(lambda: len(many.told("second")) == 1)
        many.no_hold()
        (stays,) = await many.started()
        assert leaves.stdin is not None
        leaves.stdin.close()
        retired = "SELECT FROM tightbeam.process WHERE functions = '{}' AND pid = "
        await many.until(lambda: len(rows(many, f"{retired}{leaves.pid}")) == 1)
        sent = {(await client.send("app/work", {}))[0] for _ in range(10)}
        for run_id in sent:
            await client.runs.wait(run_id)
        many.go()
        await client.runs.wait(held)
    begun = many.told("first")
    assert begun[0] == (leaves.pid, held)
    assert set(begun[1:]) == {(stays.pid, run_id) for run_id in sent}
    assert rows(many, "SELECT sum(deaths) FROM tightbeam.run") == [(0,)]


@pytest.mark.parametrize("event", ["app/work", "app/blocks"])
async def test_the_run_of_a_killed_process_goes_on_in_another(many: Workers, event: str) -> None:
    many.hold()
    (first,) = await many.started()
    async with sender(many) as client:
        (run_id,) = await client.send(event, {})
        await many.until(lambda: len(many.told("second")) == 1)
        many.no_hold()
        (second,) = await many.started()
        first.kill()
        first.wait(60)
        async with asyncio.timeout(60):
            await client.runs.wait(run_id)
    assert [pid for pid, _ in many.told("second")] == [first.pid, second.pid]
    if event == "app/work":  # what was remembered isn't done again
        assert [pid for pid, _ in many.told("first")] == [first.pid]
    assert [pid for pid, _ in many.told("went-on")] == [second.pid]
    assert rows(many, "SELECT count(*) FROM tightbeam.message") == [(1,)]
    assert rows(many, "SELECT state FROM tightbeam.run") == [("done",)]


@pytest.mark.parametrize("event", ["app/work", "app/blocks"])
async def test_a_process_that_was_stopped_for_longer_than_its_lease_writes_nothing(
    many: Workers, event: str
) -> None:
    many.hold()
    (zombie,) = await many.started()
    async with sender(many) as client:
        (run_id,) = await client.send(event, {})
        await many.until(lambda: len(many.told("second")) == 1)
        many.no_hold()
        (other,) = await many.started()
        zombie.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(60):
            await client.runs.wait(run_id)
        steps = "SELECT run_id, id, attempts, ended_at FROM tightbeam.step ORDER BY id"
        before = rows(many, steps), rows(many, "SELECT xid::text, seq FROM tightbeam.message")
        many.go()
        zombie.send_signal(signal.SIGCONT)
        await many.until(lambda: "goes on in another process" in many.said(zombie))
        # It registers anew, and takes part again.
        await asyncio.to_thread(_end, other)
        (again,) = await client.send("app/work", {})
        async with asyncio.timeout(60):
            await client.runs.wait(again)
    assert [pid for pid, run in many.told("went-on") if run == run_id] == [other.pid]
    assert [pid for pid, run in many.told("went-on") if run == again] == [zombie.pid]
    after = (
        rows(many, steps.replace("ORDER", f"WHERE run_id = '{run_id}' ORDER")),
        rows(many, f"SELECT xid::text, seq FROM tightbeam.message WHERE run_id = '{run_id}'"),
    )
    assert after == before


async def test_limits_hold_over_processes(many: Workers) -> None:
    many.lease = _LONG
    many.hold()
    await many.started(4)
    async with sender(many) as client:
        ids: list[str] = []
        async with asyncio.timeout(60):
            # Until another one has had a turn, too: the first may be quick to do all of them.
            while len({pid for pid, _ in many.told("+")}) < 2:
                sent = [run for n in range(24) for run in await client.send("app/few", {"key": f"k{n % 5}"})]
                await many.until(lambda: len(many.told("+")) >= LIMIT)  # as many as may execute at a time
                many.go()
                for run_id in sent:
                    await client.runs.wait(run_id)
                ids += sent
    executing: Counter[str] = Counter()
    most = 0
    for line in many.ledger.read_text().splitlines():
        _, sign, key = line.split()
        if sign in "+-":
            executing[key] += 1 if sign == "+" else -1
            most = max(most, executing.total())
            assert executing[key] <= PER_KEY
    assert most == LIMIT
    assert rows(many, "SELECT state, count(*) FROM tightbeam.run GROUP BY state") == [("done", len(ids))]


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(60) == 0
