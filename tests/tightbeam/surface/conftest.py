"""The clients whose public surface is one."""

from __future__ import annotations

from typing import Any

import pytest

import tightbeam
import tightbeam.inngest
from tests.tightbeam.inngest.conftest import no_settings

__all__ = ["no_settings"]


def make(name: str, **options: Any) -> Any:
    """Make a client that has talked to nobody yet."""
    if name == "embedded":
        return tightbeam.Client(**options)
    if name == "inngest":
        return tightbeam.inngest.Client(
            app_id="app", is_production=False, api_base_url="http://127.0.0.1:9", **options
        )
    return tightbeam.connect("http://127.0.0.1:9", key="k", **options)


@pytest.fixture(params=["embedded", "inngest", "connect"])
def any_client(request: pytest.FixtureRequest) -> Any:
    """Return a client of each kind, where all have the call."""
    return make(request.param)


@pytest.fixture(params=["embedded", "inngest"])
def client(request: pytest.FixtureRequest) -> Any:
    """Return a client of each engine."""
    return make(request.param)
