"""Rings of references that take no step into the value, such as `{"$ref": "#"}`, rewritten for Ajv.

Python's validator ignores a schema that it is already checking the same value against. Ajv recurses until the
stack overflows, for some rings already when it compiles them. So such a reference is replaced by one to a
schema with a keyword of ours (`_rings.ts`), which knows the checks that are running.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tightbeam._payload.places import Place, Places

__all__ = ["break_rings"]

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_ONE = ("not", "if", "then", "else")
_LISTS = ("allOf", "anyOf", "oneOf")
_MAPS = ("dependentSchemas", "dependencies")
_FREE_NAMES = frozenset({*_MAPS, "$defs", "definitions", "patternProperties", "properties"})
_DATA = frozenset({"const", "enum"})
_KEYWORD = "tightbeam-ring"


def break_rings(resources: dict[str, Any]) -> None:
    """Rewrite references that are part of a ring, in place."""
    places = Places(resources)
    steps: dict[str, dict[str, Place]] = {}
    for place in _schemas(resources):
        steps[place.ref] = {each.ref: each for each in _same_value(places, place)}
    rings = _in_rings({ref: set(targets) for ref, targets in steps.items()})
    if not rings:
        return
    uri = "tightbeam:///rings"
    while uri in resources:
        uri += "_"
    bridges: dict[str, Any] = {}
    for place in list(_schemas(resources)):
        for keyword in _REFERENCES:
            target = _target(places, place, keyword)
            if place.ref in rings and target is not None and target.ref in rings:
                bridges[str(len(bridges))] = {_KEYWORD: target.ref}
                del place.schema[keyword]
                place.schema["$ref"] = f"{uri}#/{len(bridges) - 1}"
    resources[uri] = bridges


def _schemas(resources: dict[str, Any]) -> Iterator[Place]:
    """Yield every object that is a schema, or may be one."""
    stack = [(Place(uri, (), uri, schema), False) for uri, schema in resources.items()]
    stack = [(place.child(), is_map) for place, is_map in stack]
    while stack:
        place, is_names = stack.pop()
        if isinstance(place.schema, list):
            stack.extend((place.child(i), False) for i in range(len(place.schema)))
        elif isinstance(place.schema, dict):
            if not is_names:
                yield place
            stack.extend(
                (place.child(key), not is_names and key in _FREE_NAMES)
                for key, value in place.schema.items()
                if isinstance(value, (dict, list)) and (is_names or key not in _DATA)
            )


def _same_value(places: Places, place: Place) -> Iterator[Place]:
    """Yield the schemas that apply to a value because this one does."""
    schema = place.schema
    for keyword in _REFERENCES:
        if (target := _target(places, place, keyword)) is not None:
            yield target
    for keyword in _ONE:
        if isinstance(schema.get(keyword), dict):
            yield place.child(keyword)
    for keyword in _LISTS:
        if isinstance(schema.get(keyword), list):
            yield from (place.child(keyword, i) for i in range(len(schema[keyword])))
    for keyword in _MAPS:
        if isinstance(schema.get(keyword), dict):
            yield from (place.child(keyword, name) for name in schema[keyword])


def _target(places: Places, place: Place, keyword: str) -> Place | None:
    reference = place.schema.get(keyword)
    return places.find(reference, place.base) if isinstance(reference, str) else None


def _in_rings(steps: dict[str, set[str]]) -> set[str]:
    """Return the places in rings, and those between two rings."""
    left = dict(steps)
    while True:
        reached = set[str]().union(*left.values()) if left else set()
        kept = {ref: targets & left.keys() for ref, targets in left.items() if ref in reached}
        kept = {ref: targets for ref, targets in kept.items() if targets}
        if kept.keys() == left.keys():
            return set(kept)
        left = kept
