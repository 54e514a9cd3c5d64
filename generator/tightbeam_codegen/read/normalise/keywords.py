"""The keywords of JSON Schema by what they do to a shape."""

from __future__ import annotations

__all__ = ["ASSERTING", "NAMELESS", "OBJECT", "SHAPING"]

OBJECT = frozenset(
    [
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "unevaluatedProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
    ]
)
"""Say something about objects only."""

SHAPING = frozenset(
    [
        "type",
        "enum",
        "const",
        "properties",
        "additionalProperties",
        "patternProperties",
        "items",
        "prefixItems",
        "anyOf",
        "oneOf",
    ]
)
"""What can tell one branch of a union from another in a type."""

ASSERTING = (
    SHAPING
    | OBJECT
    | frozenset(
        [
            "allOf",
            "$ref",
            "$dynamicRef",
            "$recursiveRef",
            "not",
            "if",
            "then",
            "else",
            "format",
            "pattern",
            "minLength",
            "maxLength",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
            "minItems",
            "maxItems",
            "uniqueItems",
            "contains",
            "minContains",
            "maxContains",
            "additionalItems",
            "unevaluatedItems",
            "contentEncoding",
            "contentMediaType",
            "contentSchema",
        ]
    )
)
"""Everything that is more than an annotation."""

NAMELESS = frozenset(
    [
        "type",
        "format",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
    ]
)
"""What a plain string or number is described with: a schema of these alone never gets a class or an alias."""
