"""Where `tightbeam.testing` looks in: every message that was published, every step that begins or has ended.

Empty outside tests; every engine calls these two functions, so that the fixtures work with each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from tightbeam._message import Envelope

__all__ = ["InjectedFault", "observers", "published", "step_boundary", "step_probes"]

Edge = Literal["before", "after"]

observers: list[Callable[[Envelope], None]] = []
step_probes: list[Callable[[Edge, str], None]] = []


class InjectedFault(Exception):
    """Raised on purpose by the ``faults`` fixture, as a handler's own code might; its retry comes at once."""


def published(envelope: Envelope) -> None:
    """A message was accepted (live) or committed (durable)."""
    for observer in observers:
        observer(envelope)


def step_boundary(edge: Edge, step_id: str) -> None:
    """The handler is about to begin a step, or has just got its result; may raise `InjectedFault`."""
    for probe in step_probes:
        probe(edge, step_id)
