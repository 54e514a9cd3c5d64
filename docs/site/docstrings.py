"""Turn docstrings into Markdown, with links for the names in backticks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import griffe

Link = Callable[[str], str | None]
"""Returns where a name in backticks leads, if anywhere."""

_LINKED = re.compile(r"(?<!`)`([A-Za-z_][\w.]*(?:\(\))?)`(?!`)")
_ITEM = re.compile(r"^(\w[\w.]*): ", re.MULTILINE)
_KIND = griffe.DocstringSectionKind


def markdown(documented: griffe.Object, link: Link) -> str:
    """Return a docstring as Markdown: its text, then arguments, result and errors.

    Args:
        documented: the object whose docstring it is.
        link: finds the target of a name.
    """
    if documented.docstring is None:
        return ""
    sections = documented.docstring.parse(
        griffe.Parser.google,
        warn_unknown_params=False,
        returns_named_value=False,
        returns_multiple_items=False,
    )
    return linked("\n\n".join(part for section in sections if (part := "\n".join(_section(section)))), link)


def first_sentence(text: str) -> str:
    """Return the first sentence of Markdown, on one line."""
    paragraph = " ".join(text.strip().split("\n\n", 1)[0].split())
    found = re.match(r"(.+?\.)(?= |$)", paragraph)
    return found[1] if found else paragraph


def linked(text: str, link: Link) -> str:
    """Make links of the names in single backticks that lead somewhere; indented blocks stay as they are."""

    def replaced(found: re.Match[str]) -> str:
        target = link(found[1].removesuffix("()"))
        return found[0] if target is None else f"[`{found[1]}`]({target})"

    return "\n".join(
        line if line.startswith("    ") and not line.lstrip().startswith("*") else _LINKED.sub(replaced, line)
        for line in text.split("\n")
    )


def _section(section: griffe.DocstringSection) -> Iterator[str]:
    match section.kind:
        case _KIND.text:
            yield section.value
        case _KIND.parameters:
            yield from ("**Arguments**{ .doc-section }", "")
            yield from (f"* **`{item.name}`**: {_flat(item.description)}" for item in section.value)
        case _KIND.returns:
            yield from ("**Returns**{ .doc-section }", "")
            yield from (f"* {_flat(item.description)}" for item in section.value)
        case _KIND.raises:
            yield from ("**Raises**{ .doc-section }", "")
            yield from (_named(str(item.annotation), item.description) for item in section.value)
        case _KIND.admonition:
            yield from (f"**{section.title}**{{ .doc-section }}", "")
            parts = _ITEM.split(section.value.contents)
            yield from (_named(name, text) for name, text in zip(parts[1::2], parts[2::2], strict=True))
        case _:
            raise ValueError(f"a docstring has a section that the reference can't show: {section.kind}")


def _named(name: str, description: str) -> str:
    return f"* `{name}`: {_flat(description)}"


def _flat(description: str) -> str:
    return " ".join(description.split())
