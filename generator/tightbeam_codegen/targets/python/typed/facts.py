"""What datamodel-code-generator printed, read as facts: an allow-list of syntax, anything else is refused."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tightbeam_codegen.targets.python.typed.fence import CARRIER

__all__ = ["TypeFact", "UnexpectedSource", "read_facts", "substitute"]

_RULES = frozenset(["ge", "gt", "le", "lt", "min_length", "max_length", "pattern"])
_NAMES = {
    "str": "str",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "list": "list",
    "dict": "dict",
    "Any": "_t.Any",
    "Literal": "_t.Literal",
    "AwareDatetime": "_p.AwareDatetime",
    "date": "_dt.date",
    "UUID": "_uuid.UUID",
    "IPv4Address": "_ipaddress.IPv4Address",
}
"""Every name that a type may be made of -> how a generated module spells it."""

_REFERENCE = re.compile(r"R\d+")
_WORD = re.compile(r"s\d+")


class UnexpectedSource(Exception):
    """datamodel-code-generator printed something Tightbeam doesn't know: a bug here, not the user's."""


@dataclass(frozen=True, slots=True)
class TypeFact:
    """The Python type for one shape.

    `type` is an expression over tokens; `rules` are keyword arguments of `pydantic.Field` for it.
    """

    type: str
    rules: tuple[tuple[str, int | float | str], ...] = ()


def read_facts(source: str, count: int) -> list[TypeFact]:
    """The facts for fields f0 … of the carrier class. Raises UnexpectedSource."""
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.ClassDef) and statement.name == CARRIER:
            fields = {
                line.target.id: line
                for line in statement.body
                if isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and line.value is None
            }
            if len(fields) == count:
                return [_fact(fields[f"f{index}"].annotation) for index in range(count)]
    raise UnexpectedSource(f"no class {CARRIER} with {count} fields")


def _fact(annotation: ast.expr) -> TypeFact:
    match annotation:
        case ast.Subscript(
            value=ast.Name(id="Annotated"),
            slice=ast.Tuple(elts=[inner, ast.Call(func=ast.Name(id="Field"), args=[], keywords=keywords)]),
        ):
            rules = tuple((str(keyword.arg), _constant(keyword.value)) for keyword in keywords)
            if not {name for name, _ in rules} <= _RULES:
                raise UnexpectedSource(ast.unparse(annotation))
            return TypeFact(_spelt(inner), rules)
        case _:
            return TypeFact(_spelt(annotation))


def _evaluated(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise UnexpectedSource(ast.unparse(node)) from None


def _constant(node: ast.expr) -> int | float | str:
    value = _evaluated(node)
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return value
    raise UnexpectedSource(ast.unparse(node))


def _spelt(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.Name(id=name) if _REFERENCE.fullmatch(name):
            return name
        case ast.Constant(value=None):
            return "None"
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return f"{_spelt(left)} | {_spelt(right)}"
        case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
            return f"_t.Literal[{_literals(values)}]"
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return f"list[{_spelt(item)}]"
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[ast.Name(id="str"), value])):
            return f"dict[str, {_spelt(value)}]"
        case _:
            raise UnexpectedSource(ast.unparse(node))


def _literals(node: ast.expr) -> str:
    values = node.elts if isinstance(node, ast.Tuple) else [node]
    spelt = []
    for value in values:
        constant = _evaluated(value)
        if isinstance(constant, str) and _WORD.fullmatch(constant):
            spelt.append(f"'{constant}'")
        elif isinstance(constant, int):
            spelt.append(repr(constant))
        else:
            raise UnexpectedSource(ast.unparse(value))
    return ", ".join(spelt)


_TOKEN = re.compile(r"\bR(\d+)\b|'s(\d+)'")


def substitute(text: str, names: Sequence[str], words: Sequence[str]) -> str:
    """A fact's type with its tokens replaced: `names` and `words` are Python expressions."""

    def replaced(match: re.Match[str]) -> str:
        return names[int(match[1])] if match[1] is not None else words[int(match[2])]

    return _TOKEN.sub(replaced, text)
