"""Correct a model's own JSON Schema, which FastAPI shows in OpenAPI.

Pydantic describes `int | float` as two types with bounds that are no keywords, and an optional field, which
takes no null in JSON, as one whose default is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tightbeam._payload.exact import is_absent

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

__all__ = ["describe"]

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_INNER = ("items", "additionalProperties")
_BRANCHES = ("anyOf", "oneOf")


def describe(schema: dict[str, Any], fields: Mapping[str, FieldInfo]) -> None:
    """Correct Pydantic's description of a model's fields, in place.

    Args:
        schema: the model's JSON Schema.
        fields: the model's fields, by Python name.
    """
    properties = schema.get("properties", {})
    for name, field in fields.items():
        key = field.serialization_alias or name
        if isinstance(stated := properties.get(key, properties.get(name)), dict):
            _correct(stated)
            if field.exclude_if is is_absent and stated.get("default", stated) is None:
                del stated["default"]


def _correct(schema: dict[str, Any]) -> None:
    for keyword in _INNER:
        if isinstance(inner := schema.get(keyword), dict):
            _correct(inner)
    for keyword in _BRANCHES:
        for branch in schema.get(keyword, ()):
            _correct(branch)
    _merge_numbers(schema)
    for name, keyword in _BOUNDS.items():
        if name in schema:
            schema[keyword] = schema.pop(name)


def _merge_numbers(schema: dict[str, Any]) -> None:
    """Take integers out of an `anyOf` that has all numbers; a branch that is left alone needs no `anyOf`."""
    branches = schema.get("anyOf")
    if not isinstance(branches, list) or {"type": "number"} not in branches:
        return
    others = [branch for branch in branches if branch != {"type": "integer"}]
    if len(others) > 1:
        schema["anyOf"] = others
    else:
        del schema["anyOf"]
        schema.update(others[0])
