"""What the normalisation of some topics depends on, and what it asks of a schema besides its shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.normalise.docs import class_doc
from tightbeam_codegen.read.normalise.flatten import Flattener, Part
from tightbeam_codegen.read.normalise.naming import Names
from tightbeam_codegen.read.normalise.notices import Notices
from tightbeam_codegen.read.normalise.places import NamePlace, place_of
from tightbeam_codegen.read.normalise.rules import stated_rules
from tightbeam_codegen.read.normalise.shapes import Order, Rules, Shape
from tightbeam_codegen.read.resolve import Node, SchemaStore

__all__ = ["Context", "Key", "key_of"]

Key: TypeAlias = tuple[tuple[int | bool, frozenset[str]], ...]
"""Equal for the same demands."""


def key_of(parts: Sequence[Part]) -> Key:
    """Return the key of schemas that must all hold."""
    return tuple(part.key for part in parts)


@dataclass(frozen=True, slots=True)
class Context:
    """What shapes are made of, and how."""

    store: SchemaStore
    flattener: Flattener
    notices: Notices
    names: Names
    """What classes are called."""
    asserts_formats: Callable[[Node], bool]
    """Says whether `format` is law for a schema, given the node it stands in."""
    assume_objects: bool
    """Whether a schema with `properties` and without `type` is taken for an object."""
    exact: bool
    """Whether shapes say what Python's types can't: the first elements of an array each by itself, and values
    of any kind side by side."""

    def place_of(self, document: Document, node: Node) -> NamePlace:
        """Return the place that a schema is named after by where it stands in a document."""
        return place_of(document, self.store.pointer(node.schema), self.names.chosen)

    def order(self, parts: Sequence[Part], place: NamePlace) -> Order:
        """Return where a class comes in the file that names it, though its schemas may be of other files."""
        schemas = (part.node.schema for part in parts)
        own = (schema for schema in schemas if self.store.document(schema) is place.document)
        return place.document.uri, self.store.origins.order(next(own, place.schema))

    def doc(self, node: Node, *names: str) -> str:
        """Return the description of a schema, or of the schema that it is a reference to.

        Args:
            node: the schema.
            names: of what the schema describes; a title that only repeats one of them says nothing.
        """
        target = self.flattener.through(node)
        return class_doc(node.schema, names) or class_doc(target.schema, names)

    def rules(self, nodes: Sequence[Node], shape: Shape) -> Rules:
        """Return what schemas demand of values beside their shape; nothing unless shapes are exact."""
        return stated_rules(self.flattener, self.store, nodes, shape) if self.exact else ()
