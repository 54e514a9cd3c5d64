"""Did you mean: the known name that a misspelt one is closest to."""

from __future__ import annotations

from collections.abc import Iterable

from tightbeam_codegen.problems import quoted

__all__ = ["did_you_mean", "nearest"]

# Comparing takes time in proportion to the product of the lengths, and nobody misspells at this length.
_LONGEST = 60


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` most likely stands for, or None."""
    if len(name) > _LONGEST:
        return None
    # Imported here since it takes 10 ms and most runs have nothing to suggest.
    from difflib import get_close_matches

    by_lower = {candidate.lower(): candidate for candidate in sorted(known)}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`Did you mean 'x'?`, or an empty text when nothing known is close."""
    found = nearest(name, known)
    return f"Did you mean {quoted(found)}?" if found is not None else ""
