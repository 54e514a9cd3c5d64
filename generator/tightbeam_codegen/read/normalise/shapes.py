"""The shape of a schema's instances, once the schema is flattened: a small closed vocabulary.

A shape may be wider than its schema and is never narrower (docs/design.md, "the model is the shape"). Shapes
are plain values: two equal shapes mean the same type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = [
    "ANY",
    "NULL",
    "AliasShape",
    "Anything",
    "Boolean",
    "Field",
    "Integer",
    "List",
    "Literals",
    "Map",
    "Name",
    "NamedShape",
    "Never",
    "Null",
    "Number",
    "ObjectShape",
    "Order",
    "Ref",
    "Rules",
    "Shape",
    "String",
    "Union",
    "children",
    "is_open",
    "names_in",
    "shapes_of",
    "union",
]


Order: TypeAlias = tuple[str, int]
"""Sorts the contents of one module: by file, and in a file by position."""


Rules: TypeAlias = tuple[tuple[str, str | int | float | bool], ...]
"""Keywords of a schema, with their values."""


@dataclass(frozen=True, slots=True)
class Name:
    """A class or alias, and the generated module that holds it."""

    module: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Anything:
    """Anything JSON has, null included."""


@dataclass(frozen=True, slots=True)
class Never:
    """Nothing: no instance can be valid. Unions contain it only while they are built."""


@dataclass(frozen=True, slots=True)
class Null:
    """JSON null."""


@dataclass(frozen=True, slots=True)
class Boolean:
    """JSON true or false."""


@dataclass(frozen=True, slots=True)
class Integer:
    """A number without fraction; bounds are integers, both ends included."""

    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """Any number. The bounds `exclusive_*` themselves are left out, the others included."""

    minimum: float | int | None = None
    maximum: float | int | None = None
    exclusive_minimum: float | int | None = None
    exclusive_maximum: float | int | None = None


@dataclass(frozen=True, slots=True)
class String:
    """Text; `format` is one of TYPED_FORMATS, and stands here only where formats are asserted."""

    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Literals:
    """Some strings, and integers or booleans, never both: `Literal[1]` would accept `true`.

    Exact shapes have all of them together, and fractions.
    """

    values: tuple[str | float | bool, ...]

    def _typed(self) -> tuple[tuple[type, str | float | bool], ...]:
        return tuple((type(value), value) for value in self.values)

    def __eq__(self, other: object) -> bool:
        # By type too: False and 0 are equal in Python and not in JSON.
        return isinstance(other, Literals) and self._typed() == other._typed()

    def __hash__(self) -> int:
        return hash(self._typed())


@dataclass(frozen=True, slots=True)
class List:
    """An array. Only exact shapes have first elements unlike the others."""

    item: Shape
    prefix: tuple[Shape, ...] = ()
    """The shapes of the first elements, if there are as many."""
    required: int = 0
    """How many of the first elements exist at least."""
    closed: bool = False
    """Whether other elements can't exist."""


@dataclass(frozen=True, slots=True)
class Map:
    """An object whose keys aren't known beforehand."""

    value: Shape


@dataclass(frozen=True, slots=True)
class Ref:
    """A named class or alias."""

    target: Name


@dataclass(frozen=True, slots=True)
class Union:
    """One of several shapes, in the schema's order, null last."""

    branches: tuple[Shape, ...]


Shape: TypeAlias = (
    Anything | Never | Null | Boolean | Integer | Number | String | Literals | List | Map | Ref | Union
)

ANY = Anything()
NULL = Null()


@dataclass(frozen=True, slots=True)
class Field:
    """One property of an object."""

    wire_name: str
    py_name: str
    shape: Shape
    required: bool
    doc: str = ""
    default_is_null: bool = False
    """Whether the property's schema states that absent and null mean the same."""
    unchecked: Rules = ()
    """Rules that only the schema has; where shapes are exact, all rules beside the type."""


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """A class: an object with known properties. `closed` refuses others."""

    name: Name
    fields: tuple[Field, ...]
    closed: bool
    doc: str = ""
    is_assumed: bool = False
    """Whether other values than objects are valid too, and the settings assume objects."""
    order: Order = field(default=("", 0), compare=False)
    """Where its schema comes in the documents: generated code keeps the order of the schemas."""
    rules: Rules = ()
    """What the schema demands beside the type, where shapes are exact."""


@dataclass(frozen=True, slots=True)
class AliasShape:
    """A name for what isn't a class: a shared enum or union, or one that contains itself (`recursive`)."""

    name: Name
    shape: Shape
    recursive: bool
    doc: str = ""
    order: Order = field(default=("", 0), compare=False)
    """As for a class."""
    rules: Rules = ()
    """As for a class."""


NamedShape: TypeAlias = ObjectShape | AliasShape


def children(shape: Shape) -> Iterator[Shape]:
    """Yield the shapes directly inside."""
    match shape:
        case List(item, prefix):
            yield from (*prefix, item)
        case Map(value):
            yield value
        case Union(branches):
            yield from branches
        case _:
            return


def names_in(shape: Shape) -> Iterator[Name]:
    """Yield every class and alias that a shape is made of."""
    if isinstance(shape, Ref):
        yield shape.target
    for child in children(shape):
        yield from names_in(child)


def shapes_of(definitions: Iterable[NamedShape]) -> Iterator[Shape]:
    """Yield the shapes that definitions are made of: of their fields, and of what an alias stands for."""
    for definition in definitions:
        if isinstance(definition, ObjectShape):
            yield from (field.shape for field in definition.fields)
        else:
            yield definition.shape


def is_open(shape: Shape, definitions: Mapping[Name, NamedShape], seen: set[Name] | None = None) -> bool:
    """Return whether anything at all may stand somewhere in a payload of a shape.

    Args:
        shape: of the payload.
        definitions: every class and alias in it.
        seen: those that were looked at.
    """
    seen = set() if seen is None else seen
    match shape:
        case Anything() | Never():
            return True
        case Ref(target):
            if target in seen:
                return False
            seen.add(target)
            definition = definitions[target]
            if isinstance(definition, ObjectShape) and (not definition.closed or definition.is_assumed):
                return True
            return any(is_open(inner, definitions, seen) for inner in shapes_of([definition]))
        case _:
            return any(is_open(child, definitions, seen) for child in children(shape))


def union(shapes: Iterable[Shape]) -> Shape:
    """Return the union of some shapes: flat, without repeats or impossible branches, null last.

    Beside *anything* only classes are kept: a value loads as a class where it fits.
    """
    flat: dict[Shape, None] = {}
    for shape in shapes:
        flat.update(dict.fromkeys(shape.branches if isinstance(shape, Union) else [shape]))
    branches: list[Shape] = [shape for shape in flat if not isinstance(shape, Never | Null)]
    if ANY in flat:
        branches = [shape for shape in branches if isinstance(shape, Ref)]
        branches.append(ANY)
    else:
        branches = _without_absorbed(_merged_literals(_plain_strings(branches)))
        if NULL in flat:
            branches.append(NULL)
    if not branches:
        return Never()
    return branches[0] if len(branches) == 1 else Union(tuple(branches))


def _plain_strings(branches: list[Shape]) -> list[Shape]:
    """Leave formats untyped beside other text: Pydantic accepts the text `1` as a date-time."""

    def is_other_text(shape: Shape) -> bool:
        if isinstance(shape, Literals):
            return any(isinstance(v, str) and any(map(str.isdigit, v)) for v in shape.values)
        return isinstance(shape, String) and shape.format is None

    if not any(map(is_other_text, branches)):
        return branches
    plain = (String() if isinstance(shape, String) and shape.format else shape for shape in branches)
    return list(dict.fromkeys(plain))


def _merged_literals(branches: list[Shape]) -> list[Shape]:
    """Make all literals of one kind one `Literal`; true and false together are a boolean."""
    merged: list[Shape] = []
    for branch in branches:
        if isinstance(branch, Literals):
            for index, other in enumerate(merged):
                if isinstance(other, Literals) and not _mixes_bool(other, branch):
                    merged[index] = _literals({_typed(v): v for v in other.values + branch.values}.values())
                    break
            else:
                merged.append(branch)
        else:
            merged.append(branch)
    return merged


def _typed(value: object) -> tuple[type, object]:
    return type(value), value


def _mixes_bool(a: Literals, b: Literals) -> bool:
    kinds = {isinstance(value, bool) for value in a.values + b.values}
    numbers = any(
        isinstance(value, int | float) and not isinstance(value, bool) for value in a.values + b.values
    )
    return True in kinds and numbers


def _literals(values: Iterable[str | float | bool]) -> Shape:
    kept = tuple(values)
    return (
        Boolean()
        if {True, False} == {v for v in kept if isinstance(v, bool)} and len(kept) == 2
        else Literals(kept)
    )


def _without_absorbed(branches: list[Shape]) -> list[Shape]:
    """Leave out what another branch contains: integers beside any number, literals beside their type."""
    open_number = Number() in branches
    has_bool = Boolean() in branches
    open_string = String() in branches
    open_integer = Integer() in branches or open_number

    def is_absorbed(value: str | float | bool) -> bool:
        match value:
            case bool():
                return has_bool
            case int():
                return open_integer
            case float():
                return open_number
            case _:
                return open_string

    def absorbed(shape: Shape) -> bool:
        match shape:
            case Integer():
                return open_number or (open_integer and shape != Integer())
            case Number():
                return open_number and shape != Number()
            case String(format=None):
                return open_string and shape != String()
            case Literals(values):
                return all(map(is_absorbed, values))
            case _:
                return False

    return [branch for branch in branches if not absorbed(branch)]
