"""From places in a text to lines and columns, and from JSON pointers to places in a text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from tightbeam_codegen.problems import Place

__all__ = ["Lines", "Spot", "find"]

# The three line ends that editors count, not the further ones of str.splitlines.
_LINE_END = re.compile(r"\r\n|\n|\r")


class Lines:
    """The lines of one text, found when the first place in it is asked for."""

    __slots__ = ("_shown", "_starts", "_text")

    def __init__(self, text: str, shown: str) -> None:
        self._text = text
        self._shown = shown
        self._starts: list[int] | None = None

    def place(self, offset: int) -> Place:
        """The place of the character at `offset`."""
        if self._starts is None:
            self._starts = [0, *(end.end() for end in _LINE_END.finditer(self._text))]
        line = bisect_right(self._starts, offset)
        return Place(self._shown, line, offset - self._starts[line - 1] + 1)


class Spot:
    """Where one value begins in a text, where its key does, and the same for what is inside it."""

    __slots__ = ("at", "inner", "key_at")

    def __init__(self, at: int, key_at: int | None) -> None:
        self.at = at
        self.key_at = key_at
        self.inner: dict[str, Spot] | list[Spot] | None = None


def find(root: Spot, pointer: Sequence[str | int], *, key: bool) -> int:
    """The offset of the value (or its key) at `pointer`, or of the nearest one around it."""
    spot = root
    for part in pointer:
        inner = spot.inner
        below: Spot | None = None
        if isinstance(inner, dict):
            below = inner.get(str(part))
        elif inner is not None and str(part).isdecimal() and int(part) < len(inner):
            below = inner[int(part)]
        if below is None:
            break
        spot = below
    return spot.key_at if key and spot.key_at is not None else spot.at
