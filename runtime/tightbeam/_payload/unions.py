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
    shapes = [(branch, _shape(walk, branch)) for branch in branches]
    of_type = [(branch, shape) for branch, shape in shapes if _admits_type(walk, shape, value)]
    if not of_type:
        return [Issue(pointer, _type_reason(shapes, value))]
    if isinstance(value, dict) and len(of_type) > 1 and (tag := _tag([shape for _, shape in of_type])):
        place = f"{pointer}/{pointer_token(tag)}"
        wanted = [literal for _, shape in of_type for literal in _literals(shape, tag)]
        if tag not in value:
            return [Issue(place, f"is required ({one_of(wanted)})")]
        tagged = [
            (branch, shape)
            for branch, shape in of_type
            if walk.keyword_fits({"enum": _literals(shape, tag)}, "enum", value[tag])
        ]
        if not tagged:
            return [Issue(place, one_of(wanted))]
        of_type = tagged
    literals = [literal for _, shape in of_type for literal in _own_literals(shape)]
    if len(of_type) > 1 and all(_own_literals(shape) for _, shape in of_type):
        return [Issue(pointer, one_of(literals))]
    tried = [walk.branch(branch, value, pointer, depth) for branch, _ in of_type[:_MAX_TRIED]]
    return min(filter(None, tried), key=len, default=[Issue(pointer, "must fit one of the allowed forms")])


def _shape(walk: Explanation, branch: Place) -> dict[str, Any]:
    """The branch's own keywords, through references that stand alone."""
    place: Place | None = branch
    for _ in range(10):
        schema = place.schema if place is not None else {}
        if not isinstance(schema, dict):
            return {}
        if place is None or "$ref" not in schema or "type" in schema or "properties" in schema:
            return schema
        place = walk.places.find(schema["$ref"], place.base)
    return {}


def _admits_type(walk: Explanation, shape: dict[str, Any], value: object) -> bool:
    return "type" not in shape or walk.keyword_fits(shape, "type", value)


def _type_reason(shapes: list[tuple[Place, dict[str, Any]]], value: object) -> str:
    types: dict[str, None] = {}
    for _, shape in shapes:
        stated = shape["type"]
        types.update(dict.fromkeys([stated] if isinstance(stated, str) else stated))
    return type_reason(types, value)


def _tag(shapes: list[dict[str, Any]]) -> str | None:
    """The property that every branch pins to values of its own."""
    names = [name for name in _properties(shapes[0]) if _literals(shapes[0], name)]
    for name in names:
        texts = [frozenset(map(repr, _literals(shape, name))) for shape in shapes]
        if all(texts) and len(frozenset.union(*texts)) == sum(map(len, texts)):
            return name
    return None


def _properties(shape: dict[str, Any]) -> dict[str, Any]:
    properties = shape.get("properties")
    return properties if isinstance(properties, dict) else {}


def _literals(shape: dict[str, Any], name: str) -> list[object]:
    stated = _properties(shape).get(name)
    return _own_literals(stated) if isinstance(stated, dict) else []


def _own_literals(schema: dict[str, Any]) -> list[object]:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else []
