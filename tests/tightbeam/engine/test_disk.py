"""The disk: what is synced before a publish returns, and what happens when it is full."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine import inspection
from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.samples import JobChannel, Tick
from tests.tightbeam.engine.stores import Storage
from tests.tightbeam.engine.work import Look, Work, busy
from tightbeam import Client, Context, ContextSync, JournalFailed
from tightbeam._engine import execution, trimming
from tightbeam._engine.records import Publish
from tightbeam._engine.requests import Claim
from tightbeam._engine.sqlite.messages import append
from tightbeam._message import now_us

pytestmark = pytest.mark.usefixtures("path")  # see `tests.tightbeam.engine.stores`

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])}

# Prints a line before and after each await; the lines and the syncs then stand in one trace, in order.
PUBLISHER = """
import asyncio, os, sys
from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client
ch = job_channel(job_id="j1")
client = Client(sys.argv[1])

@client.function("work")
async def work(ctx):
    async def idle(): ...
    for n in range(10):
        os.write(2, b"durable-begin\\n")
        await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
        os.write(2, b"durable-end\\n")
    for n in range(10):
        os.write(2, b"live-begin\\n")
        await ctx.publish(ch.tick, {"n": n})
        os.write(2, b"live-end\\n")

async def main():
    async with client:
        await client.run(work)
asyncio.run(main())
"""


def trace(path: Path, output: Path) -> str | None:
    """The system calls that matter, in order; None where tracing isn't possible."""
    if shutil.which("strace") is None:
        return None
    command = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync,write", "-o", str(output)]
    subprocess.run(
        [*command, sys.executable, "-c", PUBLISHER, str(path)],
        env=ENVIRONMENT,
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    text = output.read_text() if output.exists() else ""
    return text if "durable-end" in text else None


def test_g1_the_log_is_synced_before_a_durable_publish_returns(path: Path, tmp_path: Path) -> None:
    text = trace(path, tmp_path / "trace")
    if text is None:
        pytest.skip("strace is not installed, or not allowed to trace here")
    durable = re.findall(r'"durable-begin\\n".*?"durable-end\\n"', text, re.DOTALL)
    live = re.findall(r'"live-begin\\n".*?"live-end\\n"', text, re.DOTALL)
    assert (len(durable), len(live)) == (10, 10)
    # Completed: a call that another thread interrupts in the trace is shown as unfinished, then resumed.
    done = re.compile(
        r"(fdatasync|fsync)\(\d+<[^>]*app\.db-wal>\)\s*= 0|<\.\.\. (fdatasync|fsync) resumed>\)\s*= 0"
    )
    assert all(done.search(between) for between in durable)
    assert not any(done.search(between) for between in live)


async def test_g1_message_and_memo_are_committed_when_the_publish_returns(
    client: Client, path: Path, ch: JobChannel
) -> None:
    seen = []

    @client.function("work")
    async def work(ctx: Context) -> None:
        for n in range(5):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
            detail = inspection.run(path, ctx.run_id)  # through a connection of its own
            seen.append((len(detail.steps), len(detail.messages)))

    async with client:
        await client.run(work)
    assert seen == [(n, n) for n in range(1, 6)]


async def limit_pages(storage: Storage, more: int | None) -> None:
    """Leave room for so many pages, as a full disk would; None gives all the room back."""

    def work(tx: Any) -> None:
        (pages,) = tx.execute("PRAGMA page_count").fetchone()
        tx.execute(f"PRAGMA max_page_count = {pages + more if more is not None else 1 << 30}").fetchone()

    await storage.double.store.submit(Look(work))


async def test_g8_a_full_disk_publishes_nothing_and_loses_no_run(
    make_client: MakeClient, storage: Storage, path: Path, ch: JobChannel
) -> None:
    client = make_client()
    errors: list[JournalFailed] = []
    attempts = []

    @client.function("work", retries=0)
    async def work(ctx: Context) -> Tick:
        attempts.append(ctx.attempt)
        await ctx.step.realtime.publish("fits", ch.token, "x")
        if not errors:
            await limit_pages(storage, 2)
        try:
            await ctx.step.realtime.publish("large", ch.token, "x" * 100_000)
        except JournalFailed as error:
            errors.append(error)
            detail = inspection.run(path, ctx.run_id)
            assert [step.id for step in detail.steps] == ["fits"]
            await limit_pages(storage, None)
            raise
        return Tick(n=1)

    subscription = client.realtime.subscribe(ch.token)
    async with client:
        # Not an attempt: it is the disk's fault, and there are no retries to lose.
        assert await client.run(work) == Tick(n=1)
    assert len(errors) == 1
    assert attempts == [0, 0]
    assert [len(message.data) async for message in subscription] == [1, 100_000]


async def test_g8_what_was_not_stored_gives_no_attempt_back(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    attempts = []

    @client.function("work", retries=1)
    async def work(ctx: Context) -> None:
        attempts.append(ctx.attempt)
        if ctx.attempt:
            await limit_pages(storage, 2)
            with pytest.raises(JournalFailed):
                await ctx.step.realtime.publish("large", ch.token, "x" * 100_000)
            await limit_pages(storage, None)
        raise ValueError("its own fault")

    async with client, asyncio.timeout(30):
        with pytest.raises(ValueError, match="its own fault"):
            await client.run(work)
    assert attempts == [0, 1]


async def test_g8_one_failure_in_a_batch_does_not_take_others_along(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    subscription = client.realtime.subscribe(ch.tick)
    async with client:
        store = storage.double.store

        def insert(tx: Any) -> None:
            tx.execute("INSERT INTO meta VALUES ('a', 1)")

        def fail(tx: Any) -> None:
            tx.execute("INSERT INTO meta VALUES ('b', 1)")
            raise ValueError("mine alone")

        def hold(tx: Any) -> None:
            tx.execute("SELECT 1")

        async with asyncio.timeout(30):
            outcomes = await asyncio.gather(
                *(store.submit(Work(work)) for work in (hold, insert, fail, hold)), return_exceptions=True
            )
        query = "SELECT name FROM meta ORDER BY name"
        rows = await store.submit(Look(lambda tx: tx.execute(query).fetchall()))
    assert [type(outcome) for outcome in outcomes] == [type(None), type(None), ValueError, type(None)]
    assert [name for (name,) in rows] == ["a", "epoch", "log"]
    assert [message async for message in subscription] == []


async def test_house_keeping_that_fails_ends_nothing(
    client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not for the disk's sake, which is tried again: out of memory, or a mistake of ours."""

    def fail(tx: object, retention: object, now: int) -> bool:
        raise MemoryError

    monkeypatch.setattr(trimming, "trim", fail)

    @client.function("work")
    async def work(ctx: Context) -> int:
        return (await ctx.step.realtime.publish("p", ch.tick, {"n": 1})).n

    async with client:
        assert [await asyncio.wait_for(client.run(work), 30) for _ in range(40)] == [1] * 40
    assert "house-keeping failed" in caplog.text


def lose_everything(tx: Any) -> None:
    """As SQLite does when the disk is full."""
    tx.execute("ROLLBACK")
    raise sqlite3.OperationalError("database or disk is full")


async def test_a_reader_never_sees_what_is_not_committed(client: Client, storage: Storage) -> None:
    def insert(tx: Any) -> None:
        tx.execute("INSERT INTO meta VALUES ('a', 1)")

    def names(tx: Any) -> list[str]:
        return [name for (name,) in tx.execute("SELECT name FROM meta ORDER BY name")]

    async with client:
        store = storage.double.store
        async with busy(store):
            requests = (Work(insert), Look(names), Work(lose_everything))
            batch = [store.submit(request) for request in requests]
        inserted, read, lost = await asyncio.gather(*batch, return_exceptions=True)
    assert [type(outcome) for outcome in (inserted, lost)] == [JournalFailed, JournalFailed]
    assert read == ["epoch", "log"]


# The real thing: the kernel refuses to let the log grow (as on a full disk), in a process of its own.
LIMITED = """
import asyncio, json, resource, sys
from datetime import timedelta
from pathlib import Path
from tests.tightbeam.engine import inspection
from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.engine import inspection
from tightbeam import Client, JournalFailed
ch = job_channel(job_id="j1")
path = Path(sys.argv[1])
client = Client(path, retry_delay=timedelta(0))
failed = []

@client.function("work", retries=0)
async def work(ctx):
    published = []
    for n in range(40):
        try:
            await ctx.step.realtime.publish(f"p{n}", ch.token, f"{n:03}" * 3000)
            published.append(n)
        except JournalFailed:
            failed.append(n)
            steps = [step.id for step in inspection.run(path, ctx.run_id).steps]
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            return [published, steps, [step.id for step in inspection.run(path, ctx.run_id).steps]]
    return None

async def main():
    subscription = client.realtime.subscribe(ch.token)
    async with client:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
        published, steps, after = await client.run(work)
    received = [int(message.data[:3]) async for message in subscription]
    told = {"published": published, "steps": steps, "after": after, "failed": failed, "received": received}
    print(json.dumps(told))
asyncio.run(main())
"""


@pytest.mark.slow
def test_g8_when_the_kernel_refuses_to_write(path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        env=ENVIRONMENT,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert len(told["published"]) >= 3
    assert told["failed"] == [len(told["published"])]
    assert told["received"] == told["published"]
    expected = sorted(f"p{n}" for n in told["published"])
    assert sorted(told["steps"]) == sorted(told["after"]) == expected


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_g8_a_handler_may_go_on_after_the_disk_was_full(
    client: Client, storage: Storage, ch: JobChannel, kind: str
) -> None:
    """The step that wasn't stored is over: nobody waits for it, and its name may be used again."""

    loop = asyncio.get_running_loop()

    def limit_sync(more: int | None) -> None:
        asyncio.run_coroutine_threadsafe(limit_pages(storage, more), loop).result(30)

    @client.function("async", retries=0)
    async def async_(ctx: Context) -> str:
        await limit_pages(storage, 2)
        with pytest.raises(JournalFailed):
            await ctx.step.realtime.publish("large", ch.token, "x" * 100_000)
        await limit_pages(storage, None)
        return await ctx.step.realtime.publish("large", ch.token, "small")

    @client.function("sync", retries=0)
    def sync(ctx: ContextSync) -> str:
        limit_sync(2)
        with pytest.raises(JournalFailed):
            ctx.step.realtime.publish("large", ch.token, "x" * 100_000)
        limit_sync(None)
        return ctx.step.realtime.publish("large", ch.token, "small")

    functions = {function.id: function for function in client.functions}
    async with client, asyncio.timeout(30):
        assert await client.run(functions[kind]) == "small"


def test_a_caller_whose_event_loop_is_gone_harms_nobody(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    @client.function("work")
    async def work(ctx: Context) -> int:
        return (await ctx.step.realtime.publish("p", ch.tick, {"n": 5})).n

    async def main() -> int:
        async with client, asyncio.timeout(60):
            store = storage.double.store
            async with busy(store):

                async def ask() -> None:
                    store.submit(Work(lambda tx: None))

                await asyncio.to_thread(asyncio.run, ask())  # its loop is closed before there is an answer
            return await client.run(work)

    assert asyncio.run(main()) == 5


async def test_what_a_request_that_failed_had_published_is_handed_to_nobody(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    """Whether it is tried alone, or behind others of its batch that are stored."""

    def publish(n: int, fails: bool = False) -> Any:
        def work(tx: Any) -> None:
            publish = Publish(1, "r", f"p{n}", 0, ch.name, "tick", b'{"n":%d}' % n, 0)
            assert append(tx, publish, f"p{n}", now_us())
            if fails:
                raise ValueError("mine alone")

        return work

    subscription = client.realtime.subscribe(ch.tick)
    async with client, asyncio.timeout(30):
        store = storage.double.store
        batch = (publish(1), publish(2, fails=True), publish(3))
        outcomes = await asyncio.gather(*(store.submit(Work(work)) for work in batch), return_exceptions=True)
        stored = client.realtime.subscribe(ch.tick, after="start")
        assert [(await anext(stored)).data.n for _ in range(2)] == [1, 3]
    assert [type(outcome) for outcome in outcomes] == [type(None), ValueError, type(None)]
    assert [message.data.n async for message in subscription] == [1, 3]


async def test_g8_a_full_disk_is_not_asked_again_at_once(
    client: Client, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the delay of retries is."""
    monkeypatch.setattr(execution, "_LEAST_JOURNAL_DELAY", 3600.0)

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        raise JournalFailed("the journal failed: database or disk is full")

    async with client:
        (run_id,) = await client.send("app/work")
        await until(lambda: inspection.run(path, run_id).summary.error_type == "JournalFailed")
    summary = inspection.run(path, run_id).summary
    assert summary.due_at >= summary.created_at + timedelta(hours=1)


async def test_each_caller_gets_an_error_of_its_own(client: Client, storage: Storage) -> None:
    """Of one that took a whole batch along: whoever raises it again adds to its traceback."""
    async with client:
        store = storage.double.store
        async with busy(store):
            batch = [store.submit(Work(work)) for work in (lambda tx: None, lose_everything, lambda tx: None)]
        errors = await asyncio.gather(*batch, return_exceptions=True)
    assert [type(error) for error in errors] == [JournalFailed] * 3
    assert len({id(error) for error in errors}) == 3
    assert all("disk is full" in str(error) for error in errors)


@pytest.mark.slow
async def test_a_claim_that_fails_is_tried_again(
    client: Client, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """Were it not, nothing would run any more."""
    storage.double.fail(Claim, 1)

    @client.function("work")
    async def work(ctx: Context) -> str:
        return "done"

    async with client, asyncio.timeout(30):
        assert await client.run(work) == "done"
    assert "can't be read from the journal" in caplog.text
