"""Every place of a definition, and of what belongs to one, where somebody else's text may stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote

from tests.tightbeam_codegen.compiling import channel, event
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, open_object, ref

__all__ = ["DESCRIBING", "MAPPED", "PLACES", "Files", "Place"]

Files: TypeAlias = dict[str, Any]
Place: TypeAlias = Callable[[str], Files]
"""Files for a text, by path; values are JSON or text. The folder is the place's own."""

MAPPED = "https://schemas.example.com/"
"""What stands for the folder `mapped`, in which paths that begin with it lie."""

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
_OBJECT = open_object(a=STRING)


def _pointer(name: str) -> str:
    return quote(name.replace("~", "~0").replace("/", "~1"))


def _shared(name: str, schema: Any) -> dict[str, Any]:
    """A channel with a schema among its definitions, and a topic that refers to it."""
    return {**channel("x", t=closed(a=ref(f"#/$defs/{_pointer(name)}"))), "$defs": {name: schema}}


def _tagged(text: str) -> dict[str, Any]:
    branches = [closed("kind", kind={"const": kind}, a=STRING) for kind in (text, "b")]
    return {"oneOf": branches}


def _recursive(text: str) -> dict[str, Any]:
    forest = {"description": text, "type": "array", "items": ref("#/$defs/Forest")}
    return {**channel("x", t=ref("#/$defs/Forest")), "$defs": {"Forest": forest}}


_SCHEMAS: Mapping[str, Callable[[str], Any]] = {
    # Words.
    "title": lambda t: {**_OBJECT, "title": t},
    "description": lambda t: {**_OBJECT, "description": t},
    "comment": lambda t: {**_OBJECT, "$comment": t},
    "examples": lambda t: {**_OBJECT, "examples": [{"a": t, t: [t]}]},
    "default": lambda t: {**_OBJECT, "default": {"a": t, t: [t]}},
    "title of a property": lambda t: open_object(a={**STRING, "title": t}),
    "description of a property": lambda t: open_object(a={**STRING, "description": t}),
    "description of an odd property": lambda t: open_object(**{"a-b": {**STRING, "description": t}}),
    "default of a property": lambda t: open_object(a={**STRING, "default": t}, b={**INTEGER, "default": t}),
    "examples of a property": lambda t: open_object(a={**STRING, "examples": [t]}),
    "description of an element": lambda t: {"type": "array", "items": {**_OBJECT, "description": t}},
    "descriptions that follow": lambda t: open_object(
        a={**STRING, "description": t}, b={**STRING, "description": t}
    ),
    # Values.
    "const": lambda t: closed("a", a={"const": t}),
    "enum": lambda t: closed("a", a={"enum": [t, "b", 1]}),
    "enum by itself": lambda t: {"enum": [t, f"{t}{t}"]},
    "enum of an element": lambda t: {"type": "array", "items": {"enum": [t, "b"]}},
    "enum of a map": lambda t: {"type": "object", "additionalProperties": {"enum": [t, "b"]}},
    "value of an object in an enum": lambda t: closed(a={"enum": [{t: t}, [t]]}),
    "tag": _tagged,
    # Names.
    "property": lambda t: open_object(**{t: STRING}),
    "required property": lambda t: closed("", **{t: INTEGER}) | {"required": [t]},
    "property beside an odd one": lambda t: open_object(**{"a-b": STRING, t: INTEGER}),
    "property that holds an object": lambda t: open_object(**{t: open_object(**{t: STRING})}),
    "property that holds an enum": lambda t: open_object(**{t: {"enum": [t, "b"]}}),
    "property that holds a nullable": lambda t: closed(**{t: {"type": ["string", "null"]}}),
    "property that is required only": lambda t: {"type": "object", "required": [t]},
    "pattern of properties": lambda t: {"type": "object", "patternProperties": {t: STRING}},
    "names that depend": lambda t: {**_OBJECT, "dependentRequired": {t: [t, "a"]}},
    "schemas that depend": lambda t: {**_OBJECT, "dependentSchemas": {t: open_object(**{t: STRING})}},
    "title of a branch": lambda t: {"oneOf": [{**closed("a", a=STRING), "title": t}, closed("b", b=STRING)]},
    # Rules.
    "pattern": lambda t: closed(a={**STRING, "pattern": t}),
    "pattern of a topic": lambda t: {**STRING, "pattern": t},
    "format": lambda t: closed(a={**STRING, "format": t}),
    "media type": lambda t: closed(a={**STRING, "contentMediaType": t, "contentEncoding": t}),
    "type": lambda t: {"type": t},
    # Identifiers and references.
    "id": lambda t: {**_OBJECT, "$id": t},
    "id of a property": lambda t: open_object(a={**STRING, "$id": t}),
    "urn": lambda t: {**_OBJECT, "$id": "urn:x:" + t},
    "anchor": lambda t: open_object(a={**STRING, "$anchor": t}, b=ref(f"#{t}")),
    "dynamic anchor": lambda t: open_object(a={**STRING, "$dynamicAnchor": t}, b={"$dynamicRef": f"#{t}"}),
    "dialect of a schema": lambda t: {**_OBJECT, "$schema": t},
    "vocabulary": lambda t: {**_OBJECT, "$vocabulary": {t: True}},
    "reference": lambda t: open_object(a=ref(t)),
    "reference to a fragment": lambda t: open_object(a=ref("#/" + t)),
    # Keywords.
    "keyword": lambda t: {**_OBJECT, t: t},
    "keyword of an extension": lambda t: {**_OBJECT, "x-" + t: {t: [t]}},
    "name for a class": lambda t: {**_OBJECT, "x-tightbeam-name": t},
}

_DEFINITIONS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "name of a channel": lambda t: channel(t, t=_OBJECT),
    "name of a channel with a parameter": lambda t: {
        **channel(t + ":{p}", t=_OBJECT),
        "params": {"p": STRING},
    },
    "name with braces": lambda t: channel("{" + t + "}", t=_OBJECT),
    "description of a channel": lambda t: {**channel("x", t=_OBJECT), "description": t},
    "description of a factory": lambda t: {
        **channel("x:{p}", t=_OBJECT),
        "params": {"p": {**STRING, "description": t}},
        "description": t,
    },
    "separator": lambda t: {**channel("x", t=_OBJECT), "separator": t[:1]},
    "name for a channel's class": lambda t: {**channel("x", t=_OBJECT), "x-tightbeam-name": t},
    "parameter": lambda t: {**channel("x:{" + t + "}", t=_OBJECT), "params": {t: STRING}},
    "values of a parameter": lambda t: {
        **channel("x:{p}", t=_OBJECT),
        "params": {"p": {"enum": [t, "b"], "title": t, "default": t, "$comment": t, "examples": [t]}},
    },
    "pattern of a parameter": lambda t: {
        **channel("x:{p}", t=_OBJECT),
        "params": {"p": {**STRING, "pattern": t}},
    },
    "topic": lambda t: channel("x", **{t: _OBJECT}),
    "topic of text": lambda t: channel("x", **{t: STRING}),
    "description of a topic": lambda t: {
        "name": "x",
        "topics": {"t": {"schema": _OBJECT, "description": t}, "u": {"schema": STRING, "description": t}},
    },
    "name for a topic": lambda t: {
        "name": "x",
        "topics": {"t": {"schema": _OBJECT, "x-tightbeam-name": t}},
    },
    "shared class": lambda t: _shared(t, _OBJECT),
    "shared enum": lambda t: _shared(t, {"enum": [t, "b"], "description": t}),
    "shared union": lambda t: _shared("A", {"description": t, "anyOf": [STRING, INTEGER]}),
    "unused definition": lambda t: {**channel("x", t=_OBJECT), "$defs": {t: {**STRING, "title": t}}},
    "definition of draft 7": lambda t: {
        **channel(
            "x", t={"$schema": DRAFT_7, "$ref": f"#/definitions/{_pointer(t)}", "definitions": {t: _OBJECT}}
        )
    },
    "description of what contains itself": _recursive,
    "dialect": lambda t: {**channel("x", t=_OBJECT), "dialect": t},
    "key of a definition": lambda t: {**channel("x", t=_OBJECT), t: t},
}


_EVENTS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "name of an event": lambda t: event("e" + t, schema=_OBJECT),
    "name of an event without data": lambda t: event("e" + t),
    "description of an event": lambda t: event(schema=_OBJECT, description=t),
    "description of an event without data": lambda t: event(description=t),
    "description of an event's data": lambda t: event(schema={**_OBJECT, "description": t, "title": t}),
    "property of an event": lambda t: event(schema=closed(**{t: STRING, "event": closed(**{t: INTEGER})})),
    "tag of an event": lambda t: event(schema=_tagged(t)),
    "id of an event": lambda t: event(schema={**_OBJECT, "$id": t}),
    "dialect of an event": lambda t: {**event(schema=_OBJECT), "dialect": t},
    "shared class of an event": lambda t: {
        **event(schema=closed(a=ref(f"#/$defs/{_pointer(t)}"))),
        "$defs": {t: {**_OBJECT, "description": t}},
    },
    "reference of an event": lambda t: event(schema=ref(t)),
    "name for an event's type": lambda t: {**event(schema=_OBJECT), "x-tightbeam-name": t},
    "exception of an event": lambda t: {**event(schema=_OBJECT), "x-tightbeam-allow-breaking": t},
    "key of an event": lambda t: {**event(schema=_OBJECT), t: t},
}


def _name(text: str) -> str:
    """A part of a path: what a disk takes, and what isn't hidden."""
    return text.replace("/", "_").replace("\0", "_").lstrip(".")[:60]


def _to_file(path: str, text: str, *, prefix: str = "") -> Files:
    return {
        "x.channel.json": channel("x", t=closed(a=ref(prefix + quote(path)))),
        path: {**_OBJECT, "title": text},
    }


_FILES: Mapping[str, Place] = {
    "file name": lambda t: {f"{_name(t)}.channel.json": channel("x", t=_OBJECT)},
    "file name in yaml": lambda t: {f"{_name(t)}.channel.yaml": json.dumps(channel("x", t=_OBJECT))},
    "file name of an event": lambda t: {f"{_name(t)}.event.json": event(schema=_OBJECT)},
    "file name of an event without data": lambda t: {f"{_name(t)}.event.json": event()},
    "folder of an event": lambda t: {f"{_name(t)}/x.event.yaml": json.dumps(event(schema=_OBJECT))},
    "folder": lambda t: {f"{_name(t)}/x.channel.json": channel("x", t=_OBJECT)},
    "folder in a folder": lambda t: {f"a/{_name(t)}/{_name(t)}/x.channel.json": channel("x", t=_OBJECT)},
    "folder with a parameter": lambda t: {
        f"{_name(t)}/x.channel.json": {**channel("x:{p}", t=_OBJECT), "params": {"p": STRING}}
    },
    "name for a class of a package": lambda t: {
        "a/x.channel.json": {**channel("x", t=_OBJECT), "x-tightbeam-name": t}
    },
    "shared file": lambda t: _to_file(f"{_name(t)}.json", t),
    "folder of a shared file": lambda t: _to_file(f"{_name(t)}/x.json", t),
    "mapped file": lambda t: {
        "x.channel.json": channel("x", t=closed(a=ref(f"{MAPPED}PLACE/{quote(_name(t))}.json"))),
        f"mapped:{_name(t)}.json": {**_OBJECT, "title": t},
    },
    "definition of a shared file": lambda t: {
        "x.channel.json": channel("x", t=closed(a=ref(f"y.json#/$defs/{_pointer(t)}"))),
        "y.json": {"$defs": {t: {**_OBJECT, "description": t}}, "description": t, "title": t},
    },
    "id of a shared file": lambda t: {
        "x.channel.json": channel("x", t=closed(a=ref("y.json#/$defs/A"))),
        "y.json": {"$id": "https://x.example/" + t, "$comment": t, "$defs": {"A": _OBJECT}},
    },
    "yaml": lambda t: {"x.channel.yaml": json.dumps({**channel("x", t=_OBJECT), "description": t})},
    "yaml block": lambda t: {
        "x.channel.yaml": "name: x\ntopics: {t: {schema: {type: string}}}\ndescription: |\n"
        + "".join(f"    {line}\n" for line in t.split("\n"))
    },
    "yaml comment": lambda t: {"x.channel.yaml": f"# {t}\n" + json.dumps(channel("x", t=_OBJECT))},
    "settings of ruff": lambda t: {"x.channel.json": channel("x", t={**_OBJECT, "ruff": {"line-length": t}})},
}


def _of_topic(schema: Callable[[str], Any]) -> Place:
    return lambda text: {"x.channel.json": channel("x", t=schema(text))}


def _of_definition(definition: Callable[[str], Any]) -> Place:
    return lambda text: {"x.channel.json": definition(text)}


def _of_event(definition: Callable[[str], Any]) -> Place:
    return lambda text: {"x.event.json": definition(text)}


PLACES: Mapping[str, Place] = {
    **{name: _of_topic(schema) for name, schema in _SCHEMAS.items()},
    **{name: _of_definition(definition) for name, definition in _DEFINITIONS.items()},
    **{name: _of_event(definition) for name, definition in _EVENTS.items()},
    **_FILES,
}

DESCRIBING = frozenset(
    [
        *("title", "description", "comment", "examples", "default", "title of a property"),
        *("description of a property", "description of an odd property", "default of a property"),
        *("examples of a property", "description of an element", "descriptions that follow"),
        *("const", "enum", "enum by itself", "enum of an element", "enum of a map", "tag"),
        *("value of an object in an enum", "property", "required property", "property that holds an enum"),
        *("property beside an odd one", "property that holds an object", "property that holds a nullable"),
        *("property that is required only", "names that depend", "schemas that depend", "title of a branch"),
        *("format", "media type", "description of a channel", "description of a factory"),
        *("description of a topic", "shared union", "unused definition"),
        *("description of what contains itself", "yaml", "vocabulary"),
        *(
            "description of an event",
            "description of an event without data",
            "description of an event's data",
        ),
        *("property of an event", "tag of an event"),
    ]
)
"""Where any text may stand, since it says nothing, or is a value: it must not be refused."""
