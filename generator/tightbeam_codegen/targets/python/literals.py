"""The ways by which text of a schema becomes Python source: a literal, a docstring, part of a comment.

The first two return source that reads back as exactly one constant, spelt as `ruff format` spells it. Only
whole schemas go another way: as JSON text in a raw string, see `tightbeam_codegen.readable_json`.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable

__all__ = ["commented", "docstring", "literal"]

_DOC_WIDTH = 100
_CODING = re.compile(r"(?<=coding)[:=]")
_ENDS_IN_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"$')
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def literal(value: str | int | float | bool | None) -> str:
    """A constant. Strings are in double quotes unless single ones need fewer escapes."""
    if not isinstance(value, str):
        return repr(value).replace("e+", "e")
    # Nearly all text is printable, and asking for all of it at once is a hundred times faster.
    body = value.replace("\\", "\\\\") if value.isprintable() else "".join(map(_spelt, value))
    quote = '"' if value.count('"') <= value.count("'") else "'"
    return quote + body.replace(quote, "\\" + quote) + quote


def _spelt(char: str) -> str:
    return char if char != "\\" and char.isprintable() else _escaped(char)


def _escaped(char: str) -> str:
    """As `repr` spells it: in ASCII, so that bidi controls and line separators can't act on a reader."""
    return repr(char)[1:-1]


def docstring(text: str, indent: str, arguments: Iterable[tuple[str, str]] = ()) -> str:
    """Return a docstring for a block; nothing where there is no text.

    Line ends of any kind become line feeds, other control and format characters are escaped, long lines are
    folded.

    Args:
        text: what it says.
        indent: of the block.
        arguments: names and descriptions of a function's arguments.
    """
    lines = [_folded(_clean(line), indent) for line in _LINE_ENDS.sub("\n", text).strip().split("\n")]
    described = [_argument(name, words, indent) for name, words in arguments]
    lines += ["", "Args:", *described] if described else []
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    if not body:
        return ""
    body = body.replace('"""', '\\"\\"\\"')
    # Beside a quote of its own the formatter wants a space, and the parser does at the end.
    opening = '""" ' if body.startswith('"') else '"""'
    closing = ' """' if _ENDS_IN_QUOTE.search(body) else '"""'
    lines = body.split("\n")
    if len(lines) == 1:
        return f"{indent}{opening}{body}{closing}\n"
    inner = "\n".join(f"{indent}{line}" if line else "" for line in lines)
    return f'{indent}{opening}{inner[len(indent) :]}\n{indent}"""\n'


def commented(text: str) -> str:
    """Text in a comment: on one line, and never the declaration of an encoding, which a comment can be."""
    plain = text if text.isprintable() else "".join(map(_visible, text))
    return _CODING.sub(lambda match: f"\\x{ord(match[0]):02x}", plain)


def _clean(line: str) -> str:
    line = line.expandtabs(4).replace("\\", "\\\\")
    return (line if line.isprintable() else "".join(map(_visible, line))).strip()


def _visible(char: str) -> str:
    return char if char.isprintable() or unicodedata.category(char) == "Zs" else _escaped(char)


def _argument(name: str, text: str, indent: str) -> str:
    folded = _folded(_clean(f"{name}: {' '.join(text.split())}"), f"{indent}        ")
    return "    " + folded.replace("\n", "\n        ")


def _folded(line: str, indent: str) -> str:
    width = _DOC_WIDTH - len(indent)
    if len(line) <= width:
        return line
    return "\n".join(textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False))
