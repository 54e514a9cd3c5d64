"""From offsets in a text to lines and columns, and from JSON pointers to offsets."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from tightbeam_codegen.problems import Place

__all__ = ["Lines", "Spot", "find"]

# The three line ends that editors count, not the further ones of str.splitlines.
_LINE_END = re.compile(r"\r\n|\n|\r")


class Lines:
    """The lines of one text, found when the first place in it is needed.

    Args:
        text: the text.
        shown: how messages name its file.
    """

    __slots__ = ("_shown", "_starts", "_text")

    def __init__(self, text: str, shown: str) -> None:
        self._text = text
        self._shown = shown
        self._starts: list[int] | None = None

    def place(self, offset: int) -> Place:
        """Return the line and column of a character."""
        if self._starts is None:
            self._starts = [0, *(end.end() for end in _LINE_END.finditer(self._text))]
        line = bisect_right(self._starts, offset)
        return Place(self._shown, line, offset - self._starts[line - 1] + 1)


class Spot:
    """Where one value begins in a text, where its key does, and the same for the values inside it."""

    __slots__ = ("inner", "key_offset", "offset")

    def __init__(self, offset: int, key_offset: int | None) -> None:
        self.offset = offset
        self.key_offset = key_offset
        self.inner: dict[str, Spot] | list[Spot] | None = None


def find(root: Spot, pointer: Sequence[str | int], *, key: bool) -> int:
    """Return the offset of the value at a pointer, or of the nearest value around it.

    Args:
        root: the spot of the whole text.
        pointer: the way to the value.
        key: whether the offset of its key is wanted.
    """
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
    return spot.key_offset if key and spot.key_offset is not None else spot.offset
