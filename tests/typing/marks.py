"""The marks at the ends of lines: which checkers must refuse a line, and whether running it must fail too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.typing.checkers import CHECKERS

_MARK = re.compile(r"  # bad(?: except (?P<blind>[a-z ]+?))?(?P<types_only>, types only)?$")


@dataclass(frozen=True, slots=True)
class Mark:
    """What is promised about one bad line."""

    line: int
    refused_by: frozenset[str]
    fails_when_run: bool


def marks(path: Path) -> dict[int, Mark]:
    """The marked lines of a file, by number."""
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if mark := _MARK.search(line):
            blind = set((mark["blind"] or "").split())
            assert blind <= set(CHECKERS), f"{path.name}:{number}: unknown checker"
            found[number] = Mark(number, frozenset(CHECKERS) - blind, mark["types_only"] is None)
        elif "  # bad" in line:
            raise AssertionError(f"{path.name}:{number}: a mark that isn't understood")
    return found
