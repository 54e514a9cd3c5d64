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
    union,
)
from tightbeam_codegen.typed import TypeFact
from tightbeam_codegen.typed.facts import substitute
from tightbeam_codegen.typed.question import Question

__all__ = ["Types", "import_alias", "items_of", "shapes_of"]

_FORMAT_TYPES = {
    "date": "_dt.date",
    "date-time": "_p.AwareDatetime",
    "ipv4": "_ipaddress.IPv4Address",
    "uuid": "_uuid.UUID",
}
"""What the models have for the formats, in text that no model checks."""


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
        if opened := self.opened(shape):
            return " | ".join(self._taken(opened, module))
        question, fact = self.facts[shape]
        names = [self.spelt(name, module) for name in question.names]
        words = [literal(word) for word in question.words]
        branches = [substitute(branch, names, words) for branch in _alternatives(fact.type)]
        branches += [
            self.wire(branch, module) for branch in (shape.branches if isinstance(shape, Union) else [shape])
        ]
        return " | ".join(sorted(dict.fromkeys(branches), key=lambda branch: branch == "None"))

    def opened(self, shape: Shape) -> Shape | None:
        """A shape with classes in containers, its aliases replaced by what they stand for; None for others.

        Where either a list of models or one of dictionaries may stand, mypy can't tell which of them a
        literal is. So a publish call takes one type for both there, which has to be written out.
        """
        return self._without_aliases(shape) if self._contains_classes(shape) else None

    def _without_aliases(self, shape: Shape) -> Shape:
        match shape:
            case List(item):
                return List(self._without_aliases(item))
            case Map(value):
                return Map(self._without_aliases(value))
            case Union(branches):
                return union(map(self._without_aliases, branches))
            case Ref(target):
                definition = self.definitions[target]
                if isinstance(definition, AliasDefinition) and not definition.recursive:
                    return self._without_aliases(definition.shape)
            case _:
                pass
        return shape

    def _contains_classes(self, shape: Shape, *, inside: bool = False) -> bool:
        """Whether a class is in a list or a map of the shape, other classes and circles apart."""
        if isinstance(shape, Ref):
            definition = self.definitions[shape.target]
            if isinstance(definition, ObjectDefinition):
                return inside
            return not definition.recursive and self._contains_classes(definition.shape, inside=inside)
        inside = inside or isinstance(shape, List | Map)
        return any(self._contains_classes(child, inside=inside) for child in children(shape))

    def _taken(self, shape: Shape, module: tuple[str, ...]) -> list[str]:
        """The operands of what a publish call takes for an opened shape, null last."""
        taken: list[str] = []
        for branch in shape.branches if isinstance(shape, Union) else [shape]:
            match branch:
                case List(item):
                    # A Sequence takes a list of models, one of dictionaries, and one of both. But text is a
                    # sequence of text, and bytes are one of integers.
                    items = item.branches if isinstance(item, Union) else [item]
                    plain = all(isinstance(one, Ref | List | Map | Null) for one in items)
                    container = "_abc.Sequence" if plain else "list"
                    taken.append(f"{container}[{' | '.join(self._taken(item, module))}]")
                case Map(value):
                    taken.append(f"_abc.Mapping[str, {' | '.join(self._taken(value, module))}]")
                case Ref(target):
                    name = self.spelt(target, module)
                    taken += [name, f"{name}Dict"] if self.differs(branch) else [name]
                case String(format=format_) if format_ is not None:
                    taken += [_FORMAT_TYPES[format_], "str"]
                case _:
                    taken.append(self.wire(branch, module))
        return sorted(dict.fromkeys(taken), key=lambda branch: branch == "None")

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

    def is_endless(self, alias: AliasDefinition) -> bool:
        """Whether an alias is made of itself other than inside a class, whose fields are evaluated late."""
        return alias.recursive and self._is_made_of(alias.shape, alias.name, frozenset())

    def _is_made_of(self, shape: Shape, name: Name, seen: frozenset[Name]) -> bool:
        for found in set(names_in(shape)) - seen:
            definition = self.definitions[found]
            if found == name or (
                isinstance(definition, AliasDefinition)
                and self._is_made_of(definition.shape, name, seen | {found})
            ):
                return True
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
    return (*classes, *(_alias(types, alias, module) for alias in _dependencies_first(types, aliases)))


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
    differs = types.differs(Ref(definition.name))
    name = types.spelt(definition.name, module)
    recursive = types.is_endless(definition)
    return ir.Alias(name, model, wire if differs else None, recursive, definition.doc)


def _dependencies_first(types: Types, aliases: list[AliasDefinition]) -> list[AliasDefinition]:
    """A plain alias is evaluated where it stands, after those in it; an endless one isn't."""
    by_name = {alias.name: alias for alias in aliases}
    done: dict[Name, AliasDefinition] = {}

    def visit(alias: AliasDefinition, active: frozenset[Name]) -> None:
        if alias.name in done or alias.name in active:
            return
        for name in () if types.is_endless(alias) else names_in(alias.shape):
            if name in by_name:
                visit(by_name[name], active | {alias.name})
        done[alias.name] = alias

    for alias in aliases:
        visit(alias, frozenset())
    return list(done.values())
