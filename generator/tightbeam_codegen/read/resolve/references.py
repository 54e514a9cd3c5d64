"""What a document says about where it is and what it refers to: nothing is looked up for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import quote, urldefrag, urljoin

from tightbeam._payload.subschemas import inside
from tightbeam_codegen.json_schema.dialects import Dialect, draft_at
from tightbeam_codegen.json_schema.keywords import REFERENCES
from tightbeam_codegen.json_schema.official import is_unversioned, official_uri
from tightbeam_codegen.json_schema.uris import parses
from tightbeam_codegen.read.load import Document, Pointer

__all__ = [
    "Schema",
    "absolute",
    "bad_identifier",
    "is_own_root",
    "outgoing",
    "own_id",
    "own_root_uri",
]

Schema: TypeAlias = dict[str, Any] | bool


def bad_identifier(root: object) -> Pointer | None:
    """Return the place of an `$id` that no URI library takes, if there is one: the libraries raise for it."""
    stack: list[tuple[Any, Pointer]] = [(root, ())]
    while stack:
        value, pointer = stack.pop()
        if isinstance(value, dict):
            for keyword in ("$id", "id"):
                own = value.get(keyword)
                if isinstance(own, str) and "//" in own and not parses(own):
                    return (*pointer, keyword)
        stack.extend((inner, (*pointer, *way)) for way, inner, _ in inside(value))
    return None


def outgoing(value: object, base: str, dialect: Dialect) -> Iterator[str]:
    """Yield the URIs, without fragment, that a document refers to outside itself.

    Args:
        value: the document.
        base: its URI.
        dialect: what it is written in if it doesn't say so.
    """
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


def is_own_root(schema: Schema, dialect: Dialect) -> bool:
    """Whether a topic's schema is its own document: `#` in it means itself and not the definition file."""
    return isinstance(schema, dict) and ("$schema" in schema or own_id(schema, dialect) is not None)


def own_root_uri(document: Document, topic: str, schema: Schema, dialect: Dialect) -> str:
    """The base URI of such a schema: its `$id`, else one beside the definition file.

    `dialect` is its own: in draft 4 it is `id` that counts.
    """
    own = own_id(schema, dialect)
    base = f"{document.uri}?topic={quote(topic, safe='')}"
    return urldefrag(urljoin(document.uri, own))[0] if own is not None else base


@lru_cache(maxsize=4096)
def absolute(base: str, reference: str) -> tuple[str, str]:
    """A reference's URI and fragment. Few differ: files refer to the same ones again and again."""
    uri, fragment = urldefrag(urljoin(urldefrag(base)[0], reference))
    return uri, fragment
