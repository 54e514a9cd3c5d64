"""What JSON text comes to in Python, and the way to a value in it."""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["JsonValue", "Pointer"]

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"

Pointer: TypeAlias = tuple[str | int, ...]
"""A JSON pointer: the keys and indexes on the way to a value."""
