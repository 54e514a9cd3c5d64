"""What a topic's payloads depend on: its schema, and the schemas that references lead to from there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from tightbeam_codegen.json_schema.uris import pointer_key

__all__ = ["exact_text", "reached_text"]

_SCOPES = frozenset(
    {"$anchor", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveAnchor", "$recursiveRef", "id"}
)
"""Keywords by which references lead elsewhere than their text says."""


class _UnclearError(Exception):
    """A reference doesn't lead to a place by its text alone."""


def exact_text(value: object) -> str:
    """Return a value as JSON: unlike values, in which true and 1 are equal, texts can be compared."""
    return json.dumps(value, ensure_ascii=False)


def reached_text(schema: Any, uri: str, resources: Mapping[str, Any]) -> str | None:
    """Return all that a schema depends on, as a text that is equal for equal schemas.

    Args:
        schema: the schema.
        uri: of the document that it stands in.
        resources: the documents, by URI.

    Returns:
        The text; None where references can't be followed by their texts alone.
    """
    found: dict[str, Any] = {}
    stack: list[tuple[Any, str]] = [(schema, uri)]
    try:
        while stack:
            value, base = stack.pop()
            for reference in _references(value):
                target = urljoin(base, reference)
                if target not in found:
                    found[target] = _at(target, resources)
                    stack.append((found[target], target.partition("#")[0]))
    except _UnclearError:
        return None
    documents = dict.fromkeys([uri, *(target.partition("#")[0] for target in found)])
    dialects = [resources[each].get("$schema") for each in documents]
    return exact_text([schema, dialects, found])


def _references(value: Any) -> list[str]:
    """Return the references in a schema, and whatever in its data looks like one."""
    references: list[str] = []
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack += value
        elif isinstance(value, dict):
            if any(isinstance(value.get(keyword), str | bool) for keyword in _SCOPES):
                raise _UnclearError
            reference = value.get("$ref")
            if isinstance(reference, str):
                references.append(reference)
            if isinstance(value.get("$schema"), str):
                raise _UnclearError
            stack += value.values()
    return references


def _at(target: str, resources: Mapping[str, Any]) -> Any:
    """Return the schema that a whole URI leads to by a JSON pointer."""
    uri, _, fragment = target.partition("#")
    value = resources.get(uri)
    if not isinstance(value, dict) or not fragment.startswith("/") or _SCOPES & value.keys():
        raise _UnclearError
    for key in map(pointer_key, fragment[1:].split("/")):
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            raise _UnclearError
    return value
