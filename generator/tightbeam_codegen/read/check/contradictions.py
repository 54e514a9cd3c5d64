"""Find plain contradictions inside one schema: mistakes after which nothing, or nothing of a kind, is valid.

Only contradictions that show without following references and without comparing several schemas.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeGuard

from tightbeam_codegen.problems import quoted
from tightbeam_codegen.suggest import did_you_mean

if TYPE_CHECKING:
    from tightbeam_codegen.read.load import JsonValue

__all__ = ["contradictions", "kind_of"]

_SIZES = (
    ("string", "minLength", "maxLength"),
    ("array", "minItems", "maxItems"),
    ("object", "minProperties", "maxProperties"),
)
_REMEDY = "Correct one of them."


def kind_of(value: JsonValue) -> str:
    """Return the type of a value as JSON Schema names it; whole numbers are `integer`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def contradictions(schema: dict[str, JsonValue]) -> Iterator[tuple[str, str, str]]:
    """Yield keyword, message and remedy of each contradiction; values of a wrong type are passed over."""
    kinds = _kinds(schema)
    yield from _no_value(schema, kinds)
    yield from _no_branch(schema)
    for kind, low, high in _SIZES:
        at_least, at_most = schema.get(low), schema.get(high)
        if _allows(kinds, kind) and _is_number(at_least) and _is_number(at_most) and at_least > at_most:
            yield high, f"{_none(kinds, kind)}: {high} {at_most} is below {low} {at_least}", _REMEDY
    if _allows(kinds, "integer") or _allows(kinds, "number"):
        yield from _no_number(schema, kinds)
    if _allows(kinds, "object"):
        yield from _no_object(schema, kinds)


def _kinds(schema: dict[str, JsonValue]) -> frozenset[str] | None:
    stated = schema.get("type")
    if isinstance(stated, str):
        return frozenset([stated])
    if isinstance(stated, list):
        return frozenset(kind for kind in stated if isinstance(kind, str))
    return None


def _allows(kinds: frozenset[str] | None, kind: str) -> bool:
    return kinds is None or kind in kinds or (kind == "integer" and "number" in kinds)


def _none(kinds: frozenset[str] | None, kind: str) -> str:
    only = kinds is not None and kinds <= ({"integer", "number"} if kind == "number" else {kind})
    return "nothing satisfies this schema" if only else f"no {kind} satisfies this schema"


def _is_number(value: JsonValue) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _no_value(schema: dict[str, JsonValue], kinds: frozenset[str] | None) -> Iterator[tuple[str, str, str]]:
    enum = schema.get("enum")
    if isinstance(enum, list):
        if not enum:
            yield "enum", "nothing satisfies this schema: enum is empty", "List the values, or remove enum."
        elif not any(_allows(kinds, kind_of(value)) for value in enum):
            yield "enum", "nothing satisfies this schema: no value of enum has the stated type", _REMEDY
    if "const" in schema:
        const = schema["const"]
        if not _allows(kinds, kind_of(const)):
            yield "const", "nothing satisfies this schema: const hasn't the stated type", _REMEDY
        elif isinstance(enum, list) and enum and not any(_same(const, value) for value in enum):
            yield "const", "nothing satisfies this schema: const isn't in enum", _REMEDY


def _same(left: JsonValue, right: JsonValue) -> bool:
    """Return whether two values are equal in JSON Schema: 1 and 1.0 are, true and 1 aren't."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return left == right


def _no_branch(schema: dict[str, JsonValue]) -> Iterator[tuple[str, str, str]]:
    if schema.get("not") is True or schema.get("not") == {}:
        yield "not", "nothing satisfies this schema: not refuses everything", "Say what it shall refuse."
    every = schema.get("allOf")
    if isinstance(every, list) and any(branch is False for branch in every):
        yield "allOf", "nothing satisfies this schema: a part of allOf is false", "Remove that part."
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword)
        if isinstance(branches, list) and branches and all(branch is False for branch in branches):
            yield keyword, f"nothing satisfies this schema: {keyword} allows nothing", "Add a branch."


def _no_number(schema: dict[str, JsonValue], kinds: frozenset[str] | None) -> Iterator[tuple[str, str, str]]:
    lows: list[tuple[float, bool, str]] = []
    highs: list[tuple[float, bool, str]] = []
    for bounds, keyword, flag in (
        (lows, "minimum", "exclusiveMinimum"),
        (highs, "maximum", "exclusiveMaximum"),
    ):
        bound, exclusive = schema.get(keyword), schema.get(flag)
        if _is_number(bound):
            # Draft 4 has a flag beside the bound, the later ones a bound of its own.
            bounds.append((bound, exclusive is True, keyword))
        if _is_number(exclusive):
            bounds.append((exclusive, True, flag))
    whole = kinds is not None and "integer" in kinds and "number" not in kinds
    for low, low_open, low_word in lows:
        for high, high_open, high_word in highs:
            empty = low > high or (low == high and (low_open or high_open))
            if whole and not empty:
                first = math.floor(low) + 1 if low_open else math.ceil(low)
                last = math.ceil(high) - 1 if high_open else math.floor(high)
                empty = first > last
            if empty:
                between = f"between {low_word} {low} and {high_word} {high}"
                what = "integer" if whole else "number"
                yield high_word, f"{_none(kinds, what)}: there is none {between}", _REMEDY
                return


def _no_object(schema: dict[str, JsonValue], kinds: frozenset[str] | None) -> Iterator[tuple[str, str, str]]:
    required = schema.get("required")
    if not isinstance(required, list):
        return
    names = [name for name in required if isinstance(name, str)]
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        return
    closed = schema.get("additionalProperties") is False and not schema.get("patternProperties")
    nothing = _none(kinds, "object")
    for name in names:
        if properties.get(name) is False:
            remedy = "Allow the property, or don't require it."
            yield "required", f"{nothing}: {quoted(name)} is required, but its schema is false", remedy
        elif closed and name not in properties:
            remedy = did_you_mean(name, properties) or "Add it to properties, or don't require it."
            yield "required", f"{nothing}: {quoted(name)} is required, but not allowed", remedy
    at_most = schema.get("maxProperties")
    if _is_number(at_most) and at_most < len(set(names)):
        message = f"{nothing}: {len(set(names))} properties are required, maxProperties is {at_most}"
        yield "maxProperties", message, _REMEDY
