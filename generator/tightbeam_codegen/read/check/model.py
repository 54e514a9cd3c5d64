"""Definitions of channels and events as values, once they are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from tightbeam_codegen.read.load import Document, JsonValue, Pointer

__all__ = [
    "AnyDefinition",
    "Definition",
    "EventDefinition",
    "ParamKind",
    "ParamValue",
    "Parameter",
    "Topic",
]

ParamKind: TypeAlias = Literal["string", "integer", "boolean"]
ParamValue: TypeAlias = str | int | bool


@dataclass(frozen=True, slots=True)
class Topic:
    """A stream of a channel, or the data of an event: what has a payload schema in a definition."""

    name: str
    """Of the topic, or of the event, on the wire."""
    pointer: Pointer
    """Of the payload schema, in the document of the definition."""
    description: str
    py_name: str | None
    """The attribute that `x-tightbeam-name` chooses."""
    named_after: str
    """What the names of its classes begin with: a topic's name, and for an event that of its file."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a channel's name."""

    name: str
    kind: ParamKind
    schema: dict[str, JsonValue]
    enum: tuple[ParamValue, ...] | None
    description: str


@dataclass(frozen=True, slots=True)
class Definition:
    """One channel definition file."""

    document: Document
    module: tuple[str, ...]
    """The Python module of the definition, without the output package."""
    name: str
    """The name template."""
    separator: str
    description: str
    params: tuple[Parameter, ...]
    """In the order of their placeholders."""
    topics: tuple[Topic, ...]
    dialect: str
    """A URI of DRAFTS or of a mapped metaschema."""
    assert_formats: bool
    class_name: str | None
    """The name that `x-tightbeam-name` chooses."""

    @property
    def payloads(self) -> tuple[Topic, ...]:
        """Everything in the file that has a payload schema."""
        return self.topics


@dataclass(frozen=True, slots=True)
class EventDefinition:
    """One event definition file."""

    document: Document
    module: tuple[str, ...]
    """The Python module of the definition, without the output package."""
    name: str
    """The event's name on the wire, such as `app/upload`."""
    description: str
    payload: Topic | None
    """The schema of its data; None for an event without data."""
    dialect: str
    """A URI of DRAFTS or of a mapped metaschema."""
    assert_formats: bool
    class_name: str | None
    """The name of the event's type that `x-tightbeam-name` chooses."""

    @property
    def payloads(self) -> tuple[Topic, ...]:
        """Everything in the file that has a payload schema."""
        return () if self.payload is None else (self.payload,)


AnyDefinition: TypeAlias = Definition | EventDefinition
