"""Messages of newer publishers, and what older bindings make of them: in Python and in TypeScript."""

from __future__ import annotations

from typing import Any

from tests.tightbeam_codegen.compiling import channel
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, open_object, ref

__all__ = ["FILES", "INVALID_MESSAGES", "READ"]

EVEN = {"type": "integer", "multipleOf": 2}
ODD = {"type": "integer", "not": {"multipleOf": 2}}
PAID = closed("kind", kind={"const": "paid"}, cents=INTEGER)
SHIPPED = closed("kind", kind={"const": "shipped"}, carrier=STRING)
MODE = {"enum": ["a", "b"]}
TOPICS: dict[str, Any] = {
    "flat": closed("a", a=INTEGER, level={"enum": ["low", "high"]}),
    "nested": closed("", inner=closed("", deep=closed("", a=INTEGER))),
    "array": {"type": "array", "items": closed("a", a=INTEGER)},
    "map": {"type": "object", "additionalProperties": closed("a", a=INTEGER)},
    "recursive": ref("tree.json"),
    "open": open_object(child=closed("", a=INTEGER)),
    "unevaluated": {
        "type": "object",
        "allOf": [{"properties": {"a": INTEGER}}],
        "properties": {"b": INTEGER},
        "unevaluatedProperties": False,
    },
    "tagged": {"oneOf": [PAID, SHIPPED]},
    "untagged": {"anyOf": [closed("a", a=INTEGER), closed("a b", a=INTEGER, b=INTEGER)]},
    "told": {"oneOf": [closed("n", n=EVEN), closed("n", n=ODD)]},
    "enumerated": {"anyOf": [closed("x", x=INTEGER), closed("x mode", x=INTEGER, mode=MODE)]},
    "beside_open": {
        "anyOf": [closed("a", a=INTEGER), {**open_object(x=closed("", y=INTEGER)), "required": ["x"]}]
    },
    "nullable": {"anyOf": [closed("a", a=INTEGER), {"type": "null"}, STRING]},
    "named": closed("", **{"giftFor": STRING, "class": INTEGER}),
    "numbered": closed("", version={"const": 1}, a=INTEGER),
    "by_number": {
        "oneOf": [closed("v", v={"const": 1}, a=INTEGER), closed("v", v={"const": 2}, b=INTEGER)],
    },
    "mixed_lists": {"anyOf": [{"type": "array", "items": PAID}, {"type": "array", "items": SHIPPED}]},
}
FILES: dict[str, Any] = {
    "x.channel.json": channel(**TOPICS),
    "tree.json": closed("", label=STRING, children={"type": "array", "items": {"$ref": "#"}}),
}

READ: list[tuple[str, Any, Any]] = [
    ("flat", {"a": 1, "new": 2}, {"a": 1}),
    ("flat", {"a": 1.0, "new": 2.0}, {"a": 1}),
    ("flat", {"a": 1, "new": {"deep": [{}]}}, {"a": 1}),
    (
        "nested",
        {"new": 1, "inner": {"new": 2, "deep": {"a": 1, "new": 3}}},
        {"inner": {"deep": {"a": 1}}},
    ),
    ("array", [{"a": 1}, {"a": 2, "new": 3}], [{"a": 1}, {"a": 2}]),
    ("map", {"k": {"a": 1, "new": 2}}, {"k": {"a": 1}}),
    (
        "recursive",
        {"label": "x", "children": [{"children": [{"new": 1}]}]},
        {"label": "x", "children": [{"children": [{}]}]},
    ),
    # What an open class takes is data, however new.
    ("open", {"more": 1, "child": {"a": 1, "new": 2}}, {"more": 1, "child": {"a": 1}}),
    ("unevaluated", {"a": 1, "b": 2, "new": 3}, {"a": 1, "b": 2}),
    ("tagged", {"kind": "paid", "cents": 1, "new": 2}, {"kind": "paid", "cents": 1}),
    ("tagged", {"kind": "paid", "carrier": "the other's"}, {"kind": "paid"}),
    ("untagged", {"a": 1, "new": 2}, {"a": 1}),
    ("untagged", {"a": 1, "b": 2, "new": 3}, {"a": 1, "b": 2}),
    ("told", {"n": 2, "new": 1}, {"n": 2}),
    ("told", {"n": 3.0, "new": 1}, {"n": 3}),
    ("enumerated", {"x": 1, "mode": "a", "new": 1}, {"x": 1, "mode": "a"}),
    ("beside_open", {"a": 1, "new": 2}, {"a": 1}),
    ("beside_open", {"x": {"y": 1, "new": 2}, "more": 3}, {"x": {"y": 1}, "more": 3}),
    ("nullable", {"a": 1, "new": 2}, {"a": 1}),
    ("named", {"giftFor": "x", "class": 1, "gift_for": "y", "class_": 2}, {"giftFor": "x", "class": 1}),
    ("numbered", {"version": 1, "a": 1, "new": 2}, {"version": 1, "a": 1}),
    ("by_number", {"v": 2, "b": 1, "a": 1}, {"v": 2, "b": 1}),
    ("mixed_lists", [{"kind": "shipped", "new": 1}], [{"kind": "shipped"}]),
]
"""Topic, what was sent, and what is left of it."""

INVALID_MESSAGES: list[tuple[str, Any, str]] = [
    ("flat", {"new": 2}, "/a"),
    ("flat", {"a": "1", "new": 2}, "/a"),
    ("flat", {"a": 1, "level": "medium", "new": 2}, "/level"),
    ("nested", {"inner": {"deep": {"a": None, "new": 1}}}, "/inner/deep/a"),
    ("tagged", {"kind": "lost", "new": 1}, ""),
    # A class here declares the property: a new member of its enumeration isn't passed over.
    ("enumerated", {"x": 1, "mode": "c"}, ""),
    ("enumerated", {"x": 1, "mode": "c", "new": 1}, ""),
    ("untagged", {"b": 2, "new": 3}, ""),
    ("by_number", {"v": True, "a": 1}, ""),
]
"""Topic, what was sent, and where it is wrong."""
