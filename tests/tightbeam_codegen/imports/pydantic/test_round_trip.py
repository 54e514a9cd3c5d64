"""What a user's model dumps is published by the generated bindings, and validates back into the model."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import tightbeam
from tests.tightbeam_codegen.compiling import Compiled, compile_files, write_files
from tests.tightbeam_codegen.imports.pydantic.conftest import WriteModule
from tightbeam_codegen.imports import Wanted
from tightbeam_codegen.imports.pydantic import import_models
from tightbeam_codegen.names import snake

pytestmark = pytest.mark.slow

CORPUS = "tests.tightbeam_codegen.imports.pydantic.corpus"
MODULES = ("scalars", "structures", "configured", "unusual")
ANY: TypeAdapter[Any] = TypeAdapter(Any)


def module_of(name: str) -> Any:
    return importlib.import_module(f"{CORPUS}.{name}")


@pytest.fixture(scope="module")
def bindings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The generated channels, by the module of the corpus."""
    folder = tmp_path_factory.mktemp("corpus")
    files: dict[str, Any] = {}
    for name in MODULES:
        imported = import_models(f"{CORPUS}.{name}", Wanted(name=name))
        assert all("is generic" in problem.message for problem in imported.left_out), imported.left_out
        files |= {**imported.definitions, **imported.documents}
    compiled: Compiled = compile_files(folder, files)
    assert compiled.result.problems == (), compiled.result.problems
    made = [
        compiled.module(snake(path.removesuffix(".channel.json"))) for path in files if ".channel." in path
    ]
    return {
        name: next(iter(v for k, v in vars(m).items() if k.endswith("_channel")))
        for name, m in zip(MODULES, made, strict=True)
    }


def dumps(example: Any) -> Iterator[Any]:
    """Yield what an example is dumped as: in full, and without what was never set or is None.

    The shorter forms are left out where Pydantic itself can't read them: a tag may be left to its default.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(type(example))
    config = getattr(type(example), "model_config", {})
    has_names = "serialize_by_alias" in config or config.get("validate_by_alias") is False
    alias = None if has_names else True
    # Of defaults that aren't of their type, Pydantic warns.
    yield json.loads(adapter.dump_json(example, by_alias=alias, warnings=False))
    if config.get("json_schema_serialization_defaults_required"):
        return
    for left_out in ({"exclude_unset": True}, {"exclude_none": True}, {"exclude_defaults": True}):
        text = adapter.dump_json(example, by_alias=alias, warnings=False, **left_out)
        try:
            is_read = adapter.validate_json(text) == example
        except ValidationError:
            is_read = False
        if is_read:
            yield json.loads(text)


EXAMPLES = [
    pytest.param(module, example, id=f"{type(example).__name__}-{number}")
    for module in MODULES
    for number, example in enumerate(module_of(module).EXAMPLES)
]


def test_the_corpus_is_large() -> None:
    assert len({type(param.values[1]) for param in EXAMPLES}) >= 60


@pytest.mark.parametrize(("module", "example"), EXAMPLES)
async def test_each_dump_is_published_and_read_back(
    module: str, example: Any, bindings: dict[str, Any]
) -> None:
    name = next(
        name
        for name, value in vars(module_of(module)).items()
        if value is type(example) and name.isidentifier()
    )
    topic = getattr(bindings[module], snake(name))
    adapter: TypeAdapter[Any] = TypeAdapter(type(example))
    is_strict = getattr(type(example), "model_config", {}).get("strict", False)
    client = tightbeam.Client()
    messages = client.realtime.subscribe(topic)
    for dumped in dumps(example):
        await client.realtime.publish(topic, dumped)
        data = (await anext(messages)).data
        if isinstance(data, BaseModel):
            await client.realtime.publish(topic, type(data).model_validate(dumped))
            data = (await anext(messages)).data
        text = ANY.dump_json(data, by_alias=True, exclude_unset=True)
        assert adapter.validate_json(text) == example
        # Strict models take text for a date from JSON alone.
        assert is_strict or adapter.validate_python(json.loads(text)) == example


@pytest.mark.parametrize("module", MODULES)
def test_defaults_fit_their_schemas(module: str) -> None:
    [text] = import_models(f"{CORPUS}.{module}", Wanted()).documents.values()
    document = json.loads(text)
    wrong = [
        f"{name}.{field}"
        for name, schema in document["$defs"].items()
        for field, value in (schema.get("properties", {}) if isinstance(schema, dict) else {}).items()
        if isinstance(value, dict)
        and "default" in value
        and not jsonschema_rs.is_valid({**document, **value}, value["default"], validate_formats=True)
    ]
    assert wrong == []


def test_models_of_a_library(tmp_path: Path) -> None:
    """Recursive ones, with aliases for each keyword of JSON Schema."""
    imported = import_models("fastapi.openapi.models", Wanted())
    assert [problem.message.partition(":")[2] for problem in imported.left_out] == [
        "BaseModelWithConfig is left out: it is a base of others and has no fields"
    ]
    compiled = compile_files(tmp_path, {**imported.definitions, **imported.documents})
    assert [problem for problem in compiled.result.problems if problem.severity == "error"] == []
    assert "class Schema(" in compiled.files["fastapi_openapi_models.py"]


OWN = """
class Line(BaseModel):
    sku: str
class Status(enum.Enum):
    OPEN = "open"
class Order(BaseModel):
    status: Status
    lines: list[Line]
"""


USES = {
    "by itself": "order = made.Order.model_validate(dumped)",
    "in an adapter": "order = TypeAdapter(made.Order).validate_python(dumped)",
    "in a class": "class Box(BaseModel):\n        order: made.Order\n"
    "    order = Box.model_validate({'order': dumped}).order",
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_generated_classes_have_names_of_their_own(
    write_module: WriteModule, tmp_path: Path, use: str
) -> None:
    """Pydantic builds them at first use, and would look for names where they are used: among the user's."""
    name = write_module(OWN)
    imported = import_models(name, Wanted())
    compiled = compile_files(tmp_path, {**imported.definitions, **imported.documents})
    write_files(tmp_path / compiled.package, compiled.files)
    Path("use.py").write_text(
        f"def use():\n    from {name} import Line, Order, Status\n"
        f"    import {compiled.package}.{name} as made\n"
        "    from pydantic import BaseModel, TypeAdapter\n"
        "    mine = Order(status=Status.OPEN, lines=[Line(sku='tea')])\n"
        f"    dumped = mine.model_dump(mode='json')\n    {use}\n"
        "    assert order.status == 'open' and type(order.lines[0]) is made.Line\nuse()\n",
        "utf-8",
    )
    subprocess.run([sys.executable, "use.py"], check=True)
