"""The metaschemas of definitions for editors: each dialect's keywords, and nothing to fetch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tightbeam_codegen.json_schema.dialects import DRAFTS, LATEST, Dialect, find_draft
from tightbeam_codegen.read.check.metaschemas import Kind, metaschema_text
from tightbeam_codegen.readable_json import readable_json

__all__ = ["editor_metaschema"]

_ALL = "PayloadSchema"
"""The schema that has the keywords of all drafts."""
_OWN = "CustomSchema"
"""The schema for a dialect of the project's own, which may have any keywords besides."""
_RENAMED = {"definitions": "$defs", "dependencies": "dependentRequired and dependentSchemas"}
"""Keywords that have other names since 2019-09, and are understood all the same."""
_IN_DRAFT_4 = re.compile(r" \(In draft 4 [^)]*\)")


def editor_metaschema(dialect: str, kind: Kind = "channel") -> str:
    """Return the metaschema as the text of a file.

    An editor offers and explains the keywords of the dialect that a definition states, and marks others. In
    a schema that states a `$schema` it takes the keywords of all drafts; in a dialect of the project's own it
    takes any.

    Args:
        dialect: the URI of the dialect of definitions that state none.
        kind: of the definitions.
    """
    metaschema: dict[str, Any] = json.loads(metaschema_text(kind))
    schemas: dict[str, Any] = metaschema["$defs"]
    described: dict[str, Any] = schemas[_ALL]
    open_ = {key: value for key, value in described.items() if key != "additionalProperties"}
    schemas[_OWN] = _referring(open_, _OWN)
    for draft in DRAFTS.values():
        schemas[_name(draft)] = _of_draft(draft, described)
    for name in (_OWN, *map(_name, DRAFTS.values())):
        schemas[_definition(name)] = _definition_in(name, kind)
    # What follows depends on the dialect, so that the parts for all definitions don't say it.
    del (schemas["Topic"] if kind == "channel" else metaschema)["properties"]["schema"]["$ref"]
    metaschema["properties"]["$defs"]["additionalProperties"] = True
    default = find_draft(dialect)
    metaschema |= _chosen(_name(default) if default else _OWN)
    return readable_json(json.dumps(metaschema)) + "\n"


def _name(draft: Dialect) -> str:
    return f"Draft{draft.year}Schema"


def _definition(name: str) -> str:
    return f"DefinitionWith{name}"


def _of_draft(draft: Dialect, described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema for payload schemas of a draft, made of the one for all drafts."""
    properties: dict[str, Any] = {}
    for keyword, words in described["properties"].items():
        if keyword not in draft.keywords and not keyword.startswith("x-"):
            continue
        entry = _referring({**words, **_form(draft, keyword, words)}, _name(draft))
        # The words of a keyword that is the same everywhere stand in one place.
        same = entry == words
        properties[keyword] = {"$ref": f"#/$defs/{_ALL}/properties/{keyword}"} if same else entry
    # Draft 4 knows true and false only where a keyword says so.
    kinds = "object" if draft.year == 4 else described["type"]
    return {**described, "$comment": f"JSON Schema {draft.short}", "type": kinds, "properties": properties}


def _form(draft: Dialect, keyword: str, words: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is narrower, or otherwise said, in one draft; None takes a part away."""
    if draft.year == 4:
        if keyword in ("additionalProperties", "additionalItems"):
            return {"$ref": None, "anyOf": [{"type": "boolean"}, {"$ref": f"#/$defs/{_ALL}"}]}
        if keyword in ("exclusiveMinimum", "exclusiveMaximum"):
            bound = keyword.removeprefix("exclusive").lower()
            return {"type": "boolean", "description": f"Whether the {bound} itself is excluded."}
        return {"minItems": 1} if keyword == "required" else {}
    form: dict[str, Any] = {}
    if _IN_DRAFT_4.search(words.get("description", "")):
        form["description"] = _IN_DRAFT_4.sub("", words["description"])
    if keyword in ("exclusiveMinimum", "exclusiveMaximum"):
        form["type"] = "number"
    if keyword == "items" and draft.year == LATEST.year:
        form |= {"anyOf": None, "$ref": f"#/$defs/{_ALL}"}
    if keyword in _RENAMED and draft.year >= 2019:
        form |= {"description": f"Called {_RENAMED[keyword]} since 2019-09.", "doNotSuggest": True}
    return form


def _referring(schema: Any, name: str) -> Any:
    """Return a schema that refers to `name` in place of that for all drafts, without parts that are None."""
    if isinstance(schema, list):
        return [_referring(item, name) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"#/$defs/{name}" if item == f"#/$defs/{_ALL}" else _referring(item, name)
        for key, item in schema.items()
        if item is not None
    }


def _definition_in(name: str, kind: Kind) -> dict[str, Any]:
    """Return the schema for a definition whose payload schemas have one schema.

    Args:
        name: of that schema.
        kind: of the definition.
    """
    payload = {
        "if": {"required": ["$schema"]},
        "then": {"$ref": f"#/$defs/{_ALL}"},
        "else": {"$ref": f"#/$defs/{name}"},
    }
    shared = {"additionalProperties": payload}
    if kind == "event":
        return {"properties": {"schema": payload, "$defs": shared}}
    topics = {"additionalProperties": {"properties": {"schema": payload}}}
    return {"properties": {"topics": topics, "$defs": shared}}


def _chosen(default: str) -> dict[str, Any]:
    """Return the choice among these schemas by the dialect that a definition states."""
    states_one = {"required": ["dialect"]}
    choice: dict[str, Any] = {
        "if": states_one,
        "then": {"$ref": f"#/$defs/{_definition(_OWN)}"},
        "else": {"$ref": f"#/$defs/{_definition(default)}"},
    }
    for draft in DRAFTS.values():
        rest = draft.uri.partition("://")[2]
        uris = [f"{scheme}://{rest}{end}" for scheme in ("https", "http") for end in ("", "#")]
        this_one = {**states_one, "properties": {"dialect": {"enum": [draft.short, *uris]}}}
        choice = {"if": this_one, "then": {"$ref": f"#/$defs/{_definition(_name(draft))}"}, "else": choice}
    return choice
