"""Suggestions for misspelt names."""

from __future__ import annotations

from collections.abc import Iterable

from tightbeam_codegen.problems import quoted

__all__ = ["did_you_mean", "nearest"]

# Comparing takes time in proportion to the product of the lengths, and longer names are no typing mistakes.
_LONGEST = 60


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Find the known name that a misspelt one most likely stands for.

    Args:
        name: what was written.
        known: the names that there are.

    Returns:
        One of `known`, None if none is close.
    """
    if len(name) > _LONGEST:
        return None
    # The import takes 10 ms, and most runs have nothing to suggest.
    from difflib import get_close_matches

    by_lower = {candidate.lower(): candidate for candidate in sorted(known)}
    closest = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[closest[0]] if closest else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `Did you mean 'x'?`, or an empty text if no known name is close.

    Args:
        name: what was written.
        known: the names that there are.
    """
    closest = nearest(name, known)
    return f"Did you mean {quoted(closest)}?" if closest is not None else ""
