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
from tightbeam_codegen.targets.python import type_tree as tree
from tightbeam_codegen.targets.python.answer import Fact, Rules
from tightbeam_codegen.targets.python.module_assignment import ModuleAssignment
from tightbeam_codegen.targets.python.question import Question
from tightbeam_codegen.targets.python.unions import Alternatives, Unions

__all__ = ["Types"]


@dataclass(frozen=True, slots=True)
class Types:
    """The Python types of shapes."""

    definitions: Mapping[Name, NamedShape]
    """Every class and alias."""
    facts: Mapping[Shape, tuple[Question, Fact]]
    """The fact about each shape that is a field, an alias or a topic by itself."""
    assignment: ModuleAssignment = field(default_factory=ModuleAssignment)
    unions: Unions = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "unions", Unions(self.definitions))

    def local_name(self, name: Name, module: tuple[str, ...]) -> str:
        """Return the name of a class or alias in a module.

        Args:
            name: the class or alias.
            module: where it is declared or imported.
        """
        if self.assignment.of(name.module) == module:
            return self.assignment.declared_name(name)
        return name.name if name.module == module else import_alias(name)

    def named(self, name: Name, module: tuple[str, ...], suffix: str = "") -> tree.Named:
        """Return the type that is a class or alias.

        Args:
            name: the class or alias.
            module: where the type is written.
            suffix: `Dict` for the wire form.
        """
        return tree.Named(self.local_name(name, module) + suffix, name)

    def model(self, shape: Shape, module: tuple[str, ...]) -> tree.Type:
        """Return the type of a shape on the model.

        Args:
            shape: one of `facts`.
            module: where the type is written.
        """
        question, fact = self.facts[shape]
        if not (question.names or question.words):
            return fact.type
        return tree.filled(fact.type, [self.named(name, module) for name in question.names], question.words)

    def rules(self, shape: Shape) -> Rules:
        """Return what the model checks beyond the type: arguments of `pydantic.Field`."""
        question, fact = self.facts[shape]
        return tuple(
            (name, question.words[int(value[1:])] if isinstance(value, str) else value)
            for name, value in fact.rules
        )

    def wire(self, shape: Shape, module: tuple[str, ...], opened: frozenset[Name] = frozenset()) -> tree.Type:
        """Return the type of a shape in the typed dictionary: what JSON has.

        Args:
            shape: the shape.
            module: where the type is written.
            opened: aliases that contain themselves, within which this is.
        """
        match shape:
            case Anything() | Never():
                return tree.ANY
            case Null():
                return tree.NONE
            case Boolean():
                return tree.BOOL
            case Integer():
                return tree.INT
            case Number():
                return tree.FLOAT
            case String():
                return tree.STR
            case Literals(values):
                # Only exact shapes have fractions.
                return tree.Constants(cast("tuple[str | int, ...]", values))
            case List(item):
                return tree.ListOf(self.wire(item, module, opened))
            case Map(value):
                return tree.DictOf(self.wire(value, module, opened))
            case Ref(target):
                return self.named(target, module, "Dict" if self.differs(shape) else "")
            case Union(branches):
                if (alternatives := self.unions.competing(shape, opened)) is not None:
                    return self._merged(alternatives, module)
                return tree.one_of(self.wire(branch, module, opened) for branch in branches)
            case _:
                assert_never(shape)

    def _merged(self, union: Alternatives, module: tuple[str, ...]) -> tree.Type:
        """Return a union's wire form with one array for all its lists, and one mapping for all its maps.

        Both are read-only types, so that a list of any of the kinds fits.
        """
        array: list[tree.Type] = []
        mapping: list[tree.Type] = []
        if union.items is not None:
            array.append(tree.ArrayOf(self.wire(union.items, module, union.opened)))
        if union.values is not None:
            mapping.append(tree.MappingOf(self.wire(union.values, module, union.opened)))
        branches: list[tree.Type] = []
        for branch in union.branches:
            match branch:
                case List():
                    branches += array
                case Map():
                    branches += mapping
                case _:
                    branches.append(self.wire(branch, module, union.opened))
        return tree.null_last(branches)

    def differs(self, shape: Shape, seen: frozenset[Name] = frozenset(), *, numbers: bool = True) -> bool:
        """Return whether the type on the wire differs from the model's.

        An alias that contains itself has one form for both if only the numbers in it differ: type checkers
        accept `float` for `int | float`, and mypy fails on a union of two such aliases.

        Args:
            shape: the shape.
            seen: aliases within which this is.
            numbers: whether a number makes the difference.
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
            case Union() if self.unions.competing(shape) is not None:
                return True
            case _:
                return any(self.differs(child, seen, numbers=numbers) for child in children(shape))

    def admits_null(self, shape: Shape, seen: frozenset[Name] = frozenset()) -> bool:
        """Return whether null is a value of the shape.

        Args:
            shape: the shape.
            seen: aliases within which this is.
        """
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
