"""Channel definitions as values, once they are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from tightbeam_codegen.read.load import Document, JsonValue, Pointer

__all__ = ["Definition", "ParamKind", "ParamValue", "Parameter", "Topic"]

ParamKind: TypeAlias = Literal["string", "integer", "boolean"]
ParamValue: TypeAlias = str | int | bool


@dataclass(frozen=True, slots=True)
class Topic:
    """A stream of a channel."""

    name: str
    pointer: Pointer
    """Of the payload schema, in the document of the definition."""
    description: str
    py_name: str | None
    """The name that `x-tightbeam-name` chooses."""


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
