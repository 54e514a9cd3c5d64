"""Objects and arrays: which schemas one property, one element or one map value must fit."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jsonschema_rs

from tightbeam_codegen.read.normalise.flatten import OPENED, Flattener, Part
from tightbeam_codegen.read.resolve import Node, SchemaStore

__all__ = [
    "default_is_null",
    "describes",
    "element_nodes",
    "is_closed",
    "map_value_nodes",
    "prefix_nodes",
    "property_names",
    "property_nodes",
    "required_names",
]

# Beside these `unevaluatedProperties: false` means what `additionalProperties: false` does.
_PLAIN = frozenset(
    [
        "properties",
        "unevaluatedProperties",
        "$ref",
        "allOf",
        "required",
        "type",
        "minProperties",
        "maxProperties",
    ]
)


def property_names(parts: Sequence[Part]) -> list[str]:
    """Return every property that is declared or required, in the schema's order."""
    names: dict[str, None] = {}
    for part in parts:
        names.update(dict.fromkeys(part.get("properties") or ()))
    return list(dict.fromkeys([*names, *sorted(required_names(parts) - names.keys())]))


def required_names(parts: Sequence[Part]) -> frozenset[str]:
    """Return the properties that must exist."""
    return frozenset(
        name for part in parts if isinstance(names := part.get("required"), list) for name in names
    )


def property_nodes(store: SchemaStore, parts: Sequence[Part], name: str) -> list[Node]:
    """Return every schema that the value of a property must fit.

    Args:
        store: finds the schemas inside.
        parts: the schemas of the object.
        name: of the property.
    """
    nodes: list[Node] = []
    for part in parts:
        is_matched = False
        properties = part.get("properties")
        if isinstance(properties, dict) and name in properties:
            nodes.append(store.child(part.node, properties[name]))
            is_matched = True
        for pattern, schema in (part.get("patternProperties") or {}).items():
            matches = _matches(pattern, name)
            if matches:
                nodes.append(store.child(part.node, schema))
            # A pattern that can't be run may match: nothing is known of the keys that it leaves over.
            is_matched = is_matched or matches is not False
        extra = part.get("additionalProperties")
        if not is_matched and extra is not None:
            nodes.append(store.child(part.node, extra))
    return nodes


def default_is_null(flattener: Flattener, nodes: Sequence[Node]) -> bool:
    """Return whether schemas of a property state null as its default, and none states another.

    Keywords behind a reference count, and beside it those that the draft doesn't ignore.

    Args:
        flattener: opens references.
        nodes: the schemas of the property.
    """
    if not any(node.keywords.keys() & {"default", "$ref", "allOf"} for node in nodes):
        return False  # most properties: nothing to flatten
    parts = flattener.flatten(map(Part, nodes)) or ()
    stated = [part.node.keywords["default"] for part in parts if "default" in part.node.keywords]
    return bool(stated) and all(default is None for default in stated)


def is_closed(parts: Sequence[Part]) -> bool:
    """Return whether undeclared properties are refused in any case."""
    if any(part.get("additionalProperties") is False and not part.get("patternProperties") for part in parts):
        return True
    # Anything that may evaluate further properties (a group dealt with elsewhere too) leaves the object open.
    return any(part.get("unevaluatedProperties") is False for part in parts) and all(
        part.without <= OPENED
        and part.asserts <= _PLAIN
        and part.get("unevaluatedProperties") in (None, False)
        for part in parts
    )


def map_value_nodes(store: SchemaStore, parts: Sequence[Part]) -> list[list[Node]] | None:
    """Return the alternatives for the value of an undeclared key, each a list of schemas that must all hold.

    Args:
        store: finds the schemas inside.
        parts: the schemas of the object.

    Returns:
        None where anything may stand there.
    """
    for part in parts:
        patterns = part.get("patternProperties") or {}
        extra = part.get("additionalProperties")
        if patterns and extra is not None:
            return [[store.child(part.node, schema)] for schema in (*patterns.values(), extra)]
    plain = [
        store.child(part.node, extra)
        for part in parts
        if (extra := part.get("additionalProperties")) is not None and not part.get("patternProperties")
    ]
    return [plain] if plain else None


def element_nodes(store: SchemaStore, parts: Sequence[Part]) -> list[tuple[str, list[Node]]] | None:
    """Return the alternatives for an array's elements, each a part of a name and schemas that must all hold.

    Args:
        store: finds the schemas inside.
        parts: the schemas of the array.

    Returns:
        None where anything may be an element.
    """
    tuples = [elements for part in parts if (elements := _elements(store, part)) is not None]
    for prefix, rest in tuples:
        if prefix:
            named = [(f"Item{index}", [node]) for index, node in enumerate(prefix)]
            return [*named, ("Item", [rest])] if rest is not None else None
    rests = [rest for _, rest in tuples if rest is not None]
    return [("Item", rests)] if rests else None


def prefix_nodes(store: SchemaStore, parts: Sequence[Part]) -> tuple[list[Node], Node | None] | None:
    """Return the schemas of an array's first elements and of the others; None if all elements are alike."""
    candidates = (_elements(store, part) for part in parts)
    return next((elements for elements in candidates if elements is not None and elements[0]), None)


def _elements(store: SchemaStore, part: Part) -> tuple[list[Node], Node | None] | None:
    items = part.get("items")
    prefix: Any = part.get("prefixItems") if part.node.dialect.year >= 2020 else None
    if part.node.dialect.year < 2020 and isinstance(items, list):
        prefix, items = items, part.get("additionalItems")
    if prefix is None and items is None:
        return None
    rest = store.child(part.node, items) if isinstance(items, dict | bool) else None
    return [store.child(part.node, schema) for schema in prefix or ()], rest


def _matches(pattern: str, name: str) -> bool | None:
    matcher = _matcher(pattern)
    return None if matcher is None else matcher.is_valid(name)


@functools.lru_cache(maxsize=1024)
def _matcher(pattern: str) -> Any:
    """Return a matcher that takes linear time; None for a pattern that this engine can't run."""
    options = jsonschema_rs.RegexOptions()
    try:
        return jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=options)
    except (ValueError, jsonschema_rs.ValidationError):
        return None


def describes(part: Part, kind: str) -> bool:
    """Return whether a schema that states no type describes the contents of an object, or an array."""
    of_objects, of_arrays = {"properties", "required", "additionalProperties"}, {"items", "prefixItems"}
    return bool(part.asserts & (of_objects if kind == "object" else of_arrays))
