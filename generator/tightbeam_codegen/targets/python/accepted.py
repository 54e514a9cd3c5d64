"""What a publish call takes: the model's type, the dictionary's, and in containers both at once.

mypy gives a literal its context only where one list and one mapping may stand: of `list[UUID] | list[str]` it
can't tell which of the two a literal is. So where the contents of a container have two forms, or a union has
several lists or maps, the call takes one container for all of them. It is an array or a mapping that can
only be read, so that a list, or a dictionary, of either form fits.
"""

from __future__ import annotations

from tightbeam_codegen.read.normalise.shapes import (
    AliasDefinition,
    List,
    Map,
    Name,
    Null,
    ObjectDefinition,
    Ref,
    Shape,
    String,
    Union,
    children,
)
from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python.assemble import Types
from tightbeam_codegen.targets.python.literals import literal
from tightbeam_codegen.targets.python.typed.facts import substitute

__all__ = ["Accepted"]

_FORMAT_TYPES = {
    "date": "_dt.date",
    "date-time": "_p.AwareDatetime",
    "ipv4": "_ipaddress.IPv4Address",
    "uuid": "_uuid.UUID",
}
"""What the models have for the formats, in text that no model checks."""


class Accepted:
    """Spells what publish calls take in one module.

    Args:
        types: spells all other types.
        module: the module in which the calls' topics stand.
    """

    def __init__(self, types: Types, module: tuple[str, ...]) -> None:
        self._types = types
        self._module = module
        self._aliases: dict[Name, ir.Alias | None] = {}
        self.names: dict[Name, None] = {}
        """The classes and aliases that what was spelt so far is made of."""

    @property
    def aliases(self) -> tuple[ir.Alias, ...]:
        """Declarations that the spelt types need: of payloads that contain themselves."""
        return tuple(alias for alias in self._aliases.values() if alias is not None)

    def named(self, shape: Shape, alias: ir.Alias | None) -> str:
        """Spell what a call takes for a topic's shape; null comes last.

        Args:
            shape: of the topic.
            alias: the topic's own name for its type, where it has one.
        """
        if self._is_ambiguous(shape):
            return " | ".join(self._operands(shape))
        if alias is not None:
            return alias.name if alias.wire_type is None else f"{alias.name} | {alias.name}Dict"
        question, fact = self._types.facts[shape]
        names = [self._types.spelt(name, self._module) for name in question.names]
        words = [literal(word) for word in question.words]
        taken = [substitute(branch, names, words) for branch in _alternatives(fact.type)]
        taken += [
            self._types.wire(branch, self._module)
            for branch in (shape.branches if isinstance(shape, Union) else [shape])
        ]
        return " | ".join(_null_last(taken))

    def _is_ambiguous(self, shape: Shape) -> bool:
        """Return whether a container of the shape has two forms, or stands beside others of its kind."""
        types = self._types
        match shape:
            case Ref(target):
                definition = types.definitions[target]
                if isinstance(definition, ObjectDefinition):
                    return False
                if types.unions.is_endless(target):
                    return types.differs(shape)
                return self._is_ambiguous(definition.shape)
            case List() | Map():
                return types.differs(shape) or any(map(self._is_ambiguous, children(shape)))
            case Union(branches):
                return types.unions.rivals(shape) is not None or any(map(self._is_ambiguous, branches))
            case _:
                return False

    def _operands(self, shape: Shape, opened: frozenset[Name] = frozenset()) -> list[str]:
        """Spell the operands of one union that takes what the shape takes, null last."""
        types = self._types
        found = types.unions.alternatives(shape, opened)
        array = mapping = ""
        if found.items is not None:
            array = self._array(found.items, found.opened)
        if found.values is not None:
            mapping = f"_abc.Mapping[str, {' | '.join(self._operands(found.values, found.opened))}]"
        taken: list[str] = []
        for branch in found.branches:
            match branch:
                case List():
                    taken.append(array)
                case Map():
                    taken.append(mapping)
                case Ref(target) if not isinstance(types.definitions[target], ObjectDefinition):
                    taken.append(self._endless(target))
                case Ref(target):
                    self.names[target] = None
                    name = types.spelt(target, self._module)
                    taken += [name, f"{name}Dict"]
                case String(format=format_) if format_ is not None:
                    taken += [_FORMAT_TYPES[format_], "str"]
                case _:
                    taken.append(types.wire(branch, self._module))
        return _null_last(taken)

    def _array(self, item: Shape, opened: frozenset[Name]) -> str:
        """Spell an array of such items.

        A `Sequence` takes more than lists and tuples, but text is a sequence of text, and bytes are one of
        integers.
        """
        types = self._types
        plain = all(
            isinstance(branch, List | Map | Null)
            or (isinstance(branch, Ref) and isinstance(types.definitions[branch.target], ObjectDefinition))
            for branch in types.unions.alternatives(item, opened).branches
        )
        return f"{'_abc.Sequence' if plain else 'v1.Array'}[{' | '.join(self._operands(item, opened))}]"

    def _endless(self, target: Name) -> str:
        """Name an alias that contains itself, or the one declared here if its contents have two forms."""
        types = self._types
        spelt = types.spelt(target, self._module)
        definition = types.definitions[target]
        assert isinstance(definition, AliasDefinition)  # noqa: S101  # the only kind besides classes
        if not types.differs(Ref(target)):
            self.names[target] = None
            return spelt
        name = f"_Accepts{spelt}"  # an import's alias begins with a module's name, in lower case
        if target not in self._aliases:
            self._aliases[target] = None  # its contents name it in turn
            type_ = " | ".join(self._operands(definition.shape))
            self._aliases[target] = ir.Alias(name, type_, None, quoted=True, doc="")
        return name


def _null_last(operands: list[str]) -> list[str]:
    return sorted(dict.fromkeys(operands), key=lambda operand: operand == "None")


def _alternatives(expression: str) -> list[str]:
    """Split a fact's type, whose words are still tokens, at the outermost `|`."""
    found, depth, start = [], 0, 0
    for index, char in enumerate(expression):
        depth += (char == "[") - (char == "]")
        if char == "|" and depth == 0:
            found.append(expression[start : index - 1])
            start = index + 2
    return [*found, expression[start:]]
