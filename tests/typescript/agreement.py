"""Schemas on which Ajv and Python are known to differ by nature, with payloads as JSON texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.suite.groups import groups

__all__ = ["ALL", "CASES", "DRAFTS", "Agreement"]

DRAFTS = {
    2020: "https://json-schema.org/draft/2020-12/schema",
    2019: "https://json-schema.org/draft/2019-09/schema",
    7: "http://json-schema.org/draft-07/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    4: "http://json-schema.org/draft-04/schema#",
}
ALL = tuple(DRAFTS)
_MODERN = (2020, 2019)
_LEGACY = (7, 6, 4)


@dataclass(frozen=True, slots=True)
class Agreement:
    """A schema in some drafts; `milder` where validators in TypeScript may take what Python refuses."""

    name: str
    schema: Any
    payloads: tuple[str, ...]
    years: tuple[int, ...] = ALL
    milder: bool = False


def _texts(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(map(json.dumps, values))


_FRACTIONS = [
    *(
        0,
        1,
        2.5,
        19.99,
        4.35,
        0.07,
        0.075,
        -4.35,
        1e-7,
        3e-7,
        1e-8,
        5e-324,
        99999999.99,
        0.3,
        0.1 + 0.2,
        1 / 3,
    ),
    *(0.69, 1.1, 33.33, 83646.15, 36995.52, 50724.3, 1234567890.12, 1e15 + 0.3, 4503599627370497.5, 8.61),
]
_NUMBERS = (
    *("0", "-0", "0.0", "1.0", "1", "1.5", "1e300", "-1e300", "9007199254740991", "9007199254740992"),
    *(
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "true",
        '"1"',
        "1e-7",
        "5e-324",
        "null",
    ),
)


def _numbers() -> Iterator[Agreement]:
    for factor in (0.01, 0.1, 1e-7, 1e-8, 1e300, 3, 2.5, 0.3, 1e-300, 123456789, 1e20, 5e-324):
        schema = {"type": "number", "multipleOf": factor}
        yield Agreement(f"multipleOf {factor}", schema, _texts(_FRACTIONS))
        yield Agreement(
            f"multipleOf {factor}, fractions", schema, ("1e20", "1e21", "1e300", "1e308", "-1e300")
        )
        # Beyond 2^53 several integers are read as one number, and one of them may be a multiple.
        large = ("9007199254740993", "12345678901234567890", "1e16", "18446744073709551615")
        yield Agreement(f"multipleOf {factor}, large", schema, large, milder=True)
    for limit in (0, 1.5, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 1e300):
        for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            yield Agreement(
                f"{keyword} {limit}", {keyword: limit}, _NUMBERS, (2020, 7, 6), milder=limit >= 2**53
            )
        for keyword in ("minimum", "maximum"):
            schema = {keyword: limit, f"exclusiveM{keyword[1:]}": True}
            yield Agreement(
                f"exclusive {keyword} {limit}", schema, _NUMBERS, (4,), milder=2**53 <= limit <= 2**64
            )
    for value in (0, 1, 1.5, 2**53 - 1, 1e300, True, False, None, "1"):
        yield Agreement(f"const {value!r}", {"const": value}, _NUMBERS, (2020, 2019, 7, 6))
        yield Agreement(f"enum {value!r}", {"enum": [value, "x"]}, _NUMBERS)
    yield Agreement("integer", {"type": "integer"}, _NUMBERS, (2020, 2019, 7, 6))
    yield Agreement("integer of draft 4", {"type": "integer"}, _NUMBERS, (4,), milder=True)
    yield Agreement("number", {"type": "number"}, _NUMBERS)
    yield Agreement(
        "unique",
        {"type": "array", "uniqueItems": True},
        (
            *("[9007199254740992,9007199254740993]", "[1,1.0]", "[1,true]", "[0,false]", "[0,-0]", '["1",1]'),
            *(
                '[{"a":1,"b":2},{"b":2,"a":1}]',
                "[[1],[1]]",
                "[null,null]",
                "[[1,2],[2,1]]",
                "[]",
                '[["a"],"a"]',
            ),
            '[{"a":9007199254740992},{"a":9007199254740993}]',
        ),
    )


_NAMES = (
    "constructor",
    "toString",
    "__proto__",
    "hasOwnProperty",
    "valueOf",
    "prototype",
    "__defineGetter__",
)


def _own_properties() -> Iterator[Agreement]:
    for name in _NAMES:
        known = {name: {"type": "string"}}
        texts = tuple(
            json.dumps(value)
            for value in ({}, {name: "x"}, {name: 1}, {name: {}}, {"a": 1}, {name: "x", "a": 1}, {name: None})
        )
        schemas: dict[str, tuple[Any, tuple[int, ...]]] = {
            "closed": ({"properties": known, "additionalProperties": False}, ALL),
            "open": ({"properties": known}, ALL),
            "required": ({"required": [name]}, ALL),
            "additional": ({"properties": {"a": {}}, "additionalProperties": {"type": "string"}}, ALL),
            "by pattern": ({"patternProperties": {f"^{name}$": {"type": "string"}}}, ALL),
            "counted": ({"minProperties": 1, "maxProperties": 1}, ALL),
            "names": ({"propertyNames": {"enum": [name]}}, (2020, 2019, 7, 6)),
            "dependent": ({"dependentRequired": {name: ["a"]}}, _MODERN),
            "depended on": ({"dependentRequired": {"a": [name]}}, _MODERN),
            "dependent schema": ({"dependentSchemas": {name: {"required": ["a"]}}}, _MODERN),
            "dependencies": ({"dependencies": {name: ["a"]}}, _LEGACY),
            "dependencies, schema": ({"dependencies": {name: {"required": ["a"]}}}, ALL),
            "reference": (
                {"properties": {"a": {"$ref": f"#/definitions/{name}"}}, "definitions": known},
                ALL,
            ),
            "const": ({"const": {name: {}}}, (2020, 7)),
            "enum": ({"enum": [{name: 1}, 1]}, ALL),
            "unevaluated": ({"allOf": [{"properties": known}], "unevaluatedProperties": False}, _MODERN),
        }
        for what, (schema, years) in schemas.items():
            yield Agreement(f"{name}: {what}", schema, texts, years)
        either = {"anyOf": [{"properties": known, "required": [name]}, {"properties": {"a": {}}}]}
        unevaluated = {**either, "unevaluatedProperties": False}
        yield Agreement(
            f"{name}: evaluated in a branch", unevaluated, texts, _MODERN, milder=name == "__proto__"
        )
        items = [json.dumps(each) for each in ({name: 1}, {name: {}}, {name: "x"}, name)]
        pairs = tuple(f"[{one},{other}]" for one in items for other in items)
        yield Agreement(f"{name}: unique", {"uniqueItems": True}, pairs)
        yield Agreement(f"{name}: unique texts", {"items": {"type": "string"}, "uniqueItems": True}, pairs)


def _beside_references() -> Iterator[Agreement]:
    texts = ('{"n":"t"}', '{"n":1}', '{"n":{"a":1}}', '{"n":[1,1]}', '{"n":null}', "{}")
    beside: dict[str, Any] = {
        "type": "integer",
        "enum": [1],
        "minLength": 5,
        "maxLength": 0,
        "pattern": "^z",
        "format": "date",
        "multipleOf": 2,
        "required": ["q"],
        "not": {},
        "anyOf": [{"type": "null"}],
        "minimum": 9,
        "properties": {"a": {"type": "null"}},
        "additionalProperties": False,
        "uniqueItems": True,
        "items": {"type": "null"},
        "dependencies": {"a": ["b"]},
        "nullable": True,
    }
    for keyword, value in beside.items():
        schema = {
            "properties": {"n": {"$ref": "#/definitions/N", keyword: value}},
            "definitions": {"N": {"type": ["string", "number", "object", "array"]}},
        }
        yield Agreement(f"{keyword} beside $ref", schema, texts)
    root = {"$ref": "#/definitions/N", "type": "integer", "definitions": {"N": {"type": "string"}}}
    yield Agreement("root", root, ('"t"', "1"))
    identified = {"$id": "https://other.example/o.json", "$ref": "#/definitions/N"}
    schema = {"properties": {"v": identified}, "definitions": {"N": {"type": "string"}}}
    yield Agreement("identifier beside $ref", schema, ('{"v":"x"}', '{"v":1}'), (7, 6))


def _texts_of_all_kinds() -> Iterator[Agreement]:
    texts = _texts(
        ["", "a", "ä", "a\u0308", "😀", "😀😀", "👨‍👩‍👧", "\ufeff", "汉字", "a\x00b", "\U0010ffff"]
    )
    for length in (0, 1, 2, 3):
        yield Agreement(f"length {length}", {"minLength": length, "maxLength": length}, texts)
    names = (
        "a b",
        "a/b",
        "a~b",
        "100%",
        "ä",
        'a"b',
        "a'b",
        "a\\b",
        "{a}",
        "a#b",
        "a?b",
        "Foo<Bar>",
        "😀",
        "",
        "a`${b}",
    )
    for name in names:
        token = quote(name.replace("~", "~0").replace("/", "~1"), safe="~")
        schema = {
            "properties": {"v": {"$ref": f"#/definitions/{token}"}, name: {"type": "string"}},
            "additionalProperties": False,
            "definitions": {name: {"type": "string"}},
        }
        yield Agreement(f"name {name!r}", schema, _texts([{"v": "x"}, {"v": 1}, {name: "x"}, {name: 1}, {}]))


def _words_of_others() -> Iterator[Agreement]:
    keys = ("$ref", "$id", "id", "$schema", "type", "$anchor", "nullable", "$async")
    known = {"properties": {key: {"type": "string"} for key in keys}, "additionalProperties": False}
    yield Agreement(
        "keywords as names", known, _texts([*({key: "x"} for key in keys), *({key: 1} for key in keys)])
    )
    foreign = {"$id": "https://twice.example/", "$ref": "#/nowhere", "id": "https://twice.example/"}
    for keyword in ("x-note", "examples", "default", "enum"):
        value = [foreign] if keyword in ("examples", "enum") else foreign
        schema = {"properties": {"a": {keyword: value}, "b": {keyword: value}}}
        yield Agreement(f"identifiers in {keyword}", schema, _texts([{"a": foreign}, {"a": 1}]))
    yield Agreement("nullable", {"type": "string", "nullable": True}, ("null", '"x"'))
    limited = {"format": "date", "formatMinimum": "2021-01-01"}
    yield Agreement("formatMinimum", limited, _texts(["2020-01-01", "2022-01-01", "x"]))
    for keyword, value in {
        "dependentRequired": {"a": ["b"]},
        "minContains": 2,
        "unevaluatedProperties": False,
        "if": True,
        "$dynamicRef": "#x",
        "$recursiveRef": "#",
        "then": False,
        "$anchor": "a",
        "unevaluatedItems": False,
    }.items():
        yield Agreement(f"{keyword} too early", {keyword: value}, ('{"a":1}', "[1]", "1", "{}"), _LEGACY)


_FORMATS = (
    *(
        "date",
        "date-time",
        "time",
        "duration",
        "email",
        "idn-email",
        "hostname",
        "idn-hostname",
        "ipv4",
        "ipv6",
    ),
    *(
        "uri",
        "uri-reference",
        "iri",
        "iri-reference",
        "uri-template",
        "json-pointer",
        "relative-json-pointer",
        "uuid",
    ),
    *(
        "iso-time",
        "iso-date-time",
        "url",
        "byte",
        "int32",
        "int64",
        "float",
        "password",
        "json-pointer-uri-fragment",
    ),
)
_FORMATTED = [
    *(
        "",
        "a",
        "a@b",
        "a@b.c",
        "a@localhost",
        "a@[127.0.0.1]",
        "a@[IPv6:::1]",
        "a@[IPv6:z]",
        '"a b"@x.de',
        "ä@x.de",
    ),
    *(
        "http://x",
        "http://x y",
        "x:",
        "x:#a",
        "//x",
        "#a",
        "http://ä.de",
        "http://[::1]/",
        "mailto:a@b.c",
        "urn:isbn:1",
    ),
    *(
        "{x}",
        "{",
        "1.2.3.4",
        "01.2.3.4",
        "::1",
        "::ffff:1.2.3.4",
        "12:00:00Z",
        "12:00:00",
        "24:00:00Z",
        "23:59:60Z",
    ),
    *("2020-01-01", "2020-02-30", "2020-01-01T00:00:00Z", "2020-01-01t00:00:00z", "2020-01-01 00:00:00Z"),
    *(
        "2020-01-01T00:00:00",
        "2020-01-01T24:00:00Z",
        "2020-01-01T00:00:00+0100",
        "0000-01-01",
        "P1D",
        "P1W",
        "PT",
        "P",
    ),
    *(
        "P1.5D",
        "/a~0",
        "/a~2",
        "0",
        "0#",
        "01/a",
        "123e4567-e89b-12d3-a456-426614174000",
        "a.b",
        "a_b",
        "-a",
        "a..b",
    ),
    *(
        "urn:uuid:123e4567-e89b-12d3-a456-426614174000",
        "123E4567-E89B-12D3-A456-426614174000",
        "aGk=",
        "a@-b",
        "a@b.",
    ),
    *(2**31, 1.5, 2**62, True, None),
]
_SUITE = {2020: "draft2020-12", 2019: "draft2019-09", 7: "draft7", 6: "draft6", 4: "draft4"}


def _formats() -> Iterator[Agreement]:
    for year, draft in _SUITE.items():
        suites: dict[str, list[Any]] = {}
        for group in groups(draft, "optional/format"):
            if isinstance(group.schema, dict) and "format" in group.schema:
                suites.setdefault(group.schema["format"], []).extend(case.data for case in group.cases)
        for name in _FORMATS:
            texts = _texts([*_FORMATTED, *suites.get(name, [])])
            yield Agreement(f"format {name}", {"format": name}, texts, (year,), milder=True)


_MATCHED = [
    *(
        "",
        "a",
        "A",
        "ab",
        "aB",
        "a-b",
        "a.b",
        "a_b",
        "a b",
        "a\nb",
        "a\rb",
        "a\u2028b",
        "\n",
        "-",
        "_",
        "@",
        ":",
        "/",
    ),
    *(
        "\\",
        "]",
        "[",
        "}",
        "{",
        "aa",
        "aaa",
        "é",
        "É",
        "ſ",
        "K",
        "k",
        "K",
        "1",
        "٣",
        "\u00a0",
        " ",
        "\t",
        "\ufeff",
    ),
    *(
        "😀",
        "a😀",
        "ab12",
        "ж",
        "漢",
        "a\u0300",
        "$",
        "^",
        "|",
        "(",
        "*",
        "+",
        "?",
        "#",
        "&",
        "~",
        "%",
        '"',
        "'",
        "<b>",
    ),
    *("foo-bar", "1.2.3", "a@b.c", "+49 1", "a=b", "é1"),
]
_PATTERNS = (
    *(
        r"^[\w\-\.]+$",
        r"^\w+\-\w+$",
        r"^\@",
        r"\#",
        r"\:",
        r"\/",
        r"\ ",
        r"\"",
        r"\'",
        r"\<b\>",
        r"\=",
        r"\_",
        r"\~",
    ),
    *(
        r"[\_\:\@]",
        "]",
        "}",
        "^]$",
        r"^\d+$",
        r"\D",
        r"^\w+$",
        r"\W",
        r"^\s$",
        r"\S",
        r"\bab\b",
        r"\b",
        r"^\b\w",
        "é\\b",
    ),
    *(
        "^.$",
        "^a.b$",
        "a$",
        "^$",
        "(?i)^a$",
        "(?i)k",
        "(?i)[é]",
        "(?s)a.b",
        r"\Aab",
        r"ab\z",
        r"\p{L}",
        r"^\p{Lu}$",
    ),
    *(
        r"\p{Greek}",
        r"^\p{Cyrillic}$",
        r"\p{Script=Han}",
        r"\pL",
        r"\P{L}",
        r"\x41",
        r"\x{41}",
        r"\u0041",
        r"[\d\D]",
    ),
    *(
        "[[:alpha:]]+",
        "[a-z&&[^aeiou]]",
        "[a-c--b]",
        "[a[bc]]",
        "[]a]",
        "[^]a]",
        r"[\w-]",
        r"[^\d\s]",
        "[-a]",
        "(a)\\1",
    ),
    *(
        "(?P<n>a)",
        "^(?!a)",
        "(?<=a)b",
        "^(?:a|b)*$",
        "^[^a]$",
        "^[😀]$",
        "(?u)a",
        r"^[\p{L}\p{M}\-' ]+$",
        r"[^\p{L}]",
    ),
    *(
        r"^[\w.+-]+@[\w-]+\.[\w.-]+$",
        r"^\+?\d",
        r"[+\-*/]",
        r"^v?\d+(\.\d+)*$",
        r"^[\x20-\x7e]*$",
        "😀",
        "a??b",
    ),
)


def _patterns() -> Iterator[Agreement]:
    values = _texts(_MATCHED)
    named = _texts([*({text: "x"} for text in _MATCHED), *({text: 1} for text in _MATCHED)])
    for pattern in _PATTERNS:
        yield Agreement(f"pattern {pattern}", {"type": "string", "pattern": pattern}, values, (2020,))
        rest = {
            "patternProperties": {pattern: {"type": "integer"}},
            "additionalProperties": {"type": "string"},
        }
        yield Agreement(f"properties like {pattern}", rest, named, (2020,))
    for pattern in ("a++", "(?i:a)b", "^*a", r"\p{lower}"):
        yield Agreement(f"pattern {pattern}", {"pattern": pattern}, values, (2020,), milder=True)
        rest = {
            "patternProperties": {pattern: {"type": "integer"}},
            "additionalProperties": {"type": "string"},
        }
        yield Agreement(f"properties like {pattern}", rest, named, (2020,), milder=True)


CASES = (
    *_numbers(),
    *_own_properties(),
    *_beside_references(),
    *_texts_of_all_kinds(),
    *_words_of_others(),
    *_formats(),
    *_patterns(),
)
