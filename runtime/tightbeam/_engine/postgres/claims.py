"""What this process has claimed."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Held"]


class Held(NamedTuple):
    """A run that this process executes."""

    claim: int
    """How often the run was claimed, this time included: what an earlier claim writes is refused."""
    function: str
    limited: bool
    """Whether the function has an explicit limit, which holds over all processes."""
