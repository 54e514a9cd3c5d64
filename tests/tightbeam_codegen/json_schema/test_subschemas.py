"""One walk says where schemas stand; what it passes over is data, and names are no keywords."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, errors, warnings
from tests.tightbeam_codegen.conftest import Compile
from tests.tightbeam_codegen.schemas import STRING, closed, ref
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load
from tightbeam._payload.schema_index import SchemaIndex
from tightbeam._payload.subschemas import DATA, HOLDERS, SCHEMA_MAPS, inside
from tightbeam_codegen.json_schema.dialects import DRAFT_4, DRAFTS, LATEST
from tightbeam_codegen.json_schema.keywords import ASSERTING, IDENTIFIERS, KEYWORDS, NOTES
from tightbeam_codegen.targets.typescript.ajv import validators_of
from tightbeam_codegen.targets.typescript.rings import break_rings

NAMES = sorted({*DATA, *SCHEMA_MAPS, "$ref", "$id", "items", "type"})
"""What a property, a topic or a shared schema may be called, though it be a keyword elsewhere."""


def ways(value: object, keywords: Any = HOLDERS, *, known: bool | None = None) -> list[str]:
    found = inside(value, keywords)
    return ["/".join(map(str, way)) for way, _, is_schema in found if known in (None, is_schema)]


def test_schemas_are_found_by_the_form_of_their_keyword() -> None:
    schema = {
        "not": {},
        "allOf": [{}, True],
        "properties": {"default": {}, "b": False},
        "items": [{}, {}],
        "additionalProperties": False,
        "dependencies": {"a": ["b"], "c": {}},
        "title": "no schema",
        "required": ["a"],
    }
    assert ways(schema, DRAFT_4.keywords, known=True) == [
        *("not", "allOf/0", "allOf/1", "properties/default", "properties/b", "items/0", "items/1"),
        *("additionalProperties", "dependencies/c"),
    ]


def test_what_no_keyword_of_the_draft_holds_is_found_too_and_is_none_yet() -> None:
    schema = {"prefixItems": [{}], "$defs": {"enum": {}, "n": 1}, "x-own": {"a": {}}, "x-list": [{}]}
    assert ways(schema, DRAFT_4.keywords) == ["prefixItems", "$defs/enum", "x-own", "x-list"]
    assert ways(schema, DRAFT_4.keywords, known=True) == []
    assert ways([{}, 1, [{}]]) == ["0", "2"]
    assert [ways(value) for value in (True, None, 1, "text", {}, [])] == [[]] * 6


@pytest.mark.parametrize("keyword", sorted(DATA))
@pytest.mark.parametrize("draft", DRAFTS.values(), ids=lambda draft: draft.short)
def test_data_holds_no_schemas_in_any_draft(keyword: str, draft: Any) -> None:
    assert ways({keyword: {"$ref": "x.json"}}, draft.keywords) == []
    assert ways({keyword: [{"$ref": "x.json"}]}, draft.keywords) == []
    assert ways({"properties": {keyword: {}}}, draft.keywords) == [f"properties/{keyword}"]


def test_around_schemas_the_names_of_topics_and_components_are_no_keywords() -> None:
    assert ways({"topics": {"enum": {}, "default": {}}}) == ["topics/enum", "topics/default"]
    components = {
        "schemas": {"default": {}, "properties": {}},
        "responses": {"default": {}},
        "examples": {"a": {}},
    }
    assert ways({"components": components}) == [
        *("components/schemas/default", "components/schemas/properties", "components/responses/default"),
    ]
    assert ways({"responses": {"default": {}}}) == ["responses/default"]


def test_each_keyword_has_one_role() -> None:
    everything = frozenset().union(*KEYWORDS.values())
    assert everything >= HOLDERS.keys()
    assert everything >= NOTES | IDENTIFIERS
    assert not ASSERTING & (NOTES | IDENTIFIERS)
    assert everything - ASSERTING - NOTES - IDENTIFIERS == {"$defs", "$schema", "$vocabulary", "definitions"}
    assert DATA & everything <= {"const", "default", "enum", "examples"}


@pytest.mark.parametrize("year", KEYWORDS)
def test_a_form_with_schemas_in_it_belongs_to_a_keyword_that_holds_some(year: int) -> None:
    forms = set(HOLDERS.values()) | {"boolean or schema"}
    assert {keyword for keyword, form in KEYWORDS[year].items() if form in forms} <= HOLDERS.keys()
    assert {keyword for keyword in KEYWORDS[year] if keyword in HOLDERS} == {
        keyword for keyword, form in KEYWORDS[year].items() if form in forms
    }


# -- what names and data did where each pass had a walk of its own -------------------------------------------


def openapi(version: str, **schemas: Any) -> dict[str, Any]:
    info = {"title": "t", "version": "1"}
    return {"openapi": version, "info": info, "paths": {}, "components": {"schemas": schemas}}


@pytest.mark.parametrize("name", NAMES)
def test_nullable_counts_whatever_a_property_is_called(name: str, compile_here: Compile) -> None:
    nullable = {"type": "string", "nullable": True}
    files = {
        "api.json": openapi("3.0.3", Order=closed(name, **{name: nullable})),
        "x.channel.json": channel(t=ref("api.json#/components/schemas/Order")),
    }
    made = compile_here(files)
    assert [errors(made), warnings(made)] == [[], []]
    topic = made.module("x").x_channel.t
    assert encode(topic, {name: None}).startswith(b"{")
    with pytest.raises(InvalidPayload, match="must be a string or null"):
        encode(topic, {name: 1})


@pytest.mark.parametrize("name", NAMES)
def test_references_lead_on_whatever_a_shared_schema_is_called(name: str, compile_here: Compile) -> None:
    files = {
        "api.json": openapi("3.1.0", **{name: closed("o", o=ref("other.json"))}),
        "bare.json": openapi("3.1.0", **{name: ref("third.json")}),
        "other.json": STRING,
        "third.json": STRING,
        "x.channel.json": channel(
            a=ref(f"api.json#/components/schemas/{name}"), b=ref(f"bare.json#/components/schemas/{name}")
        ),
    }
    made = compile_here(files)
    assert errors(made) == []
    x_channel = made.module("x").x_channel
    assert encode(x_channel.b, "text") == b'"text"'
    with pytest.raises(InvalidPayload, match="/o: must be a string"):
        encode(x_channel.a, {"o": 1})


@pytest.mark.parametrize("name", NAMES)
def test_formats_are_law_whatever_a_shared_schema_is_called(name: str, compile_here: Compile) -> None:
    """A leap second is a date-time to the validator, and none to Python: published, it couldn't be read."""
    schema = closed("o", o={"type": "string", "format": "date-time"})
    files = {
        "api.json": openapi("3.1.0", **{name: schema}),
        "x.channel.json": channel(t=ref(f"api.json#/components/schemas/{name}")),
    }
    topic = compile_here(files).module("x").x_channel.t
    with pytest.raises(InvalidPayload, match="/o: must be a date-time"):
        encode(topic, {"o": "2016-12-31T23:59:60Z"})
    assert load(topic, encode(topic, {"o": "2016-12-31T23:59:59Z"})).o.year == 2016


@pytest.mark.parametrize("keyword", sorted(DATA - {"example"}))
def test_data_is_no_schema(keyword: str, compile_here: Compile, tmp_path: Path) -> None:
    """Whatever it looks like: it identifies nothing, refers to nothing and names no metaschema."""
    vendor = tmp_path / "vendor"
    vendor.mkdir()
    (vendor / "broken.json").write_text("{", "utf-8")
    data = {
        "$id": "//[no URI",
        "$ref": "https://s.example/broken.json",
        "$schema": "https://s.example/broken.json",
        "format": "date-time",
    }
    held = data if keyword in ("const", "default") else [data]
    files = {
        "f.json": closed("a", a={"type": "object", keyword: held, "additionalProperties": True}),
        "x.channel.json": channel(t=ref("f.json")),
    }
    made = compile_here(files, refs={"https://s.example/": vendor})
    assert errors(made) == []
    topic = made.module("x").x_channel.t
    assert encode(topic, {"a": data}).startswith(b"{")


def test_an_explanation_goes_by_no_identifier_in_data() -> None:
    inner = {"$id": "https://s.example/inner", "type": "string"}
    data = {"$id": "https://s.example/inner", "properties": {"secret": {}}}
    for schema in (
        {"enum": [data], "not": inner},
        {"not": inner, "enum": [data]},
    ):
        index = SchemaIndex({"https://s.example/outer": schema})
        found = index.find("https://s.example/inner")
        assert found is not None
        assert found.schema is inner
        assert index.declared_names == frozenset()


@pytest.mark.parametrize("name", NAMES)
def test_a_ring_is_broken_whatever_its_topic_is_called(name: str) -> None:
    uri = "https://s.example/x.json"
    own = f"{uri}#/topics/{name.replace('$', '%24')}/schema"
    resources: dict[str, Any] = {
        uri: {
            "$schema": LATEST.uri,
            "topics": {name: {"schema": {"allOf": [{"$ref": own}], "type": "string"}}},
        }
    }
    break_rings(resources)
    [(bridges, reference)] = [(value, value["0"]) for key, value in resources.items() if key != uri]
    assert len(bridges) == 1
    assert reference == {"tightbeam-ring": own}


def test_data_is_as_it_was_for_ajv_where_a_metaschema_is_rewritten() -> None:
    uri, draft_7 = "https://s.example/x.json", "http://json-schema.org/draft-07/schema"
    data = {"$ref": draft_7, "format": "date-time"}
    properties = {"a": {"$ref": draft_7}, "b": {"const": data}, "$ref": {"enum": [data]}}
    stated = {
        "assertFormats": True,
        "resources": {uri: {"$schema": DRAFT_4.uri, "properties": properties}, draft_7: {"type": "object"}},
        "topics": {"t": {"ref": f"{uri}#", "dialect": DRAFT_4.uri, "open": True}},
        "params": {},
    }
    made = validators_of(json.dumps(stated), lambda dialect: DRAFTS[dialect].year)
    adapted = json.loads(made.text)["resources"][uri]["properties"]
    assert adapted["a"]["$ref"] != draft_7
    assert adapted["$ref"] == {"enum": [data]}
