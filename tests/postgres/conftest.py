"""Fixtures of the tests that need a PostgreSQL server; `postgres_server` is in `tests.conftest`."""

from __future__ import annotations

import pytest

from tests.postgres.server import Server


@pytest.fixture
def address(postgres_server: Server) -> str:
    """Of an empty database of the test's own."""
    return postgres_server.new()
