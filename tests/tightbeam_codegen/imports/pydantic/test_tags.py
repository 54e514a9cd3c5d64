"""A discriminator is required in each branch of its union, since Pydantic reads none without it."""

from __future__ import annotations

import json

import pytest

from tests.tightbeam_codegen.imports.pydantic.conftest import WriteModule
from tightbeam_codegen.imports import Wanted
from tightbeam_codegen.imports.pydantic import import_models

PETS = """
class Cat(BaseModel):
    lives: int = 9
    kind: Literal["cat"] = "cat"
class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
class Cow(BaseModel):
    kind: Literal["cow"] = "cow"
class Alone(BaseModel):
    kind: Literal["alone"] = "alone"
Pet = Annotated[Cat | Dog, Field(discriminator="kind")]
class Owner(BaseModel):
    pets: list[Annotated[Pet | Cow, Field(discriminator="kind")]]
"""


@pytest.mark.parametrize("only", ["Pet", "Owner", "Owner,Pet"])
def test_the_tag_is_required(write_module: WriteModule, only: str) -> None:
    imported = import_models(f"{write_module(PETS)}:{only},Alone", Wanted(name="x"))
    schemas = json.loads(next(iter(imported.documents.values())))["$defs"]
    assert schemas["Cat"]["required"] == schemas["Dog"]["required"] == ["kind"]
    assert schemas["Dog"]["properties"]["kind"] == {"type": "string", "const": "dog"}
    assert "required" not in schemas["Alone"]
    assert "x-tightbeam-discriminator" not in json.dumps(schemas)
