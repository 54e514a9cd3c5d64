"""The ways by which text of a schema becomes Python source: a literal, a docstring, part of a comment.

The first two return source that reads back as exactly one constant, spelt as `ruff format` spells it. Only
whole schemas go another way: as JSON text in a raw string, see `tightbeam_codegen.readable_json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tightbeam_codegen.targets.text import fold, folded, string_literal, visible

__all__ = ["commented", "docstring", "literal"]

_DOC_WIDTH = 100
_CODING = re.compile(r"(?<=coding)[:=]")
_ENDS_IN_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"$')


def literal(value: str | int | float | bool | None) -> str:
    """Return a constant as source."""
    return string_literal(value, _escaped) if isinstance(value, str) else repr(value).replace("e+", "e")


def _escaped(char: str) -> str:
    """Spell a character as `repr` does: in ASCII, so that bidi controls can't act on a reader."""
    return repr(char)[1:-1]


def docstring(text: str, indent: str, arguments: Iterable[tuple[str, str]] = ()) -> str:
    """Return a docstring for a block; nothing where there is no text.

    Args:
        text: what it says.
        indent: of the block.
        arguments: names and descriptions of a function's arguments.
    """
    body = folded(text, _DOC_WIDTH - len(indent), _clean)
    described = [_argument(name, description, indent) for name, description in arguments]
    if described:
        body = "\n".join([body, "", "Args:", *described]).strip()
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
    """Return text in a comment: on one line, and never the declaration of an encoding, which one can be."""
    return _CODING.sub(lambda match: f"\\x{ord(match[0]):02x}", visible(text, _escaped))


def _clean(line: str) -> str:
    return visible(line.replace("\\", "\\\\"), _escaped)


def _argument(name: str, text: str, indent: str) -> str:
    line = _clean(f"{name}: {' '.join(text.split())}").strip()
    return "    " + fold(line, _DOC_WIDTH - len(indent) - 8).replace("\n", "\n        ")
