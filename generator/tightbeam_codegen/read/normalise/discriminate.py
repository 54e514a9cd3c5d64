"""Unions whose branches no type tells apart: two classes that take the same value, for different schemas.

Their models hold what is expressible in Python, and a `pattern` with look-around, `not`, `if` or `multipleOf`
isn't. For such classes the runtime asks the schemas (docs/design.md, "From schema to shape").
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
"""A kind of JSON value, and the one value of it that is meant, None for all."""

_ANYTHING: frozenset[_Atom] = frozenset(
    (kind, None) for kind in ("null", "boolean", "number", "string", "array", "object")
)


def discriminating_schemas(
    shapes: Iterable[Shape],
    definitions: Mapping[Name, NamedShape],
    nodes: Mapping[Name, Sequence[Node]],
) -> dict[Name, list[Node]]:
    """For each class that another in one union may be taken for: the schemas that tell.

    Args:
        shapes: of the topics in question.
        definitions: every class and alias in them.
        nodes: the schemas that each class is made of.
    """
    found: dict[Name, dict[int | bool, Node]] = {}
    for union in _unions(shapes, definitions):
        unsure = _Unions(definitions).unsure(union)
        # What all of them demand tells nothing.
        common = (
            set.intersection(*({n.key for n in nodes[name]} for name in unsure)) if len(unsure) > 1 else ()
        )
        for name in unsure:
            told = found.setdefault(name, {})
            told.update({node.key: node for node in nodes[name] if node.key not in common})
    return {name: list(told.values()) for name, told in found.items() if told}


def _unions(shapes: Iterable[Shape], definitions: Mapping[Name, NamedShape]) -> Iterator[Union]:
    """Every union in the shapes, and in the classes and aliases they are made of."""
    stack, seen = list(shapes), set[Name]()
    while stack:
        shape = stack.pop()
        if isinstance(shape, Union):
            yield shape
        stack.extend(children(shape))
        if isinstance(shape, Ref) and shape.target not in seen:
            seen.add(shape.target)
            definition = definitions[shape.target]
            if isinstance(definition, AliasShape):
                stack.append(definition.shape)
            else:
                stack.extend(field.shape for field in definition.fields)


class _Unions:
    """Compares the branches of a union; for one union only, since it remembers what was compared."""

    def __init__(self, definitions: Mapping[Name, NamedShape]) -> None:
        self._definitions = definitions
        self._compared: set[tuple[Shape, Shape]] = set()

    def unsure(self, union: Union) -> list[Name]:
        """The classes that a value meant for another branch may be loaded as."""
        found: dict[Name, None] = {}
        for index, branch in enumerate(union.branches):
            for other in union.branches[index + 1 :]:
                found.update(dict.fromkeys(self._meet(branch, other)))
        return list(found)

    def _meet(self, a: Shape, b: Shape) -> Iterator[Name]:
        if (a, b) in self._compared:
            return
        self._compared.add((a, b))
        match a, b:
            case (Ref(), _) if isinstance(alias := self._definitions[a.target], AliasShape):
                yield from self._meet(alias.shape, b)
            case (_, Ref()) if isinstance(alias := self._definitions[b.target], AliasShape):
                yield from self._meet(a, alias.shape)
            case (Union(branches), _):
                for branch in branches:
                    yield from self._meet(branch, b)
            case (_, Union(branches)):
                for branch in branches:
                    yield from self._meet(a, branch)
            case (List(item), List(other)) | (Map(item), Map(other)):
                yield from self._meet(item, other)
            case (Ref(), Map()):
                yield a.target
            case (Map(), Ref()):
                yield b.target
            case (Ref(), Ref()) if a != b and not self._told_apart(a.target, b.target):
                yield from (a.target, b.target)
            case _:
                return

    def _told_apart(self, a: Name, b: Name) -> bool:
        """Whether no value fits both models: by a tag, or by a property that the other hasn't."""
        first, second = self._definitions[a], self._definitions[b]
        assert isinstance(first, ObjectShape)  # noqa: S101  # aliases were followed
        assert isinstance(second, ObjectShape)  # noqa: S101
        fields = {field.wire_name: field for field in first.fields}
        others = {field.wire_name: field for field in second.fields}
        return any(
            (field.required and self._refuses(second, others.get(name), field))
            or (name in others and others[name].required and self._refuses(first, field, others[name]))
            for name, field in fields.items()
        ) or any(other.required and name not in fields and first.closed for name, other in others.items())

    def _refuses(self, definition: ObjectShape, own: Field | None, other: Field) -> bool:
        """Whether a class takes no value that has the other's property."""
        if own is None:
            return definition.closed
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
                definition = self._definitions[target]
                if isinstance(definition, AliasShape):
                    return self._atoms(definition.shape, seen | {target})
                return frozenset([("object", None)])
            case Anything() | Ref():
                return _ANYTHING
            case _:
                return frozenset([("number", None)])


def _kind(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"
