"""The schemas of a bundle as an example is made of them: where references lead, and which keywords count."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import jsonschema_rs

from tightbeam._payload.schema_index import SchemaIndex, SchemaLocation
from tightbeam._payload.schemas import LEGACY_DIALECTS, Bundle
from tightbeam.errors import OutdatedBindings

__all__ = ["Schemas", "keywords_of", "property_schemas"]

_TEXTUAL = ("format", "maxLength", "minLength", "pattern")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class Schemas:
    """Finds the schemas of one bundle.

    Args:
        bundle: the runtime's, with formats narrowed.
        dialect: of schemas that name none.
    """

    def __init__(self, bundle: Bundle, dialect: str) -> None:
        self._bundle = bundle
        self._dialect = dialect
        self._index = SchemaIndex(bundle.resources)
        self._patterns: dict[str, jsonschema_rs.Validator | None] = {}

    def find(self, reference: str, base: str = "") -> SchemaLocation | None:
        """Return the schema that a reference leads to.

        Args:
            reference: the reference.
            base: what it is relative to.
        """
        return self._index.find(reference, base)

    def references(self, location: SchemaLocation) -> Iterator[SchemaLocation | None]:
        """Yield what the references of a schema lead to; None for one that leads nowhere."""
        for keyword in _REFERENCES:
            reference = keywords_of(location).get(keyword)
            if isinstance(reference, str):
                yield self._index.find(reference, location.base)

    def is_hidden(self, location: SchemaLocation) -> bool:
        """Return whether a schema is nothing but its `$ref`, since its draft ignores what stands beside."""
        return isinstance(keywords_of(location).get("$ref"), str) and self._is_legacy(location.document)

    @functools.cache  # noqa: B019 - lives as long as the bundle
    def _is_legacy(self, document: str) -> bool:
        resource = self._bundle.resources.get(document)
        stated = resource.get("$schema") if isinstance(resource, dict) else None
        return self._bundle.draft(stated if isinstance(stated, str) else self._dialect) in LEGACY_DIALECTS

    def fits_textually(self, schemas: Sequence[dict[str, Any]], text: str) -> bool:
        """Return whether a text fits what schemas say of texts.

        Args:
            schemas: all must hold.
            text: the text.
        """
        stated = [{key: each[key] for key in _TEXTUAL if key in each} for each in schemas]
        stated = [each for each in stated if each.keys() & {"format", "pattern"}]
        if not stated:
            return True  # candidates have the right length
        key = json.dumps(stated)
        if key not in self._patterns:
            try:
                self._patterns[key] = self._bundle.validator({"allOf": stated}, self._dialect)
            except OutdatedBindings:
                self._patterns[key] = None
        validator = self._patterns[key]
        return validator is None or validator.is_valid(text)


def keywords_of(location: SchemaLocation) -> dict[str, Any]:
    """Return a schema as an object; `true` and `false` have no keywords."""
    return location.schema if isinstance(location.schema, dict) else {}


def property_schemas(parts: Iterable[SchemaLocation], name: str) -> list[SchemaLocation]:
    """Return the schemas that the value of a property must fit.

    Args:
        parts: the schemas of the object.
        name: of the property.
    """
    found: list[SchemaLocation] = []
    for part in parts:
        keywords = keywords_of(part)
        is_declared = False
        if name in (keywords.get("properties") or {}):
            found.append(part.child("properties", name))
            is_declared = True
        for pattern in keywords.get("patternProperties") or {}:
            if _matches(pattern, name):
                found.append(part.child("patternProperties", pattern))
                is_declared = True
        if not is_declared and isinstance(keywords.get("additionalProperties"), dict | bool):
            found.append(part.child("additionalProperties"))
    return found


@functools.lru_cache(maxsize=1024)
def _pattern(pattern: str) -> jsonschema_rs.Validator | None:
    try:
        return jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except ValueError:
        return None


def _matches(pattern: str, name: str) -> bool:
    validator = _pattern(pattern)
    return validator is not None and validator.is_valid(name)
