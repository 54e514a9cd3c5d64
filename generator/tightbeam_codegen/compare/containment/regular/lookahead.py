"""Take look-ahead at the start of a regular expression apart: what it asks for is asked of the whole text."""

from __future__ import annotations

import functools
from typing import NamedTuple

__all__ = ["Part", "parts_of"]


class Part(NamedTuple):
    """A regular expression that a text must match, or must not."""

    pattern: str
    matches: bool


@functools.lru_cache(maxsize=512)
def parts_of(pattern: str) -> tuple[Part, ...]:
    """Return the expressions that a text must match, or not, where it must match one.

    ``^(?=.*[A-Z])(?!admin).{8,}$`` asks for a match of ``^(?:.*[A-Z])`` and of ``^.{8,}$``, and for none of
    ``^(?:admin)``. Any other expression is its own only part.
    """
    whole = (Part(pattern, True),)
    if not pattern.startswith(("^(?=", "^(?!")) or _has_options(pattern):
        return whole
    parts: list[Part] = []
    at = 1
    while pattern.startswith(("(?=", "(?!"), at):
        end = _end_of_group(pattern, at)
        if end is None or (pattern[end : end + 1] in ("*", "+", "?", "{") and pattern[end : end + 1]):
            return whole
        parts.append(Part(f"^(?:{pattern[at + 3 : end - 1]})", pattern[at + 2] == "="))
        at = end
    return (*parts, Part("^" + pattern[at:], True))


def _has_options(pattern: str) -> bool:
    """Return whether an expression has options outside of all groups."""
    depth = 0
    for character in _syntax(pattern):
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            return True
    return False


def _end_of_group(pattern: str, start: int) -> int | None:
    depth = 0
    for index, character in enumerate(_syntax(pattern)):
        if index < start:
            continue
        depth += (character == "(") - (character == ")")
        if character == ")" and depth == 0:
            return index + 1
    return None


def _syntax(pattern: str) -> str:
    """Return an expression with blanks for what is escaped or in a class of characters."""
    result: list[str] = []
    in_class = is_escaped = False
    for character in pattern:
        is_plain = not is_escaped and not in_class
        result.append(character if is_plain and character not in "\\[" else " ")
        if is_escaped:
            is_escaped = False
        elif character == "\\":
            is_escaped = True
        elif character == "[":
            in_class = True
        elif character == "]":
            in_class = False
    return "".join(result)
