"""Texts that a regular expression may match; the validator has the last word on each of them.

What decides nothing about single characters (anchors, boundaries, look-arounds) is passed over.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["texts_matching"]

_LETTERS = string.ascii_lowercase
_CLASSES = {
    "d": string.digits,
    "w": _LETTERS + string.ascii_uppercase + string.digits + "_",
    "s": " ",
    "D": _LETTERS,
    "W": " -",
    "S": _LETTERS + string.digits,
}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_CODES = {"x": 2, "u": 4}
_ANY = _LETTERS + string.digits + "-_. " + string.ascii_uppercase
_LONGEST = 2_000
_DEEPEST = 40
_MOST_REPEATS = 500
_TRIES = ((0, 4), (0, 1), (1, 4), (2, 4), (0, 0), (0, 12))
"""Branches and repeats of the texts, the most human ones first."""

_Piece: TypeAlias = "Callable[[_Writer], None]"


class _NotSampledError(Exception):
    """The expression has something that isn't read here, or its text is too long."""


@dataclass(slots=True)
class _Writer:
    """Writes one text.

    Args:
        repeats: how often a piece is repeated that may be repeated freely.
        branch: which alternative is taken, counted around.
        variant: moves the first character of each class.
    """

    repeats: int
    branch: int
    variant: int
    text: list[str] = field(default_factory=list)

    def write(self, characters: str) -> None:
        """Write one of some characters, the next one each time."""
        if not characters or len(self.text) >= _LONGEST:
            raise _NotSampledError
        self.text.append(characters[(len(self.text) + self.variant) % len(characters)])


def texts_matching(pattern: str, variant: int) -> Iterator[str]:
    """Yield a few texts that a pattern may match, none for one that isn't understood.

    Args:
        pattern: the regular expression.
        variant: a number that makes the texts others where the pattern leaves room.
    """
    try:
        piece = _Reader(pattern).read()
    except (_NotSampledError, IndexError, ValueError):
        return
    for branch, repeats in _TRIES:
        writer = _Writer(repeats, branch, variant)
        try:
            piece(writer)
        except _NotSampledError:
            continue
        yield "".join(writer.text)


class _Reader:
    """Reads a regular expression from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0

    def read(self) -> _Piece:
        """Return the whole expression as a piece."""
        piece = self._alternatives()
        if self._at < len(self._pattern):
            raise _NotSampledError
        return piece

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._pattern[self._at]
        self._at += 1
        return char

    def _skip(self, text: str) -> bool:
        if self._pattern.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _alternatives(self) -> _Piece:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _NotSampledError
        branches = [self._sequence()]
        while self._skip("|"):
            branches.append(self._sequence())
        self._depth -= 1
        return lambda writer: branches[writer.branch % len(branches)](writer)

    def _sequence(self) -> _Piece:
        pieces: list[_Piece] = []
        while self._peek() not in ("", "|", ")"):
            piece = self._atom()
            if piece is not None:
                pieces.append(self._repeated(piece))

        def write(writer: _Writer) -> None:
            for piece in pieces:
                piece(writer)

        return write

    def _atom(self) -> _Piece | None:
        """Return the next piece; None for one that matches no character."""
        char = self._next()
        if char in "^$":
            return None
        if char == "(":
            return self._group()
        if char == "[":
            return _one_of(self._class())
        if char == ".":
            return _one_of(_ANY)
        if char == "\\":
            if self._peek() in ("b", "B", "A", "z", "Z"):
                self._next()
                return None
            return _one_of(self._escape())
        return _one_of(char)

    def _group(self) -> _Piece | None:
        is_look_around = any(map(self._skip, ("?=", "?!", "?<=", "?<!")))
        if not is_look_around and self._skip("?"):
            if self._skip("P<") or self._skip("<"):
                self._at = self._pattern.index(">", self._at) + 1
            elif not self._skip(":"):
                raise _NotSampledError  # flags, conditions
        piece = self._alternatives()
        if not self._skip(")"):
            raise _NotSampledError
        return None if is_look_around else piece

    def _repeated(self, piece: _Piece) -> _Piece:
        least, most = self._count()
        if self._peek() in ("?", "+") and (least, most) != (1, 1):
            self._next()  # lazy or possessive
        if (least, most) == (1, 1):
            return piece

        def write(writer: _Writer) -> None:
            count = max(least, min(writer.repeats, least + _MOST_REPEATS if most is None else most))
            if count > _LONGEST:
                raise _NotSampledError
            for _ in range(count):
                piece(writer)

        return write

    def _count(self) -> tuple[int, int | None]:
        if self._skip("*"):
            return 0, None
        if self._skip("+"):
            return 1, None
        if self._skip("?"):
            return 0, 1
        end = self._pattern.find("}", self._at)
        least, comma, most = self._pattern[self._at + 1 : end].partition(",")
        if self._peek() != "{" or end < 0 or not least.isdecimal() or not (most or "0").isdecimal():
            return 1, 1
        self._at = end + 1
        if not comma:
            return int(least), int(least)
        return int(least), int(most) if most else None

    def _class(self) -> str:
        """Return the characters of a class; of one that excludes some, others."""
        is_negated = self._skip("^")
        characters = ""
        while self._peek() != "]" or not characters:
            first = self._member()
            if self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] != "]" and len(first) == 1:
                self._next()
                last = self._member()
                if len(last) != 1 or ord(last) < ord(first):
                    raise _NotSampledError
                first = "".join(map(chr, range(ord(first), min(ord(last), ord(first) + 200) + 1)))
            characters += first
        self._next()
        if is_negated:
            return "".join(char for char in _ANY if char not in characters)
        return characters

    def _member(self) -> str:
        char = self._next()
        if char == "[":
            raise _NotSampledError  # a class in a class
        return self._escape() if char == "\\" else char

    def _escape(self) -> str:
        """Return the characters that an escape stands for."""
        char = self._next()
        if char in "pP":
            return self._property(is_negated=char == "P")
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CODES:
            digits = self._pattern[self._at : self._at + _CODES[char]]
            self._at += len(digits)
            return chr(int(digits, 16))
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char.isalnum():
            raise _NotSampledError  # back references
        return char

    def _property(self, *, is_negated: bool) -> str:
        """Return characters with a Unicode property: letters and digits, by its first letter."""
        name = self._next()
        if name == "{":
            end = self._pattern.index("}", self._at)
            name = self._pattern[self._at : end]
            self._at = end + 1
        if is_negated:
            return "-" if name[:1] in ("L", "N") else _LETTERS
        if name in ("Lu", "Uppercase_Letter", "Uppercase"):
            return string.ascii_uppercase
        if name[:1] in ("N", "D"):
            return string.digits
        if name[:1] == "P":
            return "-.,"
        return _LETTERS


def _one_of(characters: str) -> _Piece:
    return lambda writer: writer.write(characters)
