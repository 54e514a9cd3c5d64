"""Exported payloads mean what the definitions mean, to a tool that knows AsyncAPI and draft 7 alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.asyncapi.exported import exported_case, exported_from, validator_of
from tests.tightbeam_codegen.compiling import channel, write_files
from tests.tightbeam_codegen.golden import GOOD, Case, samples
from tightbeam_cli import main
from tightbeam_codegen.names import topic_name
from tightbeam_codegen.settings import Settings

WIDER_THERE = {
    "formats-that-are-law": [{"at": "0000-01-01T00:00:00Z"}, {"id": "x"}, "1"],
    "containers-of-two-forms": [["x"]],
    "draft-2019-09": [{"id": "a"}],
}
"""What draft 7 takes: a year that Python's types can't hold, and any text for `uuid`, which is newer."""
NOTES = "formats-that-are-notes"


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_payloads_of_golden_cases_are_judged_alike(case: Case) -> None:
    document = exported_case(case.name)
    wrong: list[tuple[Any, ...]] = []
    for sample in samples(case):
        validator = validator_of(document, sample.module, sample.topic, formats=case.name != NOTES)
        if validator.is_valid(sample.value) != sample.good and sample.value not in WIDER_THERE.get(
            case.name, []
        ):
            wrong.append((sample.module, sample.topic, sample.value, sample.good))
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_examples_are_valid_to_such_a_tool(
    case: Case, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(case.folder if (case.folder / "pyproject.toml").exists() else project)
    assert main(["export", "asyncapi", str(case.folder / "schemas"), "--no-sources"]) == 0
    document = json.loads(capsys.readouterr().out)
    with_examples = 0
    for key, channel_ in document["channels"].items():
        for reference in channel_["messages"].values():
            message = document["components"]["messages"][reference["$ref"].rpartition("/")[2]]
            topic = message.get("x-tightbeam", {}).get("name") or topic_name(message["name"])
            for example in message.get("examples", []):
                validator = validator_of(document, key, topic, formats=case.name != NOTES)
                assert validator.is_valid(example["payload"]), (message["name"], example)
                with_examples += 1
    assert with_examples > 0


def payload_of(folder: Path, schema: Any, **files: Any) -> tuple[Any, dict[str, Any]]:
    """Return the exported payload of a topic, and the shared schemas."""
    write_files(folder, {"x.channel.json": channel(t=schema), **{f"{n}.json": f for n, f in files.items()}})
    exported = exported_from(folder, Settings())
    assert exported.problems == ()
    components = exported.document["components"]
    return components["messages"]["x.t"]["payload"], components.get("schemas", {})


DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "array", "prefixItems": [{"type": "string"}], "items": False},
         {"type": "array", "items": [{"type": "string"}], "additionalItems": False}),
        ({"type": "array", "prefixItems": [{"type": "string"}], "unevaluatedItems": False},
         {"type": "array", "items": [{"type": "string"}], "additionalItems": False}),
        ({"type": "array", "unevaluatedItems": {"type": "string"}},
         {"type": "array", "items": {"type": "string"}}),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "unevaluatedProperties": False},
         {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}),
        ({"type": "object", "additionalProperties": True, "unevaluatedProperties": False},
         {"type": "object", "additionalProperties": True}),
        ({"type": "object", "dependentRequired": {"a": ["b"]},
          "dependentSchemas": {"c": {"minProperties": 2}}},
         {"type": "object", "dependencies": {"a": ["b"], "c": {"minProperties": 2}}}),
        ({"type": "object", "dependentRequired": {"a": ["b"]},
          "dependentSchemas": {"a": {"minProperties": 2}}},
         {"type": "object", "dependencies": {"a": {"allOf": [{"minProperties": 2}, {"required": ["b"]}]}}}),
        ({"$schema": DRAFT_4, "type": "number", "minimum": 1, "exclusiveMinimum": True, "maximum": 9,
          "exclusiveMaximum": False},
         {"type": "number", "exclusiveMinimum": 1, "maximum": 9}),
        ({"type": "string", "minContains": 2, "x-note": [1]}, {"type": "string", "x-note": [1]}),
        (True, {}),
        (False, {"not": {}}),
    ],
)  # fmt: skip
def test_what_draft_7_has_other_words_for_is_rewritten(tmp_path: Path, schema: Any, expected: Any) -> None:
    assert payload_of(tmp_path, schema) == (expected, {})


def test_what_stands_beside_a_reference_counts_as_before(tmp_path: Path) -> None:
    schema = {"$ref": "o.json#/$defs/Size", "minimum": 3, "allOf": [{"maximum": 9}]}
    payload, shared = payload_of(tmp_path, schema, o={"$defs": {"Size": {"type": "integer"}}})
    assert payload == {"minimum": 3, "allOf": [{"$ref": "#/components/schemas/o.Size"}, {"maximum": 9}]}
    assert shared == {"o.Size": {"type": "integer"}}


def test_until_draft_7_nothing_does(tmp_path: Path) -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": "o.json#/definitions/Size",
        "minimum": 3,
    }
    shared = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"Size": {"type": "integer"}},
    }
    assert payload_of(tmp_path, schema, o=shared)[0] == {"$ref": "#/components/schemas/o.Size"}


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"type": "object", "allOf": [{"properties": {"a": {"type": "string"}}}],
          "unevaluatedProperties": False},
         "unevaluatedProperties"),
        ({"type": "array", "items": {"type": "integer"}, "contains": {"const": 1}, "maxContains": 2},
         "maxContains"),
    ],
)  # fmt: skip
def test_what_draft_7_can_not_say_stays_in_its_draft_with_all_that_it_is_connected_with(
    tmp_path: Path, schema: Any, keyword: str
) -> None:
    files = {
        "x.channel.json": {
            **channel(
                t={
                    "type": "object",
                    "properties": {"a": {"$ref": "#/$defs/A"}},
                    "additionalProperties": False,
                },
                u={
                    "type": "object",
                    "properties": {"b": {"$ref": "#/$defs/B"}},
                    "additionalProperties": False,
                },
                v={"type": "string"},
            ),
            "$defs": {
                "A": {**schema, "title": "A", "default": None},
                "B": {
                    "type": "object",
                    "properties": {"a": {"$ref": "#/$defs/A"}},
                    "additionalProperties": False,
                },
            },
        }
    }
    write_files(tmp_path, files)
    components = exported_from(tmp_path, Settings()).document["components"]
    formats = {
        name: each["payload"].get("schemaFormat", "") for name, each in components["messages"].items()
    } | {name: each.get("schemaFormat", "") for name, each in components["schemas"].items()}
    native = "application/schema+json;version=draft-2020-12"
    assert formats == {"x.t": native, "x.u": native, "x.v": "", "x.A": native, "x.B": native}
    assert components["schemas"]["x.A"]["schema"][keyword] == schema[keyword]
    assert components["schemas"]["x.B"]["schema"]["properties"]["a"] == {
        "$ref": "#/components/schemas/x.A/schema"
    }


def test_recursion_and_anchors_become_pointers(tmp_path: Path) -> None:
    tree = {
        "$id": "https://example.com/tree",
        "$dynamicAnchor": "node",
        "type": "object",
        "properties": {"left": {"$dynamicRef": "#node"}, "right": {"$ref": "#"}, "leaf": {"$ref": "#leaf"}},
        "additionalProperties": False,
        "$defs": {"Leaf": {"$anchor": "leaf", "type": "string"}},
    }
    payload, shared = payload_of(tmp_path, tree)
    own = {"$ref": "#/components/schemas/x.T"}
    assert payload == own
    assert shared["x.T"]["properties"] == {
        "left": own,
        "right": own,
        "leaf": {"$ref": "#/components/schemas/x.TLeaf"},
    }
    assert not {"$id", "$dynamicAnchor", "$defs"} & shared["x.T"].keys()


def test_a_dynamic_reference_that_leads_to_several_schemas_is_refused(tmp_path: Path) -> None:
    files = {
        "x.channel.json": channel(t={"$ref": "texts.json"}),
        "texts.json": {"$ref": "l.json", "$defs": {"item": {"$dynamicAnchor": "item", "type": "string"}}},
        "l.json": {
            "type": "array",
            "items": {"$dynamicRef": "#item"},
            "$defs": {"any": {"$dynamicAnchor": "item"}},
        },
    }
    write_files(tmp_path, files)
    (problem,) = exported_from(tmp_path, Settings()).problems
    assert str(problem.place).startswith("schemas/l.json:1:")
    assert problem.message.startswith("$dynamicRef '#item' leads to one of several schemas")


def test_metaschemas_are_carried_with_their_vocabularies(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"parameters": {"$ref": "https://json-schema.org/draft/2020-12/schema"}},
        "required": ["parameters"],
        "additionalProperties": False,
    }
    write_files(tmp_path, {"x.channel.json": channel(t=schema)})
    document = dict(exported_from(tmp_path, Settings()).document)
    validator = validator_of(document, "x", "t", formats=True)
    assert validator.is_valid({"parameters": {"properties": {"a": {"type": "string"}}}})
    assert not validator.is_valid({"parameters": {"properties": {"a": {"type": "strin"}}}})


def test_keys_that_meet_get_digits(tmp_path: Path) -> None:
    schema = {"anyOf": [{"$ref": f"o.json#/$defs/{name}"} for name in ("a-b", "aB", "a_b")]}
    shared = {"$defs": {"a-b": {"type": "string"}, "aB": {"type": "integer"}, "a_b": {"type": "boolean"}}}
    payload, found = payload_of(tmp_path, schema, o=shared)
    assert len(found) == len({each["$ref"] for each in payload["anyOf"]}) == 3
    assert {each["type"] for each in found.values()} == {"string", "integer", "boolean"}
