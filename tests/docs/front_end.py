"""The front-end code of the documentation: each page as a small project, with the bindings it imports."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.browser.building import bindings
from tests.docs.blocks import Block, blocks

__all__ = ["LANGUAGES", "ROOT", "Project", "pages", "project_of", "projects"]

ROOT = Path(__file__).parents[2]
LANGUAGES = {
    "ts": "ts",
    "typescript": "ts",
    "tsx": "tsx",
    "js": "js",
    "javascript": "js",
    "jsx": "jsx",
    "mjs": "js",
    "vue": "vue",
    "svelte": "svelte",
    "html": "html",
}
"""The languages of fences, with the endings of their files."""


@dataclass(frozen=True, slots=True)
class Project:
    """The files of one page, by path, and where in the page each one's text begins."""

    name: str
    files: dict[str, str]
    lines: dict[str, int]


def pages() -> list[Path]:
    """Return all pages of the documentation."""
    found = [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md"), *(ROOT / "examples").glob("*/*.md")]
    return sorted(found)


def projects() -> list[Project]:
    """Return a project for each page that shows front-end code."""
    return [found for page in pages() if (found := project_of(page)) is not None]


def project_of(page: Path) -> Project | None:
    """Return the project of a page: a title is a file's path, a block without one is a module of its own."""
    shown = [block for block in blocks(page) if block.language in LANGUAGES]
    if not shown:
        return None
    written = _bindings(page)
    excerpts = "\n".join(written.values())
    files = {f"src/{path}": text for path, text in written.items()}
    lines: dict[str, int] = {}
    for block in shown:
        if block.title is None and block.text in excerpts:
            continue  # it is a part of a file that is checked
        path = _path(block)
        files[path] = block.prelude + block.text
        lines[path] = block.line - block.prelude.count("\n")
    return Project(page.stem.lower(), files, lines)


def _path(block: Block) -> str:
    if block.title is None:
        return f"src/line{block.line}.{LANGUAGES[block.language]}"
    return block.title.removeprefix("web/")


def _bindings(page: Path) -> dict[str, str]:
    """Generate from the repository's definitions, or from those that the page shows in their place."""
    own = {
        block.title.removeprefix("schemas/"): block.text
        for block in blocks(page)
        if block.title is not None and block.title.startswith("schemas/")
    }
    with tempfile.TemporaryDirectory() as folder:
        for source in (ROOT / "schemas").iterdir():
            shutil.copyfile(source, Path(folder) / source.name)
        for name, text in own.items():
            (Path(folder) / name).write_text(text, "utf-8")
        return bindings(Path(folder))
