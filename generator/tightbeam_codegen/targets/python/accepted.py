"""The types that publish calls accept: the model's, the dictionary's, and in containers both at once.

mypy infers the type of a list literal only where one list type is expected: with `list[UUID] | list[str]` it
picks neither. So where the contents of a container have two forms, or a union has several lists or maps, the
call accepts one read-only container for all of them, which a list or dictionary of any of the forms fits.
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
from tightbeam_codegen.targets.python import type_tree as tree
from tightbeam_codegen.targets.python.spelling import Types

__all__ = ["Accepted"]


class Accepted:
    """The accepted types of the topics of one module.

    Args:
        types: the types on the model and on the wire.
        module: the module.
    """

    def __init__(self, types: Types, module: tuple[str, ...]) -> None:
        self._types = types
        self._module = module
        self._aliases: dict[Name, ir.Alias | None] = {}

    @property
    def aliases(self) -> tuple[ir.Alias, ...]:
        """Aliases that the types need: of payloads that contain themselves."""
        return tuple(alias for alias in self._aliases.values() if alias is not None)

    def type_of(self, shape: Shape, alias: ir.Alias | None) -> tree.Type:
        """Return the type that a call accepts for a topic's shape; None comes last.

        Args:
            shape: of the topic.
            alias: the topic's own name for its type, where it has one.
        """
        if self._is_ambiguous(shape):
            return self._accepted(shape)
        if alias is not None:
            both = [tree.Named(alias.name), tree.Named(f"{alias.name}Dict")]
            return both[0] if alias.wire_type is None else tree.one_of(both)
        branches = shape.branches if isinstance(shape, Union) else (shape,)
        wire = [self._types.wire(branch, self._module) for branch in branches]
        return tree.null_last([*tree.branches_of(self._types.model(shape, self._module)), *wire])

    def _is_ambiguous(self, shape: Shape) -> bool:
        """Return whether a container in the shape has two forms, or competes with another one."""
        types = self._types
        match shape:
            case Ref(target):
                definition = types.definitions[target]
                if isinstance(definition, ObjectShape):
                    return False
                if types.unions.is_directly_recursive(target):
                    return types.differs(shape)
                return self._is_ambiguous(definition.shape)
            case List() | Map():
                return types.differs(shape) or any(map(self._is_ambiguous, children(shape)))
            case Union(branches):
                return types.unions.competing(shape) is not None or any(map(self._is_ambiguous, branches))
            case _:
                return False

    def _accepted(self, shape: Shape, opened: frozenset[Name] = frozenset()) -> tree.Type:
        """Return the accepted type of a shape, with one array and one mapping at most."""
        types = self._types
        union = types.unions.alternatives(shape, opened)
        array = [] if union.items is None else [self._array(union.items, union.opened)]
        mapping = [] if union.values is None else [tree.MappingOf(self._accepted(union.values, union.opened))]
        accepted: list[tree.Type] = []
        for branch in union.branches:
            match branch:
                case List():
                    accepted += array
                case Map():
                    accepted += mapping
                case Ref(target) if not isinstance(types.definitions[target], ObjectShape):
                    accepted.append(self._recursive(target))
                case Ref(target):
                    accepted += [types.named(target, self._module), types.named(target, self._module, "Dict")]
                case String(format=format_) if format_ is not None:
                    accepted += [tree.Format(format_), tree.STR]
                case _:
                    accepted.append(types.wire(branch, self._module))
        return tree.null_last(accepted)

    def _array(self, item: Shape, opened: frozenset[Name]) -> tree.Type:
        """Return the accepted type of an array.

        A `Sequence` accepts more than an array does. But a string is a sequence of strings, and bytes are one
        of integers.
        """
        types = self._types
        plain = all(
            isinstance(branch, List | Map | Null)
            or (isinstance(branch, Ref) and isinstance(types.definitions[branch.target], ObjectShape))
            for branch in types.unions.alternatives(item, opened).branches
        )
        accepted = self._accepted(item, opened)
        return tree.SequenceOf(accepted) if plain else tree.ArrayOf(accepted)

    def _recursive(self, target: Name) -> tree.Named:
        """Return the accepted type of a directly recursive alias: a second one if the wire form differs."""
        types = self._types
        spelt = types.named(target, self._module)
        definition = types.definitions[target]
        assert isinstance(definition, AliasShape)  # noqa: S101  # the only kind besides classes
        if not types.differs(Ref(target)):
            return spelt
        name = f"_Accepts{spelt.name}"  # an import's alias begins with a module's name, in lower case
        if target not in self._aliases:
            self._aliases[target] = None  # its contents name it in turn
            type_ = self._accepted(definition.shape)
            self._aliases[target] = ir.Alias(name, type_, None, quoted=True, doc="")
        return tree.Named(name)
