"""JSON Schema's own metaschemas as every class of Ajv reads them.

The classes for drafts 2019-09 and 2020-12 bring their own metaschemas along. Those of other drafts are
rewritten with keywords that mean the same in all of them: no dynamic references, no bounds that one draft
writes as a flag. They go by a URI of ours, since the class for draft 7 has a metaschema that is not quite the
official one.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any
from urllib.parse import urljoin

from tightbeam._payload.subschemas import HOLDERS, SCHEMA_MAPS
from tightbeam_codegen.json_schema.keywords import IDENTIFIERS, REFERENCES
from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.targets.typescript.ir import Draft

__all__ = ["is_brought_along", "our_uri", "portable"]

_LEFT_OUT = IDENTIFIERS | {"$schema", "$vocabulary", "$comment"}
_BROUGHT_ALONG: dict[Draft, str] = {
    2019: "https://json-schema.org/draft/2019-09/",
    2020: "https://json-schema.org/draft/2020-12/",
}
_OURS = f"{ROOT_URI}json-schema.org/"
_NOT_AFTER_ALL = "https://json-schema.org/draft/2020-12/meta/format-assertion"


def is_brought_along(uri: str, drafts: set[Draft]) -> bool:
    """Return whether Ajv's own classes have a metaschema.

    Args:
        uri: of the metaschema.
        drafts: those of the classes that have to have it.
    """
    return uri != _NOT_AFTER_ALL and all(
        draft in _BROUGHT_ALONG and uri.startswith(_BROUGHT_ALONG[draft]) for draft in drafts
    )


def our_uri(uri: str) -> str:
    """Return the URI by which a rewritten metaschema goes."""
    return _OURS + uri.partition("json-schema.org/")[2]


def portable(uri: str, metaschema: Any, others: Container[str]) -> Any:
    """Rewrite a metaschema or vocabulary.

    Args:
        uri: its official URI.
        metaschema: its content.
        others: the URIs of all that are there; a vocabulary alone describes itself.
    """
    whole = urljoin(uri, "schema" if "/meta/" not in uri else "../schema")
    return _rewritten(metaschema, uri, whole if whole in others else uri)


def _rewritten(schema: Any, uri: str, whole: str) -> Any:
    if not isinstance(schema, dict):
        return schema
    rewritten: dict[str, Any] = {}
    conditions: list[Any] = []
    for keyword, value in schema.items():
        if keyword in SCHEMA_MAPS:
            rewritten[keyword] = {name: _rewritten(inner, uri, whole) for name, inner in value.items()}
        elif keyword in REFERENCES and keyword != "$ref":
            conditions.append({"$ref": our_uri(whole)})
        elif keyword == "$ref":
            conditions.append({"$ref": value if value.startswith("#") else our_uri(urljoin(uri, value))})
        elif keyword == "exclusiveMinimum":
            # 0 in each of them, as a number or as a flag beside `minimum`.
            rewritten |= {"minimum": 0, "not": {"enum": [0]}}
        elif HOLDERS.get(keyword) == "schemas":
            rewritten[keyword] = [_rewritten(inner, uri, whole) for inner in value]
        elif keyword not in _LEFT_OUT:
            rewritten[keyword] = _rewritten(value, uri, whole)
    if conditions:
        # Up to draft 7 a reference hides what stands beside it.
        rewritten["allOf"] = [*rewritten.get("allOf", ()), *conditions]
    return rewritten
