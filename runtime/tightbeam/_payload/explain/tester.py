"""Test values against parts of a bundle's schemas, within a time limit."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import jsonschema_rs

from tightbeam._payload.schema_index import SchemaLocation
from tightbeam._payload.schemas import LATEST_DIALECT, LEGACY_DIALECTS, Bundle
from tightbeam.errors import Issue

__all__ = ["Finding", "Keys", "Nested", "SchemaTester", "Union"]

_MAX_SECONDS = 0.25
"""Of CPU time, so that a busy machine takes no reason away."""
_MAX_COMPILING_SECONDS = 1.0
"""How much longer it may take where validators have to be compiled, which happens once for each location."""
_MAX_COLLECTIONS = 4
"""How many full garbage collections it may have the time of beside its own: each may take seconds."""


class Nested(NamedTuple):
    """A schema inside another one, and the values that it applies to, each with its pointer."""

    location: SchemaLocation
    values: Iterable[tuple[object, str]]


class Keys(NamedTuple):
    """The schema of an object's keys, and the object with its pointer."""

    location: SchemaLocation
    value: Mapping[str, object]
    pointer: str


class Union(NamedTuple):
    """A union of schemas that a value must fit one of."""

    location: SchemaLocation
    keyword: str


Finding = Issue | Nested | Keys | Union
"""What a keyword has to say of a value: a broken rule, or where else to look for one."""

_validators: WeakKeyDictionary[Bundle, dict[tuple[str, str], jsonschema_rs.Validator]] = WeakKeyDictionary()
"""Validators of parts of the schemas, by location and keyword."""


class SchemaTester:
    """Tests values for one explanation; every test may raise `TimeoutError`."""

    def __init__(self, bundle: Bundle, dialect: str) -> None:
        """Start the time.

        Args:
            bundle: the schemas.
            dialect: that of the topic, for documents that name none.
        """
        self.bundle = bundle
        self.index = bundle.index
        self._dialect = dialect
        self._known = _validators.setdefault(bundle, {})
        self._compiling = _MAX_COMPILING_SECONDS
        self._collections = _full_collections()
        self._pardons = _MAX_COLLECTIONS
        self._start()

    def _start(self) -> None:
        self._until = time.thread_time() + _MAX_SECONDS
        self._earliest = time.monotonic() + _MAX_SECONDS

    def fits(self, location: SchemaLocation, value: object) -> bool:
        """Return whether a value fits the schema at a location; may raise as `is_valid` does."""
        return self.is_valid(self.validator(location), value)

    def is_valid(self, validator: jsonschema_rs.Validator, value: object) -> bool:
        """Return what a validator says of a value.

        Raises:
            TimeoutError: the explanation has taken too long.
        """
        # A thread takes no more CPU time than time goes by: the clock that is cheap to read is asked first.
        if time.monotonic() > self._earliest and time.thread_time() > self._until:
            self._refuse_more()
        return validator.is_valid(value)

    def _refuse_more(self) -> None:
        """Raise `TimeoutError`, unless the time may have gone into a full garbage collection."""
        before, self._collections = self._collections, _full_collections()
        if self._collections == before or not self._pardons:
            raise TimeoutError
        self._pardons -= 1
        self._start()

    def obeys(self, location: SchemaLocation, keyword: str, value: object) -> bool:
        """Return whether a value obeys one keyword of a schema.

        Args:
            location: the schema.
            keyword: one of `LEAVES`.
            value: the value.

        Raises:
            TimeoutError: the explanation has taken too long.
        """
        schema = location.schema
        part = {keyword: schema[keyword]}
        for bound, draft4 in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if keyword == draft4 and isinstance(schema[keyword], bool):
                return True  # draft 4: belongs to the bound
            if keyword == bound and isinstance(schema.get(draft4), bool):
                part[draft4] = schema[draft4]
        return self.is_valid(self.part_validator(location, keyword, part), value)

    def validator(self, location: SchemaLocation) -> jsonschema_rs.Validator:
        """Return the validator of the schema at a location."""
        known = self._known.get((location.ref, ""))
        return self.part_validator(location, "", {"$ref": location.ref}) if known is None else known

    def part_validator(
        self, location: SchemaLocation, part: str, schema: Mapping[str, Any]
    ) -> jsonschema_rs.Validator:
        """Return the validator of a part of the schema at a location, compiled once.

        Args:
            location: where the schema is.
            part: names the part.
            schema: the part.
        """
        key = (location.ref, part)
        if (validator := self._known.get(key)) is None:
            # A pattern means the same in each draft, and the metaschemas of the older ones refuse some.
            dialect = LATEST_DIALECT if "pattern" in schema else self._dialect_at(location)
            started = time.thread_time()
            validator = self._known[key] = self.bundle.validator(schema, dialect)
            taken = min(time.thread_time() - started, self._compiling)
            self._compiling -= taken
            self._until += taken
        return validator

    def hides_siblings(self, location: SchemaLocation) -> bool:
        """Return whether a ``$ref`` at a location hides the keywords beside it."""
        return self.bundle.draft(self._dialect_at(location)) in LEGACY_DIALECTS

    def _dialect_at(self, location: SchemaLocation) -> str:
        document = self.bundle.resources.get(location.document)
        stated = document.get("$schema") if isinstance(document, dict) else None
        return stated if isinstance(stated, str) else self._dialect


def _full_collections() -> int:
    return int(gc.get_stats()[-1]["collections"])
