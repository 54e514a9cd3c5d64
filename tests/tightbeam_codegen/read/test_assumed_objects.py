"""`assume_objects`: `properties` without `type` is an object to the types, and to the types alone."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.tightbeam_codegen.compiling import Compiled, channel, compile_files, errors, warnings
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load
from tightbeam_codegen.settings import read_settings
from tightbeam_codegen.targets import OPTIONS

UNTYPED: dict[str, Any] = {
    "properties": {"id": {"type": "string"}, "inner": {"properties": {"n": {"type": "integer"}}}},
    "additionalProperties": False,
}
ELEMENTS = {"properties": {"a": {"type": "integer"}}, "prefixItems": [{"type": "string"}]}
VALUES: list[Any] = [
    *({}, {"id": "x"}, {"id": 1}, {"inner": {"n": 1}}, {"inner": {"n": "x"}}, {"inner": "text"}),
    *({"other": 1}, "text", 1, None, [1], True),
]


def made(folder: Path, schema: dict[str, Any], **settings: Any) -> Compiled:
    compiled = compile_files(
        folder, {"c.channel.json": channel("c", t=schema)}, assume_objects=True, **settings
    )
    assert errors(compiled) == []
    return compiled


def test_the_types_are_objects(tmp_path: Path) -> None:
    compiled = made(tmp_path, UNTYPED, typescript=tmp_path / "web")
    assert warnings(compiled) == []
    assert "Any" not in compiled.files["c.py"]
    assert "inner: _t.Annotated[TInner | None, v1.optional] = None" in compiled.files["c.py"]
    assert "inner?: TInner;" in compiled.typescript["c.ts"]
    assert load(compiled.module("c").c_channel.t, b'{"inner":{"n":1}}').inner.n == 1


def test_without_it_the_type_is_open(tmp_path: Path) -> None:
    compiled = compile_files(tmp_path, {"c.channel.json": channel("c", t=UNTYPED)})
    assert len(warnings(compiled)) == 2
    assert "Any" in compiled.files["c.py"]


def test_what_is_published_is_decided_by_the_schema_as_ever(tmp_path: Path) -> None:
    ref = made(tmp_path, UNTYPED).module("c").c_channel.t
    for value in VALUES:
        if jsonschema_rs.is_valid(UNTYPED, value):
            assert json.loads(encode(ref, value)) == value
        else:
            with pytest.raises(InvalidPayload):
                encode(ref, value)
    with pytest.raises(InvalidPayload):
        encode(ref, {"inner": math.nan})


@pytest.mark.parametrize("raw", ['"text"', '{"inner":"text"}', "null", "[1]"])
def test_what_is_no_object_after_all_is_an_invalid_message(raw: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidPayload):
        load(made(tmp_path, UNTYPED).module("c").c_channel.t, raw)


@pytest.mark.parametrize(
    "schema",
    [{"required": ["a"]}, {"additionalProperties": {"type": "integer"}}, ELEMENTS],
    ids=["required", "map", "elements too"],
)
def test_others_stay_open(schema: dict[str, Any], tmp_path: Path) -> None:
    assert any("left open" in message for message in warnings(made(tmp_path, schema)))


def test_the_setting() -> None:
    file = Path("pyproject.toml")
    assert read_settings(b"[tool.tightbeam]\nassume_objects = true\n", file, OPTIONS).assume_objects
    assert not read_settings(b"[tool.tightbeam]\n", file, OPTIONS).assume_objects
