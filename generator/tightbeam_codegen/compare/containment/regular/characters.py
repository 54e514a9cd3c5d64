"""Sets of characters, as sorted ranges of code points. Surrogates are no characters: JSON text has none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

__all__ = ["ALL", "DIGITS", "SPACES", "WORDS", "Characters", "complement", "contains", "merged", "typical"]

Characters: TypeAlias = tuple[tuple[int, int], ...]
"""Ranges, both ends included, in order and apart from each other."""

ALL: Characters = ((0, 0xD7FF), (0xE000, 0x10FFFF))
DIGITS: Characters = ((0x30, 0x39),)
WORDS: Characters = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACES: Characters = (
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
)

_READABLE = [*map(ord, "a0A-_. @/:bBz9Z1"), *range(0x21, 0x7F), 0xE9, 0x20AC]
"""Code points for people to read, the plainest first."""


def merged(ranges: Iterable[tuple[int, int]]) -> Characters:
    """Return the characters in some ranges."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return _without_surrogates(result)


def complement(characters: Characters) -> Characters:
    """Return all other characters."""
    result: list[tuple[int, int]] = []
    start = 0
    for low, high in characters:
        if start < low:
            result.append((start, low - 1))
        start = high + 1
    if start <= 0x10FFFF:
        result.append((start, 0x10FFFF))
    return _without_surrogates(result)


def contains(characters: Characters, code: int) -> bool:
    """Return whether a code point is among the characters."""
    return any(low <= code <= high for low, high in characters)


def typical(sets: Sequence[Characters]) -> list[tuple[str, int]]:
    """Return one character of each kind that some sets tell apart, the most readable one.

    Returns:
        The characters, each with a number whose bits say which of the sets it is in.
    """
    cuts = {low for each in (*sets, ALL) for low, _ in each} | {high + 1 for each in sets for _, high in each}
    found: dict[int, str] = {}
    for code in (*_READABLE, *sorted(cuts)):
        if contains(ALL, code):
            kind = sum(1 << index for index, each in enumerate(sets) if contains(each, code))
            found.setdefault(kind, chr(code))
    return [(character, kind) for kind, character in found.items()]


def _without_surrogates(ranges: Iterable[tuple[int, int]]) -> Characters:
    result: list[tuple[int, int]] = []
    for low, high in ranges:
        if low <= 0xD7FF:
            result.append((low, min(high, 0xD7FF)))
        if high >= 0xE000:
            result.append((max(low, 0xE000), high))
    return tuple(result)
