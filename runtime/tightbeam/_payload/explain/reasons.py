"""Word a broken rule: what the schema asks for, never what the payload holds."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from tightbeam._payload.formats import FORMATS, TYPED_FORMATS
from tightbeam._payload.plain import json_type

__all__ = ["LEAVES", "UNDECLARED", "leaf_reason", "one_of", "type_reason", "undeclared_reason"]

_TYPES = {
    "array": "an array",
    "boolean": "a boolean",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}

_OF_PATTERNS = {typed.pattern: name for name, typed in TYPED_FORMATS.items() if typed.pattern is not None}

LEAVES = (
    *("type", "enum", "const", "format", "pattern", "minLength", "maxLength", "minimum", "exclusiveMinimum"),
    *("maximum", "exclusiveMaximum", "multipleOf", "divisibleBy", "minItems", "maxItems", "uniqueItems"),
    *("minProperties", "maxProperties", "contentEncoding", "contentMediaType"),
)
"""Keywords that look at one value and hold no schemas, the most telling first."""

UNDECLARED = "is not declared"
_SHOWN_VALUES = 12
_SHOWN_TEXT = 80


def type_reason(types: Iterable[str], value: object) -> str:
    """Word a wrong type: ``must be a string or null, not an integer``."""
    wanted = [_TYPES.get(name, name) for name in types]
    actual = json_type(value)
    if actual == "an integer" and "a number" in wanted:
        actual = "a number"
    return f"must be {_either(wanted)}, not {actual}"


def one_of(values: Iterable[object]) -> str:
    """Word a wrong value: ``must be one of: low, medium, high``, or ``must be paid`` for a single one."""
    shown = [_shown(value) for value in values]
    if len(shown) == 1:
        return f"must be {shown[0]}"
    more = f", … ({len(shown)} values)" if len(shown) > _SHOWN_VALUES else ""
    return f"must be one of: {', '.join(shown[:_SHOWN_VALUES])}{more}"


def undeclared_reason(name: str, declared: Collection[str]) -> str:
    """Word an undeclared key: ``is not declared: 'mesage'; did you mean 'message'?``.

    Args:
        name: the key.
        declared: names that it may be a misspelling of.
    """
    # A name may be declared elsewhere, in another branch of a union.
    close = difflib.get_close_matches(name, [other for other in declared if other != name], n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{UNDECLARED}: {_cut(name)!r}{hint}"


def leaf_reason(keyword: str, schema: Mapping[str, Any], value: object) -> str:
    """Word what a keyword asks for.

    Args:
        keyword: one of `LEAVES`.
        schema: the schema that has it.
        value: what breaks it.
    """
    limit = schema[keyword]
    match keyword:
        case "type":
            return type_reason([limit] if isinstance(limit, str) else limit, value)
        case "enum":
            return one_of(limit)
        case "const":
            return one_of([limit])
        case "format":
            return f"must be {_format_wording(limit)}"
        case "pattern" if limit in _OF_PATTERNS:
            return f"must be {_format_wording(_OF_PATTERNS[limit])}"
        case "pattern":
            return f"must match the pattern {_cut(str(limit))}"
        case "minLength":
            return f"must have at least {_count(limit, 'character')}"
        case "maxLength":
            return f"must have at most {_count(limit, 'character')}"
        case "minimum" if schema.get("exclusiveMinimum") is True:  # draft 4
            return f"must be more than {limit}"
        case "minimum":
            return f"must be at least {limit}"
        case "maximum" if schema.get("exclusiveMaximum") is True:
            return f"must be less than {limit}"
        case "maximum":
            return f"must be at most {limit}"
        case "exclusiveMinimum":
            return f"must be more than {limit}"
        case "exclusiveMaximum":
            return f"must be less than {limit}"
        case "multipleOf" | "divisibleBy":
            return f"must be a multiple of {limit}"
        case "minItems":
            return f"must have at least {_count(limit, 'item')}"
        case "maxItems":
            return f"must have at most {_count(limit, 'item')}"
        case "uniqueItems":
            return "must not have the same item twice"
        case "minProperties":
            return f"must have at least {_count(limit, 'key')}"
        case "maxProperties":
            return f"must have at most {_count(limit, 'key')}"
        case _:
            return f"must be {_cut(str(limit))}"


def _format_wording(name: str) -> str:
    row = FORMATS.get(name)
    return row.wording if row is not None and row.wording else f"a valid {_cut(str(name))}"


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _count(number: float, noun: str) -> str:
    return f"{number:g} {noun}{'' if number == 1 else 's'}"


def _shown(value: object) -> str:
    plain_word = isinstance(value, str) and value.strip() == value != "" and "," not in value
    return _cut(str(value) if plain_word else json.dumps(value))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_TEXT else f"{text[:_SHOWN_TEXT]}…"
