"""The place of a schema, as the parts of the class name it would get.

A name comes from where a schema stands: the topic or shared definition it belongs to, then the properties on
the way. Nothing is ever counted over a whole file, so an addition in one place renames nothing in another.
Names that meet are settled by `tightbeam_codegen.read.normalise.naming`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from tightbeam._payload.subschemas import SCHEMA_MAPS
from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.names import class_name, is_class_name, is_field_name, pascal, snake
from tightbeam_codegen.problems import Place
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.normalise.shapes import Name

__all__ = [
    "OVERRIDE",
    "NamePlace",
    "PlaceKey",
    "are_distinct",
    "branch_suffixes",
    "is_definition",
    "is_override",
    "module_of",
    "place_of",
    "topic_place",
]

OVERRIDE = "x-tightbeam-name"
"""The keyword by which a schema asks for a name."""

_DEFINITIONS = ("$defs", "definitions")
_COMPONENTS = ("components", "schemas")
"""Where OpenAPI and AsyncAPI documents have their shared schemas."""
_VALUES = ("additionalProperties", "unevaluatedProperties")
_ITEMS = ("items", "additionalItems", "unevaluatedItems", "contains")
_SUFFIXES = (".channel", ".schema")


PlaceKey: TypeAlias = tuple[str, Pointer]
"""The URI of a file, and a place in it."""


@dataclass(frozen=True, slots=True, eq=False)
class NamePlace:
    """A generated module, and the parts of a class name in it."""

    module: tuple[str, ...]
    parts: tuple[str, ...]
    document: Document
    """The file that names it: that of the place, not of a schema that it is made of."""
    path: Pointer
    """Where it is in the file, exactly; two places that come to one name have two paths."""
    is_chosen: bool = False
    """Whether the parts are a name that was asked for as it is."""

    @property
    def key(self) -> PlaceKey:
        """What tells it from all others."""
        return self.document.uri, self.path

    @property
    def schema(self) -> Any:
        """The schema that stands there, or the innermost one around it."""
        value: Any = self.document.value
        for key in self.path:
            try:
                inner = value[key]
            except (LookupError, TypeError):
                break
            if not isinstance(inner, dict | list):
                break
            value = inner
        return value

    @property
    def spot(self) -> Place:
        """Line and column of that schema."""
        return self.document.place(self.path)

    def inside(self, part: str) -> NamePlace:
        """Return the place of something inside, which has a name of its own if `part` isn't empty."""
        parts = (*self.parts, part) if part else self.parts
        return NamePlace(self.module, parts, self.document, (*self.path, part), self.is_chosen and not part)

    @property
    def name(self) -> Name:
        """The class name these parts come to."""
        return Name(self.module, class_name(self.parts))


def topic_place(document: Document, module: tuple[str, ...], topic: str) -> NamePlace:
    """Return the place of a topic's payload."""
    return NamePlace(module, (topic,), document, ("topics", topic, "schema"))


@functools.lru_cache(maxsize=4096)
def module_of(document: Document) -> tuple[str, ...]:
    """The module for a document's definitions: its path without suffixes, below the host's name if mapped."""
    path = PurePosixPath(document.path)
    stem = path.name.removesuffix(path.suffix)
    for suffix in _SUFFIXES:
        stem = stem.removesuffix(suffix)
    folders = path.parent.parts
    if not document.uri.startswith(ROOT_URI):
        url = urlsplit(document.uri)
        mapped = PurePosixPath(url.path.lstrip("/"))
        folders = (url.netloc or url.scheme, *mapped.parent.parts)
    return tuple(snake(part) for part in (*folders, stem))


def is_definition(pointer: Pointer) -> bool:
    """Whether a schema stands where shared ones do: below `$defs`, or alone in a file."""
    return (
        not pointer
        or (len(pointer) >= 2 and pointer[-2] in _DEFINITIONS)
        or (len(pointer) == 3 and pointer[:2] == _COMPONENTS)
    )


def _asks_for_nothing(_document: Document, _pointer: Pointer) -> str | None:
    return None


def place_of(
    document: Document,
    pointer: Pointer,
    chosen: Callable[[Document, Pointer], str | None] = _asks_for_nothing,
) -> NamePlace:
    """Return the place of the schema at `pointer`, by the keywords on the way to it.

    Args:
        document: the file it stands in.
        pointer: where.
        chosen: gives the class name that the settings ask for at a place; it comes before the schema's own.
    """
    module = module_of(document)
    value: Any = document.value
    parts: tuple[str, ...] = ()
    keys = list(pointer)

    def renamed() -> tuple[str, ...]:
        asked_for = chosen(document, pointer[: len(pointer) - len(keys)])
        return (asked_for,) if asked_for is not None else _renamed(value)

    if keys[:1] == ["topics"] and keys[2:3] == ["schema"]:
        parts, value, keys = (str(keys[1]),), value["topics"][keys[1]]["schema"], keys[3:]
    elif pointer[:2] == _COMPONENTS and len(keys) > 2:
        parts, value, keys = (str(keys[2]),), value["components"]["schemas"][keys[2]], keys[3:]
    elif not keys or keys[0] not in _DEFINITIONS:
        parts = (module[-1],)
    while keys:
        if parts or keys[0] not in _DEFINITIONS:
            # At the top of a file it is the name of the file's own class, or of the channel's.
            parts = renamed() or parts
        key = keys.pop(0)
        inner = value[key]
        if key in SCHEMA_MAPS:
            if not keys:
                break
            name = keys.pop(0)
            parts, value = (*parts, str(name)), inner[name]
        elif key in ("anyOf", "oneOf", "allOf") and keys:
            index = int(keys.pop(0))
            suffix = branch_suffixes(inner)[index] if key != "allOf" else ""
            parts, value = (*parts, suffix) if suffix else parts, inner[index]
        elif key in _VALUES:
            parts, value = (*parts, "Value"), inner
        elif key in (*_ITEMS, "prefixItems"):
            parts, value = (*parts, "Item"), inner
            if isinstance(inner, list) and keys:
                index = int(keys.pop(0))
                parts, value = (*parts[:-1], f"Item{index}"), inner[index]
        else:
            parts, value = (*parts, str(key)), inner
    asked_for = renamed()
    return NamePlace(module, asked_for or parts, document, pointer, bool(asked_for))


def is_override(text: str) -> bool:
    """Whether `x-tightbeam-name` can be this: the name of a class in CamelCase, else that of a field."""
    return is_class_name(text) if text[:1].isupper() else is_field_name(text)


def _renamed(schema: Any) -> tuple[str, ...]:
    """The class name that a schema asks for, as the only part; without one, or with a bad one, nothing."""
    override = schema.get(OVERRIDE) if isinstance(schema, dict) else None
    return (override,) if isinstance(override, str) and is_class_name(override) else ()


def branch_suffixes(branches: list[Any]) -> list[str]:
    """What tells inline branches of an `anyOf` or `oneOf` apart in names: tag value, else title, else index.

    The one branch beside null needs no suffix.
    """
    inline = [branch for branch in branches if isinstance(branch, dict) and branch.get("type") != "null"]
    if len(inline) <= 1:
        return ["" for _ in branches]
    for tag in _tags(inline):
        named = [_tag_value(branch, tag) for branch in branches]
        if are_distinct(named):
            return [name or "" for name in named]
    titles = [_title(branch) for branch in branches]
    if all(title is not None for title in titles) and are_distinct(titles):
        return [title or "" for title in titles]
    return [str(index) for index in range(len(branches))]


def _tags(branches: list[dict[str, Any]]) -> list[str]:
    """The properties for which every branch that is no bare reference has one fixed value."""
    whole = [branch for branch in branches if "$ref" not in branch]
    first = whole[0].get("properties") if whole else None
    names = list(first) if isinstance(first, dict) else []
    return [name for name in names if all(_tag_value(branch, name) for branch in whole)]


def _tag_value(branch: Any, tag: str) -> str | None:
    properties = branch.get("properties") if isinstance(branch, dict) else None
    schema = properties.get(tag) if isinstance(properties, dict) else None
    if not isinstance(schema, dict):
        return None
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    value = values[0] if isinstance(values, list) and len(values) == 1 else None
    if isinstance(value, int):
        # A number says nothing by itself: `Version2`, `FinalTrue`.
        return f"{tag}-{'minus-' if value < 0 else ''}{abs(value) if not isinstance(value, bool) else value}"
    return value if isinstance(value, str) else None


def _title(branch: Any) -> str | None:
    """The title of a branch; empty where it needs none: null, and what has a name elsewhere."""
    if not isinstance(branch, dict) or branch.get("type") == "null" or "$ref" in branch:
        return ""
    title = branch.get("title")
    return title if isinstance(title, str) and title else None


def are_distinct(names: list[Any]) -> bool:
    """Whether names, the empty ones apart, give different parts of a class name, one at least."""
    pascals = [pascal(name) for name in names if name]
    return len(set(pascals)) == len(pascals) > 0
