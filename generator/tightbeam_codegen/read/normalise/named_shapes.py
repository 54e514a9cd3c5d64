"""The classes and aliases that schemas came to, each with what it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tightbeam_codegen.read.normalise.context import Context, key_of
from tightbeam_codegen.read.normalise.flatten import Part
from tightbeam_codegen.read.normalise.naming import Claim
from tightbeam_codegen.read.normalise.places import NamePlace
from tightbeam_codegen.read.normalise.shapes import (
    AliasShape,
    Name,
    NamedShape,
    ObjectShape,
    Ref,
    Shape,
    Union,
)
from tightbeam_codegen.read.resolve import Node

__all__ = ["NamedShapes"]


class NamedShapes:
    """Collects classes and aliases.

    Args:
        context: describes and orders them.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._widths: dict[Name, int] = {}
        self.by_name: dict[Name, NamedShape] = {}
        self.claims: dict[Name, list[Claim]] = {}
        """What each of them is made of; several claims where different classes came to one name."""
        self.nodes: dict[Name, tuple[Node, ...]] = {}
        """The schemas that each class is made of; all must hold."""

    def __len__(self) -> int:
        """Return how many names there are."""
        return len(self.by_name)

    def add_class(self, shape: ObjectShape, parts: Sequence[Part], place: NamePlace) -> Ref:
        """Add a class.

        Args:
            shape: the class.
            parts: the schemas that it is made of.
            place: the place that it is named after.
        """
        self._add(shape, parts, place)
        self.nodes[shape.name] = tuple(part.node for part in parts)
        return Ref(shape.name)

    def add_alias(
        self, name: Name, shape: Shape, parts: Sequence[Part], place: NamePlace, *, recursive: bool
    ) -> Ref:
        """Add an alias.

        Args:
            name: of the alias.
            shape: what it stands for.
            parts: the schemas that it is made of.
            place: the place that it is named after.
            recursive: whether it contains itself.
        """
        doc = self._context.doc(parts[0].node, name.name, place.parts[-1])
        order = self._context.order(parts, place)
        rules = self._context.rules([part.node for part in parts], shape)
        self._widths[name] = self.width(shape)
        self._add(AliasShape(name, shape, recursive, doc, order, rules), parts, place)
        return Ref(name)

    def _add(self, shape: NamedShape, parts: Sequence[Part], place: NamePlace) -> None:
        claim = Claim(key_of(parts), place)
        known = self.claims.setdefault(shape.name, [])
        if all(claim.key != other.key for other in known):
            known.append(claim)
        self.by_name[shape.name] = shape

    def forget_since(self, count: int) -> None:
        """Remove all names but the first ones."""
        for name in list(self.by_name)[count:]:
            del self.by_name[name], self.claims[name]

    def describe(self, name: Name, doc: str) -> None:
        """Describe a class or alias that has no description of its own."""
        shape = self.by_name.get(name)
        if shape is not None and not shape.doc:
            self.by_name[name] = replace(shape, doc=doc)

    def width(self, shape: Shape) -> int:
        """Return how many branches a union gets from a shape."""
        if isinstance(shape, Union):
            return sum(map(self.width, shape.branches))
        return self._widths.get(shape.target, 1) if isinstance(shape, Ref) else 1
