"""What a generated TypeScript module says, as plain facts ready to print. Small, frozen and closed.

Names are identifiers by now; words of a schema (property names, fixed strings, descriptions) are as they were
written, and become source in the printer only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from tightbeam_codegen.read.normalise.shapes import Rules

__all__ = [
    "FUNCTION",
    "NULL",
    "UNKNOWN",
    "AliasType",
    "ArrayOf",
    "Channel",
    "Constant",
    "Draft",
    "Event",
    "Import",
    "Item",
    "Keyword",
    "MapOf",
    "Module",
    "Named",
    "ObjectType",
    "OneOf",
    "Param",
    "Property",
    "Topic",
    "TupleOf",
    "Type",
    "Validators",
]


@dataclass(frozen=True, slots=True)
class Keyword:
    """A type of the language."""

    word: Literal[
        "string", "number", "boolean", "null", "unknown", "never", "{ bind: unknown; call: unknown }"
    ]


@dataclass(frozen=True, slots=True)
class Constant:
    """Exactly one value."""

    value: str | float | bool


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """Any number of these."""

    item: Type


@dataclass(frozen=True, slots=True)
class TupleOf:
    """An array whose first elements have types of their own."""

    prefix: tuple[Type, ...]
    required: int
    """The least number of first elements."""
    rest: Type | None
    """The type of all further elements; None where there are none."""


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object whose keys aren't known beforehand."""

    value: Type


@dataclass(frozen=True, slots=True)
class Named:
    """A type that is declared in the module, or imported into it."""

    name: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several types."""

    branches: tuple[Type, ...]


Type: TypeAlias = Keyword | Constant | ArrayOf | TupleOf | MapOf | Named | OneOf

NULL = Keyword("null")
UNKNOWN = Keyword("unknown")
FUNCTION = Keyword("{ bind: unknown; call: unknown }")
"""Any function. The language's own name for it, `Function`, may be a payload's."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an object."""

    name: str
    type: Type
    optional: bool
    doc: str
    rules: Rules = ()
    """What its schema says beside the type."""


@dataclass(frozen=True, slots=True)
class ObjectType:
    """An object with known properties; one that isn't closed has any others too."""

    name: str
    properties: tuple[Property, ...]
    closed: bool
    doc: str
    rules: Rules = ()


@dataclass(frozen=True, slots=True)
class AliasType:
    """A name for any other type."""

    name: str
    type: Type
    doc: str
    rules: Rules = ()


Item: TypeAlias = ObjectType | AliasType


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of a channel."""

    name: str
    type: Type
    doc: str


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a channel's name."""

    name: str
    kind: Literal["string", "integer", "boolean"]
    values: tuple[str | int | bool, ...] | None
    """All values that it can have; None where they aren't listed."""
    doc: str
    rules: Rules = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel: a function of its parameters, or a ready one where the name has none."""

    constant: str
    template: str
    separator: str
    params: tuple[Param, ...]
    topics: tuple[Topic, ...]
    doc: str
    message: str
    """The name of the type of its messages. No payload's name has that ending (`names.class_name`)."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event: an object with its name and schema, and the type of what is sent."""

    constant: str
    type_name: str
    """The name of the type of the event. No payload's name has that ending (`names.class_name`)."""
    name: str
    data: Type | None
    """None for an event without data."""
    doc: str


@dataclass(frozen=True, slots=True)
class Import:
    """Types of another generated module: `import type { <name> as <alias>, … } from "<module>"`."""

    module: str
    """The specifier without an ending, such as `./common`."""
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
    channel: Channel | None
    event: Event | None = None


Draft: TypeAlias = Literal[4, 7, 2019, 2020]
"""A draft for which Ajv has a class."""


@dataclass(frozen=True, slots=True)
class Validators:
    """The module that validates payloads, beside that of a channel or of an event with data."""

    module: Module
    schemas: str
    """The bundled schemas, as JSON."""
    drafts: tuple[Draft, ...]
    """The drafts that the schemas are written in."""
    asserts_formats: bool
