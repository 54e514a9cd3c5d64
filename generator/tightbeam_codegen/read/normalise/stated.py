"""The rules of a schema that a type can't state, for comments: formats, ranges, lengths, patterns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from tightbeam_codegen.read.normalise.flatten import Flattener, Part
from tightbeam_codegen.read.normalise.shapes import NULL, List, Map, Ref, Rules, Shape, Union
from tightbeam_codegen.read.resolve import Node, SchemaStore

__all__ = ["KEYWORDS", "is_deprecated", "stated_rules"]

KEYWORDS = (
    *("format", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf", "minLength"),
    *("maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
    *("contentEncoding", "contentMediaType"),
)
_EXCLUSIVE = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
_INNER = (("items", List), ("additionalProperties", Map))
_MAX_NESTED = 3

_Parts: TypeAlias = Sequence[Part]


def stated_rules(flattener: Flattener, store: SchemaStore, nodes: Sequence[Node], shape: Shape) -> Rules:
    """Return the keywords, with their values, that a schema adds to its type, items and map values included.

    Rules of a class or an alias are left to its own comment. Left out are keywords that several schemas state
    differently, and branches of a union, unless all but one are null.

    Args:
        flattener: opens references.
        store: has the schemas inside.
        nodes: the schemas that must all hold.
        shape: the shape of these schemas.
    """
    deprecated: Rules = (("deprecated", True),) if is_deprecated(nodes) else ()
    return deprecated + tuple(_rules(flattener, store, nodes, shape, ""))


def is_deprecated(nodes: Sequence[Node]) -> bool:
    """Return whether one of the schemas is marked as deprecated, without those that they refer to."""
    return any(isinstance(node.schema, dict) and node.schema.get("deprecated") is True for node in nodes)


def _rules(
    flattener: Flattener, store: SchemaStore, nodes: Sequence[Node], shape: Shape, prefix: str
) -> Iterator[tuple[str, str | int | float | bool]]:
    kinds = [
        branch for branch in (shape.branches if isinstance(shape, Union) else (shape,)) if branch != NULL
    ]
    if any(isinstance(kind, Ref) for kind in kinds) or prefix.count(".") > _MAX_NESTED:
        return
    parts = _without_null(flattener, store, flattener.flatten(map(Part, nodes)) or ())
    for keyword in KEYWORDS:
        values = {repr(value): value for part in parts if (value := _value(part, keyword)) is not None}
        if len(values) == 1:
            yield f"{prefix}{keyword}", next(iter(values.values()))
    if len(kinds) == 1:
        for keyword, kind in _INNER:
            inner = [
                store.child(part.node, schema)
                for part in parts
                if isinstance(schema := part.get(keyword), dict)
            ]
            if inner and isinstance(kinds[0], kind) and not getattr(kinds[0], "prefix", ()):
                shape_inside = kinds[0].item if isinstance(kinds[0], List) else kinds[0].value
                yield from _rules(flattener, store, inner, shape_inside, f"{prefix}{keyword}.")


def _without_null(flattener: Flattener, store: SchemaStore, parts: _Parts) -> _Parts:
    """Add the parts of the only branch of a union that isn't null."""
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


def _value(part: Part, keyword: str) -> str | int | float | bool | None:
    value = part.get(keyword)
    if keyword in _EXCLUSIVE and part.get(_EXCLUSIVE[keyword]) is True:
        return None  # draft 4: the limit is exclusive
    if value is True and keyword.startswith("exclusive"):
        value = part.get(keyword.removeprefix("exclusive").lower())
    is_stated = isinstance(value, str | int | float) and value is not False
    return value if is_stated else None
