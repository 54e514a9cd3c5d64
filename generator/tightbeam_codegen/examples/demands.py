"""What schemas say of a value before one is made: its kind, the values it can have, the author's examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tightbeam_codegen.read.load import JsonValue

__all__ = ["count_of", "fixed_values", "given_values", "kinds_of", "listed", "names_in"]

_KINDS = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "contains", "uniqueItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
"""Keywords that suggest a kind where no type is stated."""


def fixed_values(schemas: Sequence[dict[str, Any]]) -> list[JsonValue] | None:
    """Return the values that schemas list; None where they list none. Null comes last."""
    lists = [
        [schema["const"]] if "const" in schema else list(schema["enum"])
        for schema in schemas
        if "const" in schema or isinstance(schema.get("enum"), list)
    ]
    if not lists:
        return None
    first, *others = lists
    values = [value for value in first if all(_is_among(value, other) for other in others)]
    types = _stated_types(schemas)
    values = [value for value in values if types is None or _kind_of(value) & types]
    return sorted(values, key=lambda value: value is None)


def _is_among(value: JsonValue, values: Sequence[JsonValue]) -> bool:
    return any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in values)


def given_values(schemas: Sequence[dict[str, Any]]) -> Iterator[JsonValue]:
    """Yield what the author gives as an example; an empty default tells a reader nothing."""
    for schema in schemas:
        yield from listed(schema.get("examples"))
        if "example" in schema:
            yield schema["example"]
    for schema in schemas:
        default = schema.get("default")
        if default is not None and default not in ("", [], {}):
            yield default


def kinds_of(schemas: Sequence[dict[str, Any]]) -> list[str]:
    """Return the kinds that a value can be of, null last; text where schemas leave it open."""
    stated = _stated_types(schemas)
    suggested = [
        kind
        for kind, keywords in _KINDS.items()
        if any(keyword in schema for schema in schemas for keyword in keywords)
    ]
    if stated is None:
        return [
            *suggested,
            *(kind for kind in ("string", "object", "integer", "array") if kind not in suggested),
        ]
    order = [*suggested, "string", "object", "integer", "number", "array", "boolean", "null"]
    return [kind for kind in dict.fromkeys(order) if kind in stated]


def _stated_types(schemas: Sequence[dict[str, Any]]) -> set[str] | None:
    """Return the types that all schemas allow; None where none states any."""
    allowed: set[str] | None = None
    for schema in schemas:
        types = schema.get("type")
        if isinstance(types, str):
            types = [types]
        if isinstance(types, list):
            own = {*types, "integer"} if "number" in types else set(types)
            allowed = own if allowed is None else allowed & own
    if allowed is not None and "number" in allowed:
        allowed.discard("integer")
    return allowed


def _kind_of(value: JsonValue) -> set[str]:
    match value:
        case None:
            return {"null"}
        case bool():
            return {"boolean"}
        case int():
            return {"integer", "number"}
        case float():
            return {"number", "integer"} if value.is_integer() else {"number"}
        case str():
            return {"string"}
        case list():
            return {"array"}
        case _:
            return {"object"}


def names_in(value: object) -> list[str]:
    """Return the texts of an array; nothing of what is none."""
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def listed(value: object) -> list[Any]:
    """Return an array; an empty one in place of what is none."""
    return value if isinstance(value, list) else []


def count_of(value: object) -> int:
    """Return a keyword's value as a count; 0 for what is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) else 0
