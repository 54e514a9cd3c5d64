"""A stand-in server for each test, a client of it, and run ids that are the server's."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from generated.uploads import UploadsChannel, uploads_channel
from tests.tightbeam.inngest.standin import StandIn
from tightbeam.inngest import Client
from tightbeam.testing.plugin import faults, published


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own settings only."""
    for name in (
        "INNGEST_DEV",
        "INNGEST_SIGNING_KEY",
        "INNGEST_SIGNING_KEY_FALLBACK",
        "INNGEST_ENV",
        "HTTP_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """What waits for ever when something is broken fails instead."""
    seconds = 300

    def over(*_: object) -> None:
        raise TimeoutError(f"this test took more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture
def client(server: StandIn) -> Client:
    return Client(
        app_id="app", is_production=False, api_base_url=server.origin, event_api_base_url=server.origin
    )


@pytest.fixture
def ch() -> UploadsChannel:
    return uploads_channel(upload_id="u1")


__all__ = ["faults", "published"]
