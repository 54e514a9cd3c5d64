"""Gather the pages of the site: the project's Markdown, with links that lead somewhere on the site."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from posixpath import dirname, normpath, relpath

PLACES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "examples/fastapi-react/README.md": "example.md",
    "examples/orders-postgres/README.md": "example-postgres.md",
}
"""Pages that don't stand in `docs/`, by their path in the project, and their places on the site."""

_FENCE = re.compile(r"^(?P<fence>```+)[^\n]*\n.*?^(?P=fence)[ \t]*$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"^<!-- .*?-->\n?", re.DOTALL | re.MULTILINE)
_OUTPUT = re.compile(r"^<!-- output -->\n+```text\n", re.MULTILINE)
_ITEM = re.compile(r"[*-] ")
_CONTINUED = re.compile(r" {2,3}\S")
_ROW = re.compile(r"^\|.*\|[ \t]*$", re.MULTILINE)
_LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\])\(([^)\s]+)\)")
_PICTURE = re.compile(r"(!\[[^\]]*\])\(([^)\s]+)-(?:light|dark)\.png\)")
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_SECTION = re.compile(r"^##+ ", re.MULTILINE)


def sources(root: Path) -> dict[str, str]:
    """Return the pages of the project: their paths in it, with their places on the site."""
    documents = sorted((root / "docs").glob("*.md"))
    return {**PLACES, **{f"docs/{page.name}": page.name for page in documents}}


def pictures(root: Path) -> dict[str, str]:
    """Return the pictures of the pages: their paths in the project, with their places on the site."""
    documents = root / "docs"
    found = sorted([*documents.glob("*.svg"), *documents.glob("images/*")])
    return {path.relative_to(root).as_posix(): path.relative_to(documents).as_posix() for path in found}


def staged(root: Path, name: Callable[[str, str], str | None]) -> dict[str, str]:
    """Return the pages as the generator takes them, by their places on the site.

    A file of the project that a page links to, and that is no page, becomes a page with its text.

    Args:
        root: the project.
        name: returns, for a page of the site and a code span, where the name in it leads.
    """
    places = sources(root)
    shown = dict(places) | pictures(root)
    pages: dict[str, str] = {}
    for source, place in places.items():
        text = (root / source).read_text(encoding="utf-8")
        for file in _linked_files(root, source, text):
            if file not in shown:
                shown[file] = f"source/{file}.md"
                pages[shown[file]] = _listing(file, (root / file).read_text(encoding="utf-8"))
        pages[place] = _page(text, source, place, shown, partial(name, place))
    return pages


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """Change a page's text, and leave its blocks of code alone."""
    parts: list[str] = []
    end = 0
    for fence in _FENCE.finditer(text):
        parts += [change(text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, change(text[end:])])


def _page(
    text: str, source: str, place: str, shown: dict[str, str], name: Callable[[str], str | None]
) -> str:
    text = _OUTPUT.sub('```text title="Output"\n', text)
    text = outside_fences(text, lambda part: _as_python_markdown(_COMMENT.sub("", part)))
    text = outside_fences(text, lambda part: _LINK.sub(lambda link: _link(link, source, place, shown), part))
    text = outside_fences(
        text, lambda part: _PICTURE.sub(partial(_in_each_scheme, set(shown.values())), part)
    )
    return "".join(_named(section, name) for section in _sections(text))


def _as_python_markdown(text: str) -> str:
    """Write what GitHub reads in the way of the generator's Markdown.

    An item behind a paragraph gets a blank line before it, and a further paragraph of an item four spaces. A
    pipe in a code span of a table has no backslash.
    """
    lines: list[str] = []
    in_list, in_paragraph, before = False, True, ""
    for line in text.split("\n"):
        is_item = _ITEM.match(line) is not None
        if not before.strip():
            in_list = is_item or (in_list and (line.startswith(" ") or not line))
            in_paragraph = not is_item
            if in_list and _CONTINUED.match(line):
                line = f"    {line.lstrip()}"
        elif is_item and in_paragraph:
            lines.append("")
        if is_item:
            in_list, in_paragraph = True, False
        lines.append(line)
        before = line
    return _ROW.sub(lambda row: _SPAN.sub(lambda span: span[0].replace("\\|", "|"), row[0]), "\n".join(lines))


def _link(link: re.Match[str], source: str, place: str, shown: dict[str, str]) -> str:
    target, hash_sign, anchor = link[2].partition("#")
    if not target or re.match(r"[a-z]+:", target):
        return link[0]
    file = normpath(f"{dirname(source)}/{target}".lstrip("/"))
    if file not in shown:
        return link[0]  # it leads nowhere, which the generator says with its place
    return f"{link[1]}({relpath(shown[file], dirname(place) or '.')}{hash_sign}{anchor})"


def _in_each_scheme(pictures: set[str], picture: re.Match[str]) -> str:
    """Show the picture of the scheme that the reader has, where there is one for each."""
    alt, path = picture[1], picture[2]
    if not {f"{path}-light.png", f"{path}-dark.png"} <= pictures:
        return picture[0]
    return f"{alt}({path}-light.png#only-light) {alt}({path}-dark.png#only-dark)"


def _linked_files(root: Path, source: str, text: str) -> Iterator[str]:
    for link in _LINK.finditer(_FENCE.sub("", text)):
        target = link[2].partition("#")[0]
        if target and not re.match(r"[a-z]+:", target):
            file = normpath(f"{dirname(source)}/{target}".lstrip("/"))
            if (root / file).is_file():
                yield file


def _listing(file: str, text: str) -> str:
    language = {".py": "python", ".json": "json", ".toml": "toml"}.get(Path(file).suffix, "text")
    return f"# {file}\n\n````{language}\n{text.rstrip()}\n````\n"


def _sections(text: str) -> Iterator[str]:
    """Cut a page before each of its headings."""
    fences = [(fence.start(), fence.end()) for fence in _FENCE.finditer(text)]
    starts = [
        heading.start()
        for heading in _SECTION.finditer(text)
        if not any(start < heading.start() < end for start, end in fences)
    ]
    for start, end in zip([0, *starts], [*starts, len(text)], strict=True):
        yield text[start:end]


def _named(section: str, name: Callable[[str], str | None]) -> str:
    """Make a link of each public name in a code span: the first time that it stands in a section."""
    seen: set[str] = set()

    def linked(span: re.Match[str]) -> str:
        target = name(span[1])
        if target is None or target in seen:
            return span[0]
        seen.add(target)
        return f"[{span[0]}]({target})"

    def change(part: str) -> str:
        lines = part.split("\n")
        return "\n".join(line if line.startswith("#") else _outside_links(line, linked) for line in lines)

    return outside_fences(section, change)


def _outside_links(line: str, linked: Callable[[re.Match[str]], str]) -> str:
    parts: list[str] = []
    end = 0
    for link in _LINK.finditer(line):
        parts += [_SPAN.sub(linked, line[end : link.start()]), link[0]]
        end = link.end()
    return "".join([*parts, _SPAN.sub(linked, line[end:])])
