"""Fixtures of the engine's tests."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.postgres.bystanders import beside
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.engine.stores import STORES, PostgresStorage, SqliteStorage, Storage
from tightbeam import Client
from tightbeam._engine import scheduler

LONG_ON_SERVER = {
    "test_doubt",  # when retention looks over a server depends on the load
    "test_bursts",
    "test_clock",
    "test_histories",
    "test_hub",
    "test_inspect",
    "test_invalid_messages",
    "test_lifecycle",
    "test_load",
    "test_sleepers",
}
"""Modules that run over a server with `make soak` only: what they promise isn't about storing."""
MakeClient = Callable[..., Client]


async def until(happened: Callable[[], bool]) -> None:
    """Wait for something that another thread, or the journal, does."""
    async with asyncio.timeout(30):
        while not happened():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)


def let_stores_close() -> None:
    """Wait until stores of earlier tests have let go what this process has open."""
    for thread in threading.enumerate():
        if thread.name.startswith("tightbeam-"):
            thread.join(30)
    gc.collect()


def digest(path: Path) -> str:
    """Of a file that is to stay as it is."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def storage(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Storage]:
    # What nobody told the scheduler of is to come later than any test waits for it, on a server too.
    monkeypatch.setattr(scheduler, "_LONGEST_WAIT_SHARED", 60.0)
    storage = STORES[request.param](tmp_path)
    with beside(storage.address) if isinstance(storage, PostgresStorage) else nullcontext():
        yield storage


@pytest.fixture
def path(storage: Storage) -> Path:
    """The file of the journal; a test that asks for it runs over the store that has one."""
    assert isinstance(storage, SqliteStorage)
    return storage.path


@pytest.fixture
def make_client(storage: Storage) -> MakeClient:
    """Clients that go on with what was stored before, and retry at once."""
    return storage.client


@pytest.fixture
def client(make_client: MakeClient) -> Client:
    return make_client()


@pytest.fixture
def ch() -> JobChannel:
    return job_channel(job_id="j1")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test over each store, or over the one with a file if it looks at that."""
    if "storage" in metafunc.fixturenames:
        names = ["sqlite"] if "path" in metafunc.fixturenames else list(STORES)
        if metafunc.definition.get_closest_marker("one_process") is not None:
            names = [name for name in names if name != "postgres"]
        slow = {"postgres"}
        if metafunc.definition.get_closest_marker("quick_in_memory") is not None:
            slow.add("sqlite")
        is_long = metafunc.module.__name__.rpartition(".")[2] in LONG_ON_SERVER
        server = pytest.mark.soak if is_long else pytest.mark.slow
        marks = {"postgres": server, **dict.fromkeys(slow - {"postgres"}, pytest.mark.slow)}
        stores = [pytest.param(name, marks=marks.get(name, ())) for name in names]
        metafunc.parametrize("storage", stores, indirect=True)
