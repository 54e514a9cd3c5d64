"""Fixtures of the engine's tests."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.engine.stores import STORES, Storage
from tests.tightbeam.engine.work import Work
from tightbeam import Client
from tightbeam._engine.sqlite.store import SqliteStore

MakeClient = Callable[..., Client]


async def until(happened: Callable[[], bool]) -> None:
    """Wait for something that another thread, or the journal, does."""
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def busy_journal(client: Client) -> AsyncIterator[SqliteStore]:
    """Its thread is at work meanwhile: what is asked of it waits, and is one batch afterwards."""
    held, release = threading.Event(), threading.Event()

    def hold(tx: object) -> None:
        held.set()
        assert release.wait(30)

    store: SqliteStore = client._engine._session.store  # type: ignore[attr-defined]
    holding = store.submit(Work(hold))
    await asyncio.to_thread(held.wait, 30)
    try:
        yield store
        assert not holding.done()
    finally:
        release.set()
    await holding


def digest(path: Path) -> str:
    """Of a file that is to stay as it is."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


@pytest.fixture
def make_client(path: Path) -> MakeClient:
    """Clients of one journal file, which retry at once."""

    def make(**settings: Any) -> Client:
        return Client(path, **{"retry_delay": timedelta(0), **settings})

    return make


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
        metafunc.parametrize("storage", names, indirect=True)


@pytest.fixture
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return STORES[request.param](tmp_path)
