"""Types and names whose spelling JavaScript makes a difference of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, compile_files, errors
from tests.tightbeam_codegen.schemas import STRING, closed


def script(folder: Path, definition: dict[str, Any], **settings: Any) -> str:
    made = compile_files(folder, {"x.channel.json": definition}, typescript=folder / "web", **settings)
    assert errors(made) == []
    name = "x.validators.ts" if settings else "x.ts"
    return made.typescript[name]


def test_a_parameter_may_be_called_like_what_objects_inherit_from(tmp_path: Path) -> None:
    definition = channel("x:{__proto__}", t=STRING) | {"params": {"__proto__": {"type": "string"}}}
    assert '{ ["__proto__"]: "string" }' in script(tmp_path, definition)


def test_integers_that_are_no_numbers_in_javascript(tmp_path: Path) -> None:
    values = {"type": "integer", "enum": [2**53 - 1, 2**53, -(2**53)]}
    text = script(tmp_path, channel("x:{n}", t={"enum": [2**53 - 1, 2**53 + 1]}) | {"params": {"n": values}})
    assert "9007199254740991 | 9007199254740992n | -9007199254740992n" in text
    assert "9007199254740993" not in text
    assert "export type T = 9007199254740991 | number;" in text


def test_values_that_only_python_takes_for_one(tmp_path: Path) -> None:
    text = script(tmp_path, channel(t={"enum": [1, True, 0, False, "1"]}))
    assert "export type T = " in text
    assert text.partition("export type T = ")[2].partition(";")[0] == 'boolean | 1 | 0 | "1"'
    text = script(tmp_path, channel(t={"anyOf": [{"const": 1}, {"const": True}]}))
    assert text.partition("export type T = ")[2].partition(";")[0] == "1 | true"


@pytest.mark.parametrize("name", ["constructor", "toString", "valueOf"])
def test_an_optional_property_called_like_an_inherited_one(name: str, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {name: STRING, "own": STRING}}
    text = script(tmp_path, channel(t=schema | {"additionalProperties": False}))
    assert f"  {name}?: string | {{ bind: unknown; call: unknown }};" in text
    assert "  own?: string;" in text
    assert f"  {name}: string;" in script(tmp_path, channel(t=closed(name, **{name: STRING})))


def test_a_property_that_is_not_to_be_used(tmp_path: Path) -> None:
    text = script(tmp_path, channel(t={"type": "object", "properties": {"old": False, "new": STRING}}))
    assert "  old?: never;\n  new?: string;\n  [key: string]: unknown;" in text


@pytest.mark.parametrize(
    ("schema", "type_"),
    [
        ({"prefixItems": [STRING, False, STRING]}, "[string?]"),
        ({"prefixItems": [STRING, STRING], "maxItems": 1}, "[string?]"),
        ({"prefixItems": [STRING, STRING], "maxItems": 2, "minItems": 1}, "[string, string?]"),
        ({"prefixItems": [STRING], "items": STRING, "minItems": 9}, "[string, ...string[]]"),
        ({"prefixItems": [STRING], "items": False}, "[string?]"),
    ],
)
def test_arrays_that_end(schema: dict[str, Any], type_: str, tmp_path: Path) -> None:
    text = script(tmp_path, channel(t={"type": "array"} | schema))
    assert f"export type T = {type_};" in text
