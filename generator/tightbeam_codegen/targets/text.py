"""Text of schemas that becomes source: what literals and comments of all languages have in common.

A language adds how it escapes one character, and what its comments may not contain.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterable

__all__ = ["UnsafeText", "check_identifiers", "fold", "folded", "string_literal", "visible"]

_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


class UnsafeText(Exception):
    """A name that can't be one. A bug of the generator's: nothing is generated."""


def check_identifiers(names: Iterable[str], is_reserved: Callable[[str], bool] = lambda _: False) -> None:
    """Check names that go into source as they are.

    Args:
        names: the names.
        is_reserved: whether the language has a word for something else.

    Raises:
        UnsafeText: one of them is no identifier.
    """
    for name in names:
        if not name.isidentifier() or is_reserved(name):
            raise UnsafeText(f"not a name: {name!r}")


def string_literal(value: str, escape: Callable[[str], str]) -> str:
    """Return a literal in double quotes, or in single ones where these need fewer escapes.

    Args:
        value: the string.
        escape: spells a backslash, or a character that doesn't show.
    """
    if value.isprintable():
        # Nearly all text is, and asking for all of it at once is a hundred times faster.
        body = value.replace("\\", "\\\\")
    else:
        body = "".join(char if char != "\\" and char.isprintable() else escape(char) for char in value)
    quote = '"' if value.count('"') <= value.count("'") else "'"
    return quote + body.replace(quote, "\\" + quote) + quote


def visible(text: str, escape: Callable[[str], str]) -> str:
    """Return text in which every character shows, or is a space.

    Args:
        text: the text.
        escape: spells a character that doesn't show.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or unicodedata.category(char) == "Zs" else escape(char) for char in text
    )


def folded(text: str, width: int, clean: Callable[[str], str]) -> str:
    """Return text in lines for a comment or a docstring; none is empty at either end, no two in a row are.

    Line ends of any kind become line feeds, tabs become spaces, and long lines are folded between words.

    Args:
        text: the text.
        width: of a line.
        clean: makes a line harmless.
    """
    lines = _LINE_ENDS.sub("\n", text).strip().split("\n")
    body = "\n".join(fold(clean(line.expandtabs(4)).strip(), width) for line in lines)
    return re.sub(r"\n{3,}", "\n\n", body).strip()


def fold(line: str, width: int) -> str:
    """Break a line between words.

    Args:
        line: the line.
        width: of the lines that come of it, as far as its words allow.
    """
    if len(line) <= width:
        return line
    return "\n".join(textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False))
