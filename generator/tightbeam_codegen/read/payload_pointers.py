"""Where payload schemas stand in definition files: `topics`, a name, `schema`; for an event `schema`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias
from urllib.parse import quote

from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.read.discover import EVENT_SUFFIXES
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.load.values import value_at

__all__ = [
    "EVENT_PAYLOAD",
    "Schema",
    "is_event",
    "payload_query",
    "payloads_of",
    "schema_at",
    "shared_key",
    "split_payload",
]

Schema: TypeAlias = dict[str, Any] | bool

EVENT_PAYLOAD: Pointer = ("schema",)
"""The way to the schema of an event's data."""


def is_event(document: Document) -> bool:
    """Return whether a document is an event definition file."""
    return document.uri.startswith(ROOT_URI) and document.uri.endswith(EVENT_SUFFIXES)


def payloads_of(document: Document) -> Iterator[Pointer]:
    """Yield the ways to all payload schemas of a sound definition file."""
    value: Any = document.value
    if is_event(document):
        yield from ([EVENT_PAYLOAD] if "schema" in value else [])
    else:
        yield from (("topics", name, "schema") for name in value["topics"])


def split_payload(document: Document, pointer: Pointer) -> tuple[Pointer, Pointer] | None:
    """Split a pointer that leads into a payload schema of a definition file.

    Args:
        document: the file, or any other document.
        pointer: a way in it.

    Returns:
        The pointer of the payload schema and the way on from there; None for any other pointer.
    """
    if is_event(document):
        depth = 1 if pointer[:1] == EVENT_PAYLOAD else 0
    else:
        depth = 3 if pointer[:1] == ("topics",) and pointer[2:3] == ("schema",) else 0
    return (pointer[:depth], pointer[depth:]) if depth else None


def schema_at(document: Document, pointer: Pointer) -> Schema:
    """Return the schema at a pointer, as it stands in a definition file."""
    schema: Any = value_at(document.value, pointer)
    found: Schema = schema
    return found


def payload_query(pointer: Pointer) -> str:
    """Return the query by which the URI of a payload schema without `$id` differs from that of its file."""
    return f"topic={quote(str(pointer[1]), safe='')}" if len(pointer) > 1 else "event"


def shared_key(pointer: Pointer) -> str:
    """Return the key that a payload schema gets among the shared definitions, where libraries look."""
    return f"topics/{pointer[1]}" if len(pointer) > 1 else "event/schema"
