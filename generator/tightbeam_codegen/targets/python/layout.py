"""Line breaks as `ruff format` makes them, for the few constructs that a generated module has.

A bracket that does not fit is opened one element a line, with a trailing comma wherever one may stand. A
module is stable under `ruff format` at the width it was made for.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from tightbeam_codegen.targets.python.expressions import Argument, Bracketed, Chain, Expression

__all__ = ["Layout", "columns"]


def columns(line: str) -> int:
    """Return how many columns a line has to the formatter: East Asian characters take two, marks none."""
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

    def fits(self, text: str) -> bool:
        """Return whether every line of a text has room."""
        return all(columns(line) <= self.width for line in text.split("\n"))

    def statement(self, prefix: str, expression: Expression, suffix: str = "", indent: str = "") -> str:
        """Lay out `prefix expression suffix`, such as a field, without the line's end.

        Args:
            prefix: what stands before the expression on its line.
            expression: the part that may be broken.
            suffix: what stands behind it; with ` = ` in front, the statement's value.
            indent: of the statement.
        """
        source = expression.source
        if columns(line := f"{indent}{prefix}{source}{suffix}") <= self.width:
            return line
        value = suffix.removeprefix(" = ")
        if value != suffix and columns(head := f"{indent}{prefix}{source} = (") <= self.width:
            return f"{head}\n{indent}    {value}\n{indent})"
        opened = f"{indent}{prefix}{self._open(expression, indent)}{suffix}"
        begin, inner = f"{indent}{prefix}(", indent + "    "
        wrapped = self._fit(expression, inner, "")
        # Other than a union it has a bracket of its own to open. Parentheses go around it only where there is
        # no value behind it, the line up to that bracket is too long, and then all else fits.
        own = value != suffix or self.fits(opened.partition("\n")[0]) or not self.fits(f"{begin}\n{wrapped}")
        if own and not isinstance(expression, Chain):
            return opened
        return f"{begin}\n{wrapped}\n{indent}){suffix}"

    def opened(self, prefix: str, expression: Expression) -> str:
        """Lay out `prefix expression` at the left margin with its outermost bracket opened.

        Args:
            prefix: what stands before the expression on its line.
            expression: the expression.
        """
        return f"{prefix}{self._open(expression, '')}"

    def sequence(self, items: Iterable[Expression], indent: str) -> str:
        """Lay out elements that stand alone, such as those of `__all__`, one a line with a comma.

        Args:
            items: the elements.
            indent: of the bracket around them.
        """
        return "".join(f"{self.statement('', item, ',', indent + '    ')}\n" for item in items)

    def _elements(self, items: Iterable[Expression], indent: str) -> str:
        """Lay out what stands in an opened bracket, one a line with a comma."""
        return "".join(f"{self._element(item, indent + '    ')}\n" for item in items)

    def _element(self, item: Expression, indent: str) -> str:
        if isinstance(item, Argument):
            return self.statement(f"{item.name}=", item.value, ",", indent)
        return self._fit(item, indent, ",")

    def _fit(self, expression: Expression, indent: str, suffix: str, lead: str = "") -> str:
        """Lay out an expression alone on its line.

        Args:
            expression: the expression.
            indent: of the line.
            suffix: what stands behind it.
            lead: what stands before it.
        """
        line = f"{indent}{lead}{expression.source}{suffix}"
        if columns(line) <= self.width:
            return line
        if isinstance(expression, Chain):
            return self._operands(expression, indent, suffix)
        return f"{indent}{lead}{self._open(expression, indent)}{suffix}"

    def _operands(self, chain: Chain, indent: str, suffix: str) -> str:
        """Lay out a union, one operand a line."""
        first, *others = chain.operands
        lines = [self._fit(first, indent, "")]
        lines += [self._fit(operand, indent, "", "| ") for operand in others[:-1]]
        return "\n".join([*lines, self._fit(others[-1], indent, suffix, "| ")])

    def _open(self, expression: Expression, indent: str) -> str:
        """Open the outermost bracket of an expression, from the current column on."""
        match expression:
            case Bracketed(head, (item,), "[]") if head:
                # A comma would make a tuple of it.
                return f"{head}[\n{self._fit(item, indent + '    ', '')}\n{indent}]"
            case Bracketed(head, items, brackets) if items:
                return f"{head}{brackets[0]}\n{self._elements(items, indent)}{indent}{brackets[1]}"
            case _:
                return expression.source
