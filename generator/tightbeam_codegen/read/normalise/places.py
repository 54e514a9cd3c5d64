"""The place of a schema, as the parts of a class name.

A name is made of the place: the topic or shared definition that a schema belongs to, then the properties on
the way. Nothing is counted over a whole file, so an addition in one place renames nothing in another.
`tightbeam_codegen.read.normalise.naming` settles names that meet.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from tightbeam._payload.subschemas import HOLDERS, SCHEMA_MAPS
from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.names import class_name, is_class_name, is_field_name, pascal, snake
from tightbeam_codegen.problems import Place
from tightbeam_codegen.read.check import AnyDefinition, EventDefinition, Topic
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.load.values import value_at
from tightbeam_codegen.read.normalise.api_places import schema_in_api
from tightbeam_codegen.read.normalise.shapes import Name
from tightbeam_codegen.read.payload_pointers import is_event, split_payload

__all__ = [
    "OVERRIDE",
    "NamePlace",
    "PlaceKey",
    "are_distinct",
    "branch_suffixes",
    "event_places",
    "is_definition",
    "is_override",
    "module_of",
    "payload_place",
    "place_of",
]

OVERRIDE = "x-tightbeam-name"
"""The keyword by which a schema chooses its name."""

_DEFINITIONS = ("$defs", "definitions")
_COMPONENTS = ("components", "schemas")
"""Where OpenAPI and AsyncAPI documents have their shared schemas."""
_VALUES = ("additionalProperties", "unevaluatedProperties")
_ITEMS = ("items", "additionalItems", "unevaluatedItems", "contains", "prefixItems")
_SUFFIXES = (".channel", ".event", ".schema")


PlaceKey: TypeAlias = tuple[str, Pointer]
"""The URI of a file, and a place in it."""


@dataclass(frozen=True, slots=True, eq=False)
class NamePlace:
    """A generated module, and the parts of a class name in it."""

    module: tuple[str, ...]
    parts: tuple[str, ...]
    document: Document
    """The file of the place, which is not always that of the schemas that a class is made of."""
    path: Pointer
    """The way to it in the file; two places that come to one name have two paths."""
    is_chosen: bool = False
    """Whether the parts are a name that the settings or the schema chose."""

    @property
    def key(self) -> PlaceKey:
        """Its identity."""
        return self.document.uri, self.path

    @property
    def schema(self) -> Any:
        """The schema at the place, or the innermost schema around it."""
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
        """Return the place of something inside; without a `part` the place has the same name."""
        parts = (*self.parts, part) if part else self.parts
        return NamePlace(self.module, parts, self.document, (*self.path, part), self.is_chosen and not part)

    @property
    def name(self) -> Name:
        """The class name of the place."""
        return self.named(self.parts)

    def named(self, parts: Iterable[str]) -> Name:
        """Return the class name that is made of parts at this place."""
        of_event = is_event(self.document) and not self.is_chosen
        return Name(self.module, class_name(parts, of_event=of_event))


def payload_place(definition: AnyDefinition, payload: Topic) -> NamePlace:
    """Return the place of a payload.

    Args:
        definition: the definition that has it.
        payload: a topic, or the data of an event.
    """
    return NamePlace(definition.module, (payload.named_after,), definition.document, payload.pointer)


def event_places(definition: EventDefinition) -> Iterator[NamePlace]:
    """Yield the places of an event's type, which has a name beside those of classes, or two of them."""
    # The chosen one is Python's.
    for name in dict.fromkeys([f"{pascal(definition.module[-1])}Event", definition.class_name]):
        if name is not None:
            yield NamePlace(definition.module, (name,), definition.document, ("name",), is_chosen=True)


@functools.lru_cache(maxsize=4096)
def module_of(document: Document) -> tuple[str, ...]:
    """Return the module of a document: its path without suffixes, below the host's name if it is mapped."""
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
    """Return whether a pointer leads to a shared schema: one below `$defs`, or alone in a file."""
    return (
        not pointer
        or (len(pointer) >= 2 and pointer[-2] in _DEFINITIONS)
        or (len(pointer) == 3 and pointer[:2] == _COMPONENTS)
    )


def _choose_nothing(_document: Document, _pointer: Pointer) -> str | None:
    return None


def place_of(
    document: Document,
    pointer: Pointer,
    chosen: Callable[[Document, Pointer], str | None] = _choose_nothing,
) -> NamePlace:
    """Return the place of the schema at `pointer`, by the keywords on the way to it.

    Args:
        document: the file of the schema.
        pointer: the way to the schema.
        chosen: gives the class name that the settings choose for a place; it replaces the schema's own.
    """
    module = module_of(document)
    parts, value, keys = _beginning(document, pointer)

    def name() -> tuple[str, ...]:
        by_settings = chosen(document, pointer[: len(pointer) - len(keys)])
        return (by_settings,) if by_settings is not None else _own_name(value)

    while keys:
        if parts or keys[0] not in _DEFINITIONS:
            # At the top of a file a name is that of the file's own class, or of the channel's.
            parts = name() or parts
        parts, value = _inside(parts, value, keys)
    own = name()
    return NamePlace(module, own or parts, document, pointer, bool(own))


def _beginning(document: Document, pointer: Pointer) -> tuple[tuple[str, ...], Any, list[str | int]]:
    """Return the name of the payload or of the shared definition at the beginning of a pointer, and the rest.

    Returns:
        The parts of the name, the value at that place, and the keys that follow.
    """
    value: Any = document.value
    keys = list(pointer)
    if (payload := split_payload(document, pointer)) is not None:
        way, rest = payload
        name = module_of(document)[-1] if is_event(document) else str(way[1])
        return (name,), value_at(value, way), list(rest)
    if (named := schema_in_api(document, pointer)) is not None:
        for key in keys[: named[1]]:
            value = value[key]
        return named[0], value, keys[named[1] :]
    if pointer[:2] == _COMPONENTS and len(keys) > 2:
        shared, end = value["components"]["schemas"][keys[2]], 3
        if keys[3:4] == ["schema"]:
            # Beside its format, in a document of AsyncAPI; no keyword is called so.
            shared, end = shared["schema"], 4
        return (str(keys[2]),), shared, keys[end:]
    if not keys or keys[0] not in _DEFINITIONS:
        return (module_of(document)[-1],), value, keys
    return (), value, keys


def _inside(parts: tuple[str, ...], value: Any, keys: list[str | int]) -> tuple[tuple[str, ...], Any]:
    """Return the name parts and the value one keyword further; remove what was used from the keys."""
    key = keys.pop(0)
    inner = value[key]
    if key in SCHEMA_MAPS:
        if not keys:
            return parts, value
        name = keys.pop(0)
        return (*parts, str(name)), inner[name]
    if HOLDERS.get(str(key)) == "schemas" and key != "prefixItems" and keys:
        index = int(keys.pop(0))
        suffix = branch_suffixes(inner)[index] if key != "allOf" else ""
        return (*parts, suffix) if suffix else parts, inner[index]
    if key in _VALUES:
        return (*parts, "Value"), inner
    if key in _ITEMS:
        if not isinstance(inner, list) or not keys:
            return (*parts, "Item"), inner
        index = int(keys.pop(0))
        return (*parts, f"Item{index}"), inner[index]
    return (*parts, str(key)), inner


def is_override(text: str) -> bool:
    """Return whether `x-tightbeam-name` can have a value: a class's name in CamelCase, or a field's."""
    return is_class_name(text) if text[:1].isupper() else is_field_name(text)


def _own_name(schema: Any) -> tuple[str, ...]:
    """Return the class name that a schema chooses, as the only part; empty without one, or with a bad one."""
    override = schema.get(OVERRIDE) if isinstance(schema, dict) else None
    return (override,) if isinstance(override, str) and is_class_name(override) else ()


def branch_suffixes(branches: list[Any]) -> list[str]:
    """Return the ends of the names of inline branches of a union: tag value, else title, else index.

    The only branch beside null needs no suffix.
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
    """Return the properties for which every branch that is no bare reference has one fixed value."""
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
        # A number is no word by itself: `Version2`, `FinalTrue`.
        return f"{tag}-{'minus-' if value < 0 else ''}{abs(value) if not isinstance(value, bool) else value}"
    return value if isinstance(value, str) else None


def _title(branch: Any) -> str | None:
    """Return the title of a branch; empty where it needs none: for null, and for a reference."""
    if not isinstance(branch, dict) or branch.get("type") == "null" or "$ref" in branch:
        return ""
    title = branch.get("title")
    return title if isinstance(title, str) and title else None


def are_distinct(names: list[Any]) -> bool:
    """Return whether the names that aren't empty give different parts of a class name, one at least."""
    pascals = [pascal(name) for name in names if name]
    return len(set(pascals)) == len(pascals) > 0
