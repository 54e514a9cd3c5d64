"""Fixtures of the tests that need a PostgreSQL server; `postgres_server` is in `tests.conftest`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres.server import Server


@pytest.fixture
def address(postgres_server: Server) -> str:
    """Of an empty database of the test's own."""
    return postgres_server.new()


@pytest.fixture(scope="session")
def _second_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.remove()


@pytest.fixture
def own_server(_second_server: Server) -> Server:
    """A server that the test may stop: another cluster than that of `postgres_server`, and a younger one."""
    if not _second_server.is_running:
        _second_server.start()
    return _second_server
