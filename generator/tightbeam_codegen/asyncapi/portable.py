"""Schemas in the words that AsyncAPI reads by default, which are those of draft 7 and a few of its own.

A schema of another draft is rewritten where draft 7 has other words for the same. What it has no words for
has to stay in its own draft.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tightbeam_codegen.json_schema.dialects import DRAFT_7
from tightbeam_codegen.json_schema.keywords import IDENTIFIERS, NOTES
from tightbeam_codegen.read.check.forms import form_faults

__all__ = ["is_portable", "rewritten", "without_effect"]

_PLACES = IDENTIFIERS | {"$schema", "$vocabulary", "$defs", "definitions"}
"""Keywords by which schemas are found: in a document of AsyncAPI, pointers find them."""
_CONTENT = frozenset(["contentEncoding", "contentMediaType", "contentSchema"])
_APPLICATORS = ("$ref", "allOf", "anyOf", "oneOf", "if", "then", "else", "dependentSchemas")
"""Keywords whose schemas evaluate properties and items of the schema around them."""


def without_effect(keyword: str, value: Any) -> bool:
    """Return whether a keyword is left out, since it only names a place or draft 7 can't have its value.

    Args:
        keyword: a keyword of some draft.
        value: its value.
    """
    if keyword in _PLACES:
        return True
    form = DRAFT_7.keywords.get(keyword)
    return keyword in NOTES and form is not None and any(form_faults(keyword, value, form))


def is_portable(schema: Mapping[str, Any], year: int) -> bool:
    """Return whether draft 7 can say what a schema says, apart from the schemas inside it.

    Args:
        schema: as it is written.
        year: of its draft.
    """
    if year < 2019:
        return True
    if "contains" in schema and not {"minContains", "maxContains"}.isdisjoint(schema):
        return False
    return not any(
        keyword in schema and not _is_plain(schema, keyword)
        for keyword in ("unevaluatedItems", "unevaluatedProperties")
    )


def _is_plain(schema: Mapping[str, Any], keyword: str) -> bool:
    """Return whether nothing but the keywords beside `unevaluated…` evaluates what it is about."""
    marks = {*_APPLICATORS, "contains"} if keyword == "unevaluatedItems" else {*_APPLICATORS}
    return marks.isdisjoint(schema)


def rewritten(schema: dict[str, Any], year: int) -> dict[str, Any]:
    """Return a portable schema in the words of draft 7; its inner schemas are in these words already.

    Args:
        schema: one whose `$ref` leads to where it leads in the new document. It is changed.
        year: of its draft.
    """
    if year != 7:
        for keyword in _CONTENT & schema.keys():
            # In draft 7 a validator may insist on what is a note in the others.
            schema[f"x-{keyword}"] = schema.pop(keyword)
    if year == 4:
        _bounds_as_numbers(schema)
    elif year >= 2019:
        _say_what_is_unevaluated(schema)
        _say_tuples(schema)
        _say_dependencies(schema)
        schema.pop("minContains", None)
        schema.pop("maxContains", None)
        if "$ref" in schema and len(schema) > 1:
            # Draft 7 passes over what stands beside a `$ref`.
            reference = {"$ref": schema.pop("$ref")}
            schema["allOf"] = [reference, *schema.get("allOf", [])]
    return schema


def _bounds_as_numbers(schema: dict[str, Any]) -> None:
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if schema.pop(exclusive, False) is True and bound in schema:
            schema[exclusive] = schema.pop(bound)


def _say_what_is_unevaluated(schema: dict[str, Any]) -> None:
    if "unevaluatedProperties" in schema:
        schema.setdefault("additionalProperties", schema.pop("unevaluatedProperties"))
    if "unevaluatedItems" in schema:
        rest = schema.pop("unevaluatedItems")
        if "prefixItems" in schema or not isinstance(schema.get("items", []), list):
            schema.setdefault("items", rest)
        elif "items" in schema:
            schema.setdefault("additionalItems", rest)
        else:
            schema["items"] = rest


def _say_tuples(schema: dict[str, Any]) -> None:
    if "prefixItems" in schema:
        if "items" in schema:
            schema["additionalItems"] = schema.pop("items")
        schema["items"] = schema.pop("prefixItems")


def _say_dependencies(schema: dict[str, Any]) -> None:
    required = schema.pop("dependentRequired", {})
    schemas = schema.pop("dependentSchemas", {})
    if not required and not schemas:
        return
    dependencies: dict[str, Any] = {**required, **schemas}
    for name in required.keys() & schemas.keys():
        dependencies[name] = {"allOf": [schemas[name], {"required": required[name]}]}
    for name, earlier in schema.get("dependencies", {}).items():
        both = [
            each if not isinstance(each, list) else {"required": each}
            for each in (earlier, dependencies.get(name, True))
        ]
        dependencies[name] = {"allOf": both} if name in dependencies else earlier
    schema["dependencies"] = dependencies
