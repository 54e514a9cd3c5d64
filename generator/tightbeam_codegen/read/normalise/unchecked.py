"""Rules of a property that its field doesn't check, for those who read the model's JSON Schema."""

from __future__ import annotations

from collections.abc import Sequence

from tightbeam_codegen.read.normalise.flatten import Flattener, Part
from tightbeam_codegen.read.normalise.shapes import NULL, Ref, Shape, String, Union
from tightbeam_codegen.read.resolve import Node

__all__ = ["unchecked_rules"]

_KEYWORDS = (
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
)


def unchecked_rules(
    flattener: Flattener, nodes: Sequence[Node], shape: Shape
) -> tuple[tuple[str, str | int | float | bool], ...]:
    """Return the keywords, with their values, that only the schema judges a property's values by.

    What a class or an alias says is said there. Of a keyword that several schemas state differently nothing
    is said.
    """
    branches = shape.branches if isinstance(shape, Union) else (shape,)
    kinds = [branch for branch in branches if branch != NULL]
    if any(isinstance(kind, Ref) for kind in kinds) or not any(
        node.keywords.keys() & {*_KEYWORDS, "$ref", "allOf"} for node in nodes
    ):
        return ()
    checked = _checked(kinds[0]) if len(kinds) == 1 else frozenset[str]()
    parts = flattener.flatten(map(Part, nodes)) or ()
    found: list[tuple[str, str | int | float | bool]] = []
    for keyword in _KEYWORDS:
        values = {repr(value): value for part in parts if (value := part.get(keyword)) is not None}
        if keyword not in checked and len(values) == 1:
            value = next(iter(values.values()))
            if isinstance(value, str | int | float) and value is not False:
                found.append((keyword, value))
    return tuple(found)


def _checked(shape: Shape) -> frozenset[str]:
    """Return the keywords among these that the model has rules or a type for."""
    if not isinstance(shape, String):
        return frozenset()
    stated = {
        "format": shape.format,
        "pattern": shape.pattern,
        "minLength": shape.min_length,
        "maxLength": shape.max_length,
    }
    return frozenset(keyword for keyword, value in stated.items() if value is not None)
