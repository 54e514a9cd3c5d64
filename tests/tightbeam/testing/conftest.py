"""The fixtures as users have them, also where the distribution's entry point isn't installed."""

from __future__ import annotations

from tightbeam.testing.plugin import clock, faults, published, started

__all__ = ["clock", "faults", "published", "started"]
