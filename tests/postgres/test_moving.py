"""`tightbeam move`: what a file holds is in the database afterwards, or nothing is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.tightbeam.engine.conftest import until
from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client, Context
from tightbeam._engine.addresses import Address
from tightbeam._engine.backends import journal_file_at
from tightbeam._engine.moving import COLUMNS
from tightbeam._engine.postgres.connecting import Connector
from tightbeam._engine.postgres.opening import make_schema
from tightbeam._engine.requests import MAX_DEATHS, ListRuns
from tightbeam._engine.settings import OnServer
from tightbeam_cli import main

pytestmark = pytest.mark.slow


def program(path: Path | str) -> Client:
    """Functions that end, fail, sleep, and wait for their key."""
    client = Client(path, shutdown_timeout=timedelta(milliseconds=200), retry_delay=timedelta(0))
    ch = job_channel(job_id="j1")

    @client.function("publish", on="app/publish")
    async def publish(ctx: Context) -> str:
        await ctx.step.realtime.publish("twice", ch.tick, {"n": 1})
        await ctx.step.realtime.publish("twice", ch.tick, {"n": 2})
        return "published"

    @client.function("fail", on="app/fail", retries=0)
    async def fail(ctx: Context) -> None:
        raise ValueError("with a \0 in its text")

    @client.function("sleep", on="app/sleep")
    async def sleep(ctx: Context) -> str:
        value = await ctx.step.run("first", first)
        await ctx.step.sleep("nap", timedelta(days=1))
        return value

    @client.function("hang", on="app/hang", concurrency=(1, "event.data.key"))
    async def hang(ctx: Context) -> None:
        await asyncio.sleep(3600)

    return client


async def first() -> str:
    """The result of a step that must not be executed again."""
    return "remembered"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with runs in every state, as a process leaves it that was killed; messages, and a schedule."""
    path = tmp_path / "app.db"
    client = program(path)

    async def fill() -> None:
        async with client:
            for name in ("app/publish", "app/fail", "app/sleep", "app/publish"):
                await client.send(name, id="k1" if name == "app/sleep" else None)
            for _ in range(2):
                await client.send("app/hang", {"key": "a"})
            await client.send("app/publish", delay=timedelta(hours=1))
            await until(lambda: len(settled(path)) == 4)

    asyncio.run(fill())
    change(path, "UPDATE run SET state = 'running', deaths = 1, due_at = 1 WHERE function = 'hang'")
    change(path, "UPDATE run SET held = 1, state = 'ready' WHERE number = (SELECT max(number) FROM run "
           "WHERE function = 'hang')")  # fmt: skip
    change(path, "INSERT INTO schedule VALUES ('publish', '0 3 * * *', 'UTC', 5)")
    change(path, "INSERT INTO meta VALUES ('trimmed_created_at', 7)")
    return path


def settled(path: Path) -> list[str]:
    """The states of the runs that go no further by themselves."""
    runs = journal_file_at(path).read(ListRuns(100))
    return [run.state for run in runs if run.state in ("done", "failed", "sleeping")]


def change(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def rows(path: Path, table: str) -> list[tuple[Any, ...]]:
    """The rows of a table in the file, ordered."""
    order = {"message": "seq", "run": "number"}.get(table, "1, 2")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        columns = ", ".join(
            "NULL" if name == "id" and table == "message" else name for name in COLUMNS[table]
        )
        return connection.execute(f"SELECT {columns} FROM {table} ORDER BY {order}").fetchall()


class Target:
    """The database, as the server has it."""

    def __init__(self, address: str) -> None:
        self.address = address

    def query(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.address, autocommit=True, options="-c search_path=tightbeam") as connection:
            return connection.execute(query.encode()).fetchall()

    def do(self, statement: str) -> None:
        with psycopg.connect(self.address, autocommit=True, options="-c search_path=tightbeam") as connection:
            connection.execute(statement.encode())

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        order = {"message": "xid, seq", "run": "number"}.get(table, "1, 2")
        return self.query(f"SELECT {', '.join(COLUMNS[table])} FROM {table} ORDER BY {order}")

    @property
    def counts(self) -> dict[str, int]:
        return {table: self.query(f"SELECT count(*) FROM {table}")[0][0] for table in COLUMNS}


def made(target: Target) -> None:
    """Make the tables, as entering a client does."""
    with Connector(Address(target.address), *OnServer()).connect("test") as connection:
        make_schema(connection, "tightbeam")


@pytest.fixture
def target(address: str) -> Target:
    return Target(address)


def test_all_that_a_file_holds(path: Path, target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    before = {table: rows(path, table) for table in COLUMNS}
    assert main(["move", str(path), target.address]) == 0
    out = capsys.readouterr().out
    assert ": 7 runs (4 unfinished), 4 messages\n" in out
    for table in ("message", "schedule", "step"):
        assert target.rows(table) == before[table]
    for old, new in zip(before["run"], target.rows("run"), strict=True):
        was, now = dict(zip(COLUMNS["run"], old, strict=True)), dict(zip(COLUMNS["run"], new, strict=True))
        if was["function"] == "hang":
            assert (now.pop("state"), now.pop("held")) == ("ready", False)
            assert now.pop("deaths") == was["deaths"] + (was.pop("state") == "running")
            was.pop("deaths"), was.pop("held")
        assert {**now, "dated": int(now["dated"]), "held": 0} == {**was, "held": 0} | {
            name: text.replace("\0", "\ufffd")
            for name in ("error_text", "traceback")
            if (text := was[name]) is not None
        }
    assert target.query("SELECT value FROM meta WHERE name = 'trimmed_us'") == [("7",)]
    assert target.query("SELECT count(DISTINCT xid), min(seq) < max(seq) FROM message") == [(1, True)]
    assert target.query("SELECT nextval(pg_get_serial_sequence('run', 'number')) > max(number) FROM run") == [
        (True,)
    ]
    assert {table: rows(path, table) for table in COLUMNS} == before


def test_a_second_time_is_refused(path: Path, target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["move", str(path), target.address]) == 0
    counts = target.counts
    assert main(["move", str(path), target.address]) == 2
    assert "isn't empty, its table run has rows: name another schema" in capsys.readouterr().err
    assert target.counts == counts
    assert main(["move", str(path), target.address, "--postgres-schema", "other"]) == 0


@pytest.mark.parametrize("table", ["run", "step", "message", "schedule"])
def test_all_or_nothing(path: Path, target: Target, capsys: pytest.CaptureFixture[str], table: str) -> None:
    """What the server refuses in the last row of a table, it refuses as a whole."""
    made(target)
    target.do(
        f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more'; END $$; "
        f"CREATE TRIGGER refuse AFTER INSERT ON {table} EXECUTE FUNCTION refuse()"
    )
    assert main(["move", str(path), target.address]) == 2
    assert "no more" in capsys.readouterr().err
    assert set(target.counts.values()) == {0}


def test_messages_that_outlive_their_run(path: Path, target: Target) -> None:
    change(path, "DELETE FROM run WHERE function = 'publish' AND number = (SELECT min(number) FROM run)")
    assert main(["move", str(path), target.address]) == 0
    ids = target.query("SELECT id, run_id, step, number FROM message ORDER BY xid, seq")
    assert [one and one == f"{run}:{step}:{number}" for one, run, step, number in ids] == [
        True,
        True,
        None,
        None,
    ]


def test_a_file_that_a_client_has_open(
    path: Path, target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    async def move() -> int:
        async with program(path):
            return await asyncio.to_thread(main, ["move", str(path), target.address])

    assert asyncio.run(move()) == 2
    assert f"{path} is in use by process {os.getpid()}: stop that first\n" in capsys.readouterr().err
    assert target.query("SELECT to_regclass('tightbeam.run')") == [(None,)]


@pytest.mark.parametrize("what", ["missing", "damaged", "another kind"])
def test_a_file_that_can_not_be_read(
    path: Path, target: Target, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    if what == "missing":
        path = path.with_name("none.db")
    elif what == "damaged":
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 4096 * 3)
    else:
        path.write_text("some text")
    assert main(["move", str(path), target.address]) == 2
    assert path.name in capsys.readouterr().err
    assert target.query("SELECT to_regclass('tightbeam.run')") == [(None,)]


def test_a_name_that_postgres_can_not_hold(
    path: Path, target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    change(path, "UPDATE run SET key = 'a' || char(0) || 'b' WHERE function = 'sleep'")
    assert main(["move", str(path), target.address]) == 2
    assert re.search("key of run 01.* holds a NUL, which Postgres can't", capsys.readouterr().err)
    assert set(target.counts.values()) == {0}


def test_a_process_that_has_the_target_open(
    path: Path, target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    made(target)
    target.do("INSERT INTO process (host, pid, version, lease) VALUES ('web-1', 4711, '1', '1 minute')")
    assert main(["move", str(path), target.address]) == 2
    assert "is open in process 4711 on web-1 (number 1): stop what uses it" in capsys.readouterr().err
    target.do("UPDATE process SET lease = '0', beat_at = now() - interval '2 minutes'")  # it is dead
    assert main(["move", str(path), target.address]) == 0


def test_a_run_under_which_the_process_keeps_dying(path: Path, target: Target) -> None:
    """It isn't given up here: the next death under it says so."""
    change(path, f"UPDATE run SET deaths = {MAX_DEATHS - 1} WHERE state = 'running'")
    assert main(["move", str(path), target.address]) == 0
    assert target.query("SELECT deaths, state FROM run WHERE deaths > 1") == [(MAX_DEATHS - 1, "ready")]


def test_a_server_that_ends_the_connection(
    path: Path, target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    made(target)
    target.do(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; "
        "CREATE TRIGGER cut AFTER INSERT ON message EXECUTE FUNCTION cut()"
    )
    assert main(["move", str(path), target.address]) == 2
    assert "the database failed: terminating connection" in capsys.readouterr().err
    assert set(target.counts.values()) == {0}
