"""The intermediate representation: what a generated package says, as plain facts ready to print.

Small, frozen and closed. Names are identifiers by now; words of a schema (property names, fixed strings,
descriptions) are as they were written, and become source in the printer only. Printers never see raw schemas.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tightbeam_codegen.targets.python.type_tree import Type

__all__ = [
    "Alias",
    "Channel",
    "Class",
    "Event",
    "Field",
    "Import",
    "Item",
    "Kinds",
    "Module",
    "Package",
    "Param",
    "Schemas",
    "Topic",
    "types_of",
]

Kinds: TypeAlias = Literal["channels", "events", "channels and events"]

Presence: TypeAlias = Literal["required", "optional", "optional-nullable", "null-by-default"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a class and one key of its dictionary."""

    py_name: str
    wire_name: str
    type: Type
    """On the model, without what presence adds (`| None`)."""
    wire_type: Type
    rules: tuple[tuple[str, int | float | str], ...]
    """Keyword arguments of `pydantic.Field`."""
    unchecked: tuple[tuple[str, int | float | str | bool], ...]
    """Rules that the model doesn't check, by their keywords in JSON Schema."""
    presence: Presence
    doc: str


@dataclass(frozen=True, slots=True)
class Class:
    """An object: a model and its typed dictionary."""

    name: str
    fields: tuple[Field, ...]
    closed: bool
    doc: str


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for a type. `wire_type` is None where the wire form is the same type.

    A type that contains itself, or has a `|` beside such a one, is `quoted`.
    """

    name: str
    type: Type
    wire_type: Type | None
    quoted: bool
    doc: str


Item: TypeAlias = Class | Alias


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of a channel."""

    attribute: str
    wire_name: str
    class_name: str
    """The topic's own name in CamelCase: its message alias is this with `Message` appended."""
    payload_type: Type
    publish_type: Type
    doc: str


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a channel's name."""

    py_name: str
    wire_name: str
    kind: Literal["string", "integer", "boolean"]
    type: Type
    is_uuid: bool
    """Whether a `UUID` is accepted for its text."""
    doc: str


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel class with its factory, or its ready instance where the name has no parameters."""

    class_name: str
    function: str
    template: str
    separator: str
    params: tuple[Param, ...]
    topics: tuple[Topic, ...]
    private: tuple[Alias, ...]
    """Aliases that only the types of topics need, where payloads contain themselves."""
    doc: str


@dataclass(frozen=True, slots=True)
class Event:
    """The type of an event, and the reference by which it is sent and listened to."""

    class_name: str
    ref: str
    wire_name: str
    data_type: Type | None
    """None for an event without data."""
    send_type: Type | None
    private: tuple[Alias, ...]
    """As for a channel."""
    doc: str


@dataclass(frozen=True, slots=True)
class Import:
    """Names of another generated module: `from <module> import <name> as <alias>, …`."""

    module: tuple[str, ...]
    names: tuple[tuple[str, str], ...]
    """(name, alias)."""


@dataclass(frozen=True, slots=True)
class Module:
    """One generated module."""

    path: tuple[str, ...]
    source: str
    """The definition file, as messages show it."""
    digest: str
    doc: str
    imports: tuple[Import, ...]
    items: tuple[Item, ...]
    defined: Channel | Event | None
    """What the definition file defines; None in the module of a schema document."""
    first: tuple[tuple[str, ...], ...] = ()
    """Modules to import before those of `imports`, in this order."""


@dataclass(frozen=True, slots=True)
class Schemas:
    """The bundled schemas of one definition."""

    path: tuple[str, ...]
    source: str
    digest: str
    doc: str
    text: str


@dataclass(frozen=True, slots=True)
class Package:
    """A package's lazy `__init__`: public names by module, relative to it."""

    path: tuple[str, ...]
    exports: tuple[tuple[str, tuple[str, ...]], ...]
    """(module, names) of the channels and events directly in it."""
    kinds: Kinds
    """What there is in the outermost package."""


def types_of(items: Iterable[Item], defined: Channel | Event | None) -> Iterable[Type]:
    """Return all types of a module, each once.

    Args:
        items: the module's.
        defined: the module's channel or event, if it has one.
    """
    return dict.fromkeys(_types(items, defined))


def _types(items: Iterable[Item], defined: Channel | Event | None) -> Iterator[Type]:
    for item in items:
        if isinstance(item, Class):
            for field in item.fields:
                yield from (field.type, field.wire_type)
        else:
            yield item.type
            if item.wire_type is not None:
                yield item.wire_type
    if defined is not None:
        yield from (alias.type for alias in defined.private)
    if isinstance(defined, Channel):
        yield from (param.type for param in defined.params)
        for topic in defined.topics:
            yield from (topic.payload_type, topic.publish_type)
    if isinstance(defined, Event) and defined.data_type is not None and defined.send_type is not None:
        yield from (defined.data_type, defined.send_type)
