"""Where schemas stand inside of schemas: the keywords that hold some, and the one walk over them.

A document may also be a channel definition or describe an API: what stands around its schemas is walked too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

__all__ = ["DATA", "HOLDERS", "SCHEMA_MAPS", "Form", "Way", "inside"]

Form: TypeAlias = Literal[
    "boolean or schema", "dependencies", "schema", "schema map", "schema or schemas", "schemas"
]
"""What form the value of a keyword has that holds schemas."""

Way: TypeAlias = tuple[str | int, ...]
"""A keyword, and in its value the name or the index of a schema; in an array the index alone."""


def _of(form: Form, keywords: str) -> dict[str, Form]:
    return dict.fromkeys(keywords.split(), form)


HOLDERS: Mapping[str, Form] = {
    **_of("schema", "additionalItems additionalProperties contains contentSchema else if not propertyNames"),
    **_of("schema", "then unevaluatedItems unevaluatedProperties"),
    **_of("schema or schemas", "items"),
    **_of("schemas", "allOf anyOf oneOf prefixItems"),
    **_of("schema map", "$defs definitions dependentSchemas patternProperties properties"),
    **_of("dependencies", "dependencies"),
}
"""The keywords of all drafts that hold schemas."""

_MAPS = frozenset({"dependencies", "schema map"})
_SINGLE = frozenset({"boolean or schema", "schema", "schema or schemas"})
_LISTS = frozenset({"schema or schemas", "schemas"})

SCHEMA_MAPS = frozenset(keyword for keyword, form in HOLDERS.items() if form in _MAPS)
"""Keywords whose value maps free names to schemas."""

DATA = frozenset({"const", "default", "enum", "example", "examples"})
"""Keywords whose value is data, whatever it looks like; `example` is OpenAPI's."""

_NAME_MAPS = SCHEMA_MAPS | {"channels", "messages", "responses", "topics"}
"""Besides, keys of channel definitions and API documents whose value maps free names to what has schemas."""
_MAPS_OF_NAME_MAPS = frozenset({"components"})


def inside(value: object, keywords: Mapping[str, str] = HOLDERS) -> Iterator[tuple[Way, Any, bool]]:
    """Yield what stands directly inside of a schema and may be a schema, in the order of the text.

    That includes the values of unknown keywords: a reference may lead there. Data is left out.

    Args:
        value: a schema, or something around schemas.
        keywords: those that count, with the forms of their values; by default the keywords of all drafts.

    Yields:
        The way to it, the value, and whether it is a schema by the keyword that holds it.
    """
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, (dict, list)):
                yield (index,), item, False
        return
    for keyword, inner in value.items() if isinstance(value, dict) else ():
        if not isinstance(inner, (dict, list, bool)):
            continue
        form = keywords.get(keyword)
        if form in _SINGLE and not isinstance(inner, list):
            yield (keyword,), inner, True
        elif form in _MAPS and isinstance(inner, dict):
            for name, item in inner.items():
                if form == "schema map" or not isinstance(item, list):
                    yield (keyword, name), item, True
        elif form in _LISTS and isinstance(inner, list):
            for index, item in enumerate(inner):
                yield (keyword, index), item, True
        elif keyword not in DATA and not isinstance(inner, bool):
            for way, item in _around(keyword, inner):
                if isinstance(item, (dict, list)):
                    yield way, item, False


def _around(keyword: str, value: Any) -> Iterator[tuple[Way, Any]]:
    """Yield what may be a schema, or hold some, in the value of a keyword that doesn't count."""
    if not isinstance(value, dict):
        yield (keyword,), value
    elif keyword in _NAME_MAPS:
        # A property may be called `default`, and one called `$id` gives no base URI.
        yield from (((keyword, name), item) for name, item in value.items())
    elif keyword in _MAPS_OF_NAME_MAPS:
        for kind, named in value.items():
            if kind not in DATA and isinstance(named, dict):
                yield from (((keyword, kind, name), item) for name, item in named.items())
    else:
        yield (keyword,), value
