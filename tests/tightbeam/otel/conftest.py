"""The recorder, and both engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tightbeam.both_engines import Embedded, EngineUnderTest, OnInngest
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.hooks.conftest import first_failures, no_settings, server
from tests.tightbeam.inngest.standin import StandIn
from tests.tightbeam.otel.spans import Recorder

__all__ = ["first_failures", "no_settings", "server"]


@pytest.fixture(params=["embedded", pytest.param("inngest", marks=pytest.mark.slow)])
def engine(request: pytest.FixtureRequest, server: StandIn) -> EngineUnderTest:
    """Return an engine to test."""
    return Embedded() if request.param == "embedded" else OnInngest(server)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Return the SDK, with exporters in memory."""
    recorder = Recorder()
    yield recorder
    recorder.traces.shutdown()
    recorder.meters.shutdown()


@pytest.fixture
def ch() -> JobChannel:
    return job_channel(job_id="j1")
