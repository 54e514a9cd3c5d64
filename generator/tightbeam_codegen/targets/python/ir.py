"""The intermediate representation: what a generated package says, as plain facts ready to print.

Small, frozen and closed. Types are Python expressions in the spelling of a generated module (docs/design.md,
"How a generated module reads"); every string of the user's in them is already a literal. Printers never see
raw schemas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "Alias",
    "Channel",
    "Class",
    "Field",
    "Import",
    "Item",
    "Module",
    "Package",
    "Param",
    "Schemas",
    "Topic",
]

Presence: TypeAlias = Literal["required", "optional", "optional-nullable", "null-by-default"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a class and one key of its dictionary."""

    py_name: str
    wire_name: str
    type: str
    """On the model, without what presence adds (`| None`)."""
    wire_type: str
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
    type: str
    wire_type: str | None
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
    payload_type: str
    publish_type: str
    doc: str


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a channel's name."""

    py_name: str
    wire_name: str
    kind: Literal["string", "integer", "boolean"]
    type: str
    is_uuid: bool
    """Whether a `UUID` may be given for its text."""
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
    """Names that only the topics' types are spelt with, where payloads contain themselves."""
    schemas: str
    """The module with the topics' schemas, relative to the channel's package."""
    doc: str


@dataclass(frozen=True, slots=True)
class Import:
    """Names of another generated module: `from <module> import <name> as <alias>, …`."""

    module: str
    """Relative, such as `.common`."""
    names: tuple[tuple[str, str], ...]
    """(name, alias)."""


@dataclass(frozen=True, slots=True)
class Module:
    """One generated module."""

    path: tuple[str, ...]
    source: str
    """The definition file it was made from, as shown."""
    digest: str
    doc: str
    imports: tuple[Import, ...]
    items: tuple[Item, ...]
    channel: Channel | None
    first: tuple[str, ...] = ()
    """Modules to import before those of `imports`, in this order."""


@dataclass(frozen=True, slots=True)
class Schemas:
    """The bundled schemas of one channel's topics."""

    path: tuple[str, ...]
    source: str
    digest: str
    text: str


@dataclass(frozen=True, slots=True)
class Package:
    """A package's lazy `__init__`: public names by module, relative to it."""

    path: tuple[str, ...]
    exports: tuple[tuple[str, tuple[str, ...]], ...]
    """(module, names) of the channels below it."""
