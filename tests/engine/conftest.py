"""Fixtures of the engine's tests."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.samples import JobChannel, job_channel
from tightbeam import Client

MakeClient = Callable[..., Client]


async def until(happened: Callable[[], bool]) -> None:
    """Wait for something that another thread, or the journal, does."""
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)


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
