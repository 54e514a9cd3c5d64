"""Unions with several lists or several maps, of which mypy can't tell for which one a literal is meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tightbeam_codegen.read.normalise.shapes import (
    AliasShape,
    List,
    Map,
    Name,
    NamedShape,
    Ref,
    Shape,
    Union,
    children,
    names_in,
)

__all__ = ["Alternatives", "Unions"]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """What a shape can be, its aliases replaced by what they stand for."""

    branches: tuple[Shape, ...]
    opened: frozenset[Name]
    """Aliases that contain themselves and were replaced: not to be replaced again in what they contain."""

    @property
    def items(self) -> Shape | None:
        """What the elements of all the lists can be; None without a list."""
        found = tuple(branch.item for branch in self.branches if isinstance(branch, List))
        return Union(found) if found else None

    @property
    def values(self) -> Shape | None:
        """What the values of all the maps can be; None without a map."""
        found = tuple(branch.value for branch in self.branches if isinstance(branch, Map))
        return Union(found) if found else None

    def count(self, kind: type[List | Map]) -> int:
        """Return how many lists, or maps, there are."""
        return sum(isinstance(branch, kind) for branch in self.branches)


class Unions:
    """Opens unions.

    Args:
        definitions: every class and alias.
    """

    def __init__(self, definitions: Mapping[Name, NamedShape]) -> None:
        self._definitions = definitions
        self._endless: dict[Name, bool] = {}

    def is_endless(self, name: Name) -> bool:
        """Return whether a name stands for an alias that is made of itself other than inside a class."""
        known = self._endless.get(name)
        if known is None:
            alias = self._definitions[name]
            known = (
                isinstance(alias, AliasShape)
                and alias.recursive
                and self._is_made_of(alias.shape, name, frozenset())
            )
            self._endless[name] = known
        return known

    def is_text(self, shape: Shape) -> bool:
        """Return whether a shape's type has to be quoted where it is an expression.

        Type checkers read an alias that contains itself as text, and ty knows no `|` between a text and
        None.
        """
        match shape:
            case Union(branches):
                return any(self._is_named_text(branch) or self.is_text(branch) for branch in branches)
            case _:
                return any(map(self.is_text, children(shape)))

    def _is_named_text(self, shape: Shape) -> bool:
        if not isinstance(shape, Ref):
            return False
        definition = self._definitions[shape.target]
        return isinstance(definition, AliasShape) and (
            self.is_endless(shape.target) or self.is_text(definition.shape)
        )

    def _is_made_of(self, shape: Shape, name: Name, seen: frozenset[Name]) -> bool:
        for found in set(names_in(shape)) - seen:
            definition = self._definitions[found]
            if found == name or (
                isinstance(definition, AliasShape)
                and self._is_made_of(definition.shape, name, seen | {found})
            ):
                return True
        return False

    def alternatives(self, shape: Shape, opened: frozenset[Name] = frozenset()) -> Alternatives:
        """Open a shape; an alias that contains itself is opened only where it has rivals."""
        closed = self._open(shape, None)
        counts = [Alternatives((each,), opened) for each in closed]
        for index, branch in enumerate(closed):
            if isinstance(branch, Ref) and self.is_endless(branch.target) and branch.target not in opened:
                counts[index] = Alternatives(tuple(self._open(branch, opened)), opened)
        if all(sum(found.count(kind) > 0 for found in counts) < 2 for kind in (List, Map)):
            return Alternatives(tuple(closed), opened)
        names = {branch.target for branch in closed if isinstance(branch, Ref)} - opened
        branches = tuple(dict.fromkeys(branch for found in counts for branch in found.branches))
        return Alternatives(branches, opened | {name for name in names if self.is_endless(name)})

    def _open(self, shape: Shape, kept: frozenset[Name] | None) -> list[Shape]:
        """Open unions and aliases; of those that contain themselves all but the kept ones, None for none."""
        match shape:
            case Union(branches):
                found = (inner for branch in branches for inner in self._open(branch, kept))
                return list(dict.fromkeys(found))
            case Ref(target) if isinstance(alias := self._definitions[target], AliasShape):
                if not self.is_endless(target):
                    return self._open(alias.shape, kept)
                return [shape] if kept is None or target in kept else self._open(alias.shape, kept | {target})
            case _:
                return [shape]

    def rivals(self, shape: Shape, opened: frozenset[Name] = frozenset()) -> Alternatives | None:
        """Open a union in which several lists or several maps are alternatives; None for any other shape."""
        if not isinstance(shape, Union):
            return None
        found = self.alternatives(shape, opened)
        return found if found.count(List) > 1 or found.count(Map) > 1 else None
