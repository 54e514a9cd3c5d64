"""JSON text to plain values, and the places of those values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from tightbeam_codegen.problems import Problems
from tightbeam_codegen.read.load.limits import MAX_DEPTH, MAX_DIGITS
from tightbeam_codegen.read.load.positions import Lines, Spot
from tightbeam_codegen.read.load.refusals import (
    encodable,
    refuse_digits,
    refuse_duplicate,
    refuse_half_character,
    refuse_large_number,
)
from tightbeam_codegen.read.load.values import JsonValue

__all__ = ["locate", "read_json", "scan"]

# A string, a mark, or anything else up to the next of those. Runs of text are matched without alternatives
# inside a repetition, so that a long string costs time in proportion to its length.
_TOKEN = re.compile(r'[ \t\n\r]*(?:("[^"\\]*(?:\\.[^"\\]*)*")|([{}\[\],:])|([^\s{}\[\],:"]+))')
_SPACE = " \t\n\r"
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")

_REASONS = {
    "Expecting property name enclosed in double quotes": "expected a key in double quotes",
    "Expecting ':' delimiter": "expected ':' after the key",
    "Expecting ',' delimiter": "expected ',' or the end of the object or array",
    "Expecting value": "expected a value",
    "Unterminated string starting at": "a string that begins here doesn't end",
    "Invalid control character at": "a control character inside a string",
    "Invalid \\escape": "an unknown escape inside a string",
    "Invalid \\uXXXX escape": "an incomplete \\u escape inside a string",
    "Extra data": "text after the end of the document",
}


def read_json(text: str, lines: Lines, problems: Problems) -> JsonValue:
    """Return the value of a JSON text; None, and an error, where it is no JSON or more than definitions need.

    Args:
        text: the JSON.
        lines: finds places in the text.
        problems: takes the errors.
    """
    suspects = _Suspects()
    try:
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=suspects.pairs,
            parse_int=suspects.integer,
            parse_float=suspects.float,
            parse_constant=suspects.constant,
        )
    except json.JSONDecodeError as error:
        _report_syntax(error, text, lines, problems)
        return None
    except RecursionError:
        scan(text, lines, problems)
        return None
    if suspects.any or _HALF_CHARACTER.search(text) or _is_too_deep(text, value):
        scan(text, lines, problems)
        if problems.has_errors:
            return None
    return value


class _Suspects:
    """Notices, while the C parser runs, values that Python accepts and definitions may not contain.

    The parser knows no places; `scan` then reports where they are.
    """

    def __init__(self) -> None:
        self.any = False

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            self.any = True
        return value

    def integer(self, text: str) -> int:
        if len(text) > MAX_DIGITS:
            self.any = True
            return 0
        return int(text)

    def float(self, text: str) -> float:
        value = float(text)
        if math.isinf(value):
            self.any = True
        return value

    def constant(self, _text: str) -> None:
        self.any = True


def _is_too_deep(text: str, value: JsonValue) -> bool:
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return False
    level: list[JsonValue] = [value]
    for _ in range(MAX_DEPTH + 1):
        containers = [inner for inner in level if isinstance(inner, (dict, list))]
        if not containers:
            return False
        level = [x for inner in containers for x in (inner.values() if isinstance(inner, dict) else inner)]
    return True


def _report_syntax(error: json.JSONDecodeError, text: str, lines: Lines, problems: Problems) -> None:
    offset = error.pos
    if not text.strip(_SPACE):
        problems.error(
            lines.place(0), "the file is empty", "Write a JSON object here, or run `tightbeam init`."
        )
        return
    reason = _REASONS.get(error.msg, error.msg[:1].lower() + error.msg[1:])
    remedy = ""
    before = len(text[:offset].rstrip(_SPACE)) - 1
    following = text[offset : offset + 1]
    # Python 3.13 points to a trailing comma itself, earlier versions to what follows it.
    comma = offset if error.msg.startswith("Illegal trailing comma") else before
    if comma >= 0 and text[comma] == "," and (comma == offset or following in ("]", "}")):
        offset, reason, remedy = comma, "a trailing comma", "Remove the comma."
    elif following in ("/", "#"):
        reason, remedy = "a comment", "JSON has no comments; use `$comment`, or YAML."
    elif following == "'":
        reason, remedy = "a single quote", "Put strings and keys in double quotes."
    elif following == "":
        reason = "the file ends too early: " + reason
    problems.error(lines.place(min(offset, len(text))), f"not valid JSON: {reason}", remedy)


def scan(text: str, lines: Lines, problems: Problems) -> Spot:
    """Return the places of all values in a text, and report what a definition may not contain.

    The text has been parsed before; where it isn't JSON after all, the scan ends without an error.

    Args:
        text: the JSON.
        lines: finds places in the text.
        problems: takes the errors.
    """
    return _Scan(text, lines, problems).run()


class _Scan:
    """Reads the tokens of a text once, without recursion, so that depth costs no stack."""

    def __init__(self, text: str, lines: Lines, problems: Problems) -> None:
        self.text = text
        self.lines = lines
        self.problems = problems
        self.root: Spot | None = None
        self.open: list[Spot] = []
        self.key: str | None = None
        self.key_offset: int | None = None

    def run(self) -> Spot:
        for token in _TOKEN.finditer(self.text):
            string, mark, other = token.groups()
            if string is not None:
                offset = token.start(1)
                if self._expects_key():
                    self.key, self.key_offset = self._string(string, offset), offset
                else:
                    self._string(string, offset)
                    self._place(offset)
            elif other is not None:
                offset = token.start(3)
                self._place(offset)
                self._literal(other, offset)
            elif mark in "{[":
                offset = token.start(2)
                spot = self._place(offset)
                spot.inner = {} if mark == "{" else []
                self.open.append(spot)
                if len(self.open) > MAX_DEPTH:
                    self.problems.error(
                        self.lines.place(offset),
                        f"objects and arrays are nested more than {MAX_DEPTH} deep",
                        "Move inner schemas to `$defs` and refer to them.",
                    )
                    break
            elif mark in "}]" and self.open:
                self.open.pop()
        return self.root or Spot(0, None)

    def _expects_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].inner, dict) and self.key is None

    def _place(self, offset: int) -> Spot:
        spot = Spot(offset, self.key_offset)
        if not self.open:
            self.root = self.root or spot
            return spot
        inner = self.open[-1].inner
        if isinstance(inner, list):
            inner.append(spot)
        elif inner is not None and self.key is not None and self.key_offset is not None:
            first = inner.setdefault(self.key, spot)
            if first is not spot:
                refuse_duplicate(self.key, first, self.key_offset, self.lines, self.problems)
        self.key = self.key_offset = None
        return spot

    def _string(self, token: str, offset: int) -> str:
        value = token[1:-1]
        if "\\" in value:
            value = str(json.loads(token))
            if not encodable(value):
                refuse_half_character(offset, self.lines, self.problems)
        return value

    def _literal(self, token: str, offset: int) -> None:
        if token.lstrip("-") in ("NaN", "Infinity"):
            self.problems.error(
                self.lines.place(offset), f"{token} isn't JSON", "Write a number, or leave the entry out."
            )
        elif len(token) > MAX_DIGITS and token.lstrip("-").isdecimal():
            refuse_digits(offset, self.lines, self.problems)
        elif token[-1].isdecimal() and math.isinf(float(token)):
            refuse_large_number(token, offset, self.lines, self.problems)


_WHITE = re.compile(r"[ \t\n\r]*")
_skip_value = json.JSONDecoder().raw_decode


def locate(text: str, pointer: Sequence[str | int], *, key: bool) -> int:
    """Return what `positions.find` does in the result of `scan`, without reading all of the text.

    The C parser skips the values on the way: 30 times as fast as a scan for one place, slower for many.

    Args:
        text: valid JSON.
        pointer: the way to the value.
        key: whether the offset of its key is wanted.
    """
    offset, key_offset = _after_white(text, 0), None
    for part in pointer:
        member = _in_object(text, offset, str(part)) if text[offset] == "{" else _in_array(text, offset, part)
        if member is None:
            break
        offset, key_offset = member
    return key_offset if key and key_offset is not None else offset


def _after_white(text: str, offset: int) -> int:
    found = _WHITE.match(text, offset)
    return found.end() if found else offset


def _in_object(text: str, offset: int, wanted: str) -> tuple[int, int | None] | None:
    offset = _after_white(text, offset + 1)
    while text[offset] == '"':
        key_offset = offset
        name, offset = _skip_value(text, offset)
        offset = _after_white(text, _after_white(text, offset) + 1)
        if name == wanted:
            return offset, key_offset
        offset = _after_white(text, _skip_value(text, offset)[1])
        offset = _after_white(text, offset + 1) if text[offset] == "," else offset
    return None


def _in_array(text: str, offset: int, wanted: str | int) -> tuple[int, int | None] | None:
    if text[offset] != "[" or not str(wanted).isdecimal():
        return None
    offset = _after_white(text, offset + 1)
    for _ in range(int(wanted)):
        if text[offset] == "]":
            return None
        offset = _after_white(text, _skip_value(text, offset)[1])
        offset = _after_white(text, offset + 1) if text[offset] == "," else offset
    return None if text[offset] == "]" else (offset, None)
