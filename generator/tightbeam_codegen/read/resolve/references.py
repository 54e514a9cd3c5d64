"""What a document states about itself and refers to; nothing is looked up."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import urldefrag, urljoin

from tightbeam._payload.subschemas import inside
from tightbeam_codegen.json_schema.dialects import Dialect, draft_at
from tightbeam_codegen.json_schema.keywords import REFERENCES
from tightbeam_codegen.json_schema.official import is_unversioned, official_uri
from tightbeam_codegen.json_schema.uris import parses
from tightbeam_codegen.read.discover import is_definition_uri
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.payload_pointers import payload_query, schema_at

__all__ = [
    "absolute",
    "bad_identifier",
    "outgoing",
    "own_id",
    "own_root",
]

_TEXTS = ("$schema", "$id", "$anchor", "$dynamicAnchor")


def bad_identifier(root: object) -> tuple[Pointer, str] | None:
    """Return where a schema states an identity that no library takes, and why; the libraries raise for it."""
    stack: list[tuple[Any, Pointer, bool]] = [(root, (), True)]
    while stack:
        value, pointer, is_schema = stack.pop()
        if isinstance(value, dict):
            for keyword in _TEXTS if is_schema else ():
                if not isinstance(value.get(keyword, ""), str):
                    return (*pointer, keyword), f"{keyword} must be a string"
            for keyword in ("$id", "id"):
                own = value.get(keyword)
                if isinstance(own, str) and "//" in own and not parses(own):
                    return (*pointer, keyword), "this isn't a URI or the end of one"
        # A keyword counts where what it stands in is a schema.
        inner = ((item, (*pointer, *way), known and is_schema) for way, item, known in inside(value))
        stack.extend(inner)
    return None


def outgoing(value: object, base: str, dialect: Dialect) -> Iterator[str]:
    """Yield the URIs, without fragment, that a document refers to outside itself.

    Args:
        value: the document.
        base: its URI.
        dialect: what it is written in if it doesn't say so.
    """
    if isinstance(value, dict) and is_definition_uri(base):
        # At the top of a definition it is for editors.
        value = {key: part for key, part in value.items() if key != "$schema"}
    stack: list[tuple[Any, str, Dialect]] = [(value, base, dialect)]
    while stack:
        value, base, dialect = stack.pop()
        if isinstance(value, dict):
            stated = value.get("$schema")
            draft = draft_at(stated) if isinstance(stated, str) else None
            dialect = draft or dialect
            own = own_id(value, dialect)
            if own is not None and not own.startswith("#") and parses(own):
                base = urljoin(base, own)
            for keyword in (*REFERENCES, "$schema"):
                reference = value.get(keyword)
                if not isinstance(reference, str) or reference.startswith("#"):
                    continue
                if keyword == "$schema" and (draft or is_unversioned(reference)):
                    continue
                with contextlib.suppress(ValueError):  # no URI: reported where it is followed
                    uri = absolute(base, reference)[0]
                    yield official_uri(uri) or uri
        stack.extend((inner, base, dialect) for _, inner, _ in inside(value))


def own_id(schema: Any, dialect: Dialect) -> str | None:
    """Return the `$id` that counts for a schema: up to draft 7 a `$ref` beside it hides it.

    Args:
        schema: any value; what isn't an object has none.
        dialect: the schema's draft, in which the keyword may be `id`.
    """
    own = schema.get(dialect.id_keyword) if isinstance(schema, dict) else None
    if not isinstance(own, str) or (dialect.ref_hides_siblings and "$ref" in schema):
        return None
    return own


def own_root(document: Document, pointer: Pointer, around: Dialect, dialect: Dialect) -> str | None:
    """Return the base URI of a payload schema that is a document of its own; None for any other.

    `#` in such a schema means the schema and not the definition file.

    Args:
        document: the definition file.
        pointer: the way to the payload schema.
        around: the dialect of the file.
        dialect: the dialect of the schema.

    Returns:
        The `$id` of the schema, else a URI beside that of the definition file.
    """
    schema = schema_at(document, pointer)
    if not isinstance(schema, dict) or not ("$schema" in schema or own_id(schema, around) is not None):
        return None
    own = own_id(schema, dialect)
    if own is None:
        return f"{document.uri}?{payload_query(pointer)}"
    return urldefrag(urljoin(document.uri, own))[0]


@lru_cache(maxsize=4096)
def absolute(base: str, reference: str) -> tuple[str, str]:
    """Return the URI and the fragment of a reference; cached, since files repeat the same references."""
    uri, fragment = urldefrag(urljoin(urldefrag(base)[0], reference))
    return uri, fragment
