"""The pytest plugin that the entry point names; imports the runtime only when a fixture is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tightbeam.testing import Clock, Faults, Published, Started

__all__ = ["clock", "faults", "published", "started"]


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
    """Inject failures between two steps, and skip sleeps; one that never happens fails the test."""
    from tightbeam.testing import Faults

    injector = Faults()
    injector.start()
    try:
        yield injector
    finally:
        waiting = injector.waiting
        injector.stop()
    if waiting:
        pytest.fail(f"never happened: {', '.join(waiting)}")


@pytest.fixture
def started() -> Iterator[Started]:
    """Record which runs begin, and how they end: ``started(process_upload)`` is a list of runs."""
    from tightbeam.testing import Started

    recorder = Started()
    recorder.start()
    try:
        yield recorder
    finally:
        recorder.stop()


@pytest.fixture
def clock() -> Iterator[Clock]:
    """Move the time: ``clock.advance(timedelta(hours=1))``; what sleeps or is delayed follows."""
    from tightbeam.testing import Clock

    moved = Clock()
    moved.start()
    try:
        yield moved
    finally:
        moved.stop()
