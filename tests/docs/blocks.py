"""What a page of the documentation promises: its code blocks, in order, with the remarks that steer them.

A block is a fence with a language; `title="…"` after the language makes it a file in the page's folder.
Python whose title names a folder is a module, for other blocks to import, and isn't executed by itself.
HTML comments, which a reader doesn't see, steer the block that follows:

    <!-- python            code that the reader needn't see, run at this place
    import asyncio
    -->
    <!-- python            what texts of console blocks stand for here, such as a URL or the id of a run
    stands_for = {"https://rt.example.com": url}
    -->
    <!-- typescript        code before that of the next block, which the reader needn't see
    import { x } from "./x";
    -->
    <!-- raises: NAME -->  the block ends in this exception
    <!-- output -->        the text block is what the Python block before it printed
    <!-- not run: WHY -->  for a block that can't be run here
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_PIECE = re.compile(
    r"^<!-- (?P<remark>python\n.*?|typescript\n.*?|raises: .*?|output|not run: .*?)\s*-->$"
    r"|^(?P<fence>```+)(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=fence)\s*$",
    re.DOTALL | re.MULTILINE,
)
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Block:
    """One fence, or one hidden piece of Python."""

    line: int
    """Where its text begins in the page, from 1."""
    language: str
    title: str | None
    text: str
    raises: str | None = None
    is_output: bool = False
    not_run: bool = False
    prelude: str = ""
    """TypeScript before it that the reader doesn't see."""


def blocks(page: Path) -> list[Block]:
    """All blocks of a Markdown page."""
    source = page.read_text(encoding="utf-8")
    found: list[Block] = []
    remark = ""
    for piece in _PIECE.finditer(source):
        if piece["remark"] is not None:
            if piece["remark"].startswith("python\n"):
                line = source.count("\n", 0, piece.start()) + 2
                found.append(Block(line, "python", None, piece["remark"].removeprefix("python\n") + "\n"))
            else:
                remark = piece["remark"]
            continue
        language, _, rest = piece["info"].strip().partition(" ")
        title = _TITLE.search(rest)
        found.append(
            Block(
                line=source.count("\n", 0, piece.start("text")) + 1,
                language=language,
                title=title[1] if title else None,
                text=piece["text"],
                raises=remark.removeprefix("raises: ") if remark.startswith("raises: ") else None,
                is_output=remark == "output",
                not_run=remark.startswith("not run: "),
                prelude=f"{prelude}\n" if (prelude := remark.removeprefix("typescript\n")) != remark else "",
            )
        )
        remark = ""
    return found


def matches(expected: str, actual: str) -> bool:
    """Whether the output is as shown; `…` stands for anything, and space at the ends doesn't count."""
    pattern = ".*?".join(re.escape(part) for part in tidy(expected).split("…"))
    return re.fullmatch(pattern, tidy(actual), re.DOTALL) is not None


def tidy(text: str) -> str:
    """Without spaces at the ends of lines and of the text."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
