"""Blocks of code in a page, with colours for strings, keywords and keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tightbeam_codegen.catalogue.html import Child, Markup, h

__all__ = ["code_block"]

_COLOURED = 20_000
"""Characters up to which code is coloured."""
_TOKEN = re.compile(
    r"(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)(?P<key>(?=\s*:))?"
    r"|(?<![\w.])(?P<literal>-?\d[\w.]*|true|false|null|True|False|None)(?!\w)"
    r"|(?<![\w.])(?P<word>import|from|async|await|with|for|in|as|const|of|new|type|print)(?![\w])"
)


def code_block(text: str, label: str, *, coloured: bool = True) -> Markup:
    """Return code as a block that can be scrolled by keyboard, and copied.

    Args:
        text: the code.
        label: what it is, for screen readers.
        coloured: whether it has colours, which make it three times as long.
    """
    parts = list(_parts(text)) if coloured and len(text) <= _COLOURED else [text]
    return h("pre.json", h("code", parts), tabindex="0", role="region", aria_label=label)


def _parts(text: str) -> Iterator[Child]:
    at = 0
    for match in _TOKEN.finditer(text):
        yield text[at : match.start()]
        kind = "key" if match["key"] is not None else match.lastgroup or ""
        yield h(f"span.{kind}", match[0])
        at = match.end()
    yield text[at:]
