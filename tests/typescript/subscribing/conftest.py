"""Fixtures of the tests of `subscribe`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browser.browsing import Program, serving
from tests.typescript.node_tools import needs_node
from tests.typescript.subscribing.driving import compiled
from tests.typescript.subscribing.scripted import Scripted, scripted


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the compiled client."""
    needs_node()
    return compiled(tmp_path_factory.mktemp("client"))


@pytest_asyncio.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    """The program of `tests.browser.served`, in dev mode."""
    async with serving(tmp_path / "app.db") as program:
        yield program


@pytest_asyncio.fixture
async def forgetful() -> AsyncIterator[Program]:
    """The same without a file: a restart loses all messages."""
    async with serving(None) as program:
        yield program


@pytest_asyncio.fixture
async def script() -> AsyncIterator[Scripted]:
    """A server that answers what a test says."""
    async with scripted() as server:
        yield server
