"""Arrays of which the first elements have schemas of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tightbeam_codegen.read.normalise.flatten import Part
from tightbeam_codegen.read.normalise.shapes import ANY, List, Never, Shape

__all__ = ["exact_list"]


def exact_list(parts: Sequence[Part], prefix: Sequence[Shape], item: Shape) -> List:
    """Return the shape of an array.

    Args:
        parts: the schemas, which have bounds of its length.
        prefix: the shapes of the first elements.
        item: the shape of the others.
    """
    low, high = _bounds_of_length(parts)
    possible = next((i for i, shape in enumerate(prefix) if isinstance(shape, Never)), len(prefix))
    known = tuple(prefix[: min(possible, high)])
    closed = isinstance(item, Never) or possible < len(prefix) or high <= len(prefix)
    return List(ANY if closed else item, known, min(low, len(known)), closed)


def _bounds_of_length(parts: Sequence[Part]) -> tuple[int, int]:
    """Return the least and the greatest number of elements."""
    lows = [part.get("minItems") for part in parts]
    highs = [part.get("maxItems") for part in parts]
    return (
        max((math.ceil(low) for low in lows if isinstance(low, int | float)), default=0),
        min((math.floor(high) for high in highs if isinstance(high, int | float)), default=2**53),
    )
