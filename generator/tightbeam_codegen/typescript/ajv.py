"""A channel's bundled schemas as Ajv reads them the way the Python side does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tightbeam._payload.formats import narrow_formats
from tightbeam._payload.schemas import says_more_than_kind
from tightbeam_codegen.typescript.ir import Draft

__all__ = ["validators_of"]

_NOT_OURS = ("$async", "nullable")
"""Keywords of Ajv's own: JSON Schema has none of that name, so they mean nothing."""

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
    topics = {
        name: {"ref": topic["ref"], "draft": _draft(year_of(topic["dialect"]))}
        for name, topic in stated["topics"].items()
    }
    resources: dict[str, Any] = stated["resources"]
    drafts = {topic["draft"] for topic in topics.values()}
    for resource in resources.values():
        if stated["assertFormats"]:
            narrow_formats(resource)
        _take_out(resource, _NOT_OURS if 4 in drafts else (*_NOT_OURS, "id"))
    params = {name: schema for name, schema in stated["params"].items() if says_more_than_kind(schema)}
    if params:
        drafts.add(2020)
    text = {"formats": stated["assertFormats"], "resources": resources, "topics": topics, "params": params}
    as_json = json.dumps(text, ensure_ascii=False, separators=(",", ":"))
    return as_json, tuple(sorted(drafts)), stated["assertFormats"]


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
