"""What people change, with what becomes of it for tolerant readers and publishers of our bindings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, open_object

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """A change of a schema."""

    name: str
    old: Any
    new: Any
    old_readers: bool
    """Whether old readers take new messages."""
    new_readers: bool
    """Whether new readers take old messages."""


def _tagged(kind: str, required: str = "", /, **properties: Any) -> dict[str, Any]:
    return closed(f"kind {required}".strip(), kind={"const": kind}, **properties)


def _one_of(*branches: Any) -> dict[str, Any]:
    return {"oneOf": list(branches)}


def _any_of(*branches: Any) -> dict[str, Any]:
    return {"anyOf": list(branches)}


def _with(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**schema, **more}


def _nested(schema: Any) -> dict[str, Any]:
    return closed("items", items={"type": "array", "items": closed("at", at=schema)})


_NUMBER = {"type": "number"}
_NULLABLE = {"type": ["string", "null"]}
_EVEN = {"type": "integer", "multipleOf": 2}
_OBJECT: dict[str, Any] = {"type": "object"}
_EVENTS = [_tagged(f"event{number}", at=STRING) for number in range(39)]
_CAT, _DOG, _COW = _tagged("cat", lives=INTEGER), _tagged("dog", name=STRING), _tagged("cow")
_ONE, _TWO = closed("a", a=STRING), closed("b", b=STRING)
_MAP = _with(_OBJECT, additionalProperties=STRING)
_TREE = {
    "$ref": "#/$defs/node",
    "$defs": {"node": closed("v", v=INTEGER, next={"$ref": "#/$defs/node"})},
}
_TREE_MORE = {
    "$ref": "#/$defs/node",
    "$defs": {"node": closed("v", v=INTEGER, note=STRING, next={"$ref": "#/$defs/node"})},
}
_TREE_WIDER = {
    "$ref": "#/$defs/node",
    "$defs": {"node": closed("v", v=_NUMBER, next={"$ref": "#/$defs/node"})},
}

CASES = [
    Case("optional property added", closed("a", a=STRING), closed("a", a=STRING, b=STRING), True, True),
    Case(
        "optional property added to an open class",
        open_object(a=STRING),
        open_object(a=STRING, b=STRING),
        True,
        True,
    ),
    Case(
        "optional property added deep inside",
        _nested(closed(x=STRING)),
        _nested(closed(x=STRING, y=STRING)),
        True,
        True,
    ),
    Case("required property added", closed("a", a=STRING), closed("a b", a=STRING, b=STRING), True, False),
    Case("required property removed", closed("a b", a=STRING, b=STRING), closed("a", a=STRING), False, True),
    Case("optional property removed", closed("a", a=STRING, b=STRING), closed("a", a=STRING), True, True),
    Case("required property renamed", closed("a", a=STRING), closed("b", b=STRING), False, False),
    Case("optional property renamed", closed(a=STRING), closed(b=STRING), True, True),
    Case("property becomes required", closed(a=STRING), closed("a", a=STRING), True, False),
    Case("property becomes optional", closed("a", a=STRING), closed(a=STRING), False, True),
    Case("property gets another type", closed("a", a=STRING), closed("a", a=INTEGER), False, False),
    Case("optional property gets another type", closed(a=STRING), closed(a=INTEGER), False, False),
    Case("property becomes wider", closed("a", a=INTEGER), closed("a", a=_NUMBER), False, True),
    Case("property becomes nullable", closed("a", a=STRING), closed("a", a=_NULLABLE), False, True),
    Case("enum value added", closed(a={"enum": ["x"]}), closed(a={"enum": ["x", "y"]}), False, True),
    Case("enum value removed", closed(a={"enum": ["x", "y"]}), closed(a={"enum": ["x"]}), True, False),
    Case("bound tightened", closed(a={"maximum": 10}), closed(a={"maximum": 9}), True, False),
    Case(
        "pattern tightened",
        closed(a={"type": "string", "pattern": "^[a-z]"}),
        closed(a={"type": "string", "pattern": "^[a-f]"}),
        True,
        False,
    ),
    Case(
        "bound tightened beside a property of characters",
        closed("a b", a={"type": "string", "pattern": "^\\p{Nd}{4}$"}, b={"type": "integer", "maximum": 99}),
        closed("a b", a={"type": "string", "pattern": "^\\p{Nd}{4}$"}, b={"type": "integer", "maximum": 50}),
        True,
        False,
    ),
    Case(
        "all digits become ASCII digits",
        closed("a", a={"type": "string", "pattern": "^\\p{Nd}+$"}),
        closed("a", a={"type": "string", "pattern": "^[0-9]+$"}),
        True,
        False,
    ),
    Case("format added", closed(a=STRING), closed(a={"type": "string", "format": "date"}), True, False),
    Case("multiple of", closed("a", a=_EVEN), closed("a", a=INTEGER), False, True),
    Case("closed to open", closed("a", a=STRING), _with(open_object(a=STRING), required=["a"]), True, True),
    Case("open to closed", open_object(a=STRING), closed(a=STRING), True, True),
    Case(
        "closed to open on purpose",
        closed(a=STRING),
        _with(open_object(a=STRING), additionalProperties=True),
        True,
        True,
    ),
    Case(
        "property added where others are strings",
        _with(open_object(a=STRING), additionalProperties=STRING),
        _with(open_object(a=STRING, n=INTEGER), additionalProperties=STRING),
        False,
        False,
    ),
    Case(
        "property added where others are anything",
        _with(open_object(a=STRING), additionalProperties=True),
        _with(open_object(a=STRING, n=INTEGER), additionalProperties=True),
        True,
        False,
    ),
    Case("values of a map", _MAP, _with(_OBJECT, additionalProperties=_NULLABLE), False, True),
    Case("map becomes a class", _MAP, closed(a=STRING), True, True),
    Case("class becomes a map", closed(a=INTEGER), _MAP, False, False),
    Case("branch added", _one_of(_CAT, _DOG), _one_of(_CAT, _DOG, _COW), False, True),
    Case("branch removed", _one_of(_CAT, _DOG, _COW), _one_of(_CAT, _DOG), True, False),
    Case(
        "optional property added to a branch",
        _one_of(_CAT, _DOG),
        _one_of(_tagged("cat", lives=INTEGER, colour=STRING), _DOG),
        True,
        True,
    ),
    Case(
        "a branch gets the property of another one",
        _one_of(_CAT, _DOG),
        _one_of(_tagged("cat", lives=INTEGER, name=STRING), _DOG),
        True,
        True,
    ),
    Case(
        "optional property added to one of forty branches",
        _one_of(*(_tagged(f"event{number}", at=STRING) for number in range(40))),
        _one_of(
            *(_tagged(f"event{number}", at=STRING) for number in range(39)), _tagged("event39", by=STRING)
        ),
        True,
        True,
    ),
    Case("a branch twice, which fits nothing", _one_of(_CAT, _CAT), _CAT, False, True),
    Case("tag renamed", _one_of(_CAT, _DOG), _one_of(_CAT, _tagged("hound", name=STRING)), False, False),
    Case("class becomes a union", _CAT, _one_of(_CAT, _DOG), False, True),
    Case(
        "untagged branch added", _any_of(_ONE, _TWO), _any_of(_ONE, _TWO, closed("c", c=STRING)), False, True
    ),
    Case(
        "new property in an untagged branch",
        _any_of(_ONE, _TWO),
        _any_of(closed("a", a=STRING, new=STRING), _TWO),
        True,
        True,
    ),
    Case(
        "an untagged branch gets the property of another one",
        _any_of(_ONE, _TWO),
        _any_of(closed("a", a=STRING, b=STRING), _TWO),
        False,
        True,
    ),
    Case(
        "nullable topic", closed("a", a=STRING), _any_of(closed("a", a=STRING), {"type": "null"}), False, True
    ),
    Case("oneOf becomes anyOf", _one_of(_CAT, _DOG), _any_of(_CAT, _DOG), True, True),
    Case("recursive class gets a property", _TREE, _TREE_MORE, True, True),
    Case("recursive class becomes wider", _TREE, _TREE_WIDER, False, True),
    Case(
        "longer lists",
        {"type": "array", "items": STRING, "maxItems": 2},
        {"type": "array", "items": STRING, "maxItems": 3},
        False,
        True,
    ),
    Case(
        "pattern of names added",
        closed(a=STRING),
        _with(closed(a=STRING), patternProperties={"^x-": STRING}),
        True,
        True,
    ),
    Case(
        "values by pattern change",
        _with(closed(a=STRING), patternProperties={"^x-": STRING}),
        _with(closed(a=STRING), patternProperties={"^x-": INTEGER}),
        False,
        False,
    ),
    Case(
        "unevaluated instead of additional",
        closed("a", a=STRING),
        _with(open_object(a=STRING), required=["a"], unevaluatedProperties=False),
        True,
        True,
    ),
    Case(
        "property added beside unevaluatedProperties",
        {"type": "object", "allOf": [open_object(a=STRING)], "unevaluatedProperties": False},
        {"type": "object", "allOf": [open_object(a=STRING, b=STRING)], "unevaluatedProperties": False},
        True,
        True,
    ),
    Case(
        "property added to a part of allOf",
        {"allOf": [open_object(a=STRING), open_object(b=STRING)]},
        {"allOf": [open_object(a=STRING, c=STRING), open_object(b=STRING)]},
        True,
        True,
    ),
    Case(
        "one property needs another one",
        closed(a=STRING, b=STRING),
        _with(closed(a=STRING, b=STRING), dependentRequired={"a": ["b"]}),
        True,
        False,
    ),
    Case(
        "number of properties",
        _with(closed(a=STRING, b=STRING), maxProperties=1),
        closed(a=STRING, b=STRING),
        False,
        True,
    ),
    Case(
        "a property that doesn't count",
        _with(closed(a=STRING), maxProperties=1),
        closed(a=STRING, b=STRING),
        True,
        True,
    ),
    Case("words", _with(STRING, description="old"), _with(STRING, description="new"), True, True),
]
