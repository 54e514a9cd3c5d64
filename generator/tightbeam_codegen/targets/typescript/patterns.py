"""Patterns of schemas as JavaScript spells them with its `u` flag, meaning what they mean in Python."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Pattern", "javascript_pattern"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression of JavaScript's."""

    source: str
    flags: str
    """With `u` always."""


class _NoCounterpartError(Exception):
    """JavaScript has no such expression."""


_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_SAME_ESCAPES = frozenset("dDwWsSfnrtv")
_WORD = r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d]"
_BEGINS, _ENDS = rf"(?<!{_WORD})(?={_WORD})", rf"(?<={_WORD})(?!{_WORD})"
_BOUNDARIES = {
    "A": "^",
    "z": "$",
    "b": rf"(?:{_BEGINS}|{_ENDS})",
    "B": rf"(?:(?<={_WORD})(?={_WORD})|(?<!{_WORD})(?!{_WORD}))",
    "<": _BEGINS,
    ">": _ENDS,
}
"""Boundaries of words are those of Unicode to the Python side, and those of ASCII to JavaScript."""

_ESCAPE = re.compile(
    r"\\(?:(?P<hex>x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]+\}|c[A-Za-z])|x\{(?P<braced>[0-9A-Fa-f]+)\}"
    r"|(?P<not>[pP])(?:\{(?P<property>[^{}]*)\}|(?P<letter>[A-Z]))|(?P<back>[1-9][0-9]*|k<\w+>)|(?P<other>.))",
    re.DOTALL,
)
_FLAGS = re.compile(r"\(\?([a-z]+)\)")
_GROUP = re.compile(r"\((?:\?(?:P(?=<)|(?=<[^=!])|<[=!]|[:=!]))?")
_COUNT = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}")
_PROPERTIES = """
L Lu Ll Lt LC Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Co
Cn Letter Uppercase_Letter Lowercase_Letter Titlecase_Letter Modifier_Letter Other_Letter Mark
Number Decimal_Number Letter_Number Other_Number Punctuation Symbol Math_Symbol Currency_Symbol
Separator Space_Separator Other Control Format Alphabetic ASCII Any Assigned Lowercase Uppercase
White_Space Emoji Ideographic
"""
_SCRIPTS = """
Arabic Armenian Bengali Bopomofo Cherokee Common Cyrillic Devanagari Ethiopic Georgian Greek
Gujarati Gurmukhi Han Hangul Hebrew Hiragana Inherited Kannada Katakana Khmer Lao Latin Malayalam
Mongolian Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan
"""
_SCRIPT = re.compile(r"(?:Script|sc|Script_Extensions|scx)=([A-Z][a-z]+)")


def javascript_pattern(pattern: str) -> Pattern | None:
    """Translate a pattern that the Python side can use; None where JavaScript has no such expression."""
    flags = "u"
    if (stated := _FLAGS.match(pattern)) is not None:
        if set(stated[1]) - set("isu"):
            return None
        flags = "".join(sorted({*stated[1], "u"}))
        pattern = pattern[stated.end() :]
    try:
        return Pattern("".join(_Translator(pattern, any_character="s" in flags).parts()), flags)
    except _NoCounterpartError:
        return None


class _Translator:
    def __init__(self, pattern: str, *, any_character: bool) -> None:
        self._text = pattern
        self._at = 0
        self._dot = "." if any_character else r"[^\n]"
        self._repeats = "nothing"
        """What a quantifier here would repeat: `nothing`, `something`, or `quantified`."""

    def parts(self) -> list[str]:
        parts: list[str] = []
        while self._at < len(self._text):
            parts.append(self._part(self._text[self._at]))
        return parts

    def _take(self, matched: re.Match[str] | None) -> re.Match[str]:
        if matched is None:
            raise _NoCounterpartError
        self._at = matched.end()
        return matched

    def _part(self, char: str) -> str:
        if char in "*+?{":
            return self._quantifier(char)
        self._repeats = "something"
        match char:
            case "\\":
                return self._escape(_ESCAPE, in_class=False)
            case "[":
                return self._class()
            case "(":
                matched = self._take(_GROUP.match(self._text, self._at))
                if matched[0] == "(" and self._text[self._at : self._at + 1] == "?":
                    raise _NoCounterpartError  # flags, atomic groups, comments, conditions
                self._repeats = "nothing"
                return "(?" if matched[0] == "(?P" else matched[0]
            case _:
                self._at += 1
                if char in "|^$":
                    self._repeats = "nothing"
                return {".": self._dot, "]": r"\]", "}": r"\}"}.get(char, char)

    def _quantifier(self, char: str) -> str:
        """Take a quantifier, which repeats what stands before it, or a ``?`` that makes one lazy.

        Raises:
            _NoCounterpartError: JavaScript has none here: it would be possessive (``a++``), or repeat an
                assertion (``^*``) or a lazy quantifier.
        """
        text = char
        if char == "{":
            text = self._take(_COUNT.match(self._text, self._at))[0]
        else:
            self._at += 1
        if self._repeats == "quantified" and char == "?":
            self._repeats = "nothing"  # the quantifier before is lazy, and complete
        elif self._repeats == "something":
            self._repeats = "quantified"
        else:
            raise _NoCounterpartError
        return text

    def _class(self) -> str:
        self._at += 1
        parts = ["["]
        if self._text.startswith("^", self._at):
            parts.append("^")
            self._at += 1
        start = self._at
        while True:
            char = self._text[self._at : self._at + 1]
            if char == "" or (char == "]" and self._at > start):
                break
            if char == "\\":
                parts.append(self._escape(_ESCAPE, in_class=True))
            else:
                parts.append(r"\]" if char == "]" else char)
                self._at += 1
        if not char:
            raise _NoCounterpartError
        self._at += 1
        return "".join([*parts, "]"])

    def _escape(self, escape: re.Pattern[str], *, in_class: bool) -> str:
        match = self._take(escape.match(self._text, self._at))
        if match["hex"]:
            return match[0]
        if match["braced"]:
            return rf"\u{{{match['braced']}}}"
        if match["not"]:
            return rf"\{match['not']}{{{_property(match['property'] or match['letter'] or '')}}}"
        if match["back"] and not in_class:
            return match[0]
        char = match["other"] or ""
        if char in _SAME_ESCAPES or char in _SYNTAX:
            return match[0]
        if not in_class and char in _BOUNDARIES:
            if self._text.startswith("{", self._at):
                raise _NoCounterpartError  # a boundary of a kind that only Rust knows
            self._repeats = "nothing"
            return _BOUNDARIES[char]
        if char == "-" and in_class:
            return match[0]
        if not char or char.isalnum() or not char.isascii():
            raise _NoCounterpartError
        return char


def _property(name: str) -> str:
    """Return the name of a property of characters as JavaScript spells it."""
    if name in _PROPERTIES.split():
        return name
    script = _SCRIPT.fullmatch(name)
    if script is not None and script[1] in _SCRIPTS.split():
        return name
    if name in _SCRIPTS.split():
        return f"Script={name}"
    raise _NoCounterpartError
