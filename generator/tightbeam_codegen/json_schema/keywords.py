"""The keywords of JSON Schema: in which drafts each is one, what form its value has, and what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from tightbeam._payload import subschemas

__all__ = [
    "ASSERTING",
    "IDENTIFIERS",
    "KEYWORDS",
    "NAMELESS",
    "NOTES",
    "REFERENCES",
    "SHAPING",
    "Form",
    "is_group",
]

Form: TypeAlias = (
    subschemas.Form
    | Literal[
        "anchor",
        "any",
        "array",
        "boolean",
        "boolean map",
        "count",
        "names",
        "names map",
        "non-empty array",
        "number",
        "positive number",
        "string",
        "type",
    ]
)


def _forms(form: Form, keywords: str) -> dict[str, Form]:
    return dict.fromkeys(keywords.split(), form)


def _holders(keywords: str) -> dict[str, Form]:
    """Return keywords that hold schemas, in the form that they have in most drafts."""
    return {keyword: subschemas.HOLDERS[keyword] for keyword in keywords.split()}


_DRAFT_4: dict[str, Form] = {
    # Annotations have no effect in any draft: in one that is older than they are they need no warning.
    **_forms("any", "$comment contentEncoding contentMediaType deprecated examples readOnly writeOnly"),
    **_forms("any", "default"),
    **_forms("string", "$ref $schema description format id pattern title"),
    **_forms("positive number", "multipleOf"),
    **_forms("number", "maximum minimum"),
    **_forms("boolean", "exclusiveMaximum exclusiveMinimum uniqueItems"),
    **_forms("count", "maxItems maxLength maxProperties minItems minLength minProperties"),
    **_forms("boolean or schema", "additionalItems additionalProperties"),
    **_forms("names", "required"),
    **_forms("non-empty array", "enum"),
    **_forms("type", "type"),
    **_holders("allOf anyOf definitions dependencies items not oneOf patternProperties properties"),
}
_DRAFT_6: dict[str, Form] = {
    **{keyword: form for keyword, form in _DRAFT_4.items() if keyword != "id"},
    **_forms("string", "$id"),
    **_forms("number", "exclusiveMaximum exclusiveMinimum"),
    **_forms("array", "enum examples"),
    **_forms("any", "const"),
    **_holders("additionalItems additionalProperties contains propertyNames"),
}
_DRAFT_7: dict[str, Form] = {
    **_DRAFT_6,
    **_forms("string", "$comment contentEncoding contentMediaType"),
    **_forms("boolean", "readOnly"),  # its metaschema, as it is shipped everywhere, forgets writeOnly
    **_holders("else if then"),
}
_2019_09: dict[str, Form] = {
    **_DRAFT_7,
    **_forms("anchor", "$anchor"),
    **_forms("string", "$recursiveRef"),
    **_forms("boolean", "$recursiveAnchor deprecated writeOnly"),
    **_forms("boolean map", "$vocabulary"),
    **_forms("names map", "dependentRequired"),
    **_forms("count", "maxContains minContains"),
    **_holders("$defs contentSchema dependentSchemas unevaluatedItems unevaluatedProperties"),
}
_2020_12: dict[str, Form] = {
    **{
        keyword: form
        for keyword, form in _2019_09.items()
        if keyword not in {"$recursiveAnchor", "$recursiveRef", "additionalItems"}
    },
    **_forms("anchor", "$dynamicAnchor"),
    **_forms("string", "$dynamicRef"),
    **_forms("schema", "items"),
    **_holders("prefixItems"),
}

KEYWORDS: Mapping[int, Mapping[str, Form]] = {
    4: _DRAFT_4,
    6: _DRAFT_6,
    7: _DRAFT_7,
    2019: _2019_09,
    2020: _2020_12,
}
"""The keywords of each draft, by its year or number."""

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
"""Keywords that lead to another schema."""

IDENTIFIERS = frozenset({"$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor"})
"""Keywords by which references find a schema."""

NOTES = frozenset(
    {"$comment", "default", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"}
)
"""Keywords that decide nothing."""

ASSERTING = frozenset().union(*KEYWORDS.values()) - (
    NOTES | IDENTIFIERS | {"$defs", "$schema", "$vocabulary", "definitions"}
)
"""Keywords that demand something of a value."""

SHAPING = frozenset(
    {
        *("type", "enum", "const", "properties", "additionalProperties", "patternProperties"),
        *("items", "prefixItems", "anyOf", "oneOf"),
    }
)
"""Keywords that can tell one branch of a union from another in a type."""

NAMELESS = frozenset(
    {
        *("type", "format", "pattern", "minLength", "maxLength", "multipleOf"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    }
)
"""What a plain string or number is described with: a schema of these alone never gets a class or an alias."""

_KNOWN = frozenset().union(*KEYWORDS.values())


def is_group(value: Mapping[str, object]) -> bool:
    """Return whether an object among shared schemas holds schemas by free names, and is none itself."""
    return (
        bool(value)
        and _KNOWN.isdisjoint(value)
        and all(isinstance(inner, dict) and not _KNOWN.isdisjoint(inner) for inner in value.values())
    )
