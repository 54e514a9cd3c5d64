"""The journal's file: made whole, locked, and left untouched when it can't be ours."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.tightbeam.engine import inspection
from tests.tightbeam.engine.conftest import MakeClient, digest, let_stores_close
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.stores import Storage
from tests.tightbeam.engine.work import Look
from tightbeam import Client, Context, JournalRefused
from tightbeam._engine.sqlite import file
from tightbeam._engine.sqlite.lock import Lock
from tightbeam._engine.sqlite.schema import USER_VERSION


async def fill(client: Client, ch: JobChannel, count: int = 50) -> None:
    @client.function("fill")
    async def work(ctx: Context) -> None:
        for n in range(count):
            await ctx.step.realtime.publish(f"p{n}", ch.token, "x" * 500)

    async with client:
        await client.run(work)


async def test_constructing_touches_nothing(client: Client, path: Path, ch: JobChannel) -> None:
    await client.realtime.publish(ch.tick, {"n": 1})
    assert list(path.parent.iterdir()) == []


async def test_the_file_is_for_its_owner_only_and_clean_after_leaving(
    client: Client, path: Path, ch: JobChannel
) -> None:
    async with client:
        names = {one.name for one in path.parent.iterdir()}
        assert names == {"app.db", "app.db-wal", "app.db-shm", "app.db.lock"}
        assert {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()} == {0o600}
    assert {one.name for one in path.parent.iterdir()} == {"app.db", "app.db.lock"}


@pytest.mark.usefixtures("path")
async def test_the_pragmas_that_the_guarantees_stand_on(client: Client, storage: Storage) -> None:
    async with client:
        store = storage.double.store
        assert await store.submit(Look(lambda tx: tx.execute("PRAGMA synchronous").fetchone()[0])) == 2
        assert await store.submit(Look(lambda tx: tx.execute("PRAGMA journal_mode").fetchone()[0])) == "wal"


async def test_two_clients_cannot_have_one_file(make_client: MakeClient, path: Path) -> None:
    async with make_client():
        with pytest.raises(JournalRefused, match=f"process {os.getpid()}"):
            async with make_client():
                pass
        link = path.with_name("link.db")
        link.symlink_to(path)
        with pytest.raises(JournalRefused, match="in use"):
            async with Client(link):
                pass
    async with make_client():
        pass


def newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {USER_VERSION + 1}")


def foreign(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE theirs (a)")


def text(path: Path) -> None:
    path.write_text(
        "not a database at all, but long enough to have a header, if somebody looked for one there\n" * 9
    )


def short(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0")


def truncated(path: Path) -> None:
    with path.open("rb+") as opened:
        opened.truncate(path.stat().st_size // 2)


def scribbled(path: Path) -> None:
    with path.open("rb+") as opened:
        opened.seek(path.stat().st_size // 2)
        opened.write(b"\xa5" * 8192)


def tableless(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE step RENAME TO steps")


def columnless(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE run DROP COLUMN deaths")


def indexless(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP INDEX run_ready")


def epochless(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM meta WHERE name = 'epoch'")


def too_old(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (tableless, "damaged, table step is missing"),
        (columnless, "column run.deaths is missing"),
        (indexless, "index run_ready is missing"),
        (epochless, "its epoch is missing"),
        (too_old, "format 0, and this version of tightbeam reads format 4 only: move away"),
        (newer, "newer version"),
        (foreign, "not a journal"),
        (text, "not a journal"),
        (short, "not a journal"),
        (truncated, "corrupt"),
        (scribbled, "corrupt"),
    ],
)
@pytest.mark.parametrize("leftover_wal", [False, True])
async def test_a_file_that_is_not_a_sound_journal_is_left_untouched(
    make_client: MakeClient,
    path: Path,
    ch: JobChannel,
    damage: Callable[[Path], None],
    words: str,
    leftover_wal: bool,
) -> None:
    await fill(make_client(), ch)
    damage(path)
    wal = path.with_name("app.db-wal")
    if leftover_wal:
        wal.write_bytes(b"")
    before = digest(path)
    with pytest.raises(JournalRefused, match=words):
        async with make_client():
            pass
    assert digest(path) == before
    if damage in (too_old, newer, foreign, text, short):
        with pytest.raises(JournalRefused, match=words):
            inspection.runs(path)
        assert digest(path) == before
    # The lock is free again: the same file can be mended and opened.
    for one in (path, wal):
        one.unlink(missing_ok=True)
    async with make_client():
        pass


async def test_an_unrelated_program_that_holds_the_database_is_waited_for_then_named(
    make_client: MakeClient, path: Path, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(make_client(), ch, 1)
    monkeypatch.setattr(file, "_BUSY_SECONDS", 0.05)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        before = digest(path)
        with pytest.raises(JournalRefused, match="locked"):
            async with make_client():
                pass
        assert digest(path) == before
        other.execute("ROLLBACK")


@pytest.mark.parametrize("place", ["missing/app.db", ".", "/"])
async def test_places_where_no_file_can_be(path: Path, place: str) -> None:
    with pytest.raises(JournalRefused):
        async with Client(path.parent / place):
            pass


def identity(path: Path) -> tuple[int, ...]:
    """Which file it is, and whether it was written to; not when it was last looked at."""
    found = path.lstat()
    return found.st_dev, found.st_ino, found.st_mode, found.st_mtime_ns


@pytest.mark.parametrize("kind", ["folder", "pipe", "circle"])
async def test_what_is_no_file_is_not_replaced_by_one(make_client: MakeClient, path: Path, kind: str) -> None:
    make: dict[str, Callable[[], None]] = {
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "circle": lambda: path.symlink_to(path.name),
    }
    make[kind]()
    before = identity(path)
    with pytest.raises(JournalRefused, match="is not a file"):
        async with make_client():
            pass
    with pytest.raises(JournalRefused, match="is not a file"):
        inspection.runs(path)
    assert identity(path) == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user may use; pytest's are its own user's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Root may do everything: be somebody else."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize(
    ("mode", "folder_mode", "words"),
    [
        (0o444, 0o777, "this user may not write it"),
        (0o000, 0o777, "Permission denied"),
        (0o644, 0o000, "Permission denied"),
        (0o644, 0o555, "Permission denied"),
    ],
)
async def test_a_file_that_is_not_this_users_to_write(
    place: Path, ch: JobChannel, mode: int, folder_mode: int, words: str
) -> None:
    path = place / "app.db"
    await fill(Client(path), ch)
    path.with_name("app.db.lock").unlink()
    path.chmod(mode)
    place.chmod(folder_mode)  # noqa: ASYNC240 - nothing else runs here
    try:
        with nobody(), pytest.raises(JournalRefused, match=words):
            async with Client(path):
                pass
    finally:
        place.chmod(0o777)  # noqa: ASYNC240 - so that it can be removed
    assert path.stat().st_mode & 0o777 == mode


async def test_an_empty_file_becomes_a_journal(make_client: MakeClient, path: Path, ch: JobChannel) -> None:
    path.touch()  # noqa: ASYNC240 - nothing else runs here
    await fill(make_client(), ch, 1)
    assert len(inspection.runs(path)) == 1


async def test_a_crash_while_creating_leaves_no_half_made_file(
    make_client: MakeClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (made)")
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(file, "_initialize", crash)
        with pytest.raises(JournalRefused, match="disk I/O error"):
            async with make_client():
                pass
    assert [one.name for one in path.parent.iterdir()] == ["app.db.lock"]
    async with make_client():
        pass


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no list of descriptors")
def test_who_is_refused_keeps_no_descriptor(path: Path) -> None:
    def descriptors() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    lock = Lock(path)
    let_stores_close()
    before = descriptors()
    for _ in range(3):
        with pytest.raises(JournalRefused):
            Lock(path)
    assert descriptors() == before
    lock.release()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no list of descriptors")
@pytest.mark.parametrize("error", [sqlite3.OperationalError("locked"), JournalRefused("damaged")])
async def test_a_file_that_is_refused_is_closed(
    client: Client, path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Not only when nobody has the error any more."""

    def descriptors() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    async with client:
        pass
    await storage.closed()
    let_stores_close()
    monkeypatch.setattr(file, "_tune", Mock(side_effect=error))
    before = descriptors()
    with pytest.raises(JournalRefused) as caught:
        async with client:
            pass
    assert descriptors() == before
    assert caught


async def test_the_file_is_unlocked_when_nobody_writes_it_any_more(
    client: Client, path: Path, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside: list[set[str]] = []
    release = Lock.release

    def watched(lock: Lock) -> None:
        beside.append({one.name for one in path.parent.iterdir()})
        release(lock)

    monkeypatch.setattr(Lock, "release", watched)
    async with client:
        pass
    assert beside == [{"app.db", "app.db.lock"}]  # the log goes when the last connection is closed


async def test_a_holder_that_is_gone_is_not_named(make_client: MakeClient, path: Path) -> None:
    path.with_name("app.db.lock").write_text("123456789012345")
    async with make_client():
        with pytest.raises(JournalRefused, match=f"in use by process {os.getpid()}:"):
            async with make_client():
                pass


async def test_a_new_journal_is_synced_before_it_has_its_name(
    client: Client, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[bool, bool]] = []
    really = file.sync

    def sync(place: Path) -> None:
        synced.append((place == path.parent, path.exists()))
        really(place)

    monkeypatch.setattr(file, "sync", sync)
    async with client:
        pass
    assert synced == [(False, False), (True, True)]  # the draft, then the folder that has it by its name
