"""Unions, and payloads that break them in many ways: one branch of each is explained."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from tests.typescript.agreement import Agreement

__all__ = ["UNIONS"]

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
_NEWER = (2020, 2019, 7, 6)
_REFERENCES = (2020, 2019)


def closed(required: str, **properties: Any) -> dict[str, Any]:
    """An object that takes these properties only."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def kind(*names: str) -> dict[str, Any]:
    """A tag, in words that each draft has."""
    return {"enum": list(names)}


AT = {"type": "string", "format": "date-time"}
PAID = closed("kind at", kind=kind("paid"), at=AT, cents=INTEGER)
SHIPPED = closed(
    "kind at",
    kind=kind("shipped", "sent"),
    at=AT,
    parcels={"type": "array", "items": {"$ref": "#/definitions/Parcel"}},
)
CANCELLED = closed("kind at", kind=kind("cancelled"), at=AT, reason={"type": "string", "minLength": 3})
PARCEL = closed("id", id={"type": "string", "pattern": "^[a-z]+$"}, weight={"type": "number", "minimum": 0})
NAMES = {"Paid": PAID, "Shipped": SHIPPED, "Cancelled": CANCELLED, "Parcel": PARCEL, "paid": kind("paid")}
REFERRED = [{"$ref": f"#/definitions/{name}"} for name in ("Paid", "Shipped", "Cancelled")]
WHEN = "2026-01-31T12:00:00Z"

EVENTS: list[Any] = [
    {"kind": "paid", "at": "yesterday"},
    {"kind": "paid", "at": WHEN, "cents": 1.5},
    {"kind": "paid", "at": WHEN, "cents": 1},
    {"kind": "shipped", "at": WHEN, "parcels": [{"id": "a"}, {"id": "B", "weight": -1}, 7]},
    {"kind": "sent", "at": None},
    {"kind": "sent", "at": WHEN, "parcel": []},
    {"kind": "cancelled", "at": WHEN, "reason": "no"},
    {"kind": "cancelled"},
    {"kind": "lost", "at": 1},
    {"kind": None},
    {"at": WHEN},
    {},
    *([], "paid", 1, None, True),
]


def _texts(values: list[Any]) -> tuple[str, ...]:
    return tuple(map(json.dumps, values))


def _events() -> Iterator[Agreement]:
    for keyword in ("anyOf", "oneOf"):
        named = {keyword: REFERRED, "definitions": NAMES}
        yield Agreement(f"{keyword}, referred", named, _texts(EVENTS))
        inline = {keyword: [PAID, CANCELLED], "definitions": NAMES}
        yield Agreement(f"{keyword}, inline", inline, _texts(EVENTS))
        nullable = {keyword: [*REFERRED, {"type": "null"}, {"type": "array", "items": REFERRED[0]}, INTEGER]}
        arrays = [[event] for event in EVENTS] + [[EVENTS[2], EVENTS[1]]]
        payloads = _texts([*EVENTS, *arrays, 1.5])
        yield Agreement(f"{keyword}, by type", {**nullable, "definitions": NAMES}, payloads)
        within = closed(
            "event", event={keyword: REFERRED}, events={"type": "array", "items": {keyword: REFERRED}}
        )
        nested = [{"event": event} for event in EVENTS] + [{"event": EVENTS[2], "events": EVENTS[:6]}]
        yield Agreement(f"{keyword}, inside", {**within, "definitions": NAMES}, _texts(nested))
        unions = {keyword: [{"oneOf": REFERRED[:2]}, {"anyOf": [REFERRED[2], {"type": "null"}]}]}
        yield Agreement(f"{keyword}, of unions", {**unions, "definitions": NAMES}, _texts(EVENTS))
        mapped = {"type": "object", "additionalProperties": {keyword: REFERRED}, "definitions": NAMES}
        yield Agreement(f"{keyword}, in a map", mapped, _texts([{"secret": event} for event in EVENTS]))


def _tags() -> Iterator[Agreement]:
    a = {"properties": {"kind": kind("a"), "n": INTEGER}, "required": ["kind"], "type": "object"}
    b = {"properties": {"kind": kind("b", "c"), "s": STRING}, "required": ["kind"]}
    base = {"type": "object", "properties": {"id": STRING}, "required": ["id"]}
    other = {"type": "object", "properties": {"kind": STRING, "z": {"type": "null"}}}
    by_number = [closed("v", v={"enum": [1]}, n=INTEGER), closed("v", v={"enum": [2, True]}, s=STRING)]
    two = [
        {"properties": {"kind": kind("x"), "v": {"enum": [v]}, f"n{v}": INTEGER}, "required": ["v"]}
        for v in (1, 2)
    ]
    optional = [{"properties": a["properties"], "required": ["n"]}, {**b, "required": ["kind", "s"]}]
    values = [
        {"kind": k, **rest}
        for k, rest in itertools.product(
            ("a", "b", "c", "x", "z", 1, None),
            ({}, {"n": "1"}, {"s": 1}, {"id": 1, "n": "1"}, {"v": 2, "n2": "1"}),
        )
    ] + [
        {},
        {"n": "1"},
        {"s": 1},
        {"v": 2, "n": "x", "s": 1},
        {"v": True, "s": 1},
        {"v": 3},
        {"kind": "q", "z": 1},
    ]
    branches: dict[str, list[Any]] = {
        "tags": [a, b],
        "beside a base": [{"allOf": [base, a]}, {"allOf": [base, b]}],
        "a base by reference": [{"allOf": [{"$ref": "#/definitions/base"}, a]}, b],
        "a tag by reference": [{"properties": {"kind": {"$ref": "#/definitions/kind"}, "n": INTEGER}}, b],
        "unions": [{"anyOf": [a, b]}, {"oneOf": two}],
        "a union beside a base": [a, {**base, "oneOf": [b, two[0]]}],
        "two tags": [*two, a],
        "and any other": [a, b, other],
        "an optional tag": optional,
        "numbers": by_number,
        "requirements": [{"required": ["n"], **other}, {"required": ["s"], **other}],
        "closed, without a tag": [closed("n", n=INTEGER), closed("s", s=STRING, n=INTEGER)],
    }
    definitions = {"base": base, "kind": kind("a")}
    for (name, forms), keyword in itertools.product(branches.items(), ("anyOf", "oneOf")):
        yield Agreement(f"{keyword}, {name}", {keyword: forms, "definitions": definitions}, _texts(values))
    consts = [
        {**a, "properties": {"kind": {"const": "a"}, "n": INTEGER}},
        {**b, "properties": {"kind": {"const": "b"}}},
    ]
    yield Agreement("const", {"oneOf": consts}, _texts(values), _NEWER)


def _others() -> Iterator[Agreement]:
    numbers = _texts([0, 2, 5, 1.5, "x", None, [], {}])
    yield Agreement("several", {"oneOf": [{"minimum": 1}, {"maximum": 3}]}, numbers)
    yield Agreement(
        "types", {"anyOf": [STRING, {"type": ["null", "array"]}, {"type": "integer", "maximum": 1}]}, numbers
    )
    yield Agreement("values", {"oneOf": [{"enum": ["x", 1]}, {"enum": [None]}]}, numbers)
    yield Agreement("values and types", {"anyOf": [{"enum": ["y", 1]}, {"type": "object"}]}, numbers)
    lists = {
        "anyOf": [{"type": "array", "items": INTEGER}, {"type": "array", "items": closed("n", n=INTEGER)}]
    }
    yield Agreement(
        "lists", lists, _texts([[1, "x"], ["x", {"n": "x"}], [{"n": 1}, {"n": 2, "m": 1}], 1, [1], {}])
    )
    many = {"anyOf": [closed(f"p{n}", **{f"p{n}": {"type": "null"}}) for n in range(20)]}
    yield Agreement("many", many, _texts([{"p13": 1}, {"p19": 1, "x": 1}, {}, {"p0": None, "p1": None}, 1]))
    large = {"oneOf": [closed("kind", kind=kind(f"K{n}"), n=INTEGER, inner={"$ref": "#"}) for n in range(60)]}
    deep: Any = {"kind": "K59", "n": "x"}
    for n in range(2):
        deep = {"kind": f"K{n}", "inner": deep}
    yield Agreement(
        "large", large, _texts([{"kind": "K40", "n": "x"}, deep, {"kind": "K60"}, {}, {"kind": "K1", "m": 1}])
    )
    tree = {"anyOf": [closed("leaf", leaf=INTEGER), closed("l r", l={"$ref": "#"}, r={"$ref": "#"})]}
    leaf, bad = {"leaf": 1}, {"leaf": "x"}
    yield Agreement(
        "tree",
        tree,
        _texts([{"l": leaf, "r": bad}, {"l": {"l": leaf, "r": bad}, "r": leaf}, {"l": leaf}, {}]),
    )
    beside = {
        "type": "object",
        "required": ["id"],
        "properties": {"id": STRING},
        "oneOf": [closed("id a", id={}, a={}), closed("id b", id={}, b={})],
    }
    yield Agreement(
        "beside", beside, _texts([{"a": 1}, {"id": 1, "a": 1}, {"id": "x"}, {"id": "x", "a": 1, "b": 1}, 1])
    )
    dependent = {"dependentSchemas": {"a": {"anyOf": [{"required": ["b"]}, {"required": ["c"]}]}}}
    yield Agreement("dependent", dependent, _texts([{"a": 1}, {"a": 1, "b": 1}, {}]), _REFERENCES)
    anchored = {
        "oneOf": [{"$ref": "#a"}, {"$ref": "#b"}],
        "$defs": {"A": {"$anchor": "a", **PAID}, "B": {"$anchor": "b", **CANCELLED}},
    }
    yield Agreement("anchors", anchored, _texts(EVENTS), _REFERENCES)
    for name, ring in {
        "itself": {"$ref": "#"},
        "two": {
            "$ref": "#/definitions/A",
            "definitions": {"A": {"$ref": "#/definitions/B"}, "B": {"$ref": "#/definitions/A"}},
        },
        "allOf": {
            "allOf": [{"$ref": "#"}, {"type": "object"}],
            "properties": {"a": INTEGER, "b": {"$ref": "#"}},
        },
        "anyOf": {"anyOf": [{"$ref": "#"}, STRING]},
        "property": {"properties": {"a": {"$ref": "#/properties/a"}}},
        "through": {
            "properties": {"a": {"$ref": "#/definitions/A"}},
            "definitions": {
                "A": {"allOf": [{"$ref": "#/definitions/B"}, INTEGER]},
                "B": {"anyOf": [{"$ref": "#/definitions/A"}, {"minimum": 3}]},
            },
        },
    }.items():
        yield Agreement(
            f"ring, {name}",
            ring,
            _texts([1, 5, "x", None, {}, {"a": 1}, {"a": 5}, {"a": "x", "b": {"a": "y"}}, []]),
        )


UNIONS: list[Agreement] = [*_events(), *_tags(), *_others()]
