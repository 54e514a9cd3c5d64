"""Children whose N-th write, or sync, fails, for N from 1 until there is none left.

`strace` lets a thread's call number `FAULT` fail. So a child first makes as many harmless calls, on the
thread that it is about, as bring the call that is meant to that number. The call ``size`` needs no `strace`:
there the kernel refuses to let files grow beyond N pieces, which cuts a write short.

A process of its own without threads, from which children are forked:
python -m tests.tightbeam.engine.fault_nursery FOLDER CALL PLACE FIRST STRIDE.
Prints one JSON object a child, and begins each line of its own.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import resource
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.tightbeam.engine.doubles import BackendDouble
from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.engine.stores import KEEPS
from tests.tightbeam.engine.work import Look
from tightbeam import Client, Context, JournalFailed, JournalRefused, RunFailed
from tightbeam._client import client_over
from tightbeam._engine.backends import backend_for
from tightbeam._engine.session import Session
from tightbeam._engine.sqlite import file
from tightbeam._engine.sqlite import store as stores
from tightbeam._engine.store import Store

FAULT = 200
"""The number of the call that fails; in no place are there as many."""
PUBLISHES = 5
_PIECE = 509
"""Bytes; no divisor of a page."""

PLACES = ("publish", "create", "open", "recover", "operate")
CALLS = {
    "pwrite64": lambda libc, fd: libc.pwrite64(fd, b"x", 1, 0) == 1,
    "fdatasync": lambda libc, fd: libc.fdatasync(fd) == 0,
    "fsync": lambda libc, fd: libc.fsync(fd) == 0,
    "ftruncate": lambda libc, fd: libc.ftruncate(fd, 0) == 0,
}

assert Session is not None  # imported before the forks
_libc = ctypes.CDLL(None, use_errno=True)
ch = job_channel(job_id="j1")


class Traced:
    """Calls on the calling thread, harmless until one of them fails."""

    def __init__(self, folder: Path, call: str, number: int) -> None:
        self._spare = str(folder / "spare")
        self._call = CALLS[call]
        self._number = number

    def arm(self) -> None:
        """Make the calling thread's next call but `number - 1` the one that fails."""
        if self._fails_within(FAULT - self._number):
            raise AssertionError("a call failed too early")

    def is_left(self) -> bool:
        """Whether the call that was to fail hasn't been made yet; on the thread that was armed."""
        return self._fails_within(FAULT)

    def _fails_within(self, times: int) -> bool:
        descriptor = os.open(self._spare, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            return not all(self._call(_libc, descriptor) for _ in range(times))
        finally:
            os.close(descriptor)


class Sized:
    """A limit to the size of files, until the first failure."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._refused = False

    def arm(self) -> None:
        really = stores._failure

        def lift(error: BaseException) -> BaseException:
            if isinstance(error, sqlite3.Error):
                self._refused = True
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            return really(error)

        stores._failure = lift
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._number * _PIECE, resource.RLIM_INFINITY))

    def is_left(self) -> bool:
        return not self._refused


class Child:
    def __init__(self, path: Path, place: str, fault: Traced | Sized | None, pipe: int) -> None:
        self.path = path
        self.place = place
        self.fault = fault
        self.pipe = pipe
        self.double = BackendDouble(backend_for(path, KEEPS))
        # On a busy machine as well, the run ends before the client is left.
        self.client = client_over(
            self.double, retry_delay=timedelta(0), shutdown_timeout=timedelta(minutes=1)
        )
        self.told: dict[str, Any] = {"failed": [], "wrong": [], "received": [], "left": False}

    def tell(self, what: object) -> None:
        os.write(self.pipe, json.dumps(what).encode() + b"\n")

    def define(self) -> None:
        @self.client.function("work", on="app/work", retries=0)
        async def work(ctx: Context) -> None:
            for n in range(PUBLISHES):
                before = stored(self.path)
                try:
                    await ctx.step.realtime.publish(f"p{n}", ch.token, f"{n}" + "x" * 1000)
                except JournalFailed:
                    self.told["failed"].append(n)
                    await asyncio.sleep(0)  # if it had been sent, its reader would have it now
                    if stored(self.path) != before or n in self.told["received"]:
                        self.told["wrong"].append(f"p{n} was refused, and is there")
                    raise
                if not all(f"p{n}" in names for names in stored(self.path)):
                    self.told["wrong"].append(f"p{n} was acknowledged, and isn't there")
                self.tell({"ack": f"p{n}"})

        @self.client.function("sleeper")
        async def sleeper(ctx: Context) -> None:
            await ctx.step.sleep("nap", timedelta(days=1))

    def arm_when_opening(self, fault: Traced | Sized) -> None:
        ignore = self.double.opened

        def open_again() -> None:
            self.double.opened = ignore

        def opening() -> None:
            self.double.opening, self.double.opened = open_again, opened
            if self.place in ("create", "open"):
                fault.arm()

        def opened(store: Store) -> None:
            if self.place in ("publish", "recover", "operate"):
                store.call(Look(lambda tx: fault.arm()))
            else:
                self.told["left"] = self.is_left(fault)

        self.double.opening = opening

    def is_left(self, fault: Traced | Sized) -> bool:
        self.tell({"ack": "everything"})  # should looking be what kills it
        return fault.is_left()

    async def live(self) -> None:
        self.define()
        if self.fault is not None:
            self.arm_when_opening(self.fault)
        try:
            async with self.client:
                await self.finish()
                return
        except (JournalRefused, JournalFailed) as error:
            self.told["refused"] = str(error).replace(str(self.path), "PATH")
        async with self.client:  # the same client, in the same process
            await self.finish()

    async def finish(self) -> None:
        subscription = self.client.realtime.subscribe(ch.token, after="start")
        reading = asyncio.create_task(self.read(subscription))
        if self.place == "operate":
            await self.operate()
        while not any_run(self.path):
            try:
                await self.client.send("app/work")
            except JournalFailed:
                self.told["failed"].append("send")
        deadline = time.monotonic() + 60
        while len(self.told["received"]) < PUBLISHES and time.monotonic() < deadline:  # noqa: ASYNC110 - bounded
            await asyncio.sleep(0.002)
        fault = self.fault
        if (
            self.place in ("publish", "recover", "operate")
            and fault is not None
            and "refused" not in self.told
        ):
            self.told["left"] = await self.double.store.submit(Look(lambda _: self.is_left(fault)))
        subscription.close()
        await reading

    async def operate(self) -> None:
        """Cancel the run that sleeps, and retry the one that has failed, until each is acknowledged."""
        runs = self.client.runs
        sleeper, failed = (state_of(self.path, function) for function in ("sleeper", "work"))
        operations = [("cancel", runs.cancel, sleeper, "cancelled"), ("retry", runs.retry, failed, "")]
        for name, operate, (run_id, before), after in operations:
            while before != after and not (name == "retry" and before != "failed"):
                try:
                    await operate(run_id)
                except JournalFailed:
                    self.told["failed"].append(name)
                    if state_of_id(self.path, run_id) != before:
                        self.told["wrong"].append(f"{name} was refused, and was done")
                    continue
                if state_of_id(self.path, run_id) == before:
                    self.told["wrong"].append(f"{name} was acknowledged, and wasn't done")
                self.tell({"ack": name})
                break

    async def read(self, subscription: Any) -> None:
        async for message in subscription:
            self.told["received"].append(int(message.data[0]))

    def work(self) -> None:
        """From beginning to end, and tell what there was."""
        logging.disable()
        try:
            asyncio.run(self.live())
            self.told["stored"] = stored(self.path)
            with closing(sqlite3.connect(self.path)) as connection:
                self.told["check"] = connection.execute("PRAGMA quick_check").fetchone()[0]
                self.told["runs"] = connection.execute("SELECT state, attempt FROM run").fetchall()
        except BaseException:  # noqa: BLE001 - told to who reads
            self.told["error"] = traceback.format_exc()
        self.tell(self.told)


def stored(path: Path) -> list[list[str]]:
    """Steps and messages in the file, seen through a connection of its own."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        steps = connection.execute("SELECT id FROM memo WHERE state = 'done' ORDER BY id").fetchall()
        messages = connection.execute("SELECT id FROM message ORDER BY seq").fetchall()
    return [[one for (one,) in steps], [one.split(":")[1] for (one,) in messages]]


def state_of(path: Path, function: str) -> tuple[str, str]:
    """The id and the state of the one run of a function."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        run: tuple[str, str] = connection.execute(
            "SELECT id, state FROM run WHERE function = ?", (function,)
        ).fetchone()
    return run


def state_of_id(path: Path, run_id: str) -> str:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        state: str = connection.execute("SELECT state FROM run WHERE id = ?", (run_id,)).fetchone()[0]
    return state


def any_run(path: Path) -> bool:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT 1 FROM run").fetchone() is not None


def fork(work: Callable[[], None]) -> int:
    """The wait status of a child that does this; it may not take longer than two minutes."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(120)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1]


def tell(pipe: int, what: object) -> None:
    os.write(pipe, json.dumps(what).encode())


def apart(work: Callable[[], Any]) -> Any:
    """What this gives in a child: looking at a log writes, and those calls count as this process's."""
    read_end, write_end = os.pipe()
    fork(lambda: tell(write_end, work()))
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        return json.loads(pipe.read())


def interrupted(path: Path) -> None:
    """Leave a journal behind as a process does that dies in the middle of a run."""

    async def live() -> None:
        client = Client(path, retry_delay=timedelta(0))

        @client.function("work", on="app/work")
        async def work(ctx: Context) -> None:
            for n in range(2):
                await ctx.step.realtime.publish(f"p{n}", ch.token, f"{n}" + "x" * 1000)
            os._exit(0)

        async with client:
            await client.send("app/work")
            await asyncio.sleep(120)

    asyncio.run(live())


def to_operate(path: Path) -> None:
    """Leave a journal behind with a run that has failed, and one that sleeps for long."""

    async def live() -> None:
        client = Client(path, retry_delay=timedelta(0))

        @client.function("work", on="app/work", retries=0)
        async def work(ctx: Context) -> None:
            raise ValueError

        @client.function("sleeper", on="app/work")
        async def sleeper(ctx: Context) -> None:
            await ctx.step.sleep("nap", timedelta(days=1))

        async with client:
            for run_id in await client.send("app/work"):
                with suppress(RunFailed, TimeoutError):
                    await client.runs.wait(run_id, timeout=timedelta(seconds=0.1))
            while len(await client.runs.list(state="sleeping")) != 1:  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0.01)

    asyncio.run(live())


def run_child(path: Path, place: str, fault: Traced | Sized | None) -> dict[str, Any]:
    """What a child told, what it had acknowledged, and how it ended."""
    read_end, write_end = os.pipe()
    status = fork(Child(path, place, fault, write_end).work)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        lines = [json.loads(line) for line in pipe]
    told = lines.pop() if lines and "ack" not in lines[-1] else {}
    acknowledged = [line["ack"] for line in lines if line["ack"] != "everything"]
    if status and len(acknowledged) < len(lines):
        told["left"] = True
    return told | {"status": status, "acknowledged": acknowledged}


def tune(connection: sqlite3.Connection, really: Callable[[sqlite3.Connection], None] = file._tune) -> None:
    really(connection)
    connection.execute("PRAGMA wal_autocheckpoint = 12")  # so that checkpoints are among the writes


def main() -> None:
    folder, call, place = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    first, stride = int(sys.argv[4]), int(sys.argv[5])
    file._tune = tune
    assert place in PLACES
    for number in range(first, FAULT, stride):
        path = folder / f"{place}-{call}-{number}" / "app.db"
        path.parent.mkdir()
        if place in ("open", "recover"):
            fork(lambda path=path: interrupted(path))  # type: ignore[misc]
        if place == "operate":
            fork(lambda path=path: to_operate(path))  # type: ignore[misc]
        fault = Sized(number) if call == "size" else Traced(folder, call, number)
        told = run_child(path, place, fault)
        if told[
            "status"
        ]:  # killed at that call: what had been acknowledged, and what the next one makes of it
            told["before"] = apart(lambda path=path: stored(path) if path.exists() else [[], []])
            if place == "operate":
                told["states"] = apart(
                    lambda path=path: [state_of(path, one)[1] for one in ("sleeper", "work")]
                )
            told["after"] = run_child(path, place, None)
        print(json.dumps(told | {"number": number}), flush=True)
        if told.get("left") or told.get("error"):
            break


if __name__ == "__main__":
    main()
