"""JSON values as source: laid out for readers, and in three spellings."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from tightbeam_codegen.read.load import JsonValue
from tightbeam_codegen.readable_json import with_escapes
from tightbeam_codegen.targets.python.literals import literal as python_literal
from tightbeam_codegen.targets.typescript.printer import property_key
from tightbeam_codegen.targets.typescript.text import literal as typescript_literal

__all__ = ["JSON", "PYTHON", "TYPESCRIPT", "WIDTH", "Notation", "laid_out"]

WIDTH = 64
"""Characters of a line of code, in a column beside the properties."""


@dataclass(frozen=True, slots=True)
class Notation:
    """How a language writes a JSON value."""

    scalar: Callable[[str | int | float | bool | None], str]
    key: Callable[[str], str]
    padding: str
    """Inside of braces on one line."""
    indent: str
    last_comma: str
    """Behind the last of several lines."""


def _json_scalar(value: str | int | float | bool | None) -> str:
    return with_escapes(json.dumps(value, ensure_ascii=False))


JSON = Notation(_json_scalar, _json_scalar, " ", "  ", "")
PYTHON = Notation(python_literal, python_literal, "", "    ", ",")
TYPESCRIPT = Notation(typescript_literal, property_key, " ", "  ", ",")


def laid_out(value: JsonValue, notation: Notation, *, indent: str = "", column: int = 0) -> str:
    """Return a value as source, each object and array on one line where it fits.

    Args:
        value: the value.
        notation: of the language.
        indent: of the line on which it begins.
        column: where it begins on this line.
    """
    inner = indent + notation.indent
    match value:
        case dict() if value:
            parts: list[str] = []
            for key, item in value.items():
                head = f"{notation.key(key)}: "
                column_of_item = len(inner) + len(head) + 1
                parts.append(head + laid_out(item, notation, indent=inner, column=column_of_item))
            opening, closing, padding = "{", "}", notation.padding
        case list() if value:
            parts = [laid_out(item, notation, indent=inner, column=len(inner) + 1) for item in value]
            opening, closing, padding = "[", "]", ""
        case dict() | list():
            return "{}" if isinstance(value, dict) else "[]"
        case _:
            return notation.scalar(value)
    line = f"{opening}{padding}{', '.join(parts)}{padding}{closing}"
    if column + len(line) <= WIDTH and "\n" not in line:
        return line
    lines = f",\n{inner}".join(parts)
    return f"{opening}\n{inner}{lines}{notation.last_comma}\n{indent}{closing}"
