"""Strings, numbers and fixed values: what a type keeps of their keywords."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from tightbeam._payload.formats import TYPED_FORMATS
from tightbeam_codegen.read.normalise.flatten import Part
from tightbeam_codegen.read.normalise.shapes import (
    ANY,
    NULL,
    Boolean,
    Integer,
    List,
    Literals,
    Map,
    Number,
    Shape,
    String,
    union,
)

__all__ = [
    "TYPES",
    "allowed_types",
    "exact_shape_of_values",
    "fixed_values",
    "integer",
    "number",
    "shape_of_values",
    "string",
]

TYPES = frozenset(["null", "boolean", "object", "array", "string", "number"])
"""All of JSON; `number` holds `integer`."""

MAX_LITERALS = 1_000
"""Of one `Literal`: with more, type checkers are slow, so the type is that of the values."""

_WIDENED: dict[type, Shape] = {str: String(), int: Integer(), bool: Boolean()}

_LITERAL_LIMIT = 2**63
"""Pydantic compares the integers of a `Literal` in 64 bits; larger integers widen to their type."""

# What the regular expressions of the validator and of Pydantic read alike: literal characters, plain classes,
# anchors, groups and bounded repetition. No look-around, back-reference, \d-like class or property.
_SAFE_PATTERN = re.compile(
    r"""(?:
    [A-Za-z0-9\ _\-:;,@\#%&=<>~!"'/]      # itself
    | \\[.\-+*?()\[\]{}|^$/\\]            # an escaped operator
    | [.^$|()+*?]                         # an operator
    | \{[0-9]{1,3}(?:,[0-9]{0,3})?\}      # a bounded repetition
    | \[\^?(?:[A-Za-z0-9_\ .,:@+/]|-(?!-))+\]  # a class; `--` in one is a difference to Pydantic
    )+""",
    re.VERBOSE,
)


def allowed_types(parts: Sequence[Part]) -> frozenset[str]:
    """Return the types that every part admits; `integer` instead of `number` where all numbers are whole."""
    allowed = TYPES
    for part in parts:
        declared = part.get("type")
        if declared is None:
            continue
        names = frozenset([declared] if isinstance(declared, str) else declared)
        allowed = _meet(allowed, names)
    return allowed


def _meet(a: frozenset[str], b: frozenset[str]) -> frozenset[str]:
    both = a & b
    if (
        "number" not in both
        and (a | b) >= {"number", "integer"}
        and a & {"number", "integer"}
        and b & {"number", "integer"}
    ):
        both |= {"integer"}
    return both - {"integer"} if "number" in both else both


def fixed_values(parts: Sequence[Part]) -> list[Any] | None:
    """Return the values that every `enum` and `const` admits; None where no part has either."""
    fixed: list[Any] | None = None
    for part in parts:
        for values in (part.get("enum"), _const(part)):
            if isinstance(values, list) and fixed is None:
                fixed = values
            elif isinstance(values, list) and fixed is not None:
                admitted = set(map(_json_key, values))
                fixed = [value for value in fixed if _json_key(value) in admitted]
    return fixed


def _const(part: Part) -> list[Any] | None:
    schema = part.node.schema
    return (
        [schema["const"]]
        if isinstance(schema, dict) and "const" in schema and part.node.dialect.year >= 6
        else None
    )


def _json_key(value: Any) -> Hashable:
    """Return a key that is equal for values that are equal in JSON Schema: 1 and 1.0, not true and 1."""
    match value:
        case bool():
            return ("boolean", value)
        case list():
            return ("array", tuple(map(_json_key, value)))
        case dict():
            return ("object", frozenset((key, _json_key(inner)) for key, inner in value.items()))
        case _:
            return value  # type: ignore[no-any-return]  # None, a string or a number


def exact_shape_of_values(values: Iterable[Any], types: frozenset[str]) -> Shape:
    """Return the shape of fixed values for a language in which a type can be any scalar value.

    Args:
        values: the values.
        types: the types that are admitted.
    """
    kept = [value for value in values if _is_admitted(value, types)]
    literals = {(type(v), v): v for v in kept if isinstance(v, str | int | float)}
    shapes: list[Shape] = []
    if literals.keys() >= {(bool, True), (bool, False)}:
        shapes.append(Boolean())
        literals = {key: v for key, v in literals.items() if key[0] is not bool}
    if 0 < len(literals) <= MAX_LITERALS:
        shapes.append(Literals(tuple(literals.values())))
    if len(literals) > MAX_LITERALS:
        shapes += [Number() if isinstance(v, float) else _WIDENED[type(v)] for v in literals.values()]
    for value in kept:
        match value:
            case None:
                shapes.append(NULL)
            case list():
                shapes.append(List(ANY))
            case dict():
                shapes.append(Map(ANY))
            case _:
                pass
    return union(shapes)


def shape_of_values(values: Iterable[Any], types: frozenset[str]) -> Shape:
    """Return the shape of fixed values for Python.

    A `Literal` compares with `==`, so whole numbers and booleans can't share one, and a fraction can't be in
    one at all: such values widen to their type.

    Args:
        values: the values.
        types: the types that are admitted; other values are left out.
    """
    kept = [value for value in values if _is_admitted(value, types)]
    booleans = {value for value in kept if isinstance(value, bool)}
    whole = list(filter(_is_whole_number, kept))
    shapes: list[Shape] = []
    if booleans and whole:
        shapes += [Boolean(), Number() if any(isinstance(v, float) for v in whole) else Integer()]
        booleans, whole = set(), []
    literals: list[str | int | bool] = []
    for value in kept:
        match value:
            case None:
                shapes.append(NULL)
            case bool():
                if booleans:
                    literals.append(value)
            case str():
                literals.append(value)
            case int():
                if abs(value) >= _LITERAL_LIMIT:
                    shapes.append(Integer())
                elif whole:
                    literals.append(value)
            case float():
                shapes.append(Number())
            case list():
                shapes.append(List(ANY))
            case _:
                shapes.append(Map(ANY))
    if any(isinstance(v, float) for v in kept):
        # A message may spell 1.0 as 1, and the other way round, so that only the type remains.
        literals = [v for v in literals if not isinstance(v, int) or isinstance(v, bool)]
    if len(booleans) == 2:
        literals = [v for v in literals if not isinstance(v, bool)]
        shapes.append(Boolean())
    unique = tuple({(type(v), v): v for v in literals}.values())
    if len(unique) > MAX_LITERALS:
        return union([*(_WIDENED[type(v)] for v in unique), *shapes])
    return union([*([Literals(unique)] if unique else []), *shapes])


def _is_whole_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _is_admitted(value: Any, types: frozenset[str]) -> bool:
    match value:
        case None:
            return "null" in types
        case bool():
            return "boolean" in types
        case int() | float():
            return "number" in types or ("integer" in types and _is_whole_number(value))
        case str():
            return "string" in types
        case list():
            return "array" in types
        case _:
            return "object" in types


def string(parts: Sequence[Part], assert_formats: bool) -> Shape:
    """Return a string with its tightest bounds, or of a typed format, which has none.

    Args:
        parts: the schemas that must all hold.
        assert_formats: whether formats are law.
    """
    if assert_formats:
        for part in parts:
            name = part.get("format")
            typed = TYPED_FORMATS.get(name)
            if typed is None or part.node.dialect.year < typed.since:
                continue
            if all(other.get(keyword) is None for other in parts for keyword in typed.text_beside):
                return String(format=name)
    lows = [int(v) for v in _numbers(parts, "minLength") if v > 0]
    highs = [int(v) for v in _numbers(parts, "maxLength")]
    patterns = [p for part in parts if isinstance(p := part.get("pattern"), str)]
    pattern = patterns[0] if len(patterns) == 1 and _is_safe(patterns[0]) else None
    return String(max(lows, default=None), min(highs, default=None), pattern)


def _is_safe(pattern: str) -> bool:
    """Return whether Pydantic reads a pattern as the validator does: it is allow-listed, and compiles."""
    if len(pattern) > 200 or not _SAFE_PATTERN.fullmatch(pattern):
        return False
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError:
        return False
    return True


def integer(parts: Sequence[Part]) -> Shape:
    """Return an integer; bounds become the nearest integers inside them."""
    low, high, above, below = _bounds(parts)
    lows = [math.ceil(low)] if low is not None else []
    lows += [math.floor(above) + 1] if above is not None else []
    highs = [math.floor(high)] if high is not None else []
    highs += [math.ceil(below) - 1] if below is not None else []
    return Integer(max(lows, default=None), min(highs, default=None))


def number(parts: Sequence[Part]) -> Shape:
    """Return a number, whole or not."""
    low, high, above, below = _bounds(parts)
    return Number(low, high, above, below)


def _bounds(parts: Sequence[Part]) -> tuple[float | None, float | None, float | None, float | None]:
    low, high = list(_numbers(parts, "minimum")), list(_numbers(parts, "maximum"))
    above, below = list(_numbers(parts, "exclusiveMinimum")), list(_numbers(parts, "exclusiveMaximum"))
    for part in parts:
        # In draft 4 an exclusive bound is a flag beside the bound.
        if part.get("exclusiveMinimum") is True:
            above += _numbers([part], "minimum")
        if part.get("exclusiveMaximum") is True:
            below += _numbers([part], "maximum")
    return max(low, default=None), min(high, default=None), max(above, default=None), min(below, default=None)


def _numbers(parts: Iterable[Part], keyword: str) -> list[float]:
    values = [part.get(keyword) for part in parts]
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return [v for v in numbers if isinstance(v, int) or math.isfinite(v)]
