"""Write llms.txt, the pages with their first sentences, and llms-full.txt, with all their text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from docs.site.docstrings import first_sentence
from docs.site.pages import outside_fences

Navigation = Sequence[tuple[str, Sequence[str]]]
"""The groups of the navigation, each with its pages."""

_NO_TEXT = ("```", "#", "|", "!", "<")
_ATTRIBUTES = re.compile(r" ?\{ [#.][^}]*\}")
_LINKED = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def list_of_pages(navigation: Navigation, pages: Mapping[str, str], description: str) -> str:
    """Return llms.txt.

    Args:
        navigation: the groups, in order.
        pages: the staged pages, by their places.
        description: what the project is, in a sentence.
    """
    lines = ["# Tightbeam", "", f"> {description}"]
    for group, members in navigation:
        lines += ["", f"## {group}", ""]
        lines += [f"- [{title(pages[page])}]({page}): {summary(pages[page])}" for page in members]
    return "\n".join([*lines, ""])


def full_text(navigation: Navigation, pages: Mapping[str, str]) -> str:
    """Return llms-full.txt: the pages one after the other, without the attributes."""
    return "\n\n".join(plain(pages[page]).strip() for _, members in navigation for page in members) + "\n"


def title(page: str) -> str:
    """Return a page's heading."""
    return plain(page.split("\n", 1)[0].removeprefix("# ")).strip("` ")


def summary(page: str) -> str:
    """Return the first sentence of a page."""
    paragraphs = page.split("\n\n")[1:]
    text = next(part for part in paragraphs if part.strip() and not part.lstrip().startswith(_NO_TEXT))
    return _LINKED.sub(r"\1", first_sentence(plain(text)))


def plain(page: str) -> str:
    """Return Markdown without the attributes that only the generator reads."""
    return outside_fences(page, lambda part: _ATTRIBUTES.sub("", part))
