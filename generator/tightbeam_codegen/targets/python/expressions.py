"""Expressions of a generated module, as far as its layout tells them apart. Types are spelt here only."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from tightbeam_codegen.targets.python import type_tree as tree
from tightbeam_codegen.targets.python.imported_names import format_source
from tightbeam_codegen.targets.python.literals import literal

__all__ = [
    "Argument",
    "Bracketed",
    "Chain",
    "Expression",
    "Word",
    "argument",
    "arguments",
    "call",
    "chained",
    "constant",
    "subscript",
    "type_expression",
]


@dataclass(frozen=True, slots=True)
class Word:
    """A name or a literal, which is never broken."""

    source: str


@dataclass(frozen=True, slots=True)
class Bracketed:
    """A subscript or a call; without a head, a list."""

    head: str
    items: tuple[Expression, ...]
    brackets: Literal["[]", "()"]
    source: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Operands with `|` between them; none of them is a chain."""

    operands: tuple[Expression, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Argument:
    """A keyword argument of a call."""

    name: str
    value: Expression
    source: str


Expression: TypeAlias = Word | Bracketed | Chain | Argument
"""Each with its source on one line."""


def constant(value: str | int | float | bool | None) -> Word:
    """Return the literal of a value."""
    return Word(literal(value))


def subscript(head: str, *items: Expression) -> Bracketed:
    """Return `head[items]`, or a list where `head` is empty."""
    return Bracketed(head, items, "[]", f"{head}[{_joined(items)}]")


def call(head: str, *items: Expression) -> Bracketed:
    """Return `head(items)`."""
    return Bracketed(head, items, "()", f"{head}({_joined(items)})")


def argument(name: str, value: Expression) -> Argument:
    """Return the keyword argument `name=value`."""
    return Argument(name, value, f"{name}={value.source}")


def arguments(values: Iterable[tuple[str, str | float]]) -> Iterator[Argument]:
    """Yield keyword arguments with these values."""
    for name, value in values:
        yield argument(name, constant(value))


def chained(*operands: Expression) -> Expression:
    """Return `a | b` of the operands, those of chains among them included."""
    every = [inner for each in operands for inner in (each.operands if isinstance(each, Chain) else (each,))]
    return every[0] if len(every) == 1 else Chain(tuple(every), " | ".join([each.source for each in every]))


def _joined(items: Iterable[Expression]) -> str:
    return ", ".join([item.source for item in items])


@functools.lru_cache(maxsize=4096)
def type_expression(type_: tree.Type) -> Expression:
    """Return a type as a generated module spells it."""
    match type_:
        case tree.Plain(word):
            return Word("_t.Any" if word == "Any" else word)
        case tree.Named(name):
            return Word(name)
        case tree.Format(name):
            return Word(format_source(name))
        case tree.Constants(values):
            return subscript("_t.Literal", *map(constant, values))
        case tree.ListOf(item):
            return subscript("list", type_expression(item))
        case tree.DictOf(value):
            return subscript("dict", Word("str"), type_expression(value))
        case tree.ArrayOf(item):
            return subscript("v1.Array", type_expression(item))
        case tree.SequenceOf(item):
            return subscript("_abc.Sequence", type_expression(item))
        case tree.MappingOf(value):
            return subscript("_abc.Mapping", Word("str"), type_expression(value))
        case tree.OneOf(branches):
            return chained(*map(type_expression, branches))
        case _:
            assert_never(type_)
