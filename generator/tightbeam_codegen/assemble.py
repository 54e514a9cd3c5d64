"""Shapes, their types and the definitions' own words to the intermediate representation, module by module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tightbeam_codegen import ir
from tightbeam_codegen.cycles import Homes
from tightbeam_codegen.literals import literal
from tightbeam_codegen.normalise.shapes import (
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
from tightbeam_codegen.typed import TypeFact
from tightbeam_codegen.typed.facts import substitute
from tightbeam_codegen.typed.question import Question

__all__ = ["Types", "import_alias", "items_of", "shapes_of"]


def shapes_of(definitions: Iterable[Definition]) -> Iterator[Shape]:
    """Every shape whose type has to be known to print the definitions."""
    for definition in definitions:
        if isinstance(definition, ObjectDefinition):
            yield from (field.shape for field in definition.fields)
        else:
            yield definition.shape


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
    homes: Homes = field(default_factory=Homes)

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

    def rules(self, shape: Shape) -> tuple[tuple[str, int | float | str], ...]:
        """What the model checks beyond the type: arguments of `pydantic.Field`."""
        question, fact = self.facts[shape]
        return tuple(
            (name, question.words[int(value[1:])] if isinstance(value, str) else value)
            for name, value in fact.rules
        )

    def wire(self, shape: Shape, module: tuple[str, ...]) -> str:
        """The type in the typed dictionary: what JSON has."""
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
                return f"list[{self.wire(item, module)}]"
            case Map(value):
                return f"dict[str, {self.wire(value, module)}]"
            case Ref(target):
                return self.spelt(target, module) + ("Dict" if self.differs(shape) else "")
            case Union(branches):
                return " | ".join(dict.fromkeys(self.wire(branch, module) for branch in branches))

    def publish(self, shape: Shape, module: tuple[str, ...]) -> str:
        """What a publish call takes: the model's type, the dictionary's, or either; null last."""
        question, fact = self.facts[shape]
        names = [self.spelt(name, module) for name in question.names]
        words = [literal(word) for word in question.words]
        branches = [substitute(branch, names, words) for branch in _alternatives(fact.type)]
        branches += [
            self.wire(branch, module) for branch in (shape.branches if isinstance(shape, Union) else [shape])
        ]
        return " | ".join(sorted(dict.fromkeys(branches), key=lambda branch: branch == "None"))

    def differs(self, shape: Shape, seen: frozenset[Name] = frozenset()) -> bool:
        """Whether the type on the wire is another than the model's."""
        match shape:
            case Number() | String(format="date-time" | "date" | "uuid" | "ipv4"):
                return True
            case Ref(target):
                definition = self.definitions[target]
                if isinstance(definition, ObjectDefinition):
                    return True
                return target not in seen and self.differs(definition.shape, seen | {target})
            case _:
                return any(self.differs(child, seen) for child in children(shape))

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

    def is_open(self, shape: Shape, seen: set[Name] | None = None) -> bool:
        """Whether anything at all may stand somewhere in a payload of this shape."""
        seen = set() if seen is None else seen
        match shape:
            case Anything() | Never():
                return True
            case Ref(target):
                if target in seen:
                    return False
                seen.add(target)
                definition = self.definitions[target]
                if isinstance(definition, AliasDefinition):
                    return self.is_open(definition.shape, seen)
                return not definition.closed or any(
                    self.is_open(field.shape, seen) for field in definition.fields
                )
            case _:
                return any(self.is_open(child, seen) for child in children(shape))


def _alternatives(expression: str) -> list[str]:
    """The operands of the outermost `|` of a fact's type, whose words are still tokens."""
    found, depth, start = [], 0, 0
    for index, char in enumerate(expression):
        depth += (char == "[") - (char == "]")
        if char == "|" and depth == 0:
            found.append(expression[start : index - 1])
            start = index + 2
    return [*found, expression[start:]]


def items_of(types: Types, definitions: Sequence[Definition], module: tuple[str, ...]) -> tuple[ir.Item, ...]:
    """The classes and aliases of one module: classes first, then aliases, each after those it is made of."""
    ordered = sorted(definitions, key=lambda d: (d.name.module != module, d.name.module, d.order))
    classes = [_class(types, d, module) for d in ordered if isinstance(d, ObjectDefinition)]
    aliases = [d for d in ordered if isinstance(d, AliasDefinition)]
    return (*classes, *(_alias(types, alias, module) for alias in _dependencies_first(aliases)))


def _class(types: Types, definition: ObjectDefinition, module: tuple[str, ...]) -> ir.Class:
    fields = tuple(_field(types, field, module) for field in definition.fields)
    name = types.spelt(definition.name, module)
    return ir.Class(name, fields, definition.closed, definition.doc)


def _field(types: Types, field: Field, module: tuple[str, ...]) -> ir.Field:
    presence: ir.Presence = "required"
    if not field.required:
        presence = "optional-nullable" if types.admits_null(field.shape) else "optional"
    return ir.Field(
        field.py_name,
        field.wire_name,
        types.model(field.shape, module),
        types.wire(field.shape, module),
        types.rules(field.shape),
        presence,
        field.doc,
    )


def _alias(types: Types, definition: AliasDefinition, module: tuple[str, ...]) -> ir.Alias:
    model, wire = types.model(definition.shape, module), types.wire(definition.shape, module)
    differs = types.differs(definition.shape)
    name = types.spelt(definition.name, module)
    return ir.Alias(name, model, wire if differs else None, definition.recursive, definition.doc)


def _dependencies_first(aliases: list[AliasDefinition]) -> list[AliasDefinition]:
    """A plain alias is evaluated where it stands, so those in it must stand before it; not a recursive one."""
    by_name = {alias.name: alias for alias in aliases}
    done: dict[Name, AliasDefinition] = {}

    def visit(alias: AliasDefinition, active: frozenset[Name]) -> None:
        if alias.name in done or alias.name in active:
            return
        for name in () if alias.recursive else names_in(alias.shape):
            if name in by_name:
                visit(by_name[name], active | {alias.name})
        done[alias.name] = alias

    for alias in aliases:
        visit(alias, frozenset())
    return list(done.values())
