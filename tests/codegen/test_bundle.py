"""What the bundled schemas hold: everything a payload may need, whatever its properties are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.codegen.compiling import channel, compile_files, errors
from tightbeam import InvalidPayload
from tightbeam._payload.check import encode

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
