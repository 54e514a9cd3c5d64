"""A journal's rows: those of an older format become today's, and a message is the memo of its publish."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient, digest, until
from tests.tightbeam.engine.samples import JobChannel
from tightbeam import Client, Context, JournalRefused
from tightbeam._engine.requests import ReadMessage
from tightbeam._engine.sqlite import file, inspect, retention
from tightbeam._engine.sqlite.answers import answer
from tightbeam._engine.sqlite.schema import MIGRATIONS, USER_VERSION
from tightbeam._engine.sqlite.transaction import Transaction

JOURNALS = Path(__file__).parent / "journals"
FOR_EVER = timedelta(days=36_500)
HALF = "01M82TFZBNZNNSFCXZYQX6F88N"
"""The run of the first format's journal that was killed after twelve publishes called `word`."""

MEMO = "id, kind, channel, topic, state, attempts, started_at, ended_at, wake_at, result, error_type"


def made_by(version: int, path: Path) -> None:
    """The journal that this version's code left behind when it was killed."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript((JOURNALS / f"format-{version}.sql").read_text("utf-8"))
        connection.execute("PRAGMA journal_mode = WAL").fetchone()


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def half(client: Client, ch: JobChannel, done: list[str]) -> None:
    """What the killed run's function was, up to where it was killed."""

    @client.function("half", on="app/half", retries=3)
    async def half(ctx: Context) -> None:
        while len(done) < 12:
            word = await ctx.step.realtime.publish("word", ch.token, "another word")
            done.append(word)

        async def count() -> int:
            raise AssertionError("it is remembered")

        assert await ctx.step.run("count", count) == 7
        await ctx.step.realtime.publish("shaky", ch.token, "no longer")
        done.append("end")


def test_every_older_format_has_a_journal_here() -> None:
    assert {f"format-{version}.sql" for version in MIGRATIONS} == {one.name for one in JOURNALS.iterdir()}
    assert sorted(MIGRATIONS) == list(range(1, USER_VERSION))


async def test_what_the_first_format_held_is_all_there(make_client: MakeClient, path: Path) -> None:
    made_by(1, path)
    steps = rows(path, f"SELECT {MEMO} FROM step ORDER BY id")
    messages = rows(
        path, "SELECT seq, channel, topic, run_id, id, created_at, data FROM message ORDER BY seq"
    )
    meta = rows(path, "SELECT name, value FROM meta ORDER BY name")
    runs = rows(path, "SELECT * FROM run ORDER BY id")
    assert len(steps) > len(messages) > 5

    async with make_client(retain_for=FOR_EVER):
        pass  # it has none of the functions, and leaves the runs alone

    assert rows(path, "PRAGMA user_version") == [(USER_VERSION,)]
    # What retention had dropped of a run that has ended is kept no longer.
    (begun,) = (row for row in steps if row[0] == "begin")
    steps[steps.index(begun)] = (*begun[:9], None, None)
    assert rows(path, f"SELECT {MEMO} FROM memo ORDER BY id") == steps
    assert (
        rows(path, "SELECT seq, channel, topic, run_id, id, created_at, data FROM message ORDER BY seq")
        == messages
    )
    assert rows(path, "SELECT name, value FROM meta WHERE name <> 'log' ORDER BY name") == meta
    after = rows(path, "SELECT * FROM run ORDER BY id")
    assert [row[:5] for row in after] == [row[:5] for row in runs]
    assert rows(path, "SELECT DISTINCT run.id FROM message JOIN run ON run.number = message.run") == [(HALF,)]
    twice = "SELECT 1 FROM step JOIN message ON message.run_id = step.run_id AND message.step_id = step.id"
    assert rows(path, twice) == []
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


async def test_a_run_of_the_first_format_goes_on_where_it_was(
    make_client: MakeClient, path: Path, ch: JobChannel
) -> None:
    made_by(1, path)
    client = make_client(retain_for=FOR_EVER)
    done: list[str] = []
    half(client, ch, done)
    async with client:
        subscription = client.realtime.subscribe(ch.token, after="059e2ce1f6f0:11")
        got = [(await anext(subscription)).data for _ in range(3)]
    assert done == [*(f"w{n}" for n in range(12)), "end"]
    assert got == ["w10", "w11", "no longer"]
    detail = inspect.run(path, HALF)
    assert detail.summary.state == "done"
    assert [step.id for step in detail.steps if step.kind == "step.realtime.publish"] == [
        *("word", *(f"word:{n}" for n in range(1, 12))),
        "shaky",
    ]
    assert detail.messages[0].id == f"{HALF}:word:3"
    assert detail.messages[0].position == "059e2ce1f6f0:5"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert answer(Transaction(connection), ReadMessage(f"{HALF}:word:11")) == (b'"w11"', 5)
        assert answer(Transaction(connection), ReadMessage(f"{HALF}:word:2")) is None
        assert answer(Transaction(connection), ReadMessage("word")) is None


async def test_what_the_second_format_held_goes_on(
    make_client: MakeClient, path: Path, ch: JobChannel
) -> None:
    """Its runs that ended, failed once, sleep, and were killed; failures are counted from what it knew."""
    made_by(2, path)
    messages = rows(path, "SELECT seq, channel, topic, run_id, id, created_at, data FROM message")
    steps = rows(path, f"SELECT {MEMO} FROM memo ORDER BY run, id")
    client = make_client(retain_for=FOR_EVER)
    said: list[str] = []

    @client.function("half", on="app/half")
    async def half(ctx: Context) -> None:
        said.extend([await ctx.step.realtime.publish("word", ch.token, "another word") for _ in range(6)])

    async with client:
        await until(lambda: inspect.runs(path)[-1].state == "done")
    assert said == [f"w{n}" for n in range(6)]
    assert rows(path, "SELECT seq, channel, topic, run_id, id, created_at, data FROM message") == messages
    assert rows(path, f"SELECT {MEMO} FROM memo ORDER BY run, id") == steps
    assert rows(path, "SELECT function, failures, traceback FROM run ORDER BY number") == [
        ("done", 0, None),
        ("broken", 1, None),
        ("flaky", 1, None),
        ("asleep", 0, None),
        ("half", 0, None),
    ]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


ODD = [
    "n\0ul",
    "n\0",
    "\0",
    "a:",
    "a::",
    ":",
    "12",
    "1:x",
    "a1",
    "\u0663",
    "it's",
    "\n",
    ";",
    "\U0001f600",
    "x" * 5_000,
]


async def test_names_of_every_kind_are_told_from_their_numbers(make_client: MakeClient, path: Path) -> None:
    made_by(1, path)
    expected = []
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for place, (name, number) in enumerate(itertools.product(ODD, (0, 1, 10)), 14):
            step_id = f"{name}:{number}" if number else name
            expected.append((place, f"{HALF}:{name}:{number}", step_id, name, number, 5, 6))
            connection.execute(
                "INSERT INTO message VALUES (?, 'job:j1', 'token', ?, ?, ?, ?)",
                (place, HALF, f"{HALF}:{name}:{number}", 2_000_000_000_000_000 + place * 1_000, b'""'),
            )
            connection.execute(
                "INSERT INTO step VALUES (?, ?, 'step.realtime.publish', 'job:j1', 'token', 'done', 1, 5, 6, "
                "NULL, ?, NULL, NULL)",
                (HALF, step_id, b'""'),
            )
        connection.commit()
    async with make_client(retain_for=FOR_EVER):
        pass
    found = (
        "SELECT seq, id, step_id, step, number, started_at, ended_at FROM message WHERE seq > 13 ORDER BY seq"
    )
    assert rows(path, found) == expected
    assert rows(path, "SELECT count(*) FROM step WHERE started_at = 5") == [(0,)]


async def test_what_others_put_beside_our_tables_stays(make_client: MakeClient, path: Path) -> None:
    made_by(1, path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (run INTEGER REFERENCES run (number))")
        connection.execute("CREATE VIEW mine AS SELECT run.id, data FROM run JOIN step ON run_id = run.id")
        connection.commit()
    async with make_client(retain_for=FOR_EVER):
        pass
    ((table,),) = rows(path, "SELECT sql FROM sqlite_schema WHERE name = 'theirs'")
    assert table == "CREATE TABLE theirs (run INTEGER REFERENCES run (number))"
    assert rows(path, "SELECT DISTINCT id FROM mine WHERE data IS NOT NULL")


async def test_no_room_to_migrate(
    make_client: MakeClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is told, and the file is as it was."""
    made_by(1, path)
    before = digest(path)
    really = file._tune

    def small(connection: sqlite3.Connection) -> None:
        really(connection)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()

    monkeypatch.setattr(file, "_tune", small)
    with pytest.raises(JournalRefused, match="database or disk is full"):
        async with make_client():
            pass
    assert digest(path) == before
    assert rows(path, "PRAGMA user_version") == [(1,)]


async def test_a_memo_outlives_its_message(
    make_client: MakeClient, path: Path, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_BATCHES", 1)
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
    monkeypatch.setattr(retention, "_BATCHES", 1)
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
    (step,) = inspect.run(path, run_id).steps
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
    monkeypatch.setattr(retention, "_BATCHES", 1)

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
        await until(lambda: inspect.runs(path) == [])
    assert rows(path, "SELECT run_id FROM message") == [(first,)]  # the last message stays
    with contextlib.closing(sqlite3.connect(path)) as connection:
        said = f'"{first}"'.encode()
        assert answer(Transaction(connection), ReadMessage(f"{first}:said:0")) == (said, len(said))
    again = make_client()
    work = work_of(again)
    async with again:
        second = await again.run(work)
    assert rows(path, "SELECT run_id FROM message ORDER BY seq") == [(first,), (second,)]


async def test_an_older_journal_that_lacks_something_stays_as_it_is(
    make_client: MakeClient, path: Path
) -> None:
    made_by(1, path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM meta WHERE name = 'epoch'")
    with pytest.raises(JournalRefused, match="its epoch is missing"):
        async with make_client():
            pass
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
