"""Unions with several lists or several maps: mypy can't tell to which of them a literal belongs."""

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
    """The branches of a shape, with aliases replaced by their contents."""

    branches: tuple[Shape, ...]
    opened: frozenset[Name]
    """Directly recursive aliases that were replaced. Within their contents they aren't replaced again."""

    @property
    def items(self) -> Shape | None:
        """The shape of the elements of all lists; None without a list."""
        items = tuple(branch.item for branch in self.branches if isinstance(branch, List))
        return Union(items) if items else None

    @property
    def values(self) -> Shape | None:
        """The shape of the values of all maps; None without a map."""
        values = tuple(branch.value for branch in self.branches if isinstance(branch, Map))
        return Union(values) if values else None

    def count(self, kind: type[List | Map]) -> int:
        """Return the number of lists, or of maps."""
        return sum(isinstance(branch, kind) for branch in self.branches)


class Unions:
    """Looks into unions, through aliases.

    Args:
        definitions: every class and alias.
    """

    def __init__(self, definitions: Mapping[Name, NamedShape]) -> None:
        self._definitions = definitions
        self._directly_recursive: dict[Name, bool] = {}

    def is_directly_recursive(self, name: Name) -> bool:
        """Return whether a name is an alias that contains itself other than inside a class."""
        known = self._directly_recursive.get(name)
        if known is None:
            alias = self._definitions[name]
            known = (
                isinstance(alias, AliasShape)
                and alias.recursive
                and self._is_made_of(alias.shape, name, frozenset())
            )
            self._directly_recursive[name] = known
        return known

    def needs_quotes(self, shape: Shape) -> bool:
        """Return whether a shape's type has to be quoted where it is an expression.

        A directly recursive alias is declared as a string, and ty has no `|` of a string and None.
        """
        match shape:
            case Union(branches):
                return any(self._is_quoted_alias(branch) or self.needs_quotes(branch) for branch in branches)
            case _:
                return any(map(self.needs_quotes, children(shape)))

    def _is_quoted_alias(self, shape: Shape) -> bool:
        if not isinstance(shape, Ref):
            return False
        definition = self._definitions[shape.target]
        return isinstance(definition, AliasShape) and (
            self.is_directly_recursive(shape.target) or self.needs_quotes(definition.shape)
        )

    def _is_made_of(self, shape: Shape, name: Name, seen: frozenset[Name]) -> bool:
        for inner in set(names_in(shape)) - seen:
            definition = self._definitions[inner]
            if inner == name or (
                isinstance(definition, AliasShape)
                and self._is_made_of(definition.shape, name, seen | {inner})
            ):
                return True
        return False

    def alternatives(self, shape: Shape, opened: frozenset[Name] = frozenset()) -> Alternatives:
        """Return the branches of a shape; a directly recursive alias is replaced only if it competes.

        Args:
            shape: the shape.
            opened: aliases that aren't replaced again.
        """
        closed = self._open(shape, None)
        opened_branches = [Alternatives((each,), opened) for each in closed]
        for index, branch in enumerate(closed):
            if (
                isinstance(branch, Ref)
                and self.is_directly_recursive(branch.target)
                and branch.target not in opened
            ):
                opened_branches[index] = Alternatives(tuple(self._open(branch, opened)), opened)
        if all(sum(each.count(kind) > 0 for each in opened_branches) < 2 for kind in (List, Map)):
            return Alternatives(tuple(closed), opened)
        names = {branch.target for branch in closed if isinstance(branch, Ref)} - opened
        branches = tuple(dict.fromkeys(branch for each in opened_branches for branch in each.branches))
        return Alternatives(branches, opened | {name for name in names if self.is_directly_recursive(name)})

    def _open(self, shape: Shape, kept: frozenset[Name] | None) -> list[Shape]:
        """Return the branches of a shape, those of aliases among them included.

        Args:
            shape: the shape.
            kept: directly recursive aliases that stay as they are; None for all of them.
        """
        match shape:
            case Union(branches):
                return list(dict.fromkeys(inner for branch in branches for inner in self._open(branch, kept)))
            case Ref(target) if isinstance(alias := self._definitions[target], AliasShape):
                if not self.is_directly_recursive(target):
                    return self._open(alias.shape, kept)
                return [shape] if kept is None or target in kept else self._open(alias.shape, kept | {target})
            case _:
                return [shape]

    def competing(self, shape: Shape, opened: frozenset[Name] = frozenset()) -> Alternatives | None:
        """Return the branches of a union with several lists or several maps; None for any other shape.

        Args:
            shape: the shape.
            opened: aliases that aren't replaced again.
        """
        if not isinstance(shape, Union):
            return None
        union = self.alternatives(shape, opened)
        return union if union.count(List) > 1 or union.count(Map) > 1 else None
