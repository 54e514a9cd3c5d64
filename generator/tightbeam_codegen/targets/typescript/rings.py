"""Rings of references that never enter the value, such as `{"$ref": "#"}`, rewritten for Ajv.

Python's validator ignores a schema that it is already checking the same value against. Ajv recurses until the
stack overflows, for some rings already when it compiles them. So such a reference is replaced by one to a
schema with a keyword of ours (`_rings.ts`), which knows the checks that are running.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tightbeam._payload.schema_index import SchemaIndex, SchemaLocation
from tightbeam._payload.subschemas import inside
from tightbeam_codegen.json_schema.keywords import REFERENCES

__all__ = ["break_rings"]

_IN_PLACE = frozenset(
    {"allOf", "anyOf", "dependencies", "dependentSchemas", "else", "if", "not", "oneOf", "then"}
)
"""Keywords whose schemas apply to the value itself, not to something inside it."""
_KEYWORD = "tightbeam-ring"


def break_rings(resources: dict[str, Any]) -> None:
    """Rewrite references that are part of a ring, in place."""
    index = SchemaIndex(resources)
    steps: dict[str, dict[str, SchemaLocation]] = {}
    for location in _schemas(resources):
        steps[location.ref] = {each.ref: each for each in _same_value(index, location)}
    rings = _in_rings({ref: set(targets) for ref, targets in steps.items()})
    if not rings:
        return
    uri = "tightbeam:///rings"
    while uri in resources:
        uri += "_"
    bridges: dict[str, Any] = {}
    for location in list(_schemas(resources)):
        for keyword in REFERENCES:
            target = _target(index, location, keyword)
            if location.ref in rings and target is not None and target.ref in rings:
                bridges[str(len(bridges))] = {_KEYWORD: target.ref}
                del location.schema[keyword]
                location.schema["$ref"] = f"{uri}#/{len(bridges) - 1}"
    resources[uri] = bridges


def _schemas(resources: dict[str, Any]) -> Iterator[SchemaLocation]:
    """Yield every object that is a schema, or may be one."""
    stack = [SchemaLocation(uri, (), uri, schema).child() for uri, schema in resources.items()]
    while stack:
        location = stack.pop()
        if isinstance(location.schema, dict):
            yield location
        stack.extend(location.child(*way) for way, _, _ in inside(location.schema))


def _same_value(index: SchemaIndex, location: SchemaLocation) -> Iterator[SchemaLocation]:
    """Yield the schemas that apply to a value because this one does."""
    for keyword in REFERENCES:
        if (target := _target(index, location, keyword)) is not None:
            yield target
    yield from (location.child(*way) for way, _, _ in inside(location.schema) if way[0] in _IN_PLACE)


def _target(index: SchemaIndex, location: SchemaLocation, keyword: str) -> SchemaLocation | None:
    reference = location.schema.get(keyword)
    return index.find(reference, location.base) if isinstance(reference, str) else None


def _in_rings(steps: dict[str, set[str]]) -> set[str]:
    """Return the locations in rings, and those between two rings."""
    left = dict(steps)
    while True:
        reached = set[str]().union(*left.values()) if left else set()
        kept = {ref: targets & left.keys() for ref, targets in left.items() if ref in reached}
        kept = {ref: targets for ref, targets in kept.items() if targets}
        if kept.keys() == left.keys():
            return set(kept)
        left = kept
