"""A log beside a journal: its own is recovered, another database's is never mixed in."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tightbeam.engine import inspection
from tests.tightbeam.engine.conftest import digest
from tests.tightbeam.engine.samples import JobChannel
from tightbeam import Client, Context, JournalRefused
from tightbeam._engine import trimming
from tightbeam._engine.sqlite import checkup, wal

ROOT = Path(__file__).parents[3]


def run_child(module: str, *arguments: str) -> int:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a killed process left it, with copies of its journal made before."""
    folder = tmp_path_factory.mktemp("killed")
    assert run_child("tests.tightbeam.engine.crashed_child", str(folder)) == -signal.SIGKILL
    assert (folder / "app.db-wal").stat().st_size > 0
    return folder


@pytest.fixture
def path(killed: Path, tmp_path: Path) -> Path:
    """The killed process's journal, in a folder of this test's own."""
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    return tmp_path / "app.db"


async def read_and_write(path: Path, ch: JobChannel) -> list[int]:
    """Open it, read all ticks there are, write one more."""
    client = Client(path)

    @client.function("more")
    async def more(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": -1})

    async with client, asyncio.timeout(20):
        await client.run(more)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM message").fetchone()
        reader = client.realtime.subscribe(ch.tick, after="start")
        found = [(await anext(reader)).data.n for _ in range(count)]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return found[:-1]


def moved(path: Path) -> None:
    shutil.copytree(path.parent, path.parent / "elsewhere", ignore=shutil.ignore_patterns("elsewhere"))
    for name in ("app.db", "app.db-wal", "app.db-shm", "app.db.lock"):
        (path.parent / name).unlink()
        (path.parent / "elsewhere" / name).rename(path.parent / name)


def unlocked(path: Path) -> None:
    path.with_name("app.db.lock").unlink()


def older_version(path: Path) -> None:
    """Its lock holds a process number and nothing else."""
    path.with_name("app.db.lock").write_text("12345")


def unindexed(path: Path) -> None:
    path.with_name("app.db-shm").unlink()


@pytest.mark.parametrize("happens", [None, moved, unlocked, older_version, unindexed])
async def test_the_log_of_a_crash_is_recovered(
    path: Path, ch: JobChannel, happens: Callable[[Path], None] | None
) -> None:
    if happens is not None:
        happens(path)
    assert len(inspection.runs(path)) == 3
    assert await read_and_write(path, ch) == list(range(46))


def removed(path: Path) -> None:
    path.unlink()


def moved_away(path: Path) -> None:
    path.rename(path.with_name("away.db"))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("happens", [removed, moved_away, emptied])
async def test_a_new_journal_does_not_get_an_old_log(
    path: Path, ch: JobChannel, happens: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    happens(path)
    assert await read_and_write(path, ch) == []
    assert "app.db-wal of an earlier database" in caplog.text
    (aside,) = path.parent.glob("app.db-wal.*")
    assert aside.name in caplog.text
    assert not path.with_name("app.db-wal").exists()
    assert await read_and_write(path, ch) == [-1]
    assert len(list(path.parent.glob("app.db-wal.*"))) == 1
    if happens is moved_away:  # nothing is lost: put together they are what they were
        away = path.with_name("away.db")
        aside.rename(path.with_name("away.db-wal"))
        assert await read_and_write(away, ch) == list(range(46))


async def test_what_holds_nothing_is_not_kept(path: Path, ch: JobChannel) -> None:
    removed(path)
    path.with_name("app.db-wal").write_bytes(b"")
    assert await read_and_write(path, ch) == []
    assert sorted(one.name for one in path.parent.glob("app.db*")) == ["app.db", "app.db.lock"]


async def test_a_new_journal_does_not_get_an_old_rollback_journal(path: Path, ch: JobChannel) -> None:
    removed(path)
    path.with_name("app.db-wal").rename(path.with_name("app.db-journal"))
    assert await read_and_write(path, ch) == []
    assert len(list(path.parent.glob("app.db-journal.*"))) == 1


def copied_over(backup: Path, path: Path) -> None:
    shutil.copyfile(backup, path)


def kept_times(backup: Path, path: Path) -> None:
    shutil.copy2(backup, path)


def renamed(backup: Path, path: Path) -> None:
    backup.replace(path)


@pytest.mark.parametrize("put", [copied_over, kept_times, renamed])
@pytest.mark.parametrize(("name", "count"), [("closed", 3), ("vacuumed", 6), ("online", 6)])
async def test_a_backup_does_not_get_the_log_of_what_it_replaces(
    path: Path, ch: JobChannel, name: str, count: int, put: Callable[[Path, Path], None]
) -> None:
    put(path.with_name(f"{name}.db"), path)
    log = path.with_name("app.db-wal")
    before = digest(path), digest(log)
    words = r"app\.db isn't the database that app\.db-wal .*move app\.db-wal and app\.db-shm away"
    for look in (inspection.runs, checkup.check_up):
        with pytest.raises(JournalRefused, match=words):
            look(path)
    for _ in range(2):
        with pytest.raises(JournalRefused, match=words):
            async with Client(path):
                pass
    assert (digest(path), digest(log)) == before
    for one in ("app.db-wal", "app.db-shm"):  # as the text says
        path.with_name(one).unlink()
    assert await read_and_write(path, ch) == list(range(count))


async def test_a_backup_of_another_journal(path: Path, ch: JobChannel) -> None:
    other = path.with_name("other.db")
    assert await read_and_write(other, ch) == []
    renamed(other, path)
    with pytest.raises(JournalRefused, match=r"app\.db-wal"):
        async with Client(path):
            pass


async def test_a_rollback_journal_beside_it_is_not_its_own(path: Path, ch: JobChannel) -> None:
    assert await read_and_write(path, ch) == list(range(46))
    path.with_name("app.db-journal").write_bytes(b"\xd9\xd5\x05\xf9 \xa1c\xd7" + b"\0" * 504)
    with pytest.raises(JournalRefused, match=r"that app\.db-journal .*move app\.db-journal away"):
        async with Client(path):
            pass
    with pytest.raises(JournalRefused, match=r"app\.db-journal"):
        inspection.runs(path)


async def test_the_texts_name_what_belongs_together(path: Path) -> None:
    words = r"move away .*app\.db together with app\.db-wal and app\.db-shm"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE step")
        with pytest.raises(JournalRefused, match=words):
            async with Client(path):
                pass


DYING = """
import asyncio, os, sys
from tightbeam import Client
from tightbeam._engine.sqlite import wal
from tightbeam._engine.sqlite.lock import Lock

step, die_at = 0, int(sys.argv[2])
def count():
    global step
    step += 1
    if step == die_at:
        os.kill(os.getpid(), 9)

class Dying:
    def __init__(self, connection):
        self.connection = connection
    def execute(self, *query):
        if query[0].startswith(("INSERT", "PRAGMA wal")):
            count()
        return self.connection.execute(*query)

note, bind = Lock.note, wal.bind
def noting(lock, *marks):
    count()
    note(lock, *marks)
Lock.note = noting
from tightbeam._engine.sqlite import file
file.bind = lambda connection, path, lock: (bind(Dying(connection), path, lock), count())

async def main():
    async with Client(sys.argv[1]):
        pass
asyncio.run(main())
"""


def as_it_was(path: Path) -> None:
    pass


def put_back_without_a_log(path: Path) -> None:
    shutil.copyfile(path.with_name("closed.db"), path)
    path.with_name("app.db-wal").unlink()
    path.with_name("app.db-shm").unlink()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("happens", "steps", "count"), [(as_it_was, 4, 46), (put_back_without_a_log, 5, 3), (removed, 5, 0)]
)
async def test_a_crash_while_the_log_is_bound_to_its_file(
    path: Path, ch: JobChannel, happens: Callable[[Path], None], steps: int, count: int
) -> None:
    """At each step on the way, twice in a row: everything is recovered."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])}
    happens(path)
    for step in range(1, steps + 1):
        for _ in range(2):
            ended = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", DYING, str(path), str(min(step, 4))),
                env=environment,
            )
            assert await ended.wait() == -signal.SIGKILL
    assert await read_and_write(path, ch) == list(range(count))


@pytest.mark.slow
@pytest.mark.parametrize("steps", [(3, 3), (3, 3, 3), (2, 3), (2, 2, 3, 3), (3, 2, 3), (3, 4, 3, 3)])
async def test_openings_that_die_one_after_the_other(
    path: Path, ch: JobChannel, steps: tuple[int, ...]
) -> None:
    """Each dies between the mark in its log and the one in the lock: the file stays the log's own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])}
    for step in steps:
        ended = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", DYING, str(path), str(step)), env=environment
        )
        assert await ended.wait() == -signal.SIGKILL
    assert await read_and_write(path, ch) == list(range(46))


async def test_a_program_that_reads_an_old_state_keeps_the_mark_in_the_log(
    path: Path, ch: JobChannel
) -> None:
    """Then the file has an earlier mark than the log, and both are noted."""
    assert await read_and_write(path, ch) == list(range(46))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM run").fetchone()
        async with Client(path):
            assert not (wal.noted(path) or frozenset()).isdisjoint(wal.marks(path) or ())
        async with Client(path):
            assert not (wal.noted(path) or frozenset()).isdisjoint(wal.marks(path) or ())
    assert await read_and_write(path, ch) == [*range(46), -1]


async def test_a_log_that_grows_is_told_a_few_times(
    path: Path, ch: JobChannel, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "LARGE_LOG", 300_000)
    monkeypatch.setattr(trimming, "_BATCHES", 1)
    client = Client(path)

    @client.function("more", retries=0)
    async def more(ctx: Context) -> None:
        for n in range(40):
            await ctx.step.realtime.publish(f"p{n}", ch.token, "x" * 20_000)

    def told() -> int:
        return sum("keeps a transaction open" in record.message for record in caplog.records)

    async with client, asyncio.timeout(60):
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM run").fetchone()
            for _ in range(3):
                await client.run(more)
        size = wal.log_path(path).stat().st_size
    assert 2 <= told() <= (size // 300_000).bit_length()
