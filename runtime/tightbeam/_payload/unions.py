"""Which branch of a union a value was meant for, when it fits none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tightbeam._payload.places import Place
from tightbeam._payload.plain import pointer_token
from tightbeam._payload.reasons import one_of, type_reason
from tightbeam.errors import Issue

if TYPE_CHECKING:
    from tightbeam._payload.explain import Explanation

__all__ = ["closest"]

_MAX_TRIED = 6


def closest(walk: Explanation, branches: list[Place], value: object, pointer: str, depth: int) -> list[Issue]:
    """The issues of the branch that comes closest: by type, then by tag, then by how few issues it has."""
    # Each branch, and where its own keywords are (at the end of its references).
    every = [(branch, _shape(walk, branch)) for branch in branches]
    left = [
        (branch, shape)
        for branch, shape in every
        if "type" not in shape.schema or walk.keyword_fits(shape, "type", value)
    ]
    if not left:
        return [Issue(pointer, _type_reason([shape.schema for _, shape in every], value))]
    schemas = [shape.schema for _, shape in left]
    if isinstance(value, dict) and len(left) > 1 and (tag := _tag(schemas)) is not None:
        place = f"{pointer}/{pointer_token(tag)}"
        wanted = [literal for schema in schemas for literal in _pinned(schema, tag)]
        if tag not in value:
            return [Issue(place, f"is required ({one_of(wanted)})")]
        left = [pair for pair in left if any(_same(value[tag], x) for x in _pinned(pair[1].schema, tag))]
        if not left:
            return [Issue(place, one_of(wanted))]
    elif len(left) > 1 and all(_literals(schema) for schema in schemas):
        return [Issue(pointer, one_of([literal for schema in schemas for literal in _literals(schema)]))]
    tried = [walk.branch(branch, value, pointer, depth) for branch, _ in left[:_MAX_TRIED]]
    # An issue inside the value says that this branch took it for one of its own.
    return min(
        filter(None, tried),
        key=lambda issues: (any(issue.pointer == pointer for issue in issues), len(issues)),
        default=[Issue(pointer, "must fit one of the allowed forms")],
    )


def _shape(walk: Explanation, branch: Place) -> Place:
    """Where the branch's own keywords are: through references that stand alone."""
    place = branch
    for _ in range(10):
        schema = place.schema
        if not isinstance(schema, dict) or "$ref" not in schema or "type" in schema or "properties" in schema:
            break
        target = walk.places.find(schema["$ref"], place.base)
        if target is None:
            break
        place = target
    return place if isinstance(place.schema, dict) else Place(place.document, place.tokens, place.base, {})


def _type_reason(schemas: list[dict[str, Any]], value: object) -> str:
    types: dict[str, None] = {}
    for schema in schemas:
        stated = schema["type"]
        types.update(dict.fromkeys([stated] if isinstance(stated, str) else stated))
    return type_reason(types, value)


def _tag(schemas: list[dict[str, Any]]) -> str | None:
    """The property that every branch pins to values of its own."""
    for name in _properties(schemas[0]):
        pinned = [{repr(literal) for literal in _pinned(schema, name)} for schema in schemas]
        if all(pinned) and len(set[str]().union(*pinned)) == sum(map(len, pinned)):
            return name
    return None


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _pinned(schema: dict[str, Any], name: str) -> list[object]:
    stated = _properties(schema).get(name)
    return _literals(stated) if isinstance(stated, dict) else []


def _literals(schema: dict[str, Any]) -> list[object]:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else []


def _same(value: object, literal: object) -> bool:
    return value == literal and isinstance(value, bool) == isinstance(literal, bool)
