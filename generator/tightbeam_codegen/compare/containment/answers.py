"""The question whether a reader takes what a writer says, and its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tightbeam._payload.schemas import LATEST_DIALECT
from tightbeam_codegen.read.load import JsonValue, Pointer

__all__ = ["Answer", "Contained", "Refused", "SchemaPlace", "Side", "Undecided"]


@dataclass(frozen=True, slots=True)
class Side:
    """The schema of one topic, on the side of its readers or of its writers."""

    bundle: Mapping[str, JsonValue]
    """The bundled schemas of the topic's channel; it isn't changed."""
    topic: str

    @staticmethod
    def of_schema(
        schema: JsonValue,
        *,
        dialect: str = LATEST_DIALECT,
        assert_formats: bool = True,
        resources: Mapping[str, JsonValue] | None = None,
    ) -> Side:
        """Return the side of a schema that is in no channel.

        Args:
            schema: the schema.
            dialect: URI of its dialect, unless it names one.
            assert_formats: whether `format` is law.
            resources: documents that it refers to, by URI.
        """
        uri = "tightbeam:schema"
        stated: JsonValue = {"$schema": dialect, **schema} if isinstance(schema, dict) else schema
        if isinstance(stated, dict) and isinstance(stated["$schema"], str):
            dialect = stated["$schema"]
        topic: JsonValue = {"ref": f"{uri}#", "dialect": dialect, "open": True}
        bundle: dict[str, JsonValue] = {
            "assertFormats": assert_formats,
            "resources": {**(resources or {}), uri: stated},
            "topics": {"schema": topic},
            "params": {},
        }
        return Side(bundle, "schema")


@dataclass(frozen=True, slots=True)
class SchemaPlace:
    """A place in a side's schemas."""

    uri: str
    """Of the resource in the bundle."""
    pointer: Pointer


@dataclass(frozen=True, slots=True)
class Contained:
    """The reader takes everything that the writer says."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The reader refuses something that the writer says."""

    payload: JsonValue
    """The smallest such payload that was found."""
    pointer: str
    """A JSON pointer to the part of the payload that is refused."""
    reason: str
    """The validator's words, without the payload's values."""
    keyword: str
    """The keyword of the reader's schema that refuses it."""
    reader_at: SchemaPlace | None
    """The place of this keyword."""
    writer_at: SchemaPlace | None
    """The place of the writer's schema for this part of the payload."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Neither was found out."""

    reason: str
    """A clause that says why."""


Answer: TypeAlias = Contained | Refused | Undecided
