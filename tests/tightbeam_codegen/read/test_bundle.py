"""What the bundled schemas hold: everything a payload may need, whatever its properties are called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, compile_files, errors
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load
from tightbeam._payload.schemas import bundle

DRAFT_6 = "http://json-schema.org/draft-06/schema#"
STRING: dict[str, Any] = {"type": "string"}
INTEGER: dict[str, Any] = {"type": "integer"}


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


@pytest.mark.parametrize(
    "name", ["const", "default", "enum", "example", "examples", "properties", "$defs", "$id", "id", "$ref"]
)
@pytest.mark.parametrize("where", ["#/$defs/Count", "other.json"])
def test_a_property_may_be_called_like_a_keyword(name: str, where: str, tmp_path: Path) -> None:
    inner: dict[str, Any] = closed(**{name: {"$ref": where}, "other": STRING})
    definition = channel(t=closed(**{name: inner})) | {"$defs": {"Count": INTEGER}}
    made = compile_files(tmp_path, {"x.channel.json": definition, "other.json": INTEGER})
    assert errors(made) == []
    topic = made.module("x").x_channel.t
    assert encode(topic, {name: {name: 3, "other": "x"}})
    with pytest.raises(InvalidPayload, match="must be an integer, not a string"):
        encode(topic, {name: {name: "3"}})


def test_a_topic_may_be_called_like_a_keyword(tmp_path: Path) -> None:
    made = compile_files(
        tmp_path,
        {"x.channel.json": channel(default={"$ref": "other.json"}, enum=STRING), "other.json": INTEGER},
    )
    assert errors(made) == []
    assert encode(made.module("x").x_channel.default, 3) == b"3"
    assert encode(made.module("x").x_channel.enum, "e") == b'"e"'


@pytest.mark.parametrize(
    "name",
    [
        "商品",
        "Größe",
        "a b",
        "List<Item>",
        "Page[Thing]",
        "Page«Thing»",
        "e|f",
        "{z}",
        'g"h',
        "t~0u",
        "sl~1ash",
    ],
)
def test_a_definition_may_have_any_name(name: str, tmp_path: Path) -> None:
    defined = name.replace("~1", "/").replace("~0", "~")
    definition = channel(t=closed(x={"$ref": f"#/$defs/{name}"})) | {"$defs": {defined: closed(n=INTEGER)}}
    made = compile_files(tmp_path, {"x.channel.json": definition})
    assert errors(made) == []
    assert encode(made.module("x").x_channel.t, {"x": {"n": 3}})
    with pytest.raises(InvalidPayload, match="/x/n: must be an integer"):
        encode(made.module("x").x_channel.t, {"x": {"n": "3"}})


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    definition = channel(
        whole={"$ref": "größe der datei.json"}, part={"$ref": "größe der datei.json#/$defs/Länge"}
    )
    shared = closed(n={"$ref": "#/$defs/Länge"}) | {"$defs": {"Länge": INTEGER}}
    made = compile_files(tmp_path, {"x.channel.json": definition, "größe der datei.json": shared})
    assert errors(made) == []
    assert encode(made.module("x").x_channel.whole, {"n": 3}) == b'{"n":3}'
    assert encode(made.module("x").x_channel.part, 3) == b"3"


@pytest.mark.parametrize(
    "target", ["#", "#/topics", "#/topics/t", "#/$defs", "x.channel.json", "http://[bad"]
)
def test_a_reference_that_leads_to_no_schema_is_an_error(target: str, tmp_path: Path) -> None:
    definition = channel(t=closed(x={"$ref": target})) | {"$defs": {"A": INTEGER}}
    made = compile_files(tmp_path, {"x.channel.json": definition})
    assert len(errors(made)) == 1
    assert target in errors(made)[0]


@pytest.mark.parametrize("name", ["none", "true", "false", "None"])
def test_a_topic_may_be_called_like_a_constant(name: str, tmp_path: Path) -> None:
    made = compile_files(tmp_path, {"x.channel.json": channel(**{name: closed(n=INTEGER)})})
    assert errors(made) == []
    assert getattr(made.module("x"), f"{name.capitalize()}Message")


@pytest.mark.parametrize("ending", ["", "#"])
def test_files_that_know_each_other_are_compiled_once_each(ending: str, tmp_path: Path) -> None:
    """Behind a reference that ends in `#` the validator takes memory with the third power of their number."""
    count = 60
    files: dict[str, Any] = {"x.channel.json": channel(t={"$ref": f"all.json{ending}"})}
    for index in range(count):
        properties = {"kind": {"const": index}, "other": {"$ref": f"all.json{ending}"}}
        files[f"f{index}.json"] = {"$schema": DRAFT_6, "properties": properties, "required": ["kind"]}
    files["all.json"] = {
        "$schema": DRAFT_6,
        "oneOf": [{"$ref": f"f{index}.json{ending}"} for index in range(count)],
    }
    made = compile_files(tmp_path, files, assume_objects=True)
    assert errors(made) == []
    found = bundle(made.module("_schemas.x").__name__)
    assert '.json#"' not in json.dumps(found.resources)
    for stated in found.topics.values():
        assert not found.root(stated.ref, stated.dialect)["$ref"].endswith("#")
    topic = made.module("x").x_channel.t
    payload = {"kind": 1, "other": {"kind": 2}}
    assert json.loads(encode(topic, load(topic, encode(topic, payload)))) == payload
