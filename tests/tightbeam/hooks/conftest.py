"""Both engines, each in turn."""

from __future__ import annotations

import pytest

from tests.tightbeam.both_engines import Embedded, EngineUnderTest, OnInngest
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.inngest.conftest import no_settings, server
from tests.tightbeam.inngest.standin import StandIn
from tightbeam._hooks import hook_list

__all__ = ["no_settings", "server"]


@pytest.fixture(params=["embedded", "inngest"])
def engine(request: pytest.FixtureRequest, server: StandIn) -> EngineUnderTest:
    """Return an engine to test."""
    return Embedded() if request.param == "embedded" else OnInngest(server)


@pytest.fixture
def ch() -> JobChannel:
    return job_channel(job_id="j1")


@pytest.fixture(autouse=True)
def first_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each test log the failures of hooks as a process that has had none."""
    monkeypatch.setattr(hook_list, "_reported", set())
