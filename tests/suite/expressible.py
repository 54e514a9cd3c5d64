"""Which rules of a schema Python's types can express: a schema with nothing left but those."""

from __future__ import annotations

from typing import Any

__all__ = ["allows_object", "expressible"]

_WHOLE = (
    *("$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$ref", "type"),
)


def allows_object(schema: Any) -> bool:
    """Whether a schema says of itself that it is about objects."""
    if not isinstance(schema, dict):
        return False
    types = schema.get("type")
    if types is not None:
        return "object" in ([types] if isinstance(types, str) else types)
    return "properties" in schema or "required" in schema


def expressible(schema: Any) -> Any:
    """The schema, less every rule that Python's types can't express.

    What is left: type, null, required, undeclared keys in closed objects, enums and constants of scalars,
    `items`, maps with string keys, `allOf`, references, and `anyOf` (also for `oneOf`: that no second branch
    fits can't be said).
    """
    if not isinstance(schema, dict):
        return schema
    kept = {keyword: schema[keyword] for keyword in _WHOLE if keyword in schema}
    for keyword in ("$defs", "definitions", "properties"):
        if isinstance(schema.get(keyword), dict):
            kept[keyword] = {name: expressible(one) for name, one in schema[keyword].items()}
    if isinstance(schema.get("required"), list):
        kept["required"] = schema["required"]
    if "additionalProperties" in schema and "patternProperties" not in schema:
        kept["additionalProperties"] = expressible(schema["additionalProperties"])
    if isinstance(schema.get("items"), dict) and "prefixItems" not in schema:
        kept["items"] = expressible(schema["items"])
    if "enum" in schema and all(map(_is_scalar, schema["enum"])):
        kept["enum"] = schema["enum"]
    if "const" in schema and _is_scalar(schema["const"]):
        kept["const"] = schema["const"]
    parts = [expressible(one) for one in schema.get("allOf", [])]
    parts += [
        {"anyOf": [expressible(one) for one in schema[keyword]]}
        for keyword in ("anyOf", "oneOf")
        if keyword in schema
    ]
    return {**kept, "allOf": parts} if parts else kept


def _is_scalar(value: Any) -> bool:
    """Whether a `Literal` can hold it."""
    return value is None or isinstance(value, str | bool) or (isinstance(value, int) and abs(value) < 2**63)
