"""The pytest plugin that the entry point names; imports the runtime only when a fixture is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tightbeam.testing import Faults, Published

__all__ = ["faults", "published"]


@pytest.fixture
def published() -> Iterator[Published]:
    """Record what the code under test publishes: ``published(ch.status)`` is a list of the topic's type."""
    from tightbeam.testing import Published

    recorder = Published()
    recorder.start()
    try:
        yield recorder
    finally:
        recorder.stop()


@pytest.fixture
def faults() -> Iterator[Faults]:
    """Inject failures between two steps; a fault that never happens fails the test."""
    from tightbeam.testing import Faults

    injector = Faults()
    injector.start()
    try:
        yield injector
    finally:
        injector.stop()
    if injector.waiting:
        pytest.fail(f"never happened: a fault {', a fault '.join(injector.waiting)}")
