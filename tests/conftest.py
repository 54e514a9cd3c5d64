"""Settings for all tests."""

from __future__ import annotations

import functools
import os
import signal
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import certifi
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.postgres.server import Server  # not at import: most tests need no server

# How long an example takes says nothing: the machine may be busy. A change is judged by the same examples as
# the one before it; `make soak` looks for new ones.
for _name, _same in (("everyday", True), ("search", False)):
    settings.register_profile(
        _name,
        parent=settings(),
        deadline=None,
        derandomize=_same,
        database=None if _same else settings().database,
        suppress_health_check=[HealthCheck.too_slow],
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose the examples before the test modules are read, and let programs that tests start be interrupted.

    What a shell starts in the background ignores interrupts, and so does what that starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.load_profile("search" if "soak" in str(config.getoption("markexpr")) else "everyday")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave soak tests out wherever `-m` doesn't name them: the settings can't do that."""
    if "soak" in str(config.getoption("markexpr")):
        return
    soaking = [item for item in items if item.get_closest_marker("soak")]
    if soaking:
        config.hook.pytest_deselected(items=soaking)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


@pytest.fixture(scope="session", autouse=True)
def trusted_once() -> Iterator[None]:
    """Read the certificates that httpx trusts once, for all its clients: each would take 20 ms to read them.

    Inngest's SDK makes two such clients for each of its own. No test reaches a server whose certificate they
    would be for.
    """
    create = ssl.create_default_context
    bundle = os.environ.get("SSL_CERT_FILE") or certifi.where()
    trusted = functools.cache(lambda: create(cafile=bundle))

    def create_or_share(*args: Any, **options: Any) -> ssl.SSLContext:
        is_httpx = not args and options == {"cafile": bundle}
        return trusted() if is_httpx else create(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", create_or_share)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Server:
    """The PostgreSQL server of all tests that don't stop it; each takes a database or a schema of its own."""
    from tests.postgres.server import shared_server

    return shared_server()
