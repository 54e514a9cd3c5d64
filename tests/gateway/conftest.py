"""Fixtures of the gateway's tests."""

from __future__ import annotations

import pytest

from tests.engine.samples import JobChannel, job_channel
from tightbeam import Client


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def ch() -> JobChannel:
    return job_channel(job_id="j1")
