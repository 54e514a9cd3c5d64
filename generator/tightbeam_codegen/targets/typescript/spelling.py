"""The TypeScript types of shapes: like these, never narrower than the schema."""

from __future__ import annotations

from tightbeam_codegen.read.normalise.shapes import (
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
from tightbeam_codegen.targets.declared import import_alias
from tightbeam_codegen.targets.typescript import ir

__all__ = ["one_of", "spelt", "type_of"]

_SAFE = 2**53 - 1
"""Beyond it several integers are one number in JavaScript."""


def spelt(name: Name, module: tuple[str, ...]) -> str:
    """Return the name of a type in a module.

    Args:
        name: the type.
        module: where it is declared or imported.
    """
    return name.name if name.module == module else import_alias(name)


def type_of(shape: Shape, module: tuple[str, ...]) -> ir.Type:
    """Return the type of a shape.

    Args:
        shape: the shape.
        module: where the type is written.
    """
    match shape:
        case Anything():
            return ir.UNKNOWN
        case Never():
            return ir.Keyword("never")
        case Null():
            return ir.NULL
        case Boolean():
            return ir.Keyword("boolean")
        case Integer() | Number():
            return ir.Keyword("number")
        case String():
            return ir.Keyword("string")
        case Literals(values):
            return one_of([_constant(value) for value in values])
        case List(item, prefix, required, closed):
            rest = type_of(item, module)
            if not prefix and not closed:
                return ir.ArrayOf(rest)
            first = tuple(type_of(each, module) for each in prefix)
            return ir.TupleOf(first, required, None if closed else rest)
        case Map(value):
            return ir.MapOf(type_of(value, module))
        case Ref(target):
            return ir.Named(spelt(target, module))
        case Union(branches):
            return one_of([type_of(branch, module) for branch in branches])


def _constant(value: str | float | bool) -> ir.Type:
    match value:
        case float() if value.is_integer():
            # 1.0 and 1 are one number in JSON, and in JavaScript.
            return _constant(int(value))
        case int() | float() if not isinstance(value, bool) and not -_SAFE <= value <= _SAFE:
            return ir.Keyword("number")
        case _:
            return ir.Constant(value)


def one_of(types: list[ir.Type]) -> ir.Type:
    """Return a flat union of types; just `unknown` if that is among them."""
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
