"""What Ajv would read otherwise than the Python side is adapted in the schemas it gets, or warned of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, compile_files
from tightbeam_codegen.json_schema.dialects import DRAFTS
from tightbeam_codegen.targets.typescript.ajv import validators_of

URIS = {draft.year: draft.uri for draft in DRAFTS.values()}
YEARS = {uri: year for year, uri in URIS.items()}


def for_ajv(schema: dict[str, Any], year: int = 2020, *, formats: bool = False) -> dict[str, Any]:
    """What Ajv gets for a topic with this schema."""
    uri = URIS[year]
    bundle = {
        "assertFormats": formats,
        "resources": {"https://x.example/": {"$schema": uri, **schema}},
        "topics": {"t": {"ref": "https://x.example/#", "dialect": uri, "open": False}},
        "params": {},
    }
    found = validators_of(json.dumps(bundle, separators=(",", ":")), YEARS.__getitem__)
    stated: dict[str, Any] = json.loads(found.text)
    return stated


def said(schema: dict[str, Any], year: int = 2020, *, formats: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = for_ajv(schema, year, formats=formats)["resources"]["https://x.example/"]
    del found["$schema"]
    return found


@pytest.mark.parametrize("keyword", ["nullable", "$async", "id", "x-mine", "formatMinimum", "discriminator"])
def test_keywords_that_only_ajv_knows_mean_nothing(keyword: str) -> None:
    kept = {"properties": {keyword: {"type": "string"}}}
    assert said({keyword: True, **kept, "not": {keyword: True}}) == {**kept, "not": {}}


def test_notes_are_left_out() -> None:
    identified = {"$id": "https://twice.example/"}
    notes = {
        "title": "T",
        "description": "D",
        "default": identified,
        "examples": [identified],
        "$comment": "C",
    }
    kept = {"properties": {"title": {"const": identified}}, "enum": [identified]}
    assert said({**notes, **kept}) == kept


def test_keywords_of_later_drafts_mean_nothing() -> None:
    later = {"const": 1, "contains": {}, "if": False, "propertyNames": False}
    assert said({"type": "object", **later}, 4) == {"type": "object"}
    assert said({"if": False, "id": "x", "const": 1}, 6) == {"const": 1}
    assert said({"$anchor": "a", "prefixItems": [], "if": False}, 7) == {"if": False}
    assert said(later) == later


def test_what_references_lead_to_stays() -> None:
    schema = {
        "$ref": "#/x-shapes/a~1b/items/0",
        "x-shapes": {"a/b": {"items": [{"nullable": True}]}, "c": {}},
    }
    assert said(schema) == {
        "$ref": "#/x-shapes/a~1b/items/0",
        "x-shapes": {"a/b": {"items": [{}]}, "c": {}},
    }


@pytest.mark.parametrize("year", [4, 6, 7])
def test_nothing_beside_a_reference_counts_before_2019(year: int) -> None:
    beside = {
        "type": "integer",
        "minLength": 5,
        "enum": [1],
        "id" if year == 4 else "$id": "https://o.example/",
    }
    definitions = {"definitions": {"N": {"type": "string"}}}
    assert said({"properties": {"n": {"$ref": "#/definitions/N", **beside}}, **definitions}, year) == {
        "properties": {"n": {"$ref": "#/definitions/N"}},
        **definitions,
    }


@pytest.mark.parametrize("year", [2019, 2020])
def test_since_2019_it_does(year: int) -> None:
    schema = {"$ref": "#/$defs/N", "type": "integer", "$defs": {"N": {"minimum": 1}}}
    assert said(schema, year) == schema


@pytest.mark.parametrize(
    ("name", "years"),
    [
        ("email", {4, 6, 7, 2019, 2020}),
        ("uri-reference", {6, 7, 2019, 2020}),
        ("iri", {7, 2019, 2020}),
        ("duration", {2019, 2020}),
        ("byte", set()),
        ("int64", set()),
        ("url", set()),
        ("iso-date-time", set()),
    ],
)
def test_formats_are_those_of_the_draft(name: str, years: set[int]) -> None:
    assert {year for year in URIS if "format" in said({"format": name}, year)} == years


def test_a_uuid_is_one_in_each_draft() -> None:
    assert set(said({"format": "uuid"}, 7, formats=True)) == {"pattern"}


@pytest.mark.parametrize("year", [4, 2020])
def test_an_exclusive_limit_beyond_what_javascript_counts(year: int) -> None:
    limit = 2**53 + 1
    schema = {"minimum": limit, "exclusiveMinimum": True} if year == 4 else {"exclusiveMinimum": limit}
    found = said(schema, year)
    assert found in ({"minimum": limit}, {"allOf": [{"minimum": limit}]})
    small = {"minimum": 1, "exclusiveMinimum": True} if year == 4 else {"exclusiveMinimum": 1}
    assert said(small, year) == small


def test_a_property_that_ajv_leaves_out() -> None:
    assert said({"properties": {"__proto__": {"type": "string"}}})["patternProperties"] == {
        "^__proto__$": {"type": "string"}
    }
    assert said({"dependentSchemas": {"__proto__": {"required": ["a"]}}})["allOf"] == [
        {"anyOf": [{"not": {"required": ["__proto__"]}}, {"required": ["a"]}]}
    ]


def test_patterns_that_javascript_spells_otherwise() -> None:
    schema = {"pattern": r"\_", "patternProperties": {"]": {}, "a": {}}}
    assert for_ajv(schema)["patterns"] == {r"\_": ["_", "u"], "]": [r"\]", "u"]}
    assert said(schema) == schema


def test_patterns_that_javascript_has_not_are_left_out() -> None:
    closed = {"patternProperties": {"a++": {"type": "string"}, "b": {}}, "additionalProperties": False}
    assert said({"pattern": "a++", **closed}) == {"patternProperties": {"b": {}}}


# -- warnings ------------------------------------------------------------------------------------------------

FILES = {
    "a.channel.json": channel(
        "a",
        text={"type": "string", "pattern": "^a++$"},
        keys={"type": "object", "patternProperties": {"(?i:a)": {"type": "string"}}},
        host={"type": "string", "format": "idn-hostname"},
        number={"type": "integer", "enum": [1, 2**53 + 1]},
        other={"$ref": "other.json#/$defs/X"},
        own={"$id": "https://own.example/", "type": "string", "pattern": "b++"},
        old={"type": "array", "items": {"$ref": "old.json"}},
    ),
    "other.json": {"$defs": {"X": {"type": "string", "pattern": "c++"}, "Unused": {"pattern": "d++"}}},
    "old.json": {"$schema": URIS[7], "type": "string"},
}  # fmt: skip


def warned(tmp_path: Path, **settings: Any) -> set[tuple[str, str]]:
    """The warnings besides those that Python alone has: the file, the value at the place, and the words."""
    plain = compile_files(tmp_path, FILES).result.problems
    found = compile_files(tmp_path, FILES, typescript=tmp_path / "web", **settings).result
    assert found.files
    lines = {path: json.dumps(value) for path, value in FILES.items()}
    places = ((each.place, each.message) for each in found.problems if each not in plain)
    return {
        (f"{place.path}: {lines[Path(place.path).name][place.column - 1 :][:12]}", message)
        for place, message in places
        if place is not None
    }


def test_what_stays_otherwise_is_warned_of_at_its_place(tmp_path: Path) -> None:
    no_pattern = "JavaScript has no counterpart of the pattern {}: validators there don't check it"
    assert warned(tmp_path, typescript_validators=True) == {
        ('schemas/a.channel.json: "^a++$"}}, "', no_pattern.format("'^a++$'")),
        ('schemas/a.channel.json: {"type": "st', no_pattern.format("'(?i:a)'")),
        ('schemas/a.channel.json: "b++"}}, "ol', no_pattern.format("'b++'")),
        ('schemas/other.json: "c++"}, "Unu', no_pattern.format("'c++'")),
        (
            'schemas/a.channel.json: "idn-hostnam',
            "validators in TypeScript don't check the format idn-hostname",
        ),
        (
            "schemas/a.channel.json: [1, 90071992",
            "JavaScript reads 9007199254740993 as 9007199254740992: validators there compare with that",
        ),
    }


def in_a_later_draft(schema: dict[str, Any], year: int) -> tuple[dict[str, Any], int]:
    """What Ajv gets for a schema that a topic of 2020-12 refers to, and the draft that it reads both by."""
    bundle = {
        "assertFormats": False,
        "resources": {
            "https://x.example/old": {"$schema": URIS[year], **schema},
            "https://x.example/new": {"$schema": URIS[2020], "allOf": [{"$ref": "old"}]},
        },
        "topics": {"t": {"ref": "https://x.example/new#", "dialect": URIS[2020], "open": False}},
        "params": {},
    }
    found = json.loads(validators_of(json.dumps(bundle), YEARS.__getitem__).text)
    old: dict[str, Any] = found["resources"]["https://x.example/old"]
    del old["$schema"]
    return old, found["topics"]["t"]["draft"]


@pytest.mark.parametrize(
    ("year", "schema", "later"),
    [
        (4, {"minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}),
        (4, {"minimum": 1, "exclusiveMinimum": False}, {"minimum": 1}),
        (4, {"properties": {"a": {"id": "b.json"}}}, {"properties": {"a": {"$id": "b.json"}}}),
        (7, {"properties": {"a": {"$id": "#b"}}}, {"properties": {"a": {"$anchor": "b"}}}),
        (7, {"items": [{"type": "null"}]}, {"prefixItems": [{"type": "null"}]}),
        (7, {"items": [{}], "additionalItems": False}, {"prefixItems": [{}], "items": False}),
        (7, {"items": {}, "additionalItems": False}, {"items": {}}),
        (7, {"not": {"$ref": "#/definitions/a", "properties": {"b": False}}, "definitions": {"a": {}}},
         {"not": {"$ref": "#/definitions/a"}, "definitions": {"a": {}}}),
        (2019, {"properties": {"a": {"$recursiveRef": "#"}}}, {"properties": {"a": {"$ref": "#"}}}),
    ],
)  # fmt: skip
def test_what_a_later_draft_refers_to_is_said_in_its_words(
    year: int, schema: dict[str, Any], later: dict[str, Any]
) -> None:
    assert in_a_later_draft(schema, year) == (later, 2020)


def test_drafts_that_do_not_meet_are_warned_of_nothing(tmp_path: Path) -> None:
    files = {
        "a.channel.json": channel(
            "a",
            new={"$ref": "new.json"},
            old={"$ref": "old.json"},
            own={
                "$schema": URIS[4],
                "type": "object",
                "properties": {"b": {"$ref": "#/definitions/b"}},
                "additionalProperties": False,
                "definitions": {"b": {"type": "string"}},
            },
        ),
        "new.json": {"type": "string"},
        "old.json": {"$schema": URIS[7], "type": "array", "items": {"$ref": "older.json"}},
        "older.json": {"$schema": URIS[6], "type": "string"},
    }
    found = compile_files(tmp_path, files, typescript=tmp_path / "web", typescript_validators=True).result
    assert found.files
    assert found.problems == ()


def test_types_alone_are_warned_of_nothing(tmp_path: Path) -> None:
    assert warned(tmp_path) == set()
