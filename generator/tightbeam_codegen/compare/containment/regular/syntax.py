r"""Read a regular expression as the validator's engine does, as far as it is regular.

The engine is Rust's, with the classes of ECMA-262: `\d` and `\w` are ASCII, `\s` is ECMA's, `.` is anything
but a line feed, `$` matches at the very end only. What isn't here (look-around, references back, flags, word
boundaries) is `NotRegularError`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from tightbeam_codegen.compare.containment.regular.characters import (
    DIGITS,
    SPACES,
    WORDS,
    Characters,
    complement,
    merged,
)
from tightbeam_codegen.compare.containment.regular.properties import characters_of_property

__all__ = ["Choice", "End", "Expression", "NotRegularError", "OneOf", "Repeat", "Sequence", "Start", "parse"]

_MAX_DEPTH = 50
_MAX_LENGTH = 4_000
_DOT = complement(((0x0A, 0x0A),))
_CLASSES: dict[str, Characters] = {
    "d": DIGITS,
    "w": WORDS,
    "s": SPACES,
    "D": complement(DIGITS),
    "W": complement(WORDS),
    "S": complement(SPACES),
}
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]+)\}|x\{([0-9A-Fa-f]+)\}")
_COUNT = re.compile(r"\{([0-9]+)(,?)([0-9]*)\}")
_PROPERTY = re.compile(r"[pP](?:\{[A-Za-z0-9_=]+\}|[A-Z])")
_LOOK = re.compile(r"\?<?[=!]")
_SET_OPERATORS = ("&&", "--", "~~")


class NotRegularError(Exception):
    """The expression isn't regular, or isn't understood here."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """One character of a set."""

    characters: Characters


@dataclass(frozen=True, slots=True)
class Start:
    """The start of the text."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of the text."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Expressions one after the other."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several expressions."""

    options: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """An expression again and again; without `most`, as often as one likes."""

    part: Expression
    least: int
    most: int | None


Expression: TypeAlias = OneOf | Start | End | Sequence | Choice | Repeat


def parse(pattern: str, *, widened: bool = False) -> Expression:
    """Parse a regular expression.

    Args:
        pattern: the expression.
        widened: leave out look-around and boundaries of words, so that more texts match.

    Raises:
        NotRegularError: it isn't regular, or isn't understood here.
    """
    if len(pattern) > _MAX_LENGTH:
        raise NotRegularError
    reader = _Reader(pattern, widened=widened)
    expression = reader.choice(0)
    if reader.at < len(pattern):
        raise NotRegularError
    return expression


class _Reader:
    def __init__(self, text: str, *, widened: bool) -> None:
        self._text = text
        self._widened = widened
        self.at = 0

    def choice(self, depth: int) -> Expression:
        """Read options up to the end of the group."""
        if depth > _MAX_DEPTH:
            raise NotRegularError
        options = [self._sequence(depth)]
        while self._next() == "|":
            self.at += 1
            options.append(self._sequence(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _next(self) -> str:
        return self._text[self.at : self.at + 1]

    def _sequence(self, depth: int) -> Expression:
        parts: list[Expression] = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._repeated(self._single(depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _single(self, depth: int) -> Expression:
        character = self._next()
        self.at += 1
        match character:
            case "^":
                return Start()
            case "$":
                return End()
            case ".":
                return OneOf(_DOT)
            case "[":
                return OneOf(self._class())
            case "(":
                return self._group(depth)
            case "\\":
                if self._widened and self._next() in ("b", "B"):
                    self.at += 1
                    return Sequence(())
                return OneOf(self._escape())
            case "*" | "+" | "?" | "{" | "}" | "]":
                raise NotRegularError
            case _:
                return OneOf(((ord(character), ord(character)),))

    def _group(self, depth: int) -> Expression:
        is_assertion = False
        if self._text.startswith("?:", self.at):
            self.at += 2
        elif (named := re.compile(r"\?P?<[A-Za-z_]\w*>").match(self._text, self.at)) is not None:
            self.at = named.end()
        elif (look := _LOOK.match(self._text, self.at)) is not None and self._widened:
            self.at = look.end()
            is_assertion = True
        elif self._next() == "?":
            raise NotRegularError
        inner = self.choice(depth + 1)
        if self._next() != ")":
            raise NotRegularError
        self.at += 1
        return Sequence(()) if is_assertion else inner

    def _repeated(self, part: Expression) -> Expression:
        bounds: tuple[int, int | None]
        match self._next():
            case "*":
                bounds = (0, None)
            case "+":
                bounds = (1, None)
            case "?":
                bounds = (0, 1)
            case "{":
                count = _COUNT.match(self._text, self.at)
                if count is None or len(count[0]) > 12:
                    raise NotRegularError
                least = int(count[1])
                bounds = (least, int(count[3]) if count[3] else None if count[2] else least)
                self.at = count.end() - 1
            case _:
                return part
        self.at += 1
        if self._next() == "?":
            self.at += 1  # lazy: the same texts match
        if self._next() in ("*", "+", "?", "{") and self._next():
            raise NotRegularError
        if bounds[1] is not None and bounds[0] > bounds[1]:
            raise NotRegularError
        return Repeat(part, *bounds)

    def _escape(self) -> Characters:
        if (known := self._escaped_class()) is not None:
            return known
        code = self._escaped_code()
        return ((code, code),)

    def _escaped_class(self) -> Characters | None:
        """Read what stands behind a backslash as a class of characters; None if it is one character."""
        if (known := _CLASSES.get(self._next())) is not None:
            self.at += 1
            return known
        if (named := _PROPERTY.match(self._text, self.at)) is None:
            return None
        self.at = named.end()
        found = characters_of_property(named[0])
        if not found:
            raise NotRegularError
        return found

    def _escaped_code(self) -> int:
        """Read what stands behind a backslash as one character."""
        character = self._next()
        if (number := _HEX.match(self._text, self.at)) is not None:
            self.at = number.end()
            code = int(next(filter(None, number.groups())), 16)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                raise NotRegularError
            return code
        self.at += 1
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character == "c" and self._next().isascii() and self._next().isalpha():
            self.at += 1
            return ord(self._text[self.at - 1]) % 32
        if character in _SYNTAX or (
            character.isascii() and not character.isalnum() and character not in "<>"
        ):
            return ord(character) if character else self._fail()
        return self._fail()

    def _fail(self) -> int:
        raise NotRegularError

    def _class(self) -> Characters:
        is_negated = self._next() == "^"
        self.at += is_negated
        ranges: list[tuple[int, int]] = []
        while self._next() != "]":
            if any(self._text.startswith(operator, self.at) for operator in _SET_OPERATORS):
                raise NotRegularError
            low = self._member(ranges)
            if self._next() == "-" and self._text[self.at + 1 : self.at + 2] not in ("]", ""):
                if self._text.startswith(_SET_OPERATORS, self.at) or low is None:
                    raise NotRegularError
                self.at += 1
                high = self._member(ranges)
                if high is None or high < low:
                    raise NotRegularError
                ranges.append((low, high))
            elif low is not None:
                ranges.append((low, low))
        self.at += 1
        if not ranges:
            raise NotRegularError
        found = merged(ranges)
        return complement(found) if is_negated else found

    def _member(self, ranges: list[tuple[int, int]]) -> int | None:
        """Read one character of a class and return its code, or add a class of characters to the ranges."""
        character = self._next()
        if character in ("", "["):
            raise NotRegularError
        self.at += 1
        if character != "\\":
            return ord(character)
        if (known := self._escaped_class()) is not None:
            ranges.extend(known)
            return None
        return self._escaped_code()
