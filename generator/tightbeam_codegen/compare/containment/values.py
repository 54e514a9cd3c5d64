"""JSON values: their types, and which are equal."""

from __future__ import annotations

import json

from tightbeam_codegen.read.load.values import JsonValue, with_whole_numbers

__all__ = ["KINDS", "kind_of", "text_of", "value_of"]

KINDS = ("null", "boolean", "number", "string", "array", "object")
"""The types of JSON, those with the smallest values first."""


def kind_of(value: object) -> str:
    """Return the type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def text_of(value: object) -> str:
    """Return a text that equal values have in common: numbers count by their value, objects without order."""
    return json.dumps(with_whole_numbers(value), sort_keys=True, ensure_ascii=False)


def value_of(text: str) -> JsonValue:
    """Return the value of such a text."""
    value: JsonValue = json.loads(text)
    return value
