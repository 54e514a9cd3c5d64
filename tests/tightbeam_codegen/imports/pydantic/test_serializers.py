"""What serializers return: as Pydantic finds it, and where it doesn't look."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tightbeam_codegen.imports.pydantic.conftest import WriteModule
from tightbeam_codegen.imports import Wanted
from tightbeam_codegen.imports.pydantic import import_models
from tightbeam_codegen.problems import DefinitionErrors


def properties(name: str) -> dict[str, Any]:
    [text] = import_models(f"{name}:M", Wanted()).documents.values()
    found: dict[str, Any] = json.loads(text)["$defs"]["M"]["properties"]
    return found


@pytest.mark.parametrize(
    ("serializer", "schema"),
    [
        ("PlainSerializer(str)", {"type": "string"}),
        ("PlainSerializer(float)", {"type": "number"}),
        ("PlainSerializer(sorted)", {"type": "array", "items": True}),
        ("PlainSerializer(float, when_used='json')", {"type": "number"}),
        ("PlainSerializer(annotated)", {"type": "integer"}),
    ],
)
def test_a_function_that_is_no_serializer_of_its_own(
    write_module: WriteModule, serializer: str, schema: dict[str, Any]
) -> None:
    code = "def annotated(value: Any) -> int: return 1\n"
    name = write_module(f"{code}class M(BaseModel):\n    a: Annotated[Any, {serializer}]\n")
    assert properties(name)["a"] == schema


def test_json_encoders(write_module: WriteModule) -> None:
    """Pydantic looks at none of them, and warns of the setting, which older models have."""
    name = write_module(
        "def seconds(value: datetime.datetime) -> int: return int(value.timestamp())\n"
        "class M(BaseModel):\n"
        "    model_config = ConfigDict(json_encoders={decimal.Decimal: float, datetime.datetime: seconds})\n"
        "    a: decimal.Decimal\n    b: datetime.datetime | None = None\n"
    )
    found = properties(name)
    assert found["a"] == {"type": "number"}
    assert found["b"] == {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}


@pytest.mark.parametrize("function", ["lambda value: 1", "bare", "unknown"])
def test_what_says_nothing_is_refused(write_module: WriteModule, function: str) -> None:
    code = "def bare(value): return 1\ndef unknown(value) -> Nowhere: return 1\n"
    config = f"ConfigDict(json_encoders={{decimal.Decimal: {function}}})"
    name = write_module(f"{code}class M(BaseModel):\n    model_config = {config}\n    a: decimal.Decimal\n")
    with pytest.raises(DefinitionErrors) as caught:
        properties(name)
    [problem] = caught.value.problems
    assert problem.message.startswith(f"{name}:M.a is dumped by ")
    assert "return_type=" in problem.remedy
