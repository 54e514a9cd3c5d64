"""Settings for all tests."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

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
    """Choose the examples before the test modules are read."""
    settings.load_profile("search" if "soak" in str(config.getoption("markexpr")) else "everyday")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave soak tests out wherever `-m` doesn't name them: the settings can't do that."""
    if "soak" in str(config.getoption("markexpr")):
        return
    soaking = [item for item in items if item.get_closest_marker("soak")]
    if soaking:
        config.hook.pytest_deselected(items=soaking)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]
