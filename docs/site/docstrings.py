"""Turn docstrings into Markdown, with links for the names in backticks."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator
from itertools import groupby

import griffe

from docs.site.pages import outside_fences

Link = Callable[[str], str | None]
"""Returns where a name in backticks leads, if anywhere."""

_LINKED = re.compile(r"(?<![`*])`([A-Za-z_][\w.]*(?:\(\))?)`(?!`)")
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
    """Make links of the names in single backticks that lead somewhere, outside of blocks of code."""

    def replaced(found: re.Match[str]) -> str:
        target = link(found[1].removesuffix("()"))
        return found[0] if target is None else f"[`{found[1]}`]({target})"

    return outside_fences(text, lambda part: _LINKED.sub(replaced, part))


def _section(section: griffe.DocstringSection) -> Iterator[str]:
    match section.kind:
        case _KIND.text:
            yield _with_fences(section.value)
        case _KIND.parameters:
            yield from ("**Arguments**{ .doc-section }", "")
            yield from (f"* **`{item.name}`**: {_flat(item.description)}" for item in section.value)
        case _KIND.returns | _KIND.yields:
            yield from (f"**{str(section.kind.value).capitalize()}**{{ .doc-section }}", "")
            yield from (f"* {_flat(item.description)}" for item in section.value)
        case _KIND.raises:
            yield from ("**Raises**{ .doc-section }", "")
            yield from (_named(str(item.annotation), item.description) for item in section.value)
        case _KIND.admonition:
            yield from (f"**{section.title}**{{ .doc-section }}", "")
            parts = _ITEM.split(section.value.contents)
            yield from [parts[0]] if parts[0] else []
            yield from (_named(name, text) for name, text in zip(parts[1::2], parts[2::2], strict=True))
        case _:
            raise ValueError(f"a docstring has a section that the reference can't show: {section.kind}")


def _with_fences(text: str) -> str:
    """Put indented blocks between fences."""
    paragraphs = text.split("\n\n")
    grouped = groupby(paragraphs, lambda part: all(line.startswith("    ") for line in part.split("\n")))
    return "\n\n".join(
        _fenced(textwrap.dedent("\n\n".join(parts))) if is_code else "\n\n".join(parts)
        for is_code, parts in grouped
    )


def _fenced(code: str) -> str:
    try:
        compile(code, "docstring", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError:
        return f"```text\n{code}\n```"
    return f"```python\n{code}\n```"


def _named(name: str, description: str) -> str:
    return f"* `{name}`: {_flat(description)}"


def _flat(description: str) -> str:
    return " ".join(description.split())
