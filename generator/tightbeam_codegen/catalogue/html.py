"""The only way by which text of a schema becomes part of a page: as text, or as the value of an attribute.

`h` builds one element. Its children are markup that it has built before, or text, which is escaped.
"""

from __future__ import annotations

import functools
import html
import re
import unicodedata
from collections.abc import Iterable
from typing import TypeAlias

__all__ = ["Child", "Markup", "breakable", "coded", "h", "prose", "raw", "shown"]

_VOID = frozenset(["img", "input", "link", "meta", "wbr"])
_LINES = frozenset(
    [
        *(
            "body",
            "dd",
            "div",
            "dl",
            "dt",
            "details",
            "h1",
            "h2",
            "h3",
            "h4",
            "head",
            "header",
            "li",
            "link",
            "main",
        ),
        *("meta", "nav", "p", "pre", "script", "section", "title", "ul"),
    ]
)
"""Elements behind which a line ends, so that a change of a page shows as a few lines."""
_LINKS = frozenset(["href", "src"])
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[_./:$-])(?=[A-Za-z0-9{])")
_RELATIVE = re.compile(r"#.*|[A-Za-z0-9_.%~-][A-Za-z0-9_.%~/-]*(?:#.*)?")
_JOINERS = frozenset("\u200c\u200d")
"""Characters that don't show, and without which Persian, Hindi and many emoji can't be written."""
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]")
"""Letters and marks that don't show either; Python takes them for printable."""


class Markup(str):
    """Markup that was built by `h`."""

    __slots__ = ()


Child: TypeAlias = "str | Markup | Iterable[Child] | None"
"""What an element can contain; None is nothing."""


def h(tag: str, *children: Child, **attributes: str | bool | None) -> Markup:
    """Return an element.

    Args:
        tag: its name, with classes behind dots: `p.lead`.
        children: text, markup, or iterables of these.
        attributes: by name, where `_` stands for `-` and a last `_` for nothing. True is an attribute without
            a value, False and None none.

    Raises:
        ValueError: a link leads to another site, or runs something.
    """
    name, opening = _opening(tag)
    parts = [opening]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.removesuffix("_").replace("_", "-")
        if key in _LINKS and not (isinstance(value, str) and _RELATIVE.fullmatch(value)):
            raise ValueError(f"not a link inside the site: {value!r}")
        parts.append(f" {key}" if value is True else f' {key}="{html.escape(shown(value))}"')
    parts.append(">")
    if name not in _VOID:
        _append(parts, children)
        parts.append(f"</{name}>")
    if name in _LINES:
        parts.append("\n")
    return Markup("".join(parts))


def raw(children: Child) -> Markup:
    """Return children without an element around them."""
    parts: list[str] = []
    _append(parts, (children,))
    return Markup("".join(parts))


def shown(text: str) -> str:
    """Return text in which every character shows, or is a space, a tab or a line end.

    Others become escapes: control characters, lone surrogates, and those that change the direction of text.
    """
    # Nearly all text is printable but for its line ends, and one look at all of it is much faster.
    return text if _is_plain(text.replace("\n", "")) else "".join(map(_shown_character, text))


def prose(text: str) -> Markup:
    """Return a description: paragraphs, with the line breaks that they have; backticks mark code."""
    paragraphs = re.split(r"\n\s*\n", re.sub(r"\r\n?", "\n", text).strip())
    return raw(h("p", coded(paragraph)) for paragraph in paragraphs if paragraph)


def coded(text: str) -> Markup:
    """Return text in which backticks mark code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        # The last backtick opens nothing.
        parts[-2:] = [f"{parts[-2]}`{parts[-1]}"]
    return raw(h("code", part) if index % 2 else part for index, part in enumerate(parts))


def breakable(name: str) -> Markup:
    """Return a name that may be broken before its words."""
    parts = _WORDS.split(name)
    return raw(part if index == 0 else [h("wbr"), part] for index, part in enumerate(parts))


@functools.cache
def _opening(tag: str) -> tuple[str, str]:
    name, *classes = tag.split(".")
    return name, f'<{name} class="{" ".join(classes)}"' if classes else f"<{name}"


def _append(parts: list[str], children: Iterable[Child]) -> None:
    for child in children:
        if isinstance(child, Markup):
            parts.append(child)
        elif isinstance(child, str):
            text = child if _is_plain(child) else shown(child)
            parts.append(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
        elif child is not None:
            _append(parts, child)


def _is_plain(text: str) -> bool:
    return text.isprintable() and (text.isascii() or _BLANK.search(text) is None)


def _shown_character(char: str) -> str:
    if _is_plain(char) or char in "\n\t" or char in _JOINERS:
        return char
    category = unicodedata.category(char)
    if category in ("Zs", "Cn", "Co") and not 0xFDD0 <= ord(char) <= 0xFDEF and ord(char) & 0xFFFE != 0xFFFE:
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
