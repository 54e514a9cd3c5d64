"""What a publish call takes: the model's type, the dictionary's, and in containers both at once.

mypy gives a literal its context only where one list and one mapping may stand: of `list[UUID] | list[str]` it
can't tell which of the two a literal is. So where the contents of a container have two forms, or a union has
several lists or maps, the call takes one container for all of them. It is an array or a mapping that can
only be read, so that a list, or a dictionary, of either form fits.
"""

from __future__ import annotations

from tightbeam_codegen.read.normalise.shapes import (
    AliasShape,
    List,
    Map,
    Name,
    Null,
    ObjectShape,
    Ref,
    Shape,
    String,
    Union,
    children,
)
from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python.spelling import Types
from tightbeam_codegen.targets.python.type_tree import (
    STR,
    ArrayOf,
    Format,
    MappingOf,
    Named,
    SequenceOf,
    Type,
    branches_of,
    null_last,
    one_of,
)

__all__ = ["Accepted"]


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

    @property
    def aliases(self) -> tuple[ir.Alias, ...]:
        """Declarations that the types need: of payloads that contain themselves."""
        return tuple(alias for alias in self._aliases.values() if alias is not None)

    def type_of(self, shape: Shape, alias: ir.Alias | None) -> Type:
        """Return what a call takes for a topic's shape; null comes last.

        Args:
            shape: of the topic.
            alias: the topic's own name for its type, where it has one.
        """
        if self._is_ambiguous(shape):
            return self._taken(shape)
        if alias is not None:
            both = [Named(alias.name), Named(f"{alias.name}Dict")]
            return both[0] if alias.wire_type is None else one_of(both)
        branches = shape.branches if isinstance(shape, Union) else (shape,)
        wire = [self._types.wire(branch, self._module) for branch in branches]
        return null_last([*branches_of(self._types.model(shape, self._module)), *wire])

    def _is_ambiguous(self, shape: Shape) -> bool:
        """Return whether a container of the shape has two forms, or stands beside others of its kind."""
        types = self._types
        match shape:
            case Ref(target):
                definition = types.definitions[target]
                if isinstance(definition, ObjectShape):
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

    def _taken(self, shape: Shape, opened: frozenset[Name] = frozenset()) -> Type:
        """Return one type for all that the shape takes, with one array and one mapping at most."""
        types = self._types
        found = types.unions.alternatives(shape, opened)
        array = [] if found.items is None else [self._array(found.items, found.opened)]
        mapping = [] if found.values is None else [MappingOf(self._taken(found.values, found.opened))]
        taken: list[Type] = []
        for branch in found.branches:
            match branch:
                case List():
                    taken += array
                case Map():
                    taken += mapping
                case Ref(target) if not isinstance(types.definitions[target], ObjectShape):
                    taken.append(self._endless(target))
                case Ref(target):
                    taken += [types.named(target, self._module), types.named(target, self._module, "Dict")]
                case String(format=format_) if format_ is not None:
                    taken += [Format(format_), STR]
                case _:
                    taken.append(types.wire(branch, self._module))
        return null_last(taken)

    def _array(self, item: Shape, opened: frozenset[Name]) -> Type:
        """Return an array of such items.

        A `Sequence` takes more than lists and tuples, but text is a sequence of text, and bytes are one of
        integers.
        """
        types = self._types
        plain = all(
            isinstance(branch, List | Map | Null)
            or (isinstance(branch, Ref) and isinstance(types.definitions[branch.target], ObjectShape))
            for branch in types.unions.alternatives(item, opened).branches
        )
        taken = self._taken(item, opened)
        return SequenceOf(taken) if plain else ArrayOf(taken)

    def _endless(self, target: Name) -> Named:
        """Return an alias that contains itself, or one declared here if its contents have two forms."""
        types = self._types
        spelt = types.named(target, self._module)
        definition = types.definitions[target]
        assert isinstance(definition, AliasShape)  # noqa: S101  # the only kind besides classes
        if not types.differs(Ref(target)):
            return spelt
        name = f"_Accepts{spelt.name}"  # an import's alias begins with a module's name, in lower case
        if target not in self._aliases:
            self._aliases[target] = None  # its contents name it in turn
            type_ = self._taken(definition.shape)
            self._aliases[target] = ir.Alias(name, type_, None, quoted=True, doc="")
        return Named(name)
