"""The five dialects of JSON Schema: their keywords, and what form the value of each keyword has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tightbeam_codegen.json_schema.official import official_dialect

__all__ = [
    "DEFAULT_DIALECT",
    "DIALECTS",
    "SCHEMAS",
    "SCHEMA_LISTS",
    "SCHEMA_MAPS",
    "Dialect",
    "Form",
    "canonical_dialect",
    "forms_of",
]

Form: TypeAlias = Literal[
    "anchor",
    "any",
    "array",
    "boolean",
    "boolean map",
    "boolean or schema",
    "count",
    "dependencies",
    "names",
    "names map",
    "non-empty array",
    "number",
    "positive number",
    "schema",
    "schema map",
    "schema or schemas",
    "schemas",
    "string",
    "type",
]

SCHEMA_MAPS: frozenset[Form | None] = frozenset(["schema map", "dependencies"])
"""Forms of keywords whose value maps names to schemas."""
SCHEMA_LISTS: frozenset[Form | None] = frozenset(["schemas", "schema or schemas"])
"""Forms of keywords whose value may be a list of schemas."""
SCHEMAS: frozenset[Form | None] = frozenset(["schema", "boolean or schema", "schema or schemas"])
"""Forms of keywords whose value may be a schema."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One version of JSON Schema as the checks need it."""

    uri: str
    short: str
    """What `dialect` may call it besides its URI."""
    keywords: Mapping[str, Form]
    identifier: str
    """The keyword that gives a schema its own base URI."""
    ref_hides_siblings: bool
    """Whether keywords beside `$ref` have no effect."""


def _forms(form: Form, names: str) -> dict[str, Form]:
    return dict.fromkeys(names.split(), form)


_DRAFT_4: dict[str, Form] = {
    # Notes of later drafts have no effect in any: nobody needs a warning about them in an earlier one.
    **_forms("any", "$comment contentEncoding contentMediaType deprecated examples readOnly writeOnly"),
    **_forms("any", "default"),
    **_forms("string", "$ref $schema description format id pattern title"),
    **_forms("positive number", "multipleOf"),
    **_forms("number", "maximum minimum"),
    **_forms("boolean", "exclusiveMaximum exclusiveMinimum uniqueItems"),
    **_forms("count", "maxItems maxLength maxProperties minItems minLength minProperties"),
    **_forms("boolean or schema", "additionalItems additionalProperties"),
    **_forms("schema or schemas", "items"),
    **_forms("names", "required"),
    **_forms("schema map", "definitions patternProperties properties"),
    **_forms("dependencies", "dependencies"),
    **_forms("non-empty array", "enum"),
    **_forms("type", "type"),
    **_forms("schemas", "allOf anyOf oneOf"),
    **_forms("schema", "not"),
}
_DRAFT_6: dict[str, Form] = {
    **{keyword: form for keyword, form in _DRAFT_4.items() if keyword != "id"},
    **_forms("string", "$id"),
    **_forms("number", "exclusiveMaximum exclusiveMinimum"),
    **_forms("schema", "additionalItems additionalProperties contains propertyNames"),
    **_forms("names", "required"),
    **_forms("array", "enum examples"),
    **_forms("any", "const"),
}
_DRAFT_7: dict[str, Form] = {
    **_DRAFT_6,
    **_forms("string", "$comment contentEncoding contentMediaType"),
    **_forms("boolean", "readOnly"),  # its metaschema, as it is shipped everywhere, forgets writeOnly
    **_forms("schema", "else if then"),
}
_2019_09: dict[str, Form] = {
    **_DRAFT_7,
    **_forms("anchor", "$anchor"),
    **_forms("string", "$recursiveRef"),
    **_forms("boolean", "$recursiveAnchor deprecated writeOnly"),
    **_forms("boolean map", "$vocabulary"),
    **_forms("schema map", "$defs dependentSchemas"),
    **_forms("names map", "dependentRequired"),
    **_forms("schema", "contentSchema unevaluatedItems unevaluatedProperties"),
    **_forms("count", "maxContains minContains"),
}
_2020_12: dict[str, Form] = {
    **{
        keyword: form
        for keyword, form in _2019_09.items()
        if keyword not in {"$recursiveAnchor", "$recursiveRef", "additionalItems"}
    },
    **_forms("schema", "items"),
    **_forms("schemas", "prefixItems"),
    **_forms("anchor", "$dynamicAnchor"),
    **_forms("string", "$dynamicRef"),
}

_BY_YEAR = {4: _DRAFT_4, 6: _DRAFT_6, 7: _DRAFT_7, 2019: _2019_09, 2020: _2020_12}


def forms_of(year: int) -> Mapping[str, Form]:
    """Return the keywords of a draft: 4, 6, 7, 2019 or 2020."""
    return _BY_YEAR[year]


DEFAULT_DIALECT = "https://json-schema.org/draft/2020-12/schema"

DIALECTS: Mapping[str, Dialect] = {
    dialect.uri: dialect
    for dialect in (
        Dialect(DEFAULT_DIALECT, "2020-12", _2020_12, "$id", ref_hides_siblings=False),
        Dialect(
            "https://json-schema.org/draft/2019-09/schema",
            "2019-09",
            _2019_09,
            "$id",
            ref_hides_siblings=False,
        ),
        Dialect(
            "http://json-schema.org/draft-07/schema#", "draft-07", _DRAFT_7, "$id", ref_hides_siblings=True
        ),
        Dialect(
            "http://json-schema.org/draft-06/schema#", "draft-06", _DRAFT_6, "$id", ref_hides_siblings=True
        ),
        Dialect(
            "http://json-schema.org/draft-04/schema#", "draft-04", _DRAFT_4, "id", ref_hides_siblings=True
        ),
    )
}
"""By the URI that each metaschema has as its own."""


def canonical_dialect(name: str) -> str | None:
    """The URI in DIALECTS for a `$schema` value or short name; None for anything else.

    An empty fragment at the end makes no difference, as the specification has it, nor does `http` or `https`.
    """
    official = official_dialect(name)
    for uri, dialect in DIALECTS.items():
        if name == dialect.short or official == uri.removesuffix("#"):
            return uri
    return None
