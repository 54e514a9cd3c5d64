"""What a document says about where it is and what it refers to: nothing is looked up for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import quote, urldefrag, urljoin

from tightbeam_codegen.json_schema.dialects import SCHEMA_LISTS, SCHEMA_MAPS, SCHEMAS, Form
from tightbeam_codegen.json_schema.official import is_unversioned, official_dialect, official_uri
from tightbeam_codegen.json_schema.uris import parses
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.resolve.dialects import DRAFTS, Dialect

__all__ = [
    "Schema",
    "absolute",
    "held",
    "inside",
    "is_own_root",
    "no_identifier",
    "outgoing",
    "own_id",
    "own_root_uri",
]

Schema: TypeAlias = dict[str, Any] | bool

_DATA_KEYWORDS = frozenset(["enum", "const", "default", "examples", "example"])
_MAP_KEYWORDS = frozenset(
    ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties", "topics"]
)
_REFERENCES = ("$ref", "$schema", "$dynamicRef", "$recursiveRef")


def inside(schema: dict[str, Any]) -> Iterator[dict[str, Any] | list[Any]]:
    """What a schema holds that may be schemas: not its data, and not the names of properties."""
    for keyword, value in schema.items():
        if keyword in _MAP_KEYWORDS and isinstance(value, dict):
            # A property may be called `default`, and one called `$id` gives no base URI.
            yield list(value.values())
        elif isinstance(value, dict | list) and keyword not in _DATA_KEYWORDS:
            yield value


def held(
    schema: dict[str, Any], forms: Mapping[str, Form]
) -> Iterator[tuple[dict[str, Any] | list[Any], bool]]:
    """Yield what a schema holds, and whether it is a schema by the keyword that holds it.

    Args:
        schema: the schema.
        forms: the keywords of its dialect.
    """
    for keyword, value in schema.items():
        if not isinstance(value, dict | list):
            continue
        form = forms.get(keyword)
        if form in SCHEMA_MAPS or (keyword in _MAP_KEYWORDS and isinstance(value, dict)):
            items = value.values() if isinstance(value, dict) else ()
            yield from ((item, form in SCHEMA_MAPS) for item in items if isinstance(item, dict | list))
        elif form in SCHEMA_LISTS and isinstance(value, list):
            yield from ((item, True) for item in value if isinstance(item, dict | list))
        elif keyword not in _DATA_KEYWORDS:
            yield value, form in SCHEMAS


def no_identifier(root: Any) -> Pointer | None:
    """The place of an `$id` that no URI library takes, if there is one: the libraries raise for it."""
    stack: list[tuple[Any, Pointer]] = [(root, ())] if isinstance(root, dict) else []
    while stack:
        value, pointer = stack.pop()
        if isinstance(value, dict):
            for keyword in ("$id", "id"):
                own = value.get(keyword)
                if isinstance(own, str) and "//" in own and not parses(own):
                    return (*pointer, keyword)
        items = value.items() if isinstance(value, dict) else enumerate(value)
        stack.extend((inner, (*pointer, key)) for key, inner in items if isinstance(inner, dict | list))
    return None


def outgoing(value: Any, base: str, dialect: Dialect) -> Iterator[str]:
    """The URIs, without fragment, that a document refers to outside itself."""
    stack = [(value, base, dialect)]
    while stack:
        value, base, dialect = stack.pop()
        if isinstance(value, list):
            stack.extend((item, base, dialect) for item in value)
        elif isinstance(value, dict):
            stated = value.get("$schema")
            draft = official_dialect(stated) if isinstance(stated, str) else None
            dialect = DRAFTS[draft] if draft else dialect
            own = own_id(value, dialect)
            if own is not None and not own.startswith("#") and parses(own):
                base = urljoin(base, own)
            for keyword in _REFERENCES:
                reference = value.get(keyword)
                if not isinstance(reference, str) or reference.startswith("#"):
                    continue
                if keyword == "$schema" and (draft or is_unversioned(reference)):
                    continue
                with contextlib.suppress(ValueError):  # no URI: said where it is followed
                    uri = absolute(base, reference)[0]
                    yield official_uri(uri) or uri
            stack.extend((item, base, dialect) for item in inside(value))


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
