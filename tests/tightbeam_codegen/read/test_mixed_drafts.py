"""Definitions and the files they refer to in different drafts: each is read by its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, errors
from tests.tightbeam_codegen.conftest import Compile
from tests.tightbeam_codegen.schemas import closed, ref
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_6 = "http://json-schema.org/draft-06/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"

LONG = {"definitions": {"long": {"type": "string", "minLength": 3}}}
FILES: dict[str, tuple[dict[str, Any], Any, Any, str]] = {
    "siblings of a reference": (
        {"$schema": DRAFT_7, **closed(a={**ref("#/definitions/long"), "type": "integer"}), **LONG},
        {"a": "long"},
        {"a": 3},
        "/a: must be a string, not an integer",
    ),
    "a flag beside the bound": (
        {"$schema": DRAFT_4, **closed(a={"type": "number", "maximum": 5, "exclusiveMaximum": True})},
        {"a": 4.5},
        {"a": 5},
        "/a: must be less than 5",
    ),
    "items that are a list": (
        {"$schema": DRAFT_2019, "type": "array", "items": [{"type": "string"}], "additionalItems": False},
        ["x"],
        [1],
        "/0: must be a string, not an integer",
    ),
    "elements by their place": (
        {"$schema": DRAFT_2020, "type": "array", "prefixItems": [{"type": "string"}], "items": False},
        ["x"],
        [1],
        "/0: must be a string, not an integer",
    ),
    "a name in $id": (
        {
            "$schema": DRAFT_6,
            **closed(a=ref("#named")),
            "definitions": {"x": {"$id": "#named", "type": "integer"}},
        },
        {"a": 1},
        {"a": "x"},
        "/a: must be an integer, not a string",
    ),
    "a metaschema without vocabularies": (
        {
            "$schema": "https://x.example/meta.json",
            **closed(a={**ref("#/definitions/long"), "type": "integer"}),
        }
        | LONG,
        {"a": "long"},
        {"a": 3},
        "/a: must be a string, not an integer",
    ),
}
METASCHEMA = {"$schema": DRAFT_7, "$id": "https://x.example/meta.json", "type": ["object", "boolean"]}


@pytest.mark.parametrize("dialect", [DRAFT_2020, DRAFT_2019, DRAFT_7, DRAFT_4])
@pytest.mark.parametrize("name", FILES)
def test_a_file_in_another_draft(compile_here: Compile, tmp_path: Path, name: str, dialect: str) -> None:
    schema, good, bad, why = FILES[name]
    mapped = tmp_path / "mapped"
    mapped.mkdir()
    (mapped / "meta.json").write_text(json.dumps(METASCHEMA), "utf-8")
    definition = channel("x", t={"type": "object", "properties": {"in": ref("a.json")}}) | {
        "dialect": dialect
    }
    made = compile_here({"x.channel.json": definition, "a.json": schema}, refs={"https://x.example/": mapped})
    assert errors(made) == []
    topic = made.module("x").x_channel.t
    assert encode(topic, {"in": good})
    with pytest.raises(InvalidPayload) as caught:
        encode(topic, {"in": bad})
    assert f"/in{why}" in str(caught.value)


def test_a_resource_of_another_draft_inside_a_file(compile_here: Compile) -> None:
    inner = {"$id": "inner.json", "$schema": DRAFT_7, **LONG}
    inner |= closed(a={**ref("#/definitions/long"), "type": "integer"})
    outer = {"$id": "https://x.example/outer.json", "$defs": {"Inner": inner}}
    made = compile_here(
        {"x.channel.json": channel("x", t=ref("outer.json#/$defs/Inner")), "outer.json": outer}
    )
    topic = made.module("x").x_channel.t
    assert encode(topic, {"a": "long"})
    with pytest.raises(InvalidPayload):
        encode(topic, {"a": 3})
