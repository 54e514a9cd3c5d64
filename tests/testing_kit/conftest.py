"""The fixtures as users have them, also where the distribution isn't installed and its entry point isn't there."""

from __future__ import annotations

from tightbeam.testing.plugin import faults, published

__all__ = ["faults", "published"]
