"""Parameters of AsyncAPI's channels as parameters of ours: texts, integers and booleans."""

from __future__ import annotations

from typing import Any

from tightbeam_codegen.asyncapi.carried import EXTENSION
from tightbeam_codegen.asyncapi.leftovers import Leftovers
from tightbeam_codegen.asyncapi.locating import Located, Way, text_of
from tightbeam_codegen.json_schema.dialects import DRAFT_7
from tightbeam_codegen.read.check.contradictions import kind_of
from tightbeam_codegen.read.check.forms import form_faults
from tightbeam_codegen.read.load import JsonValue

__all__ = ["read_parameter"]

_KINDS = ("string", "integer", "boolean")
_NOTES = ("description", "default", "examples", "title", "enum", "const")
_KEYWORDS = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "boolean": (),
}
_KNOWN = frozenset(["description", "enum", "default", "examples", "location", "schema", "$ref", EXTENSION])


def read_parameter(located: Located, way: Way, leftovers: Leftovers) -> dict[str, Any]:
    """Return the schema of a parameter, as a definition has it.

    Args:
        located: the parameter, or a reference to it.
        way: follows references.
        leftovers: takes what it says besides.

    Raises:
        Refused: a reference can't be followed.
    """
    parameter = way.follow(located)
    for key in parameter.object:
        if key not in _KNOWN:
            kind = "extensions" if key.startswith("x-") else "other keys"
            leftovers.add(kind, parameter.inside(key), key)
    if "location" in parameter:
        leftovers.add("locations", parameter.inside("location"), located.name)
    ours = parameter.object.get(EXTENSION)
    stated = ours.get("schema") if isinstance(ours, dict) else None
    description = text_of(parameter.object.get("description"))
    if isinstance(stated, dict):
        schema: dict[str, Any] = dict(stated)
    elif "schema" in parameter:
        schema = _scalar(way.follow(parameter.inside("schema")), leftovers)
    else:
        # Since AsyncAPI 3.0 a parameter is a text, and has no schema.
        schema = {"type": "string"}
        schema |= {
            key: inner
            for key in ("enum", "default", "examples")
            if (inner := parameter.object.get(key)) is not None
        }
    if "default" in parameter and "default" in schema and not isinstance(stated, dict):
        leftovers.add("parameter defaults", parameter.inside("default"), located.name)
    if description:
        schema["description"] = description
    return schema


def _scalar(located: Located, leftovers: Leftovers) -> dict[str, Any]:
    """Return a schema without what parameters can't have; a parameter is a text in the end."""
    schema = located.object
    kind = _kind(schema)
    allowed = {*_NOTES, *_KEYWORDS[kind], "type"}
    for keyword in schema:
        if keyword not in allowed:
            leftovers.add("parameter keywords", located.inside(keyword), keyword)
    if schema.get("type") not in (None, kind):
        leftovers.add("parameter keywords", located.inside("type"), "type")
    forms = DRAFT_7.keywords
    kept = {
        keyword: value
        for keyword, value in schema.items()
        if keyword in allowed and keyword != "type" and not any(form_faults(keyword, value, forms[keyword]))
    }
    return {"type": kind, **kept}


def _kind(schema: dict[str, JsonValue]) -> str:
    """Return what a parameter is, by its type, else by its values; a text in case of doubt."""
    stated = schema.get("type")
    types = stated if isinstance(stated, list) else [stated]
    kinds = [kind for kind in _KINDS if kind in types]
    if len(kinds) == 1 and (isinstance(stated, str) or set(types) <= {kinds[0], "null"}):
        return kinds[0]
    values = schema.get("enum") if isinstance(schema.get("enum"), list) else [schema.get("const")]
    found = {kind_of(value) for value in values} if isinstance(values, list) else set()
    only = found.pop() if len(found) == 1 else ""
    return only if stated is None and only in _KINDS else "string"
