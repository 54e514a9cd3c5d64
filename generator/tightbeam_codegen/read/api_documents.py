"""Recognise OpenAPI, Swagger and AsyncAPI documents: where their schemas are, and in which dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tightbeam._payload.subschemas import inside
from tightbeam_codegen.json_schema.dialects import DRAFT_4, DRAFT_7, LATEST, Dialect, draft_at

__all__ = ["CONTAINERS", "ApiDocument", "api_document", "say_null_as_a_type"]

CONTAINERS = (("$defs",), ("definitions",), ("components", "schemas"))
"""The ways from the top of a document to its shared schemas, which stand there by their names."""

_OF_MESSAGES = frozenset(
    ["payload", "messageId", "name", "title", "summary", "description", "contentType", "schemaFormat"]
).union(["headers", "correlationId", "tags", "externalDocs", "bindings", "examples", "traits", "deprecated"])
_OF_SCHEMAS = frozenset(
    ["$schema", "$id", "id", "$anchor", "$defs", "definitions", "type", "properties", "required", "items"]
).union(
    ["patternProperties", "additionalProperties", "enum", "const", "allOf", "anyOf", "not", "if", "topics"]
)
"""Keywords of schemas and of channel definitions, in which there are no messages."""
_NOT_WITHIN = frozenset(["schema", "schemas", "examples", "example", "default"])
_DEEPEST_MESSAGE = 6
"""As in `components`, `channels`, a channel, `subscribe`, `message`, `oneOf`."""
_NOTES: Mapping[str, str] = dict.fromkeys(("discriminator", "example", "externalDocs", "xml"), "")
_NULLABLE = (
    "nullable has no effect here: OpenAPI 3.0 has it beside a type, and beside an enum that lists null"
)


@dataclass(frozen=True, slots=True)
class ApiDocument:
    """A document that describes an API, as far as its schemas depend on the specification."""

    name: str
    """The specification and its version, such as `OpenAPI 3.1.0`."""
    dialect: Dialect
    """The draft that its schemas are read by."""
    own_keywords: Mapping[str, str]
    """Keywords that the specification adds and that decide nothing, each with a warning or an empty text."""

    @property
    def has_nullable(self) -> bool:
        """Whether `nullable` is a keyword of its schemas."""
        return self.name.startswith("OpenAPI 3.0")

    @property
    def is_asyncapi(self) -> bool:
        """Whether it describes channels, whose payloads stand in messages."""
        return self.name.startswith("AsyncAPI")

    @property
    def is_part(self) -> bool:
        """Whether it is a file with messages, which states no version: a part of a document."""
        return self.name == "AsyncAPI"


def api_document(value: Any) -> ApiDocument | None:
    """Recognise a document that describes an API by the version that it states at its top.

    A file with messages of AsyncAPI is recognised by these. It is a part of a document, and states nothing.
    """
    if not isinstance(value, dict):
        return None
    stated = {
        key: str(value[key]) for key in ("openapi", "swagger", "asyncapi") if _is_version(value.get(key))
    }
    if "openapi" in stated:
        version = stated["openapi"]
        if version.startswith("3.0"):
            # Its schemas are those of draft 4, without some keywords, and with `nullable`.
            return ApiDocument(f"OpenAPI {version}", DRAFT_4, {**_NOTES, "nullable": _NULLABLE})
        named = value.get("jsonSchemaDialect")
        draft = draft_at(named) if isinstance(named, str) else None
        return ApiDocument(f"OpenAPI {version}", draft or LATEST, _NOTES)
    if "swagger" in stated:
        return ApiDocument(f"Swagger {stated['swagger']}", DRAFT_4, _NOTES)
    if "asyncapi" in stated:
        return ApiDocument(f"AsyncAPI {stated['asyncapi']}", DRAFT_7, _NOTES)
    return ApiDocument("AsyncAPI", DRAFT_7, _NOTES) if _has_messages(value, _DEEPEST_MESSAGE) else None


def _has_messages(value: Any, depth: int) -> bool:
    """Return whether something is a message of AsyncAPI with a payload, or has some in it."""
    if isinstance(value, list):
        return any(_has_messages(inner, depth - 1) for inner in value)
    if not isinstance(value, dict) or depth < 0 or not _OF_SCHEMAS.isdisjoint(value):
        return False
    if isinstance(value.get("payload"), dict | bool):
        return all(key in _OF_MESSAGES or str(key).startswith("x-") for key in value)
    return any(_has_messages(inner, depth - 1) for key, inner in value.items() if key not in _NOT_WITHIN)


def _is_version(value: Any) -> bool:
    # In YAML without quotes `2.0` is a number.
    return isinstance(value, str | float)


def say_null_as_a_type(value: Any) -> None:
    """Rewrite `nullable: true` of OpenAPI 3.0 as the type null of JSON Schema, in place.

    A nullable schema without `type`, or whose `enum` doesn't list null, admits no null by the specification:
    there the keyword stays, for a warning.
    """
    stack = [value]
    while stack:
        node = stack.pop()
        stack.extend(inner for _, inner, _ in inside(node))
        if isinstance(node, dict):
            kind, values = node.get("type"), node.get("enum")
            if node.get("nullable") is False:
                del node["nullable"]
            elif (
                node.get("nullable") is True
                and isinstance(kind, str)
                and "$ref" not in node
                and (not isinstance(values, list) or None in values)
            ):
                node["type"] = [kind, "null"]
                del node["nullable"]
