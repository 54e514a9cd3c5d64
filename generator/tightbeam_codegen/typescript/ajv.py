"""A channel's bundled schemas as Ajv reads them the way the Python side does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from jsonschema import Draft6Validator

from tightbeam._payload.formats import narrow_formats
from tightbeam._payload.schemas import says_more_than_kind
from tightbeam_codegen.typescript.ir import Draft

__all__ = ["validators_of"]

_FOREIGN = ("$async", "nullable")
"""Keywords of Ajv's own: JSON Schema has none of that name, so they mean nothing."""

_LATER = {4: ("const", "contains", "if", "propertyNames"), 6: ("if", "id")}
"""Keywords that Ajv knows and the draft doesn't. Since draft 6 `id` is none; Ajv stumbles over it."""

_DRAFT_6 = "http://json-schema.org/draft-06/schema"
"""Ajv brings the metaschemas of the drafts along that it has classes for, so not this one."""

_MAPS = frozenset(
    {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties", "topics"}
)
_VALUES = frozenset({"const", "default", "enum", "examples"})


def validators_of(bundle: str, year_of: Callable[[str], int]) -> tuple[str, tuple[Draft, ...], bool]:
    """The schemas as JSON text, the drafts that they are written in, and whether formats are law.

    Args:
        bundle: what the Python side has (`tightbeam_codegen.bundle`).
        year_of: the draft of a dialect, by its URI.
    """
    stated = json.loads(bundle)
    years = {name: year_of(topic["dialect"]) for name, topic in stated["topics"].items()}
    topics = {
        name: {"ref": topic["ref"], "draft": _draft(years[name])} for name, topic in stated["topics"].items()
    }
    resources: dict[str, Any] = stated["resources"]
    formats: bool = stated["assertFormats"]
    drafts: set[Draft] = {_draft(year) for year in years.values()}
    default = min(years.values(), default=2020)
    for resource in resources.values():
        if formats:
            narrow_formats(resource)
        named = resource.get("$schema") if isinstance(resource, dict) else None
        year = year_of(named) if isinstance(named, str) else default
        _take_out(resource, (*_FOREIGN, *_LATER.get(year, ("id",))))
    if f'"$ref":"{_DRAFT_6}' in bundle:
        resources[_DRAFT_6] = dict(Draft6Validator.META_SCHEMA)
    params = {name: schema for name, schema in stated["params"].items() if says_more_than_kind(schema)}
    if params:
        drafts.add(2020)
    text = {"formats": formats, "resources": resources, "topics": topics, "params": params}
    as_json = json.dumps(text, ensure_ascii=False, separators=(",", ":"))
    return as_json, tuple(sorted(drafts)), formats


def _draft(year: int) -> Draft:
    """The draft that Ajv has a class for: that of draft 7 reads draft 6 too."""
    return 2020 if year >= 2020 else 2019 if year >= 2019 else 7 if year >= 6 else 4


def _take_out(document: Any, keywords: tuple[str, ...]) -> None:
    """Remove keywords from every schema of a document."""
    stack = [(document, False)]
    while stack:
        node, is_map = stack.pop()
        if isinstance(node, list):
            stack.extend((item, False) for item in node)
        elif isinstance(node, dict):
            if is_map:
                stack.extend((value, False) for value in node.values())
                continue
            for keyword in keywords:
                node.pop(keyword, None)
            stack.extend((value, key in _MAPS) for key, value in node.items() if key not in _VALUES)
