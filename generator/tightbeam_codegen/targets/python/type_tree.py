"""The Python types of generated modules, as trees: small, frozen and closed.

They hold no source. `targets.python.expressions` spells them, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from tightbeam_codegen.read.normalise.shapes import Name

__all__ = [
    "ANY",
    "BOOL",
    "FLOAT",
    "INT",
    "NONE",
    "PLAIN",
    "STR",
    "ArrayOf",
    "Constants",
    "DictOf",
    "Format",
    "ListOf",
    "MappingOf",
    "Named",
    "OneOf",
    "Plain",
    "SequenceOf",
    "Type",
    "branches_of",
    "filled",
    "nodes_of",
    "null_last",
    "one_of",
    "targets_of",
]


@dataclass(frozen=True, slots=True)
class Plain:
    """A type without parts."""

    word: Literal["Any", "None", "bool", "float", "int", "str"]


@dataclass(frozen=True, slots=True)
class Format:
    """The type of a string format, by the name that the format has in schemas."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Constants:
    """A `Literal`: exactly these values. Two of them are equal if their values are, by type too."""

    values: tuple[str | int | bool, ...]

    def _typed(self) -> tuple[tuple[type, str | int | bool], ...]:
        return tuple((type(value), value) for value in self.values)

    def __eq__(self, other: object) -> bool:
        # 1 and True are equal in Python, and different types.
        return isinstance(other, Constants) and self._typed() == other._typed()

    def __hash__(self) -> int:
        return hash(self._typed())


@dataclass(frozen=True, slots=True)
class Named:
    """A class or alias that the module declares or imports."""

    name: str
    """What the module calls it. In the answer to a question, the question's token for it."""
    target: Name | None = None
    """The class or alias of a schema that it stands for; None for a name that a channel's module adds."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A `list` of these."""

    item: Type


@dataclass(frozen=True, slots=True)
class DictOf:
    """A `dict` with text for keys and these for values."""

    value: Type


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """A list or tuple of these that is only read."""

    item: Type


@dataclass(frozen=True, slots=True)
class SequenceOf:
    """Any `Sequence` of these. Text is one too, so the items are never text."""

    item: Type


@dataclass(frozen=True, slots=True)
class MappingOf:
    """A `Mapping` with text for keys that is only read."""

    value: Type


@dataclass(frozen=True, slots=True)
class OneOf:
    """A union of at least two types, none of which is a union."""

    branches: tuple[Type, ...]


Type: TypeAlias = (
    Plain | Format | Constants | Named | ListOf | DictOf | ArrayOf | SequenceOf | MappingOf | OneOf
)

ANY = Plain("Any")
BOOL = Plain("bool")
FLOAT = Plain("float")
INT = Plain("int")
NONE = Plain("None")
STR = Plain("str")
PLAIN: Mapping[str, Plain] = {each.word: each for each in (ANY, BOOL, FLOAT, INT, NONE, STR)}
"""The types without parts, by their word."""


def one_of(types: Iterable[Type]) -> Type:
    """Return the union of `types`, without repeats, or the one type if there is only one."""
    distinct = tuple(branch for each in dict.fromkeys(types) for branch in branches_of(each))
    return distinct[0] if len(distinct) == 1 else OneOf(distinct)


def null_last(types: Iterable[Type]) -> Type:
    """Return the union of `types`, with None behind all others."""
    return one_of(sorted(types, key=lambda each: each == NONE))


def branches_of(type_: Type) -> tuple[Type, ...]:
    """Return the branches of a union, or the type itself as the only one."""
    return type_.branches if isinstance(type_, OneOf) else (type_,)


def nodes_of(type_: Type) -> Iterator[Type]:
    """Yield a type and all types in it."""
    yield type_
    match type_:
        case Plain() | Format() | Constants() | Named():
            return
        case ListOf(inner) | DictOf(inner) | ArrayOf(inner) | SequenceOf(inner) | MappingOf(inner):
            yield from nodes_of(inner)
        case OneOf(branches):
            for branch in branches:
                yield from nodes_of(branch)
        case _:
            assert_never(type_)


def targets_of(types: Iterable[Type]) -> Iterator[Name]:
    """Yield the classes and aliases of schemas that types refer to."""
    for type_ in types:
        for node in nodes_of(type_):
            if isinstance(node, Named) and node.target is not None:
                yield node.target


def filled(type_: Type, names: Sequence[Named], words: Sequence[str]) -> Type:
    """Return an answer's type with its tokens replaced.

    Args:
        type_: a type over the tokens R0, R1, … and s0, s1, … of a question.
        names: what the tokens R0, R1, … stand for.
        words: what the tokens s0, s1, … stand for.
    """
    match type_:
        case Plain() | Format():
            return type_
        case Named(token):
            return names[int(token[1:])]
        case Constants(values):
            return Constants(tuple(words[int(v[1:])] if isinstance(v, str) else v for v in values))
        case ListOf(inner) | DictOf(inner) | ArrayOf(inner) | SequenceOf(inner) | MappingOf(inner):
            return type(type_)(filled(inner, names, words))
        case OneOf(branches):
            return OneOf(tuple(filled(branch, names, words) for branch in branches))
        case _:
            assert_never(type_)
