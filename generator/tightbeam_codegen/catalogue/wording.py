"""Shapes and rules in words, as the inspector has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tightbeam_codegen.catalogue.places import Spots
from tightbeam_codegen.read.normalise.shapes import (
    NULL,
    AliasShape,
    Anything,
    Boolean,
    Integer,
    List,
    Literals,
    Map,
    Name,
    Never,
    Null,
    Number,
    ObjectShape,
    Ref,
    Rules,
    Shape,
    String,
    Union,
)

__all__ = ["MATCHES", "Link", "Words", "is_deprecated", "rule_words", "type_words", "value_words"]

_MOST_VALUES = 12
_INNER = {"items": "each item", "additionalProperties": "each value"}


@dataclass(frozen=True, slots=True)
class Link:
    """A word that leads to a type."""

    name: Name


Words: TypeAlias = "tuple[str | Link, ...]"


def type_words(
    shape: Shape, spots: Spots, *, several: bool = False, seen: frozenset[Name] = frozenset()
) -> Words:
    """Return the type of a shape.

    Args:
        shape: the shape.
        spots: knows which types have a place of their own.
        several: whether the words are for many values: `texts`, say.
        seen: types inside of types that are being described.
    """
    match shape:
        case Anything():
            return ("anything",)
        case Never():
            return ("nothing",)
        case Null():
            return ("null",)
        case Boolean() | Integer() | Number() | String():
            return (type(shape).__name__.lower() + "s" * several,)
        case Literals(values):
            return (_listed(values),)
        case List(item, prefix, _, closed):
            if prefix:
                inner = [type_words(each, spots, seen=seen) for each in prefix]
                end: list[Words] = [] if closed else [("…",)]
                return ("[", *_joined([*inner, *end], ", "), "]")
            return (
                "arrays" if several else "array",
                " of ",
                *type_words(item, spots, several=True, seen=seen),
            )
        case Map(value):
            return ("map of ", *type_words(value, spots, several=True, seen=seen))
        case Ref(target):
            return _referred(target, spots, several=several, seen=seen)
        case Union(branches):
            words = [type_words(branch, spots, several=several, seen=seen) for branch in branches]
            return _joined(list(dict.fromkeys(words)), " | ")


def _referred(target: Name, spots: Spots, *, several: bool, seen: frozenset[Name]) -> Words:
    if spots.of_type(target) is not None:
        return (Link(target),)
    named = spots.shapes.named[target]
    if isinstance(named, ObjectShape) or target in seen:
        return ("objects" if several else "object",)
    return type_words(named.shape, spots, several=several, seen=seen | {target})


def _joined(words: Iterable[Words], between: str) -> Words:
    joined: list[str | Link] = []
    for index, each in enumerate(words):
        if index:
            joined.append(between)
        joined.extend(each)
    return tuple(joined)


def value_words(value: object) -> str:
    """Return a value as JSON."""
    return json.dumps(value, ensure_ascii=False)


def _listed(values: tuple[str | float | bool, ...]) -> str:
    listed = " | ".join(map(value_words, values[:_MOST_VALUES]))
    more = len(values) - _MOST_VALUES
    return f"{listed} | … ({more} more)" if more > 0 else listed


def is_deprecated(rules: Rules) -> bool:
    """Return whether rules mark what they belong to as deprecated."""
    return ("deprecated", True) in rules


def _count(noun: str) -> Callable[[Any], str]:
    return lambda value: f"{value} {noun}" if value == 1 else f"{value} {noun}s"


_characters, _items, _keys = _count("character"), _count("item"), _count("property")
MATCHES = "matches "
"""Stands before a regular expression."""
_WORDS: Mapping[str, Callable[[Any], str]] = {
    "format": str,
    "pattern": lambda value: f"{MATCHES}{value}",
    "minLength": lambda value: "not empty" if value == 1 else f"at least {_characters(value)}",
    "maxLength": lambda value: f"at most {_characters(value)}",
    "minimum": lambda value: f"≥ {value}",
    "maximum": lambda value: f"≤ {value}",
    "exclusiveMinimum": lambda value: f"> {value}",
    "exclusiveMaximum": lambda value: f"< {value}",
    "multipleOf": lambda value: f"a multiple of {value}",
    "minItems": lambda value: f"at least {_items(value)}",
    "maxItems": lambda value: f"at most {_items(value)}",
    "uniqueItems": lambda _: "no item twice",
    "minProperties": lambda value: f"at least {_keys(value)}".replace("propertys", "properties"),
    "maxProperties": lambda value: f"at most {_keys(value)}".replace("propertys", "properties"),
    "contentEncoding": lambda value: f"encoded in {value}",
    "contentMediaType": lambda value: f"holds {value}",
}


def rule_words(rules: Rules) -> Iterator[str]:
    """Yield what a value must be besides its type."""
    for name, value in rules:
        *way, keyword = name.split(".")
        word = _WORDS.get(keyword)
        if word is not None:
            inside = ", ".join(_INNER.get(step, step) for step in way)
            yield f"{inside}: {word(value)}" if inside else word(value)


def without_null(shape: Shape) -> list[Shape]:
    """Return the branches of a shape that aren't null."""
    branches = shape.branches if isinstance(shape, Union) else (shape,)
    return [branch for branch in branches if branch != NULL]


def opened(shape: Shape, spots: Spots) -> tuple[Shape, frozenset[Name]]:
    """Return what a shape stands for, where it is an alias inside of something, and the alias' names."""
    aliases: set[Name] = set()
    while isinstance(shape, Ref) and shape.target not in aliases and spots.of_type(shape.target) is None:
        named = spots.shapes.named[shape.target]
        if not isinstance(named, AliasShape):
            break
        aliases.add(shape.target)
        shape = named.shape
    return shape, frozenset(aliases)
