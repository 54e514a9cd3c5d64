"""Shapes as TypeScript types. Neither is ever narrower than the schema."""

from __future__ import annotations

from tightbeam_codegen.assemble import import_alias
from tightbeam_codegen.normalise.shapes import (
    Anything,
    Boolean,
    Integer,
    List,
    Literals,
    Map,
    Name,
    Never,
    Null,
    Number,
    Ref,
    Shape,
    String,
    Union,
)
from tightbeam_codegen.typescript import ir

__all__ = ["spelt", "type_of"]

_SAFE = 2**53 - 1
"""Beyond it several integers are one number in JavaScript."""


def spelt(name: Name, module: tuple[str, ...]) -> str:
    """What `module` calls a type."""
    return name.name if name.module == module else import_alias(name)


def type_of(shape: Shape, module: tuple[str, ...]) -> ir.Type:
    """The type of a shape, as `module` spells it."""
    match shape:
        case Anything() | Never():
            return ir.UNKNOWN
        case Null():
            return ir.NULL
        case Boolean():
            return ir.Keyword("boolean")
        case Integer() | Number():
            return ir.Keyword("number")
        case String():
            return ir.Keyword("string")
        case Literals(values):
            return _one_of([_constant(value) for value in values])
        case List(item):
            return ir.ArrayOf(type_of(item, module))
        case Map(value):
            return ir.MapOf(type_of(value, module))
        case Ref(target):
            return ir.Named(spelt(target, module))
        case Union(branches):
            return _one_of([type_of(branch, module) for branch in branches])


def _constant(value: str | int | bool) -> ir.Type:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE:
        return ir.Keyword("number")
    return ir.Constant(value)


def _one_of(types: list[ir.Type]) -> ir.Type:
    """The union, flat; with `unknown` in it, it is that."""
    flat: dict[tuple[type, ir.Type], ir.Type] = {}
    for each in types:
        for branch in each.branches if isinstance(each, ir.OneOf) else (each,):
            # True and 1 are equal in Python.
            kind = type(branch.value) if isinstance(branch, ir.Constant) else type(branch)
            flat[kind, branch] = branch
    branches = tuple(flat.values())
    if ir.UNKNOWN in branches:
        return ir.UNKNOWN
    return branches[0] if len(branches) == 1 else ir.OneOf(branches)
