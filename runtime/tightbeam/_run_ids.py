"""What can be the id of a run."""

from __future__ import annotations

__all__ = ["may_be_run_id"]


def may_be_run_id(text: str) -> bool:
    """Return whether a run can have this id; for others not every store can even look."""
    return text.isascii() and "\0" not in text
