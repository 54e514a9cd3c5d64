"""JSON laid out for readers, for the schemas in generated modules: a change shows as a few lines."""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import Any

__all__ = ["readable_json"]

_WIDTH = 100
_CONSTANTS = {None: "null", True: "true", False: "false"}
_NOT_ASCII = re.compile(r"[^ -~]")


def readable_json(text: str) -> str:
    """Lay out a JSON text over several lines, each object and array on one line where it fits.

    Each character of the result is printable, or a line feed between two values. Characters that a terminal
    or an editor would act on become escapes. Three quotation marks never stand side by side.

    Args:
        text: JSON without repeated keys.
    """
    laid_out = _laid_out(json.loads(text), "", 0)
    # Nearly all texts are printable, and one check of a whole text is much faster than one a character.
    if laid_out.replace("\n", "").isprintable():
        return laid_out
    return _NOT_ASCII.sub(_shown, laid_out)


def _laid_out(value: Any, indent: str, column: int) -> str:
    """Lay out a value that begins at `column` of a line with this indentation."""
    match value:
        case dict() if value:
            inner = f"{indent} "
            parts: list[str] = []
            for key, item in value.items():
                head = f"{encode_basestring(key)}: "
                parts.append(head + _laid_out(item, inner, len(inner) + len(head)))
            return _joined("{", parts, "}", indent, column)
        case list() if value:
            inner = f"{indent} "
            parts = [_laid_out(item, inner, len(inner)) for item in value]
            return _joined("[", parts, "]", indent, column)
        case str():
            return encode_basestring(value)
        case bool() | None:
            return _CONSTANTS[value]
        case int():
            return repr(value)
        case _:
            return json.dumps(value)


def _joined(opening: str, parts: list[str], closing: str, indent: str, column: int) -> str:
    length = column + 3 + sum(map(len, parts)) + 2 * (len(parts) - 1)  # brackets, commas, the comma after it
    if length <= _WIDTH and not any("\n" in part for part in parts):
        return f"{opening}{', '.join(parts)}{closing}"
    inner = f",\n{indent} ".join(parts)
    return f"{opening}\n{indent} {inner}\n{indent}{closing}"


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    return character if character == "\n" or character.isprintable() else json.dumps(character)[1:-1]
