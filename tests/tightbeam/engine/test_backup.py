"""Backups of a journal that is open, and what is put in its place again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tightbeam.engine import inspection
from tests.tightbeam.engine.conftest import MakeClient, digest
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.test_wal import read_and_write, run_child
from tightbeam import Client, Context, JournalRefused
from tightbeam._engine.sqlite import backup as module
from tightbeam._engine.sqlite import wal
from tightbeam._engine.sqlite.backup import Copied, back_up, restore
from tightbeam_cli import main


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "app.db"


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def read(file: Path) -> bytes:
    return file.read_bytes()


def write(file: Path, data: bytes) -> None:
    file.write_bytes(data)


async def test_a_backup_of_an_open_journal_that_is_written(
    make_client: MakeClient, path: Path, copy: Path, ch: JobChannel
) -> None:
    """Its messages are the first so many, however many there are by then; its own client may read it."""
    client = make_client()
    enough, stop = asyncio.Event(), asyncio.Event()

    @client.function("work", retries=0)
    async def work(ctx: Context) -> None:
        n = 0
        while not stop.is_set():
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})
            n += 1
            if n == 20:
                enough.set()

    async with client, asyncio.timeout(60):
        running = asyncio.ensure_future(client.run(work))
        await enough.wait()
        copied = await asyncio.to_thread(back_up, path, copy)
        stop.set()
        await running
    assert copied.messages >= 20
    assert copied.runs == 1
    assert copied.size == copy.stat().st_size  # noqa: ASYNC240 - a moment
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600  # noqa: ASYNC240 - a moment
    assert names(copy.parent) == ["app.db"]
    again = Client(copy)  # it has the run as it was: unfinished, and of a function that isn't here
    async with again, asyncio.timeout(60):
        reader = again.realtime.subscribe(ch.tick, after="start")
        assert [(await anext(reader)).data.n for _ in range(copied.messages)] == list(range(copied.messages))


async def test_a_backup_of_a_journal_that_nobody_has_open(path: Path, copy: Path, ch: JobChannel) -> None:
    await read_and_write(path, ch)
    before = names(path.parent)
    back_up(path, copy)
    assert names(path.parent) == before  # what reading left behind is gone
    assert await read_and_write(copy, ch) == [-1]


@pytest.mark.slow
async def test_a_backup_has_what_a_crash_left_in_the_log(tmp_path: Path, copy: Path, ch: JobChannel) -> None:
    assert run_child("tests.tightbeam.engine.crashed_child", str(tmp_path)) == -signal.SIGKILL
    path = tmp_path / "app.db"
    before = digest(path), digest(wal.log_path(path))
    assert back_up(path, copy).messages == 46
    assert (digest(path), digest(wal.log_path(path))) == before
    assert await read_and_write(path, ch) == await read_and_write(copy, ch)


async def test_an_earlier_copy_is_replaced_on_request_only(path: Path, copy: Path, ch: JobChannel) -> None:
    await read_and_write(path, ch)
    back_up(path, copy)
    before = digest(copy)
    await read_and_write(path, ch)
    with pytest.raises(JournalRefused, match=r"is there already.*--overwrite"):
        back_up(path, copy)
    assert digest(copy) == before
    assert back_up(path, copy, overwrite=True).messages == 2
    wal.log_path(copy).write_bytes(b"of what was here once")
    with pytest.raises(JournalRefused, match=r"app\.db-wal beside .* remove it"):
        back_up(path, copy, overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_backup_that_fails_leaves_what_there_was(
    path: Path, copy: Path, ch: JobChannel, overwrite: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read_and_write(path, ch)
    if overwrite:
        write(copy, b"an earlier one")
    before = names(copy.parent)

    def fail(place: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, "sync", fail)
    with pytest.raises(JournalRefused, match="can't be written: Input/output error"):
        back_up(path, copy, overwrite=overwrite)
    assert names(copy.parent) == before
    assert not overwrite or read(copy) == b"an earlier one"


async def test_a_file_that_came_meanwhile_is_not_replaced(
    path: Path, copy: Path, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read_and_write(path, ch)
    check = module._checked

    def slow(draft: Path, source: Path) -> Copied:
        copy.write_bytes(b"another's")
        return check(draft, source)

    monkeypatch.setattr(module, "_checked", slow)
    with pytest.raises(JournalRefused, match="is there already"):
        back_up(path, copy)
    assert read(copy) == b"another's"
    assert names(copy.parent) == ["app.db"]


def missing(path: Path) -> None:
    path.unlink()


def another_kind(path: Path) -> None:
    path.write_text("something else" * 100)


def scribbled(path: Path) -> None:
    with path.open("rb+") as opened:
        opened.seek(4096)
        opened.write(b"\xa5" * 20_000)


def incomplete(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE step RENAME TO steps")


@pytest.mark.parametrize("spoil", [missing, another_kind, scribbled, incomplete])
async def test_what_is_no_sound_journal_is_neither_copied_nor_restored(
    path: Path, copy: Path, ch: JobChannel, spoil: Callable[[Path], None]
) -> None:
    await read_and_write(path, ch)
    spoil(path)
    with pytest.raises(JournalRefused):
        back_up(path, copy)
    assert names(copy.parent) == []
    with pytest.raises(JournalRefused):
        restore(path, copy)
    assert names(copy.parent) == ["app.db.lock"]


async def test_a_backup_is_put_back(path: Path, copy: Path, ch: JobChannel) -> None:
    await read_and_write(path, ch)
    back_up(path, copy)
    before = digest(copy)
    await read_and_write(path, ch)
    with pytest.raises(JournalRefused, match=r"app\.db would be replaced: pass --replace"):
        restore(copy, path)
    restored = restore(copy, path, replace=True)
    assert (restored.runs, restored.messages) == (1, 1)
    assert await read_and_write(path, ch) == [-1]
    assert restored.aside is not None
    assert await read_and_write(path.with_name(restored.aside), ch) == [-1, -1]
    assert digest(copy) == before
    assert names(copy.parent) == ["app.db"]


@pytest.mark.slow
async def test_what_a_crash_left_is_kept_with_its_log(tmp_path: Path, copy: Path, ch: JobChannel) -> None:
    assert run_child("tests.tightbeam.engine.crashed_child", str(tmp_path)) == -signal.SIGKILL
    path = tmp_path / "app.db"
    restored = restore(tmp_path / "vacuumed.db", path, replace=True)
    assert await read_and_write(path, ch) == list(range(6))
    assert restored.aside is not None
    assert await read_and_write(path.with_name(restored.aside), ch) == list(range(46))


@pytest.mark.slow
async def test_a_backup_beside_a_log_is_not_opened_with_it(
    tmp_path: Path, copy: Path, ch: JobChannel
) -> None:
    """Copied by hand over a file that a crash left, made in the same opening or in another."""
    assert run_child("tests.tightbeam.engine.crashed_child", str(tmp_path)) == -signal.SIGKILL
    path = tmp_path / "app.db"
    back_up(path, copy)
    copy.replace(path)  # noqa: ASYNC240 - a moment
    with pytest.raises(JournalRefused, match=r"app\.db-wal"):
        async with Client(path):
            pass


async def test_an_open_journal_is_not_replaced(
    client: Client, path: Path, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with client:
        back_up(path, copy)
        with pytest.raises(JournalRefused, match=f"in use by process {os.getpid()}"):
            restore(copy, path, replace=True)
        assert main(["restore", str(copy), str(path), "--replace"]) == 2
        assert f"{path} is in use by process {os.getpid()}: stop that first\n" in capsys.readouterr().err
    with pytest.raises(JournalRefused, match="from itself"):
        restore(path, path, replace=True)
    with pytest.raises(JournalRefused, match="of itself"):
        back_up(path, path, overwrite=True)


async def test_a_place_where_nothing_is(path: Path, copy: Path, ch: JobChannel) -> None:
    await read_and_write(path, ch)
    back_up(path, copy)
    assert restore(copy, path.with_name("new.db")).aside is None
    assert len(inspection.runs(path.with_name("new.db"))) == 1
    with pytest.raises(JournalRefused, match=r"no folder .*nowhere"):
        restore(copy, path.parent / "nowhere" / "app.db")
    with pytest.raises(JournalRefused, match="can't be written: No such file or directory"):
        back_up(path, path.parent / "nowhere" / "app.db")
    with pytest.raises(JournalRefused, match="is not a file"):
        back_up(path, path.parent)


async def test_the_commands(
    path: Path, copy: Path, ch: JobChannel, capsys: pytest.CaptureFixture[str]
) -> None:
    await read_and_write(path, ch)
    assert main(["backup", str(path), str(copy)]) == 0
    assert capsys.readouterr().out.startswith(f"{copy}: ")
    assert main(["backup", str(path), str(copy)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["backup", str(path), str(copy), "--overwrite"]) == 0
    assert main(["restore", str(copy), str(path)]) == 2
    assert "--replace" in capsys.readouterr().err
    assert main(["restore", str(copy), str(path), "--replace"]) == 0
    said = capsys.readouterr().out
    assert "1 runs, 1 messages, sound\nWhat was there is now " in said
    assert await read_and_write(path, ch) == [-1]
