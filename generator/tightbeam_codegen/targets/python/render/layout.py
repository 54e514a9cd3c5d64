"""Line breaks as `ruff format` makes them, for the few constructs that a generated module has.

A bracket that does not fit is opened one element a line, with a trailing comma wherever one may stand. A
module is stable under `ruff format` at the width it was made for.
"""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Iterable

from tightbeam_codegen.targets.python.literals import literal

__all__ = ["Layout", "columns"]


def columns(line: str) -> int:
    """How wide a line is to the formatter: East Asian characters take two columns, combining ones none."""
    if line.isascii():
        return len(line)
    return sum(map(_columns, line))


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("F", "W") else 1


class Layout:
    """Lays out expressions for lines of at most `width` characters."""

    def __init__(self, width: int) -> None:
        self.width = width

    def statement(self, prefix: str, expression: str, suffix: str = "", indent: str = "") -> str:
        """`prefix expression suffix` from column `indent` on, such as a field; without the line's end."""
        flat = f"{indent}{prefix}{expression}{suffix}"
        if columns(flat) <= self.width:
            return flat
        value = suffix.removeprefix(" = ")
        if value != suffix and columns(head := f"{indent}{prefix}{expression} = (") <= self.width:
            return f"{head}\n{indent}    {value}\n{indent})"
        node = ast.parse(expression, mode="eval").body
        opened = f"{indent}{prefix}{self._open(node, indent)}{suffix}"
        begin, inner = f"{indent}{prefix}(", indent + "    "
        wrapped = self._fit(node, inner, "")
        # Other than a union it has a bracket of its own to open. Parentheses go around it only where there is
        # no value behind it, the line up to that bracket is too long, and then all else fits.
        own = (
            value != suffix or self._fits(opened.partition("\n")[0]) or not self._fits(f"{begin}\n{wrapped}")
        )
        if own and not isinstance(node, ast.BinOp):
            return opened
        return f"{begin}\n{wrapped}\n{indent}){suffix}"

    def _fits(self, text: str) -> bool:
        return all(columns(line) <= self.width for line in text.split("\n"))

    def sequence(self, items: Iterable[str], indent: str) -> str:
        """Elements one a line, each with a comma."""
        inner = indent + "    "
        return "".join(f"{self.statement('', item, ',', inner)}\n" for item in items)

    def _fit(self, node: ast.expr, indent: str, suffix: str, lead: str = "") -> str:
        """An expression with what stands before and behind it, alone on its line."""
        flat = f"{indent}{lead}{_flat(node)}{suffix}"
        if columns(flat) <= self.width:
            return flat
        if isinstance(node, ast.BinOp):
            return self._operands(node, indent, suffix)
        return f"{indent}{lead}{self._open(node, indent)}{suffix}"

    def _operands(self, node: ast.BinOp, indent: str, suffix: str = "") -> str:
        """A union, on one line or one operand a line."""
        flat = f"{indent}{_flat(node)}{suffix}"
        if columns(flat) <= self.width:
            return flat
        operands: list[ast.expr] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp):
            operands.append(left.right)
            left = left.left
        *others, last = operands[::-1]
        lines = [self._fit(left, indent, "")]
        lines += [self._fit(operand, indent, "", "| ") for operand in others]
        return "\n".join([*lines, self._fit(last, indent, suffix, "| ")])

    def _open(self, node: ast.expr, indent: str) -> str:
        """An expression with its outermost bracket opened, from the current column on."""
        inner = indent + "    "
        match node:
            case ast.Subscript(value=value, slice=ast.Tuple(elts=elements)):
                return f"{_flat(value)}[\n{self._each(elements, inner)}{indent}]"
            case ast.Subscript(value=value, slice=element):
                return f"{_flat(value)}[\n{self._fit(element, inner, '')}\n{indent}]"
            case ast.List(elts=elements) if elements:
                return f"[\n{self._each(elements, inner)}{indent}]"
            case ast.Call(func=func, args=args, keywords=keywords):
                lines = [self._fit(arg, inner, ",") for arg in args]
                lines += [self._keyword(keyword, inner) for keyword in keywords]
                return f"{_flat(func)}(\n" + "\n".join(lines) + f"\n{indent})"
            case _:
                return _flat(node)

    def _each(self, elements: Iterable[ast.expr], indent: str) -> str:
        return "".join(f"{self._fit(element, indent, ',')}\n" for element in elements)

    def _keyword(self, keyword: ast.keyword, indent: str) -> str:
        return self.statement(f"{keyword.arg}=", _flat(keyword.value), ",", indent)


def _flat(node: ast.expr) -> str:
    """`ast.unparse` for the generated subset, with strings as `ruff format` quotes them."""
    match node:
        case ast.Constant(value=value) if value is not ...:
            return literal(value)  # type: ignore[arg-type]  # generated code has no bytes or complex constants
        case ast.UnaryOp(operand=operand):
            return f"-{_flat(operand)}"
        case ast.BinOp(left=left, right=right):
            return f"{_flat(left)} | {_flat(right)}"
        case ast.Subscript(value=value, slice=ast.Tuple(elts=elements)):
            return f"{_flat(value)}[{', '.join(map(_flat, elements))}]"
        case ast.Subscript(value=value, slice=element):
            return f"{_flat(value)}[{_flat(element)}]"
        case ast.List(elts=elements):
            return f"[{', '.join(map(_flat, elements))}]"
        case ast.Call(func=func, args=args, keywords=keywords):
            inner = [*map(_flat, args), *(f"{keyword.arg}={_flat(keyword.value)}" for keyword in keywords)]
            return f"{_flat(func)}({', '.join(inner)})"
        case _:
            return ast.unparse(node)
