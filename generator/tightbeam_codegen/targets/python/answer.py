"""What datamodel-code-generator printed, parsed once: an allow-list of syntax, anything else is refused."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tightbeam._payload.formats import TYPED_FORMATS
from tightbeam_codegen.targets.python import type_tree as tree
from tightbeam_codegen.targets.python.fence import CARRIER

__all__ = ["REFERENCE", "RULES", "WORD", "Fact", "Rules", "UnexpectedSource", "read_answer"]

Rules: TypeAlias = tuple[tuple[str, int | float | str], ...]
"""Keyword arguments of `pydantic.Field`."""

RULES = frozenset(["ge", "gt", "le", "lt", "max_length", "min_length", "pattern"])
"""Those that a fact may have."""

REFERENCE = re.compile(r"R[0-9]+")
"""The token of a class or alias."""
WORD = re.compile(r"s[0-9]+")
"""The token of a fixed string or pattern."""

_NAMES: Mapping[str, tree.Type] = {
    **tree.PLAIN,
    **{typed.annotation[1]: tree.Format(name) for name, typed in TYPED_FORMATS.items()},
}
"""What a name in an answer stands for."""


class UnexpectedSource(Exception):
    """datamodel-code-generator printed something Tightbeam doesn't know: a bug here, not the user's."""

    def __init__(self, node: ast.AST) -> None:
        super().__init__(ast.unparse(node))


@dataclass(frozen=True, slots=True)
class Fact:
    """The answer to a question: a type over the question's tokens, and what the model checks beyond it."""

    type: tree.Type
    rules: Rules = ()


def read_answer(source: str, count: int) -> list[Fact]:
    """Return the facts for the fields f0, f1, … of the carrier class.

    Args:
        source: what was printed.
        count: how many fields there are.

    Raises:
        UnexpectedSource: something in it is not of the syntax that is known.
    """
    module = ast.parse(source)
    annotations = {
        line.target.id: line.annotation
        for statement in module.body
        if isinstance(statement, ast.ClassDef) and statement.name == CARRIER
        for line in statement.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is None
    }
    if annotations.keys() != {f"f{index}" for index in range(count)}:
        raise UnexpectedSource(module)
    return [_fact(annotations[f"f{index}"]) for index in range(count)]


def _fact(annotation: ast.expr) -> Fact:
    match annotation:
        case ast.Subscript(
            value=ast.Name(id="Annotated"),
            slice=ast.Tuple(elts=[inner, ast.Call(func=ast.Name(id="Field"), args=[], keywords=keywords)]),
        ):
            return Fact(_type(inner), tuple(map(_rule, keywords)))
        case _:
            return Fact(_type(annotation))


def _rule(keyword: ast.keyword) -> tuple[str, int | float | str]:
    value = _evaluated(keyword.value)
    if keyword.arg in RULES and isinstance(value, int | float | str) and not isinstance(value, bool):
        return keyword.arg, value
    raise UnexpectedSource(keyword)


def _type(node: ast.expr) -> tree.Type:
    match node:
        case ast.Constant(value=None):
            return tree.NONE
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.Name(id=name) if REFERENCE.fullmatch(name):
            return tree.Named(name)
        case ast.BinOp(op=ast.BitOr()):
            return tree.OneOf(tuple(map(_type, _operands(node))))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
            elements = values.elts if isinstance(values, ast.Tuple) else [values]
            return tree.Constants(tuple(map(_constant, elements)))
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return tree.ListOf(_type(item))
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[ast.Name(id="str"), value])):
            return tree.DictOf(_type(value))
        case _:
            raise UnexpectedSource(node)


def _operands(node: ast.expr) -> list[ast.expr]:
    """Return the operands of `a | b | c`, however many there are: their nodes are nested as deep."""
    operands: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        operands.append(node.right)
        node = node.left
    return [node, *reversed(operands)]


def _constant(node: ast.expr) -> str | int | bool:
    value = _evaluated(node)
    if isinstance(value, int) or (isinstance(value, str) and WORD.fullmatch(value)):
        return value
    raise UnexpectedSource(node)


def _evaluated(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise UnexpectedSource(node) from None
