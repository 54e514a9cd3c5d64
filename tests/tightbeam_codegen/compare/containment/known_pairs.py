"""Pairs of schemas of which it is known, by construction, which one takes what the other one allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.tightbeam_codegen.compare.containment.random_pairs import DIALECTS

__all__ = ["PAIRS", "Known"]

_ALL = (4, 6, 7, 2019, 2020)


@dataclass(frozen=True)
class Known:
    """Two schemas, and whether each takes all that the other one allows."""

    name: str
    first: Any
    second: Any
    first_takes_second: bool
    second_takes_first: bool
    years: tuple[int, ...]

    @property
    def dialects(self) -> list[str]:
        """The URIs of the dialects in which this is so."""
        return [DIALECTS[year] for year in self.years]


def _wider(name: str, wide: Any, narrow: Any, since: int = 4, until: int = 2020) -> Known:
    return Known(name, wide, narrow, True, False, tuple(y for y in _ALL if since <= y <= until))


def _equal(name: str, first: Any, second: Any, since: int = 4, until: int = 2020) -> Known:
    return Known(name, first, second, True, True, tuple(y for y in _ALL if since <= y <= until))


def _apart(name: str, first: Any, second: Any, since: int = 4, until: int = 2020) -> Known:
    return Known(name, first, second, False, False, tuple(y for y in _ALL if since <= y <= until))


STR: dict[str, Any] = {"type": "string"}
INT: dict[str, Any] = {"type": "integer"}
NUM: dict[str, Any] = {"type": "number"}
BOOL: dict[str, Any] = {"type": "boolean"}
NULL: dict[str, Any] = {"type": "null"}


def _object(required: str = "", /, **properties: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return {**schema, "required": required.split()} if required else schema


def _closed(required: str = "", /, **properties: Any) -> dict[str, Any]:
    return {**_object(required, **properties), "additionalProperties": False}


def _array(items: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "array", **({} if items is None else {"items": items}), **more}


def _any_of(*schemas: Any) -> dict[str, Any]:
    return {"anyOf": list(schemas)}


def _one_of(*schemas: Any) -> dict[str, Any]:
    return {"oneOf": list(schemas)}


def _all_of(*schemas: Any) -> dict[str, Any]:
    return {"allOf": list(schemas)}


def _enum(*values: Any) -> dict[str, Any]:
    return {"enum": list(values)}


def _text(pattern: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern, **more}


def _types() -> Iterator[Known]:
    yield _wider("any and string", {}, STR)
    yield _wider("number and integer", NUM, INT)
    yield _wider("nullable", {"type": ["string", "null"]}, STR)
    yield _apart("string and integer", STR, INT)
    yield _equal("list of one type", {"type": ["string"]}, STR)
    yield _equal("types and branches", {"type": ["string", "null"]}, _any_of(NULL, STR))
    yield _equal("all types", {"type": ["null", "boolean", "number", "string", "array", "object"]}, {})
    yield _equal("integer beside number", {"type": ["integer", "number"]}, NUM)
    yield _equal("false and nothing", False, {"not": {}}, 6)
    yield _wider("true and nothing", True, False, 6)
    yield _wider("anything but a string", {"not": STR}, INT)
    yield _equal("not not", {"not": {"not": STR}}, STR)
    yield _equal("integer as a multiple", INT, {"type": "number", "multipleOf": 1}, 6)
    yield _wider(
        "annotations decide nothing", {"type": "string", "title": "a", "default": 1}, {**STR, "minLength": 1}
    )
    yield _equal("only annotations", {**STR, "description": "x", "default": ""}, {**STR, "title": "y"})
    yield _equal("unknown keywords", {**STR, "x-mine": 1}, {**STR, "x-other": {"type": "null"}})


def _values() -> Iterator[Known]:
    yield _wider("enum value added", _enum("a", "b", "c"), _enum("a", "b"))
    yield _apart("enum value changed", _enum("a", "b"), _enum("a", "c"))
    yield _equal("enum in another order", _enum("a", "b"), _enum("b", "a"))
    yield _wider("enum and its type", STR, _enum("a", "b"))
    yield _equal("enum and const", _enum("a"), {"const": "a"}, 6)
    yield _equal("enum of booleans", _enum(True, False), BOOL)
    yield _equal("enum of null", _enum(None), NULL)
    yield _apart("one and true", _enum(1), _enum(True))
    yield _apart("zero and false", {"const": 0}, {"const": False}, 6)
    yield _equal("one and 1.0", _enum(1), _enum(1.0))
    yield _apart("one and its text", _enum(1), _enum("1"))
    yield _equal("enum that its type limits", {"enum": ["a", 1], "type": "string"}, _enum("a"))
    yield _equal("enum that a bound limits", {"enum": [1, 2, 3], "maximum": 2}, _enum(1, 2))
    yield _wider("enum of objects", _enum({"a": 1}, {"b": 2}), _enum({"a": 1}))
    yield _equal("objects without order", _enum({"a": 1, "b": 2}), _enum({"b": 2, "a": 1}))
    yield _apart("arrays in another order", _enum([1, 2]), _enum([2, 1]))
    yield _equal("constants as branches", _any_of({"const": "a"}, {"const": "b"}), _enum("a", "b"), 6)
    yield _wider("const and a pattern", _text("^a"), {"const": "ab"}, 6)
    yield _apart("const and another pattern", _text("^a"), {"const": "b"}, 6)
    yield _wider("not an enum", {"not": _enum("a")}, {"not": _enum("a", "b")})
    yield _wider("enum without one value", {**STR, "not": _enum("a")}, _enum("b", "c"))


def _numbers() -> Iterator[Known]:
    yield _wider("minimum lowered", {**NUM, "minimum": 0}, {**NUM, "minimum": 1})
    yield _wider("maximum raised", {**NUM, "maximum": 10}, {**NUM, "maximum": 9})
    yield _apart("both moved", {**NUM, "minimum": 0, "maximum": 5}, {**NUM, "minimum": 1, "maximum": 6})
    yield _wider("exclusive minimum", {**NUM, "minimum": 1}, {**NUM, "exclusiveMinimum": 1}, 6)
    yield _wider("exclusive maximum", {**NUM, "maximum": 1}, {**NUM, "exclusiveMaximum": 1}, 6)
    yield _wider("exclusive minimum, draft 4", {"minimum": 1}, {"minimum": 1, "exclusiveMinimum": True}, 4, 4)
    yield _wider("exclusive maximum, draft 4", {"maximum": 1}, {"maximum": 1, "exclusiveMaximum": True}, 4, 4)
    yield _equal("exclusive for integers", {**INT, "exclusiveMinimum": 0}, {**INT, "minimum": 1}, 6)
    yield _equal("fraction as a bound of integers", {**INT, "minimum": 0.5}, {**INT, "minimum": 1})
    yield _wider("fractions between integers", {**NUM, "minimum": 0.5}, {**INT, "minimum": 1})
    yield _equal("no integer in between", {**INT, "minimum": 1, "maximum": 2}, {**INT, "enum": [1, 2]})
    yield _equal("impossible bounds", {**NUM, "minimum": 2, "maximum": 1}, {"not": {}})
    yield _wider("multiples", {**INT, "multipleOf": 2}, {**INT, "multipleOf": 4})
    yield _apart("multiples apart", {**INT, "multipleOf": 2}, {**INT, "multipleOf": 3})
    yield _equal(
        "common multiples", _all_of({**INT, "multipleOf": 2}, {"multipleOf": 3}), {**INT, "multipleOf": 6}
    )
    yield _wider("decimal multiples", {**NUM, "multipleOf": 0.01}, {**NUM, "multipleOf": 0.1})
    yield _wider("halves and integers", {**NUM, "multipleOf": 0.5}, {**NUM, "multipleOf": 1})
    yield _wider("a multiple only", {**INT, "multipleOf": 5}, {**INT, "enum": [5, 10]})
    yield _equal("one multiple in range", {**INT, "multipleOf": 5, "minimum": 1, "maximum": 9}, _enum(5), 6)
    yield _wider(
        "gap in between", _any_of({**NUM, "maximum": 0}, {**NUM, "minimum": 1}), {**NUM, "minimum": 2}
    )
    yield _equal(
        "gap without integers",
        _any_of({**INT, "maximum": 0}, {**INT, "minimum": 1}),
        INT,
    )
    yield _equal(
        "range from two ranges",
        _any_of({**NUM, "minimum": 0, "maximum": 6}, {**NUM, "minimum": 5, "maximum": 10}),
        {**NUM, "minimum": 0, "maximum": 10},
    )
    yield _wider("beyond a range", NUM, {**NUM, "not": {"minimum": 0, "maximum": 1}})
    yield _wider("large bounds", {**INT, "maximum": 2**60}, {**INT, "maximum": 2**60 - 1})
    yield _wider("1.0 is no integer in draft 4", {"enum": [1]}, {"type": "integer", "enum": [1]}, 4, 4)
    yield _equal("bounds of strings are none", {**STR, "minimum": 5}, STR)


def _texts() -> Iterator[Known]:
    yield _wider("longer", {**STR, "maxLength": 5}, {**STR, "maxLength": 4})
    yield _wider("shorter", {**STR, "minLength": 1}, {**STR, "minLength": 2})
    yield _equal("no length", {**STR, "minLength": 0}, STR)
    yield _equal("empty only", {**STR, "maxLength": 0}, _enum(""))
    yield _equal("impossible length", {**STR, "minLength": 2, "maxLength": 1}, {"not": {}})
    yield _wider("pattern removed", STR, _text("^[a-z]+$"))
    yield _wider("class of characters", _text("^[a-z0-9]+$"), _text("^[a-z]+$"))
    yield _equal("pattern spelt otherwise", _text("^(a|b)*$"), _text("^[ab]*$"))
    yield _equal("digits", _text(r"^\d{3}$"), _text("^[0-9][0-9][0-9]$"))
    yield _wider("unanchored", _text("a"), _text("^a"))
    yield _wider("anchored at the end", _text("a$"), _text("^a$"))
    yield _apart("other anchors", _text("^a"), _text("a$"))
    yield _equal("plus is one and more", _text("^a+$"), _text("^aa*$"))
    yield _equal("length as a pattern", _text(r"^[\s\STR]{2,4}$"), {**STR, "minLength": 2, "maxLength": 4})
    yield _wider("dot and line feed", {**STR, "minLength": 1, "maxLength": 1}, _text("^.$"))
    yield _wider("pattern and length", _text("^[a-z]*$"), _text("^[a-z]*$", maxLength=5))
    yield _equal("two patterns", _all_of(_text("^a"), _text("b$")), _text(r"^a([\s\STR]*)b$"))
    yield _wider("not a pattern", {**STR, "not": {"pattern": "^a"}}, _text("^b"))
    yield _wider("groups", _text("^(foo|bar|baz)$"), _text("^ba(r|z)$"))
    yield _equal("groups and an enum", _text("^(foo|bar)$"), _enum("foo", "bar"))
    yield _wider("counted", _text("^a{1,5}$"), _text("^a{2,4}$"))
    yield _equal("optional parts", _text("^ab?c?$"), _enum("a", "ab", "ac", "abc"))
    yield _wider("beyond ASCII", _text("^[^a-z]$"), _text("^[äöü]$"))
    yield _wider("astral characters", {**STR, "maxLength": 1}, _text("^[😀-😂]$"))
    yield _wider("slugs", _text("^[a-z0-9-]+$"), _text("^[a-z0-9]+(-[a-z0-9]+)*$"))
    yield _wider("words", _text(r"^\w+$"), _text("^[A-Za-z_]+$"))
    yield _apart("upper and lower case", _text("^[a-z]+$"), _text("^[A-Z]+$"))
    yield _wider("semantic versions", _text(r"^\d+\.\d+"), _text(r"^\d+\.\d+\.\d+$"))
    yield _equal("the same look-ahead", _text("^(?!a)b"), _text("^(?!a)b"))
    yield _wider("format", STR, {**STR, "format": "date"})
    yield _apart("formats", {**STR, "format": "date"}, {**STR, "format": "ipv4"})
    yield _wider("date as a pattern", _text(r"^\d{4}-\d\d-\d\d$"), {**STR, "format": "date"})
    yield _wider(
        "format and a length", {**STR, "format": "date-time"}, {**STR, "format": "date-time", "maxLength": 20}
    )
    yield _wider("uri references", {**STR, "format": "uri-reference"}, {**STR, "format": "uri"}, 6)
    yield _wider("addresses as a pattern", _text(r"^[0-9.]+$"), {**STR, "format": "ipv4"})
    yield _equal("unknown format", {**STR, "format": "mine"}, STR)
    yield _wider("uuid", STR, {**STR, "format": "uuid"})
    yield _equal("contents aren't looked at", {**STR, "contentEncoding": "base64"}, STR, 2019)
    yield _wider("contents are looked at", STR, {**STR, "contentEncoding": "base64"}, 6, 7)
    yield _wider("contents of a type", STR, {**STR, "contentMediaType": "application/json"}, 6, 7)


def _arrays() -> Iterator[Known]:
    yield _wider("items", _array(NUM), _array(INT))
    yield _wider("length", _array(INT, maxItems=3), _array(INT, maxItems=2))
    yield _wider("at least", _array(INT, minItems=1), _array(INT, minItems=2))
    yield _wider("unique", _array(INT), _array(INT, uniqueItems=True))
    yield _equal("one item is unique", _array(INT, maxItems=1, uniqueItems=True), _array(INT, maxItems=1))
    yield _equal("unique booleans", _array(BOOL, uniqueItems=True, minItems=3), {"not": {}})
    yield _equal("no items", _array(False), _array(maxItems=0), 6)
    yield _wider("first item", _array(prefixItems=[NUM]), _array(prefixItems=[INT]), 2020)
    yield _wider("first item, before 2020", _array([NUM]), _array([INT]), 4, 2019)
    yield _wider("closed tuple", _array(prefixItems=[STR]), _array(False, prefixItems=[STR]), 2020)
    yield _wider("closed tuple, before 2020", _array([STR]), _array([STR], additionalItems=False), 4, 2019)
    yield _wider("tuple and list", _array(STR), _array(STR, prefixItems=[_enum("a")]), 2020)
    yield _wider(
        "tuple and list, before 2020", _array(STR), _array([_enum("a")], additionalItems=STR), 4, 2019
    )
    yield _wider("contains", _array(INT), _array(INT, contains={"minimum": 5}), 6)
    yield _wider("contains less", _array(contains=NUM), _array(contains=INT), 6)
    yield _wider("contains twice", _array(contains=INT), _array(contains=INT, minContains=2), 2019)
    yield _wider("contains at most", _array(contains=INT), _array(contains=INT, maxContains=2), 2019)
    yield _wider(
        "contains less at most",
        _array(contains=INT, maxContains=3),
        _array(contains=INT, maxContains=2),
        2019,
    )
    yield _equal("contains nothing", _array(contains=INT, minContains=0), _array(), 2019)
    yield _equal("contains as a length", _array(contains={}), _array(minItems=1), 6)
    yield _wider("items imply contains", _array(contains=STR), _array(STR, minItems=1), 6)
    yield _wider("nested arrays", _array(_array(NUM)), _array(_array(INT)))
    yield _wider(
        "unevaluated items",
        _array(prefixItems=[STR]),
        _array(prefixItems=[STR], unevaluatedItems=False),
        2020,
    )
    yield _equal(
        "unevaluated items of allOf",
        {**_array(), "allOf": [{"prefixItems": [STR]}], "unevaluatedItems": False},
        _array(False, prefixItems=[STR]),
        2020,
    )
    yield _wider("not an empty array", {"not": _array(maxItems=0)}, _array(minItems=1))
    yield _equal("a length split", _any_of(_array(maxItems=1), _array(minItems=2)), _array())


def _objects() -> Iterator[Known]:
    yield _wider("property added to an open class", _object(a=STR), _object(a=STR, b=STR))
    yield _wider("property added to a closed class", _closed(a=STR, b=STR), _closed(a=STR))
    yield _wider("required", _object(a=STR), _object("a", a=STR))
    yield _wider("closed", _object(a=STR), _closed(a=STR))
    yield _apart("renamed", _closed("a", a=STR), _closed("b", b=STR))
    yield _wider("type of a property", _closed(a=NUM), _closed(a=INT))
    yield _apart("another type of a property", _closed("a", a=STR), _closed("a", a=INT))
    yield _wider("nested classes", _closed(a=_closed(b=NUM)), _closed(a=_closed(b=INT)))
    yield _wider("nullable property", _closed(a={"type": ["string", "null"]}), _closed(a=STR))
    yield _wider(
        "values of a map",
        {"type": "object", "additionalProperties": NUM},
        {"type": "object", "additionalProperties": INT},
    )
    yield _wider("map and class", {"type": "object", "additionalProperties": STR}, _closed(a=STR, b=STR))
    yield _equal("forbidden property", _object(a={"not": {}}), {"type": "object", "not": {"required": ["a"]}})
    yield _wider("forbidden property, and another", _object(a=False), _closed(b=STR), 6)
    yield _wider(
        "number of properties", {"type": "object", "maxProperties": 2}, {"type": "object", "maxProperties": 1}
    )
    yield _wider("at least one property", {"type": "object"}, {"type": "object", "minProperties": 1})
    yield _wider("required is at least one", {"type": "object", "minProperties": 1}, _object("a", a=STR))
    yield _equal("two of two", {**_closed(a=STR, b=STR), "minProperties": 2}, _closed("a b", a=STR, b=STR))
    yield _equal("more than there can be", {**_closed(a=STR), "minProperties": 2}, {"not": {}})
    yield _wider("class is small", {"type": "object", "maxProperties": 2}, _closed(a=STR, b=STR))
    yield _wider(
        "names by pattern",
        {"type": "object", "patternProperties": {"^x-": NUM}},
        {"type": "object", "patternProperties": {"^x-": INT}},
    )
    yield _wider(
        "pattern of names",
        {"type": "object", "patternProperties": {"^x-a": STR}},
        {"type": "object", "patternProperties": {"^x-": STR}},
    )
    yield _wider(
        "pattern beside a closed class",
        {**_closed(a=STR), "patternProperties": {"^x-": STR}},
        _closed(a=STR),
    )
    yield _equal(
        "pattern of one name",
        {"type": "object", "patternProperties": {"^a$": STR}, "additionalProperties": False},
        _closed(a=STR),
    )
    yield _wider("names", {"type": "object"}, {"type": "object", "propertyNames": {"pattern": "^a"}}, 6)
    yield _wider(
        "length of names",
        {"type": "object", "propertyNames": {"maxLength": 3}},
        {"type": "object", "propertyNames": {"maxLength": 2}},
        6,
    )
    yield _equal(
        "names of a class", {"type": "object", "propertyNames": _enum("a", "b")}, _closed(a={}, b={}), 6
    )
    yield _wider(
        "one needs another",
        _closed(a=STR, b=STR),
        {**_closed(a=STR, b=STR), "dependencies": {"a": ["b"]}},
        4,
        7,
    )
    yield _wider(
        "one needs another, since 2019-09",
        _closed(a=STR, b=STR),
        {**_closed(a=STR, b=STR), "dependentRequired": {"a": ["b"]}},
        2019,
    )
    yield _wider(
        "one changes another",
        _closed(a=STR, b=NUM),
        {**_closed(a=STR, b=NUM), "dependentSchemas": {"a": {"properties": {"b": INT}}}},
        2019,
    )
    yield _wider(
        "one changes another, before 2019-09",
        _closed(a=STR, b=NUM),
        {**_closed(a=STR, b=NUM), "dependencies": {"a": {"properties": {"b": INT}}}},
        4,
        7,
    )
    yield _equal(
        "needs what is required",
        {**_closed("a b", a=STR, b=STR), "dependentRequired": {"a": ["b"]}},
        _closed("a b", a=STR, b=STR),
        2019,
    )
    yield _equal(
        "unevaluated properties", {**_object(a=STR), "unevaluatedProperties": False}, _closed(a=STR), 2019
    )
    yield _equal(
        "unevaluated properties of allOf",
        {"type": "object", "allOf": [_object(a=STR), _object(b=STR)], "unevaluatedProperties": False},
        _closed(a=STR, b=STR),
        2019,
    )
    yield _wider(
        "unevaluated properties of anyOf",
        _closed(a=STR, b=STR),
        {
            "type": "object",
            "anyOf": [_object("a", a=STR), _object("b", b=STR)],
            "unevaluatedProperties": False,
        },
        2019,
    )
    yield _wider(
        "unevaluated properties of a condition",
        _closed(a=STR, b=STR),
        {
            "type": "object",
            "properties": {"a": STR},
            "if": {"required": ["a"]},
            "then": {"properties": {"b": STR}},
            "unevaluatedProperties": False,
        },
        2019,
    )
    yield _equal(
        "split by the presence of a property",
        _any_of(_object("a", a=STR), {"type": "object", "not": {"required": ["a"]}}),
        _object(a=STR),
    )
    yield _equal(
        "split by the values of a property",
        _any_of(_closed("a", a=_enum("x")), _closed("a", a=_enum("y"))),
        _closed("a", a=_enum("x", "y")),
    )
    yield _equal("no type", {"properties": {"a": STR}}, _any_of(_object(a=STR), {"not": {"type": "object"}}))


def _unions() -> Iterator[Known]:
    cat = _closed("kind", kind=_enum("cat"), lives=INT)
    dog = _closed("kind", kind=_enum("dog"), name=STR)
    cow = _closed("kind", kind=_enum("cow"))
    for keyword, union in (("anyOf", _any_of), ("oneOf", _one_of)):
        yield _wider(f"{keyword} branch added", union(cat, dog, cow), union(cat, dog))
        yield _equal(f"{keyword} in another order", union(cat, dog), union(dog, cat))
        yield _apart(f"{keyword} branch replaced", union(cat, dog), union(cat, cow))
        yield _wider(f"{keyword} of one", union(cat, dog), cat)
        yield _wider(f"{keyword} of scalars", union(STR, INT), STR)
        yield _wider(f"{keyword} with null", union(cat, NULL), cat)
        yield _wider(
            f"{keyword} branch widened",
            union(cat, dog),
            union(_closed("kind lives", kind=_enum("cat"), lives=INT), dog),
        )
    yield _equal("oneOf and anyOf of what is apart", _any_of(cat, dog), _one_of(cat, dog))
    yield _wider("oneOf and anyOf of what isn't", _any_of(NUM, INT), _one_of(NUM, INT))
    yield _equal("oneOf of a type and a part", _one_of(NUM, INT), {**NUM, "not": INT})
    yield _equal("the same twice in oneOf", _one_of(STR, STR), {"not": {}})
    yield _equal("the same twice in anyOf", _any_of(STR, STR), STR)
    yield _equal("allOf", _all_of(_object(a=STR), _object(b=INT)), _object(a=STR, b=INT))
    yield _wider(
        "allOf of bounds",
        _all_of({**NUM, "minimum": 0}, {**NUM, "maximum": 5}),
        {**NUM, "minimum": 1, "maximum": 4},
    )
    yield _equal("allOf that can't be", _all_of(STR, INT), {"not": {}})
    yield _equal(
        "a property's union outside",
        _any_of(_closed("a", a=STR), _closed("a", a=INT)),
        _closed("a", a=_any_of(STR, INT)),
    )
    yield _wider(
        "spread over branches",
        _any_of({**INT, "maximum": 5}, {**INT, "minimum": 5}),
        {**INT, "minimum": 3, "maximum": 8},
    )
    yield _equal("De Morgan", {"not": _any_of(STR, INT)}, _all_of({"not": STR}, {"not": INT}))
    yield _wider(
        "condition",
        _closed("k", k=_enum("a", "b"), v=STR),
        {
            **_closed("k", k=_enum("a", "b"), v=STR),
            "if": {"properties": {"k": _enum("a")}},
            "then": {"required": ["v"]},
        },
        7,
    )
    yield _equal(
        "condition as branches",
        {"if": STR, "then": {"minLength": 1}, "else": INT},
        _any_of({**STR, "minLength": 1}, INT),
        7,
    )
    yield _equal("condition without arms", {**STR, "if": {"minLength": 3}}, STR, 7)
    yield _equal("arms without a condition", {**STR, "then": INT, "else": INT}, STR, 7)


def _references() -> Iterator[Known]:
    def tree(value: Any, key: str = "definitions", **more: Any) -> dict[str, Any]:
        node = _closed("value", value=value, children=_array({"$ref": f"#/{key}/node"}), **more)
        return {key: {"node": node}, "allOf": [{"$ref": f"#/{key}/node"}]}

    yield _equal(
        "reference and copy", {"definitions": {"a": STR}, "allOf": [{"$ref": "#/definitions/a"}]}, STR
    )
    yield _wider("recursion", tree(NUM), tree(INT))
    yield _apart("recursion apart", tree(STR), tree(INT))
    yield _wider("recursion with one more property", tree(STR, note=STR), tree(STR))
    yield _equal("recursion under another name", tree(STR), tree(STR, "defs2"))
    yield _equal(
        "recursion unrolled once",
        tree(STR),
        {
            "definitions": {"node": tree(STR)["definitions"]["node"]},
            **_closed("value", value=STR, children=_array({"$ref": "#/definitions/node"})),
        },
    )
    linked = {"definitions": {"n": _closed(next=_any_of({"$ref": "#/definitions/n"}, NULL))}}
    required = {"definitions": {"n": _closed("next", next=_any_of({"$ref": "#/definitions/n"}, NULL))}}
    top = {"allOf": [{"$ref": "#/definitions/n"}]}
    yield _wider("recursion required", {**linked, **top}, {**required, **top})
    endless = {"definitions": {"n": _closed("next", next={"$ref": "#/definitions/n"})}, **top}
    yield _equal("endless recursion", endless, {"not": {}})
    yield _wider(
        "mutual recursion",
        {
            "definitions": {
                "a": _closed(b={"$ref": "#/definitions/b"}, v=NUM),
                "b": _array({"$ref": "#/definitions/a"}),
            },
            "allOf": [{"$ref": "#/definitions/a"}],
        },
        {
            "definitions": {
                "a": _closed(b={"$ref": "#/definitions/b"}, v=INT),
                "b": _array({"$ref": "#/definitions/a"}),
            },
            "allOf": [{"$ref": "#/definitions/a"}],
        },
    )
    yield _wider(
        "beside a reference",
        {"$defs": {"a": STR}, "$ref": "#/$defs/a"},
        {"$defs": {"a": STR}, "$ref": "#/$defs/a", "minLength": 1},
        2019,
    )
    yield _equal(
        "hidden beside a reference",
        {"definitions": {"a": STR}, "properties": {"p": {"$ref": "#/definitions/a"}}},
        {"definitions": {"a": STR}, "properties": {"p": {"$ref": "#/definitions/a", "minLength": 1}}},
        4,
        7,
    )
    yield _equal("anchors", {"$defs": {"a": {"$anchor": "here", **STR}}, "$ref": "#here"}, STR, 2019)
    yield _wider(
        "dynamic reference",
        {"$id": "urn:a", "$dynamicAnchor": "n", **_closed(v=NUM, n={"$dynamicRef": "#n"})},
        {"$id": "urn:a", "$dynamicAnchor": "n", **_closed(v=INT, n={"$dynamicRef": "#n"})},
        2020,
    )
    yield _equal(
        "dynamic and plain reference",
        {"$id": "urn:a", "$dynamicAnchor": "n", **_closed(v=NUM, n={"$dynamicRef": "#n"})},
        {"$id": "urn:b", **_closed(v=NUM, n={"$ref": "#"})},
        2020,
    )
    yield _wider(
        "recursive reference",
        {"$id": "urn:a", "$recursiveAnchor": True, **_closed(v=NUM, n={"$recursiveRef": "#"})},
        {"$id": "urn:a", "$recursiveAnchor": True, **_closed(v=INT, n={"$recursiveRef": "#"})},
        2019,
        2019,
    )
    yield _equal("identified schemas", {"$defs": {"a": {"$id": "urn:x", **STR}}, "$ref": "urn:x"}, STR, 2019)


PAIRS: list[Known] = [
    *_types(),
    *_values(),
    *_numbers(),
    *_texts(),
    *_arrays(),
    *_objects(),
    *_unions(),
    *_references(),
]
