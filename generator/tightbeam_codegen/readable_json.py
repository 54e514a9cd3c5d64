"""JSON laid out for readers, for the schemas in generated modules: a change shows as few lines."""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import Any

from tightbeam._payload.subschemas import SCHEMA_MAPS

__all__ = ["readable_json", "with_escapes"]

_WIDTH = 100
_SPREAD = SCHEMA_MAPS | {"allOf", "anyOf", "oneOf", "prefixItems"}
"""Keywords whose value has a line for each schema in it: one that comes is one line of a difference."""
_CONSTANTS = {None: "null", True: "true", False: "false"}
_NOT_ASCII = re.compile(r"[^ -~]")


def readable_json(text: str) -> str:
    """Lay out a JSON text: a line for each property, and for each object and array that fits on one.

    Each character of the result is printable, or a line feed between two values. Characters that a terminal
    or an editor would act on become escapes. Three quotation marks never stand side by side.

    Args:
        text: JSON without repeated keys.
    """
    return with_escapes(_laid_out(json.loads(text), "", 0, _WIDTH))


def with_escapes(text: str) -> str:
    """Return JSON with escapes for characters that an editor or a terminal would act on or hide.

    Args:
        text: JSON whose line feeds stand between values.
    """
    # Nearly all texts are printable, and one check of a whole text is much faster than one a character.
    return text if text.replace("\n", "").isprintable() else _NOT_ASCII.sub(_shown, text)


def _laid_out(value: Any, indent: str, column: int, width: int) -> str:
    """Lay out a value.

    Args:
        value: any JSON value.
        indent: of the line on which it begins.
        column: where it begins.
        width: of a line on which it may stand as a whole; 0 for one that gets several.
    """
    match value:
        case dict() if value:
            inner = f"{indent} "
            parts: list[str] = []
            for key, item in value.items():
                head = f"{encode_basestring(key)}: "
                spread = 0 if key in _SPREAD else _WIDTH
                parts.append(head + _laid_out(item, inner, len(inner) + len(head), spread))
            return _joined("{", parts, "}", indent, column, width)
        case list() if value:
            inner = f"{indent} "
            parts = [_laid_out(item, inner, len(inner), _WIDTH) for item in value]
            return _joined("[", parts, "]", indent, column, width)
        case str():
            return encode_basestring(value)
        case bool() | None:
            return _CONSTANTS[value]
        case int():
            return repr(value)
        case _:
            return json.dumps(value)


def _joined(opening: str, parts: list[str], closing: str, indent: str, column: int, width: int) -> str:
    length = column + 3 + sum(map(len, parts)) + 2 * (len(parts) - 1)  # brackets, commas, the comma after it
    if length <= width and not any("\n" in part for part in parts):
        return f"{opening}{', '.join(parts)}{closing}"
    inner = f",\n{indent} ".join(parts)
    return f"{opening}\n{indent} {inner}\n{indent}{closing}"


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    return character if character == "\n" or character.isprintable() else json.dumps(character)[1:-1]
