"""What JSON text comes to in Python, and the way to a value in it."""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = ["JsonValue", "Pointer", "value_at", "with_whole_numbers"]

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"

Pointer: TypeAlias = tuple[str | int, ...]
"""A JSON pointer: the keys and indexes on the way to a value."""


def with_whole_numbers(value: Any) -> Any:
    """Return a value in which a whole number is written in one way: JavaScript writes `1.0` as `1`."""
    if isinstance(value, dict):
        return {key: with_whole_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def value_at(value: JsonValue, pointer: Pointer) -> JsonValue:
    """Return the value at the end of a pointer. Raises LookupError where there is none."""
    for part in pointer:
        if isinstance(value, dict):
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
        else:
            raise LookupError(part)
    return value
