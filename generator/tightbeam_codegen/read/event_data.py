"""The check that the data of events are JSON objects, through references and unions too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tightbeam_codegen.problems import Problems
from tightbeam_codegen.read.check import AnyDefinition, EventDefinition
from tightbeam_codegen.read.normalise.shapes import (
    AliasShape,
    Anything,
    Boolean,
    Integer,
    List,
    Literals,
    Map,
    Name,
    NamedShape,
    Never,
    Null,
    Number,
    Ref,
    Shape,
    String,
    Union,
)
from tightbeam_codegen.read.topics import Shapes

__all__ = ["check_event_data"]

_ANYTHING = "any value"
_NULL = "null"
_EVERY_OTHER = frozenset(["text", "numbers", "booleans", "arrays", _NULL])
"""What a schema admits besides objects that says nothing of the type."""


def check_event_data(definitions: Iterable[AnyDefinition], shapes: Shapes, problems: Problems) -> None:
    """Refuse events whose data can be anything else than an object.

    Args:
        definitions: the definitions.
        shapes: what their payloads come to.
        problems: takes the errors.
    """
    broken = {problem.place.path for problem in problems if problem.severity == "error" and problem.place}
    for each in definitions:
        if not isinstance(each, EventDefinition) or each.payload is None:
            continue
        (topic,) = shapes.topics[each.module]
        kinds = list(dict.fromkeys(_others(topic.shape, shapes.named, set())))
        if _EVERY_OTHER.issubset(kinds):
            kinds = [_ANYTHING]
        if not kinds:
            continue
        place = each.document.place(each.payload.pointer)
        if _ANYTHING in kinds and place.path in broken:
            continue  # a reference that leads nowhere, and is told, comes to anything
        problems.error(place, f"the data of an event is a JSON object: {_admits(kinds)}", _remedy(kinds))


def _admits(kinds: list[str]) -> str:
    if _ANYTHING in kinds:
        return "this schema doesn't say that it is one"
    *first, last = kinds
    return "this schema admits " + (f"{', '.join(first)} and {last}" if first else last)


def _remedy(kinds: list[str]) -> str:
    if _ANYTHING in kinds:
        return 'Write "type": "object" in it; an event without data has no `schema`.'
    if kinds == [_NULL]:
        return "Take null out of it; an event without data has no `schema`."
    return 'Let it admit objects only, such as {"type": "object", "properties": {"value": …}}.'


def _others(shape: Shape, named: Mapping[Name, NamedShape], opened: set[Name]) -> Iterator[str]:
    """Yield the kinds of values besides objects that a shape admits."""
    match shape:
        case Ref(target):
            definition = named[target]
            if isinstance(definition, AliasShape):
                if target not in opened:
                    opened.add(target)
                    yield from _others(definition.shape, named, opened)
            elif definition.is_assumed:
                yield _ANYTHING
        case Union(branches):
            for branch in branches:
                yield from _others(branch, named, opened)
        case Literals(values):
            yield from (_kind_of(value) for value in values)
        case Map():
            return
        case Anything() | Never():
            yield _ANYTHING
        case Null():
            yield _NULL
        case Boolean():
            yield "booleans"
        case Integer() | Number():
            yield "numbers"
        case String():
            yield "text"
        case List():
            yield "arrays"


def _kind_of(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "booleans"
    return "text" if isinstance(value, str) else "numbers"
