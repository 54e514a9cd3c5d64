"""Keywords of a schema that a type doesn't say, for comments and for a model's own JSON Schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from tightbeam_codegen.read.normalise.flatten import Flattener, Part
from tightbeam_codegen.read.normalise.shapes import NULL, List, Map, Ref, Rules, Shape, String, Union
from tightbeam_codegen.read.resolve import Node, SchemaStore

__all__ = ["STATED", "is_deprecated", "stated_rules", "unchecked_rules"]

STATED = (
    *("format", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf", "minLength"),
    *("maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
    *("contentEncoding", "contentMediaType"),
)
"""The keywords that comments state, in their order."""
_UNCHECKED = (
    *("format", "pattern", "minLength", "maxLength", "multipleOf", "minItems", "maxItems", "uniqueItems"),
    *("minProperties", "maxProperties"),
)
"""The keywords that a model's field may leave to the schema; bounds of numbers are always checked."""
_EXCLUSIVE = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
_INNER = (("items", List), ("additionalProperties", Map))
_MAX_NESTED = 3

_Value: TypeAlias = str | int | float | bool


def is_deprecated(nodes: Iterable[Node]) -> bool:
    """Return whether one of the schemas is marked as deprecated, without those that they refer to."""
    return any(isinstance(node.schema, dict) and node.schema.get("deprecated") is True for node in nodes)


def unchecked_rules(flattener: Flattener, nodes: Sequence[Node], shape: Shape) -> Rules:
    """Return the keywords, with their values, that only the schema judges a property's values by.

    Rules of a class or an alias belong to the class or alias. Left out are keywords that several schemas
    state differently.

    Args:
        flattener: opens references.
        nodes: the schemas of the property.
        shape: their shape.
    """
    kinds = _kinds(shape)
    if any(isinstance(kind, Ref) for kind in kinds) or not any(
        node.keywords.keys() & {*_UNCHECKED, "$ref", "allOf"} for node in nodes
    ):
        return ()
    checked = _checked(kinds[0]) if len(kinds) == 1 else frozenset[str]()
    parts = flattener.flatten(map(Part, nodes)) or ()
    agreed = ((keyword, _agreed(part.get(keyword) for part in parts)) for keyword in _UNCHECKED)
    return tuple(
        (keyword, value)
        for keyword, value in agreed
        if keyword not in checked and value is not None and value is not False
    )


def _checked(shape: Shape) -> frozenset[str]:
    """Return the keywords among `_UNCHECKED` that the field has rules or a type for."""
    if not isinstance(shape, String):
        return frozenset()
    stated = {
        "format": shape.format,
        "pattern": shape.pattern,
        "minLength": shape.min_length,
        "maxLength": shape.max_length,
    }
    return frozenset(keyword for keyword, value in stated.items() if value is not None)


def stated_rules(flattener: Flattener, store: SchemaStore, nodes: Sequence[Node], shape: Shape) -> Rules:
    """Return the keywords, with their values, that a schema adds to its type, items and map values included.

    Rules of a class or an alias belong to its own comment. Left out are keywords that several schemas state
    differently, and branches of a union, unless all but one are null.

    Args:
        flattener: opens references.
        store: has the schemas inside.
        nodes: the schemas that must all hold.
        shape: their shape.
    """
    deprecated: Rules = (("deprecated", True),) if is_deprecated(nodes) else ()
    return deprecated + tuple(_stated(flattener, store, nodes, shape, ""))


def _stated(
    flattener: Flattener, store: SchemaStore, nodes: Sequence[Node], shape: Shape, prefix: str
) -> Iterator[tuple[str, _Value]]:
    kinds = _kinds(shape)
    if any(isinstance(kind, Ref) for kind in kinds) or prefix.count(".") > _MAX_NESTED:
        return
    parts = _with_nullable(flattener, store, flattener.flatten(map(Part, nodes)) or ())
    for keyword in STATED:
        value = _agreed(_value(part, keyword) for part in parts)
        if value is not None:
            yield f"{prefix}{keyword}", value
    if len(kinds) != 1:
        return
    for keyword, kind in _INNER:
        inner = [
            store.child(part.node, schema) for part in parts if isinstance(schema := part.get(keyword), dict)
        ]
        if inner and isinstance(kinds[0], kind) and not getattr(kinds[0], "prefix", ()):
            inside = kinds[0].item if isinstance(kinds[0], List) else kinds[0].value
            yield from _stated(flattener, store, inner, inside, f"{prefix}{keyword}.")


def _with_nullable(flattener: Flattener, store: SchemaStore, parts: Sequence[Part]) -> Sequence[Part]:
    """Return parts, and after them those of schemas that may be null: of ``X`` in ``anyOf: [X, null]``.

    A union with several branches besides null adds nothing, since its branches may state different rules.
    """
    all_parts = list(parts)
    for part in parts:
        for keyword in ("anyOf", "oneOf"):
            branches = part.get(keyword)
            if isinstance(branches, list):
                others = [branch for branch in branches if not _is_null(branch)]
                if len(others) == 1 < len(branches):
                    all_parts += flattener.flatten([Part(store.child(part.node, others[0]))]) or ()
    return all_parts


def _is_null(schema: object) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "null"


def _value(part: Part, keyword: str) -> _Value | None:
    value = part.get(keyword)
    if keyword in _EXCLUSIVE and part.get(_EXCLUSIVE[keyword]) is True:
        return None  # draft 4: the limit is exclusive
    if value is True and keyword.startswith("exclusive"):
        value = part.get(keyword.removeprefix("exclusive").lower())
    is_stated = isinstance(value, str | int | float) and value is not False
    return value if is_stated else None


def _kinds(shape: Shape) -> list[Shape]:
    """Return the branches of a shape, without null."""
    branches = shape.branches if isinstance(shape, Union) else (shape,)
    return [branch for branch in branches if branch != NULL]


def _agreed(values: Iterable[object]) -> _Value | None:
    """Return the one value that all schemas with the keyword state; None for several values, or none."""
    distinct = {repr(value): value for value in values if value is not None}
    value = next(iter(distinct.values())) if len(distinct) == 1 else None
    return value if isinstance(value, str | int | float) else None
