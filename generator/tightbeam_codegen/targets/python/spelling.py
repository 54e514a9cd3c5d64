"""The Python types of shapes: on the model, and on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never, cast

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
    ObjectShape,
    Ref,
    Shape,
    String,
    Union,
    children,
)
from tightbeam_codegen.targets.declared import import_alias
from tightbeam_codegen.targets.python.answer import Fact, Rules
from tightbeam_codegen.targets.python.module_assignment import ModuleAssignment
from tightbeam_codegen.targets.python.question import Question
from tightbeam_codegen.targets.python.type_tree import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NONE,
    STR,
    ArrayOf,
    Constants,
    DictOf,
    ListOf,
    MappingOf,
    Named,
    Type,
    filled,
    null_last,
    one_of,
)
from tightbeam_codegen.targets.python.unions import Alternatives, Unions

__all__ = ["Types"]


@dataclass(frozen=True, slots=True)
class Types:
    """Spells shapes as Python types.

    `facts` has the answer for every shape that is a field, an alias or a topic by itself.
    """

    definitions: Mapping[Name, NamedShape]
    facts: Mapping[Shape, tuple[Question, Fact]]
    homes: ModuleAssignment = field(default_factory=ModuleAssignment)
    unions: Unions = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "unions", Unions(self.definitions))

    def spelt(self, name: Name, module: tuple[str, ...]) -> str:
        """Return what `module` calls a class or alias."""
        if self.homes.of(name.module) == module:
            return self.homes.name_at_home(name)
        return name.name if name.module == module else import_alias(name)

    def named(self, name: Name, module: tuple[str, ...], suffix: str = "") -> Named:
        """Return how `module` refers to a class or alias, or to its wire form with the suffix `Dict`."""
        return Named(self.spelt(name, module) + suffix, name)

    def model(self, shape: Shape, module: tuple[str, ...]) -> Type:
        """Return the type on the model, as `module` names its parts."""
        question, fact = self.facts[shape]
        if not (question.names or question.words):
            return fact.type
        return filled(fact.type, [self.named(name, module) for name in question.names], question.words)

    def rules(self, shape: Shape) -> Rules:
        """Return what the model checks beyond the type: arguments of `pydantic.Field`."""
        question, fact = self.facts[shape]
        return tuple(
            (name, question.words[int(value[1:])] if isinstance(value, str) else value)
            for name, value in fact.rules
        )

    def wire(self, shape: Shape, module: tuple[str, ...], opened: frozenset[Name] = frozenset()) -> Type:
        """Return the type in the typed dictionary: what JSON has.

        Args:
            shape: the shape.
            module: where the type is written.
            opened: aliases that contain themselves, within which this is.
        """
        match shape:
            case Anything() | Never():
                return ANY
            case Null():
                return NONE
            case Boolean():
                return BOOL
            case Integer():
                return INT
            case Number():
                return FLOAT
            case String():
                return STR
            case Literals(values):
                return Constants(cast("tuple[str | int, ...]", values))  # only exact shapes have fractions
            case List(item):
                return ListOf(self.wire(item, module, opened))
            case Map(value):
                return DictOf(self.wire(value, module, opened))
            case Ref(target):
                return self.named(target, module, "Dict" if self.differs(shape) else "")
            case Union(branches):
                if (found := self.unions.rivals(shape, opened)) is not None:
                    return self._merged(found, module)
                return one_of(self.wire(branch, module, opened) for branch in branches)
            case _:
                assert_never(shape)

    def _merged(self, found: Alternatives, module: tuple[str, ...]) -> Type:
        """Return a union's wire form with one array and one mapping for all that are in it.

        They can only be read, so that a list of either kind fits.
        """
        array = [] if found.items is None else [ArrayOf(self.wire(found.items, module, found.opened))]
        mapping = [] if found.values is None else [MappingOf(self.wire(found.values, module, found.opened))]
        branches: list[Type] = []
        for branch in found.branches:
            match branch:
                case List():
                    branches += array
                case Map():
                    branches += mapping
                case _:
                    branches.append(self.wire(branch, module, found.opened))
        return null_last(branches)

    def differs(self, shape: Shape, seen: frozenset[Name] = frozenset(), *, numbers: bool = True) -> bool:
        """Whether the type on the wire is another than the model's.

        An alias that contains itself has one form for both if only the numbers in it differ: checkers take
        `float` for `int | float`, and mypy loses its way in a union of two such aliases.
        """
        match shape:
            case Number():
                return numbers
            case String(format=str()):
                return True
            case Ref(target):
                definition = self.definitions[target]
                if isinstance(definition, ObjectShape):
                    return True
                numbers = numbers and not definition.recursive
                return target not in seen and self.differs(definition.shape, seen | {target}, numbers=numbers)
            case Union() if self.unions.rivals(shape) is not None:
                return True
            case _:
                return any(self.differs(child, seen, numbers=numbers) for child in children(shape))

    def admits_null(self, shape: Shape, seen: frozenset[Name] = frozenset()) -> bool:
        """Whether null is a value of the shape."""
        match shape:
            case Anything() | Null():
                return True
            case Union(branches):
                return any(self.admits_null(branch, seen) for branch in branches)
            case Ref(target):
                definition = self.definitions[target]
                alias = isinstance(definition, AliasShape) and target not in seen
                return alias and self.admits_null(definition.shape, seen | {target})  # type: ignore[union-attr]  # an alias
            case _:
                return False
