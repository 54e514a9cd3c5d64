"""Fixtures of the tests of bounds: each store, and a clock that a test moves."""

from __future__ import annotations

from tests.tightbeam.engine.conftest import ch, client, make_client, path, pytest_generate_tests, storage
from tightbeam.testing.plugin import clock, faults, published, started

__all__ = [
    "ch",
    "client",
    "clock",
    "faults",
    "make_client",
    "path",
    "published",
    "pytest_generate_tests",
    "started",
    "storage",
]
