"""Instances that nobody thought of: what they are dumped as fits the schema."""

from __future__ import annotations

import importlib
import json
import typing
from functools import cache
from typing import Annotated, Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from tightbeam_codegen.imports import Wanted
from tightbeam_codegen.imports.pydantic import import_models

pytestmark = pytest.mark.slow

CORPUS = "tests.tightbeam_codegen.imports.pydantic.corpus"
MODELS = {
    "scalars": "Moments FloatDuration Utf8 Base64 Hex Choices",
    "structures": "Optionals Nested Tree Even Holder Pets Shapes Smart Arrays Stamped SameNames",
    "configured": "Aliased Camel Rectangle FieldSerializers PlainDump WrapDump Excluded Strict",
    "unusual": "Drawing Overridden Outer",
}
"""Those whose types Hypothesis has strategies for."""
SAMPLED = [(module, name) for module, names in MODELS.items() for name in names.split()]


@cache
def validator_of(module: str, name: str) -> jsonschema_rs.Draft202012Validator:
    [text] = import_models(f"{CORPUS}.{module}", Wanted()).documents.values()
    document = {"$ref": f"#/$defs/{name}", **json.loads(text)}
    return jsonschema_rs.Draft202012Validator(document, validate_formats=True)


def instances(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """Values of a model's fields by the names that it takes, most of them right."""
    hints = typing.get_type_hints(model, include_extras=True)
    fields = {name: field for name, field in model.model_fields.items() if not field.exclude}
    required, optional = {}, {}
    for name, field in fields.items():
        hint = Annotated[(hints[name], *field.metadata)] if field.metadata else hints[name]  # type: ignore[valid-type]
        key = field.validation_alias if isinstance(field.validation_alias, str) else name
        (required if field.is_required() else optional)[key] = st.from_type(hint)
    return st.fixed_dictionaries(required, optional=optional)


@pytest.mark.parametrize(("module", "name"), SAMPLED, ids=[name for _, name in SAMPLED])
def test_what_is_dumped_fits(module: str, name: str) -> None:
    model = getattr(importlib.import_module(f"{CORPUS}.{module}"), name)
    validator = validator_of(module, name)
    count = 0

    @settings(max_examples=40, deadline=None)
    @given(instances(model))
    def sampled(values: dict[str, Any]) -> None:
        nonlocal count
        try:
            instance = model.model_validate(values)
            text = instance.model_dump_json(by_alias=True)
        except (ValidationError, ValueError):
            return
        if "null" in text and "inf" in repr(values) + repr(values).replace("nan", "inf"):
            return  # JSON has no infinity
        count += 1
        errors = [f"{each.instance_path}: {each.message}" for each in validator.iter_errors(json.loads(text))]
        assert errors == [], text

    sampled()
    assert count >= 5
