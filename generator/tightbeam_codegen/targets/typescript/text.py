"""The only ways by which text of a schema becomes TypeScript source: a literal, JSON text, and a comment.

`literal` gives source that reads back as exactly one constant, `json_literal` one that is the same JSON over
several lines; `comment` gives lines that end no comment, and in which nothing speaks to a compiler, a linter
or a bundler.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata

from tightbeam_codegen.readable_json import readable_json

__all__ = ["comment", "json_literal", "literal"]

_WIDTH = 100
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# `@ts-ignore` and `@deprecated` are orders, a@b.example is not. The entity is shown as what it stands for.
_ORDER = re.compile(r"(?<!\w)@|(?<=#)__(?=[A-Z])")
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def literal(value: str | int | float | bool | None) -> str:
    """A constant. Strings are in double quotes unless single ones need fewer escapes."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            quote = '"' if value.count('"') <= value.count("'") else "'"
            # Nearly all text is printable, and asking for all of it at once is much faster.
            body = value.replace("\\", "\\\\") if value.isprintable() else "".join(map(_spelt, value))
            return quote + body.replace(quote, "\\" + quote) + quote
        case _:
            return repr(value)


def json_literal(text: str) -> str:
    """Spell JSON text as a raw template, laid out for readers, in which nothing is replaced."""
    body = readable_json(text).replace("`", "\\u0060").replace("${", "\\u0024{")
    return f"String.raw`\n{body}\n`"


def _spelt(char: str) -> str:
    """One character of a string. `</` can't end a script here: a bundler sees to that, as for all strings."""
    return _ESCAPES.get(char) or (char if char.isprintable() else _escaped(char))


def _escaped(char: str) -> str:
    """In ASCII, so that bidi controls, line separators and lone surrogates can't act on a reader."""
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\u{{{code:x}}}"


def comment(text: str, width: int = _WIDTH) -> list[str]:
    """The lines of a text for a comment; none where there is nothing to say. No line is empty at either end.

    Line ends of any kind become line feeds, other control and format characters are escaped, long lines are
    folded. An `@` that could begin a tag, or an order to a tool, becomes an entity.
    """
    lines = [_folded(_clean(line), width) for line in _LINE_ENDS.sub("\n", text).strip().split("\n")]
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return body.split("\n") if body else []


def _clean(line: str) -> str:
    line = line.expandtabs(4)
    line = line if line.isprintable() else "".join(map(_visible, line))
    line = _ORDER.sub(lambda match: "&#64;" if match[0] == "@" else "&#95;_", line)
    return line.replace("*/", "*\\/").strip()


def _visible(char: str) -> str:
    return char if char.isprintable() or unicodedata.category(char) == "Zs" else _escaped(char)


def _folded(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    return "\n".join(textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False))
