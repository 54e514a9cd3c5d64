"""Fixtures of the tests of bounds: each store, and a clock that a test moves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.tightbeam.engine.conftest import ch, client, make_client, path, pytest_generate_tests, storage
from tightbeam.testing import settle
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


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `settle` wait for as long as a busy machine takes."""
    monkeypatch.setitem(settle.__kwdefaults__, "within", timedelta(minutes=1))
