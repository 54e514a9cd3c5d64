"""JSON Schema's own metaschemas as documents.

An official URI always means the official document. A copy that some file embeds under the same URI never
takes its place: what one file means would otherwise depend on which others are read.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from tightbeam_codegen.json_schema.official import is_official, official_uri
from tightbeam_codegen.read.load import Document, parse

__all__ = ["identity", "official_document"]


def identity(stated: str, contents: Any) -> str:
    """Return the `$id` of a schema: for a copy of a metaschema, changed or not, one of its own.

    Args:
        stated: the `$id` that the schema has.
        contents: the schema.
    """
    uri = official_uri(stated)
    document = official_document(uri) if uri is not None else None
    if uri is None or document is None or contents is document.value:
        return stated
    text = json.dumps(contents, sort_keys=True)
    return f"{uri}?copy={hashlib.sha256(text.encode()).hexdigest()[:16]}"


@lru_cache(maxsize=32)
def official_document(uri: str) -> Document | None:
    """Return the document of a metaschema or vocabulary by its canonical URI; None for any other."""
    if not is_official(uri):
        return None
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it has no annotations

    text = json.dumps(REGISTRY[uri].contents, indent=2)
    return parse(text.encode(), uri.partition("//")[2], uri, uri)
