"""Find unions of which no type tells the branches apart: two classes accept the same value.

Models contain what Python's types can express; a `pattern` with look-around, `not`, `if` or `multipleOf` is
no part of them. For such classes the runtime decides by the schemas (docs/design.md, "From schema to shape").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from tightbeam_codegen.read.normalise.shapes import (
    AliasShape,
    Anything,
    Boolean,
    Field,
    List,
    Literals,
    Map,
    Name,
    NamedShape,
    Never,
    Null,
    ObjectShape,
    Ref,
    Shape,
    String,
    Union,
    children,
)
from tightbeam_codegen.read.resolve import Node

__all__ = ["discriminating_schemas"]

_Atom: TypeAlias = tuple[str, str | float | bool | None]
"""A kind of JSON value, and the only value of it, None for all values."""

_ANYTHING: frozenset[_Atom] = frozenset(
    (kind, None) for kind in ("null", "boolean", "number", "string", "array", "object")
)


def discriminating_schemas(
    shapes: Iterable[Shape],
    named: Mapping[Name, NamedShape],
    nodes: Mapping[Name, Sequence[Node]],
) -> dict[Name, list[Node]]:
    """Return the schemas that decide whether a value loads as a class, where types don't decide.

    Args:
        shapes: of the topics.
        named: every class and alias in them.
        nodes: the schemas that each class is made of.

    Returns:
        Class -> the schemas that a value of it fits, of each class that may be taken for another in a union.
    """
    deciding: dict[Name, dict[int | bool, Node]] = {}
    for union in _unions(shapes, named):
        unsure = _Comparison(named).unsure(union)
        # A schema that all of them share decides nothing.
        common = (
            set.intersection(*({n.key for n in nodes[name]} for name in unsure)) if len(unsure) > 1 else ()
        )
        for name in unsure:
            own = deciding.setdefault(name, {})
            own.update({node.key: node for node in nodes[name] if node.key not in common})
    return {name: list(own.values()) for name, own in deciding.items() if own}


def _unions(shapes: Iterable[Shape], named: Mapping[Name, NamedShape]) -> Iterator[Union]:
    """Yield every union in the shapes, and in the classes and aliases they are made of."""
    stack, seen = list(shapes), set[Name]()
    while stack:
        shape = stack.pop()
        if isinstance(shape, Union):
            yield shape
        stack.extend(children(shape))
        if isinstance(shape, Ref) and shape.target not in seen:
            seen.add(shape.target)
            target = named[shape.target]
            if isinstance(target, AliasShape):
                stack.append(target.shape)
            else:
                stack.extend(field.shape for field in target.fields)


class _Comparison:
    """Compares the branches of one union, each pair of shapes once."""

    def __init__(self, named: Mapping[Name, NamedShape]) -> None:
        self._named = named
        self._compared: set[tuple[Shape, Shape]] = set()

    def unsure(self, union: Union) -> list[Name]:
        """Return the classes that a value meant for another branch may be loaded as."""
        names: dict[Name, None] = {}
        for index, branch in enumerate(union.branches):
            for other in union.branches[index + 1 :]:
                names.update(dict.fromkeys(self._confused(branch, other)))
        return list(names)

    def _confused(self, a: Shape, b: Shape) -> Iterator[Name]:
        if (a, b) in self._compared:
            return
        self._compared.add((a, b))
        match a, b:
            case (Ref(), _) if isinstance(alias := self._named[a.target], AliasShape):
                yield from self._confused(alias.shape, b)
            case (_, Ref()) if isinstance(alias := self._named[b.target], AliasShape):
                yield from self._confused(a, alias.shape)
            case (Union(branches), _):
                for branch in branches:
                    yield from self._confused(branch, b)
            case (_, Union(branches)):
                for branch in branches:
                    yield from self._confused(a, branch)
            case (List(item), List(other)) | (Map(item), Map(other)):
                yield from self._confused(item, other)
            case (Ref(), Map()):
                yield a.target
            case (Map(), Ref()):
                yield b.target
            case (Ref(), Ref()) if a != b and not self._are_distinct(a.target, b.target):
                yield from (a.target, b.target)
            case _:
                return

    def _are_distinct(self, a: Name, b: Name) -> bool:
        """Return whether no value fits both models: by a tag, or by a property that one of them hasn't."""
        first, second = self._named[a], self._named[b]
        assert isinstance(first, ObjectShape)  # noqa: S101  # aliases were followed
        assert isinstance(second, ObjectShape)  # noqa: S101
        fields = {field.wire_name: field for field in first.fields}
        others = {field.wire_name: field for field in second.fields}
        return any(
            (field.required and self._refuses(second, others.get(name), field))
            or (name in others and others[name].required and self._refuses(first, field, others[name]))
            for name, field in fields.items()
        ) or any(other.required and name not in fields and first.closed for name, other in others.items())

    def _refuses(self, class_: ObjectShape, own: Field | None, other: Field) -> bool:
        """Return whether a class accepts no value that has the other's property."""
        if own is None:
            return class_.closed
        mine, its = self._atoms(own.shape, frozenset()), self._atoms(other.shape, frozenset())
        return not any(
            kind == of and (value is None or wanted is None or (type(value), value) == (type(wanted), wanted))
            for kind, value in mine
            for of, wanted in its
        )

    def _atoms(self, shape: Shape, seen: frozenset[Name]) -> frozenset[_Atom]:
        match shape:
            case Never():
                return frozenset()
            case Null():
                return frozenset([("null", None)])
            case Boolean():
                return frozenset([("boolean", None)])
            case String():
                return frozenset([("string", None)])
            case Literals(values):
                return frozenset((_kind(value), value) for value in values)
            case List():
                return frozenset([("array", None)])
            case Map():
                return frozenset([("object", None)])
            case Union(branches):
                return frozenset[_Atom]().union(*(self._atoms(branch, seen) for branch in branches))
            case Ref(target) if target not in seen:
                named = self._named[target]
                if isinstance(named, AliasShape):
                    return self._atoms(named.shape, seen | {target})
                return frozenset([("object", None)])
            case Anything() | Ref():
                return _ANYTHING
            case _:
                return frozenset([("number", None)])


def _kind(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"
