"""References to JSON Schema's own metaschemas: validators in TypeScript decide as Python does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, errors, warnings
from tests.tightbeam_codegen.compiling import compile_files as compile_here
from tests.typescript.agreement import DRAFTS
from tests.typescript.node_tools import compiled_for_node
from tests.typescript.test_agreement import by_python, decided_in_node

VOCABULARY = "https://json-schema.org/draft/2020-12/meta/validation"
TARGETS = {
    **{f"d{year}": uri for year, uri in DRAFTS.items()},
    "part7": "http://json-schema.org/draft-07/schema#/definitions/nonNegativeInteger",
    "part4": "http://json-schema.org/draft-04/schema#/definitions/positiveInteger",
    "part2020": "https://json-schema.org/draft/2020-12/meta/validation#/$defs/stringArray",
    "vocabulary": VOCABULARY,
}
PAYLOADS: list[Any] = [
    *({"type": "object"}, {"type": "x"}, {"properties": {"a": {"type": "x"}}}),
    *({"properties": {"a": {"b": {}}}}, {"minLength": 1}, {"minLength": -1}, {"multipleOf": 0}),
    *({"multipleOf": 2}, {"items": [{"type": "x"}]}, {"items": {"type": 1}}, {"$id": "a#b"}),
    *({"$defs": {"a": {"not": {"type": "x"}}}}, {"pattern": "("}, {"required": []}, {"enum": []}),
    *(True, 3, -1, ["a"], ["a", "a"], {}, [], {"definitions": {"x": {"type": 1}}}),
    *({"exclusiveMinimum": True}, {"exclusiveMinimum": True, "minimum": 1}),
]


def test_metaschemas_that_ajv_has_are_left_to_it(tmp_path: Path) -> None:
    definition = channel(t={"type": "object", "properties": {"p": {"$ref": DRAFTS[2020]}}})
    made = compile_here(
        tmp_path, {"x.channel.json": definition}, typescript=tmp_path, typescript_validators=True
    )
    assert errors(made) == warnings(made) == []
    assert "nonNegativeInteger" not in made.typescript["x.validators.ts"]
    assert "nonNegativeInteger" in made.files["_schemas/x.py"]


@pytest.mark.slow
def test_each_metaschema_in_each_draft(tmp_path: Path) -> None:
    files: dict[str, Any] = {}
    for year, dialect in DRAFTS.items():
        for name, uri in TARGETS.items():
            schema = {"$schema": dialect, "type": "object", "properties": {"p": {"$ref": uri}}}
            files[f"{name}_in_{year}.channel.json"] = channel(f"{name}-{year}", t=schema)
    made = compiled_for_node(tmp_path, files)
    assert not [message for message in warnings(made) if "TypeScript" in message]
    names = [file.removesuffix(".channel.json") for file in files]
    texts = [json.dumps({"p": payload}) for payload in PAYLOADS]
    said = decided_in_node(tmp_path, dict.fromkeys(names, texts))
    for name in names:
        topic = getattr(made.module(name), f"{name}_channel").t
        decided = {text: by_python(topic, text) for text in texts}
        assert dict(zip(texts, said[name], strict=True)) == decided, name


@pytest.mark.slow
def test_a_copy_of_a_metaschema_inside_a_document(tmp_path: Path) -> None:
    """As AsyncAPI publishes its schemas: under the official URI, among the definitions."""
    copy = {"$id": DRAFTS[7], "$schema": DRAFTS[7], "type": ["object", "boolean"], "title": "a copy"}
    copy |= {"properties": {"type": {"enum": ["string", "object"]}, "not": {"$ref": "#"}}}
    document = {
        "$schema": DRAFTS[7],
        "type": "object",
        "properties": {"whole": {"$ref": DRAFTS[7]}, "copy": {"$ref": "#/definitions/http:~1~1copy"}},
        "definitions": {"http://copy": copy},
    }
    files = {"x.channel.json": channel(t={"$ref": "doc.json"}), "doc.json": document}
    made = compiled_for_node(tmp_path, files)
    payloads = [
        {"whole": {"type": "null"}},
        {"whole": {"type": "x"}},
        {"copy": {"type": "string"}},
        {"copy": {"type": "null"}},
    ]
    texts = [json.dumps(payload) for payload in payloads]
    assert decided_in_node(tmp_path, {"x": texts})["x"] == [True, False, True, False]
    assert [by_python(made.module("x").x_channel.t, text) for text in texts] == [True, False, True, False]


@pytest.mark.slow
def test_where_a_definition_of_a_file_is_used(tmp_path: Path) -> None:
    other = {
        "type": "object",
        "properties": {"y": {"$ref": "#/$defs/Y"}},
        "$defs": {"X": {"type": "integer"}, "Y": {"type": "string"}},
    }
    files = {"x.channel.json": channel(t={"$ref": "other.json#/$defs/X"}), "other.json": other}
    compiled_for_node(tmp_path, files)
    assert decided_in_node(tmp_path, {"x": ["1", '"x"']})["x"] == [True, False]


@pytest.mark.slow
def test_a_file_of_draft_4_with_an_id_from_a_later_draft(tmp_path: Path) -> None:
    """Ajv throws for `id`, which later drafts call `$id`."""
    old = {
        "$schema": DRAFTS[4],
        "id": "https://old.example/o.json",
        "properties": {"n": {"$ref": "#n"}},
        "definitions": {"n": {"id": "#n", "type": "number", "minimum": 0, "exclusiveMinimum": True}},
    }
    files: dict[str, Any] = {"old.json": old}
    for year in (6, 7, 2019, 2020):
        files[f"c{year}.channel.json"] = channel(f"c{year}", t={"$ref": f"f{year}.json"})
        files[f"f{year}.json"] = {"$schema": DRAFTS[year], "allOf": [{"$ref": "old.json"}]}
    compiled_for_node(tmp_path, files)
    texts = ['{"n":1}', '{"n":0}', '{"n":"x"}', "1"]
    said = decided_in_node(tmp_path, {f"c{year}": texts for year in (6, 7, 2019, 2020)})
    assert said == {f"c{year}": [True, False, False, True] for year in (6, 7, 2019, 2020)}


@pytest.mark.slow
@pytest.mark.parametrize("year", [4, 7, 2019])
def test_references_to_places_of_an_array_of_an_earlier_draft(year: int, tmp_path: Path) -> None:
    """In 2020-12 these places are called otherwise."""
    rows: dict[str, Any] = {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]}
    old: dict[str, Any] = {
        "$schema": DRAFTS[year],
        "definitions": {"open": rows, "closed": {**rows, "additionalItems": False}},
    }
    old["definitions"]["typed"] = {**rows, "additionalItems": {"type": "null"}}
    place = {
        "anyOf": [{"$ref": f"old.json#/definitions/{name}/items/1"} for name in ("open", "closed", "typed")]
    }
    topics = {
        "place": place,
        "rest": {"$ref": "old.json#/definitions/typed/additionalItems"},
        **{name: {"$ref": f"old.json#/definitions/{name}"} for name in ("open", "closed", "typed")},
    }
    files = {"x.channel.json": channel(t={"properties": topics}), "old.json": old}
    made = compiled_for_node(tmp_path, files)
    values: list[Any] = ["x", 1, None, [], ["x"], ["x", 1], ["x", "x"], ["x", 1, None], ["x", 1, 1]]
    texts = [json.dumps({name: value}) for name in topics for value in values]
    said = decided_in_node(tmp_path, {"x": texts})["x"]
    assert said == [by_python(made.module("x").x_channel.t, text) for text in texts]
    assert set(said) == {True, False}
