"""Shapes, their types and the definitions' own words to the intermediate representation, module by module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tightbeam_codegen.read.normalise.shapes import (
    AliasDefinition,
    Anything,
    Boolean,
    Definition,
    Field,
    Integer,
    List,
    Literals,
    Map,
    Name,
    Never,
    Null,
    Number,
    ObjectDefinition,
    Ref,
    Shape,
    String,
    Union,
    children,
    names_in,
)
from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python.literals import literal
from tightbeam_codegen.targets.python.module_assignment import ModuleAssignment
from tightbeam_codegen.targets.python.typed import TypeFact
from tightbeam_codegen.targets.python.typed.facts import substitute
from tightbeam_codegen.targets.python.typed.question import Question
from tightbeam_codegen.targets.python.unions import Alternatives, Unions

__all__ = ["Types", "import_alias", "items_of"]


def import_alias(name: Name) -> str:
    """What a class of another module is called in this one: no field or class begins with an underscore."""
    return f"_{'__'.join(name.module)}_{name.name}"


@dataclass(frozen=True, slots=True)
class Types:
    """Spells shapes as Python types.

    `facts` has the answer for every shape that is a field, an alias or a topic by itself.
    """

    definitions: Mapping[Name, Definition]
    facts: Mapping[Shape, tuple[Question, TypeFact]]
    homes: ModuleAssignment = field(default_factory=ModuleAssignment)
    unions: Unions = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "unions", Unions(self.definitions))

    def spelt(self, name: Name, module: tuple[str, ...]) -> str:
        """A class or alias as `module` refers to it."""
        if self.homes.of(name.module) == module:
            return self.homes.name_at_home(name)
        return name.name if name.module == module else import_alias(name)

    def model(self, shape: Shape, module: tuple[str, ...]) -> str:
        """The type on the model, as `module` spells it."""
        question, fact = self.facts[shape]
        names = [self.spelt(name, module) for name in question.names]
        return substitute(fact.type, names, [literal(word) for word in question.words])

    def names(self, shape: Shape) -> Iterator[Name]:
        """Yield the classes and aliases that a shape's types are spelt with, on the model and on the wire."""
        yield from names_in(shape)
        yield from self.unions.names(shape)

    def rules(self, shape: Shape) -> tuple[tuple[str, int | float | str], ...]:
        """What the model checks beyond the type: arguments of `pydantic.Field`."""
        question, fact = self.facts[shape]
        return tuple(
            (name, question.words[int(value[1:])] if isinstance(value, str) else value)
            for name, value in fact.rules
        )

    def wire(self, shape: Shape, module: tuple[str, ...], opened: frozenset[Name] = frozenset()) -> str:
        """The type in the typed dictionary: what JSON has.

        Args:
            shape: the shape.
            module: where the type is written.
            opened: aliases that contain themselves, within which this is.
        """
        match shape:
            case Anything() | Never():
                return "_t.Any"
            case Null():
                return "None"
            case Boolean():
                return "bool"
            case Integer():
                return "int"
            case Number():
                return "float"
            case String():
                return "str"
            case Literals(values):
                return f"_t.Literal[{', '.join(literal(value) for value in values)}]"
            case List(item):
                return f"list[{self.wire(item, module, opened)}]"
            case Map(value):
                return f"dict[str, {self.wire(value, module, opened)}]"
            case Ref(target):
                return self.spelt(target, module) + ("Dict" if self.differs(shape) else "")
            case Union(branches):
                if (found := self.unions.rivals(shape, opened)) is not None:
                    return self._merged(found, module)
                return " | ".join(dict.fromkeys(self.wire(branch, module, opened) for branch in branches))

    def _merged(self, found: Alternatives, module: tuple[str, ...]) -> str:
        """Spell a union's wire form with one array and one mapping for all that are in it.

        They can only be read, so that a list of either kind fits.
        """
        array = mapping = ""
        if found.items is not None:
            array = f"v1.Array[{self.wire(found.items, module, found.opened)}]"
        if found.values is not None:
            mapping = f"_abc.Mapping[str, {self.wire(found.values, module, found.opened)}]"
        spelt = [
            array
            if isinstance(branch, List)
            else mapping
            if isinstance(branch, Map)
            else self.wire(branch, module, found.opened)
            for branch in found.branches
        ]
        return " | ".join(sorted(dict.fromkeys(spelt), key=lambda operand: operand == "None"))

    def differs(self, shape: Shape, seen: frozenset[Name] = frozenset(), *, numbers: bool = True) -> bool:
        """Whether the type on the wire is another than the model's.

        An alias that contains itself has one form for both if only the numbers in it differ: checkers take
        `float` for `int | float`, and mypy loses its way in a union of two such aliases.
        """
        match shape:
            case Number():
                return numbers
            case String(format="date-time" | "date" | "uuid" | "ipv4"):
                return True
            case Ref(target):
                definition = self.definitions[target]
                if isinstance(definition, ObjectDefinition):
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
                alias = isinstance(definition, AliasDefinition) and target not in seen
                return alias and self.admits_null(definition.shape, seen | {target})  # type: ignore[union-attr]  # an alias
            case _:
                return False


def items_of(types: Types, definitions: Sequence[Definition], module: tuple[str, ...]) -> tuple[ir.Item, ...]:
    """The classes and aliases of one module: classes first, then aliases, each after those it is made of."""
    ordered = sorted(definitions, key=lambda d: (d.name.module != module, d.name.module, d.order))
    classes = [_class(types, d, module) for d in ordered if isinstance(d, ObjectDefinition)]
    aliases = [d for d in ordered if isinstance(d, AliasDefinition)]
    return (*classes, *(_alias(types, alias, module) for alias in _dependencies_first(types, aliases)))


def _class(types: Types, definition: ObjectDefinition, module: tuple[str, ...]) -> ir.Class:
    fields = tuple(_field(types, field, module) for field in definition.fields)
    name = types.spelt(definition.name, module)
    return ir.Class(name, fields, definition.closed, definition.doc)


def _field(types: Types, field: Field, module: tuple[str, ...]) -> ir.Field:
    presence: ir.Presence = "required"
    if not field.required:
        presence = "optional"
        if types.admits_null(field.shape):
            presence = "null-by-default" if field.default_is_null else "optional-nullable"
    return ir.Field(
        field.py_name,
        field.wire_name,
        types.model(field.shape, module),
        types.wire(field.shape, module),
        types.rules(field.shape),
        field.unchecked,
        presence,
        field.doc,
    )


def _alias(types: Types, definition: AliasDefinition, module: tuple[str, ...]) -> ir.Alias:
    model, wire = types.model(definition.shape, module), types.wire(definition.shape, module)
    differs = types.differs(Ref(definition.name))
    name = types.spelt(definition.name, module)
    quoted = types.unions.is_endless(definition.name) or types.unions.is_text(definition.shape)
    return ir.Alias(name, model, wire if differs else None, quoted, definition.doc)


def _dependencies_first(types: Types, aliases: list[AliasDefinition]) -> list[AliasDefinition]:
    """A plain alias is evaluated where it stands, after those in it; an endless one isn't."""
    by_name = {alias.name: alias for alias in aliases}
    done: dict[Name, AliasDefinition] = {}

    def visit(alias: AliasDefinition, active: frozenset[Name]) -> None:
        if alias.name in done or alias.name in active:
            return
        for name in () if types.unions.is_endless(alias.name) else types.names(alias.shape):
            if name in by_name:
                visit(by_name[name], active | {alias.name})
        done[alias.name] = alias

    for alias in aliases:
        visit(alias, frozenset())
    return list(done.values())
