"""The only ways by which text of a schema becomes TypeScript source: a literal, JSON text, and a comment.

`literal` gives source that reads back as exactly one constant, `json_literal` one that is the same JSON over
several lines; `comment` gives lines that end no comment, and in which nothing speaks to a compiler, a linter
or a bundler.
"""

from __future__ import annotations

import re

from tightbeam_codegen.readable_json import readable_json
from tightbeam_codegen.targets.text import folded, string_literal, visible

__all__ = ["comment", "json_literal", "literal"]

_WIDTH = 100
# `@ts-ignore` and `@deprecated` are orders, a@b.example is not. The entity is shown as what it stands for.
_ORDER = re.compile(r"(?<!\w)@|(?<=#)__(?=[A-Z])")
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def literal(value: str | int | float | bool | None) -> str:
    """Return a constant as source. That `</` ends no script is for a bundler to see to, as in all strings."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return string_literal(value, lambda char: _ESCAPES.get(char) or _escaped(char))
        case _:
            return repr(value)


def json_literal(text: str) -> str:
    """Return JSON text as a raw template, laid out for readers, in which nothing is replaced."""
    body = readable_json(text).replace("`", "\\u0060").replace("${", "\\u0024{")
    return f"String.raw`\n{body}\n`"


def _escaped(char: str) -> str:
    """Spell a character in ASCII, so that bidi controls, line separators and surrogates can't act."""
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\u{{{code:x}}}"


def comment(text: str, width: int = _WIDTH) -> list[str]:
    """Return the lines of a text for a comment; none where there is nothing to say.

    An `@` that could begin a tag, or an order to a tool, becomes an entity.

    Args:
        text: the text.
        width: of a line.
    """
    body = folded(text, width, _clean)
    return body.split("\n") if body else []


def _clean(line: str) -> str:
    line = _ORDER.sub(lambda match: "&#64;" if match[0] == "@" else "&#95;_", visible(line, _escaped))
    return line.replace("*/", "*\\/")
