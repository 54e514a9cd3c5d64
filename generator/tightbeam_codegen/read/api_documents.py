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


def api_document(value: Any) -> ApiDocument | None:
    """Recognise a document that describes an API by the version that it states at its top."""
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
    return None


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
