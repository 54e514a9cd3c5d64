"""A journal's format: another one is refused, and in today's a message is the memo of its publish."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine import inspection
from tests.tightbeam.engine.conftest import MakeClient, digest, until
from tests.tightbeam.engine.samples import JobChannel
from tightbeam import Client, Context, JournalRefused
from tightbeam._engine import trimming
from tightbeam._engine.requests import ReadMessage
from tightbeam._engine.sqlite.answers import answer
from tightbeam._engine.sqlite.backup import back_up
from tightbeam._engine.sqlite.checkup import check_up
from tightbeam._engine.sqlite.transaction import Transaction

JOURNALS = Path(__file__).parent / "journals"


def made_by(version: int, path: Path) -> None:
    """The journal that this version's code left behind when it was killed."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript((JOURNALS / f"format-{version}.sql").read_text("utf-8"))
        connection.execute("PRAGMA journal_mode = WAL").fetchone()


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


async def test_a_journal_of_an_older_format_is_refused_untouched(make_client: MakeClient, path: Path) -> None:
    """Where a client opens it, and where it is looked at, checked or copied."""
    made_by(3, path)
    before = digest(path)

    async def enter() -> None:
        async with make_client():
            pass

    def open_() -> None:
        asyncio.run(enter())

    copy = path.with_name("copy.db")
    for work in (open_, lambda: inspection.runs(path), lambda: check_up(path), lambda: back_up(path, copy)):
        with pytest.raises(
            JournalRefused,
            match=rf"^{path} has format 3, and .* reads format 4 only: move away {path}.*, and begin",
        ):
            await asyncio.to_thread(work)
    assert digest(path) == before
    assert not copy.exists()


async def test_a_memo_outlives_its_message(
    make_client: MakeClient, path: Path, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimming, "_BATCHES", 1)
    client = make_client(retain_messages=2)
    attempts: list[list[int]] = []

    @client.function("work", retries=1)
    async def work(ctx: Context) -> None:
        attempts.append([])
        for n in range(10):
            message = await ctx.step.realtime.publish("tick", ch.tick, {"n": n + 100 * ctx.attempt})
            attempts[-1].append(message.n)
        if ctx.attempt == 0:
            raise RuntimeError("once more")

    async with client:
        await client.run(work)
    assert attempts == [list(range(10))] * 2
    assert rows(path, "SELECT count(*), min(seq), max(seq) FROM message") == [(2, 9, 10)]
    assert rows(path, "SELECT count(*), count(DISTINCT id) FROM memo") == [(10, 10)]


async def test_what_retention_drops_after_a_run_has_ended_is_gone(
    make_client: MakeClient, path: Path, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimming, "_BATCHES", 1)
    client = make_client(retain_messages=1)

    @client.function("first")
    async def first(ctx: Context) -> str:
        await ctx.step.realtime.publish("said", ch.token, "a secret")
        return ctx.run_id

    @client.function("second")
    async def second(ctx: Context) -> None:
        for n in range(3):
            await ctx.step.realtime.publish("tick", ch.tick, {"n": n})

    async with client:
        run_id = await client.run(first)
        await client.run(second)
    (step,) = inspection.run(path, run_id).steps
    assert (step.id, step.kind, step.topic, step.state) == ("said", "step.realtime.publish", "token", "done")
    assert rows(path, "SELECT count(*) FROM memo WHERE instr(result, 'a secret')") == [(0,)]


async def test_a_step_that_failed_may_become_a_publish(client: Client, path: Path, ch: JobChannel) -> None:
    """The code was changed between two attempts; what failed was never remembered."""

    executions = 0

    @client.function("work", retries=2)
    async def work(ctx: Context) -> str:
        nonlocal executions
        executions += 1

        async def fail() -> None:
            raise RuntimeError("not yet")

        if executions == 1:
            await ctx.step.run("say", fail)
        said = await ctx.step.realtime.publish("say", ch.token, f"in execution {executions}")
        if executions == 2:
            raise RuntimeError("and once more")
        return said

    async with client:
        assert await client.run(work) == "in execution 2"
    assert executions == 3
    assert rows(path, "SELECT id, kind, state FROM memo") == [("say", "step.realtime.publish", "done")]


async def test_a_number_of_a_run_that_is_gone_is_not_given_again(
    make_client: MakeClient, path: Path, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its messages may still be there, and would be taken for memos of the new run."""
    monkeypatch.setattr(trimming, "_BATCHES", 1)

    def work_of(client: Client) -> Any:
        @client.function("work")
        async def work(ctx: Context) -> str:
            await ctx.step.realtime.publish("said", ch.token, ctx.run_id)
            return ctx.run_id

        return work

    client = make_client(retain_for=timedelta(0))
    work = work_of(client)
    async with client:
        first = await client.run(work)
        await until(lambda: inspection.runs(path) == [])
    assert rows(path, "SELECT run_id FROM message") == [(first,)]  # the last message stays
    with contextlib.closing(sqlite3.connect(path)) as connection:
        said = f'"{first}"'.encode()
        assert answer(Transaction(connection), ReadMessage(f"{first}:said:0")) == (said, len(said))
    again = make_client()
    work = work_of(again)
    async with again:
        second = await again.run(work)
    assert rows(path, "SELECT run_id FROM message ORDER BY seq") == [(first,), (second,)]
