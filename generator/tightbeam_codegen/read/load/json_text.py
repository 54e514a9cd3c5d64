"""JSON text to plain values, and the places of those values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tightbeam_codegen.problems import Problems, quoted
from tightbeam_codegen.read.load.limits import MAX_DEPTH, MAX_DIGITS
from tightbeam_codegen.read.load.positions import Lines, Spot

if TYPE_CHECKING:
    from tightbeam_codegen.read.load.document import JsonValue

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
    """The value of `text`; None with at least one error in `problems` if the text isn't JSON or too much."""
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
    if suspects.any or _HALF_CHARACTER.search(text) or _too_deep(text, value):
        scan(text, lines, problems)
        if problems.has_errors:
            return None
    return value


class _Suspects:
    """Notices, while the C parser runs, what Python takes and definitions may not hold.

    It knows no places; `scan` then says where.
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


def _too_deep(text: str, value: JsonValue) -> bool:
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
    at = error.pos
    if not text.strip(_SPACE):
        problems.error(
            lines.place(0), "the file is empty", "Write a JSON object here, or run `tightbeam init`."
        )
        return
    reason = _REASONS.get(error.msg, error.msg[:1].lower() + error.msg[1:])
    remedy = ""
    before = len(text[:at].rstrip(_SPACE)) - 1
    following = text[at : at + 1]
    # Python 3.13 points to a trailing comma itself, earlier versions to what follows it.
    comma = at if error.msg.startswith("Illegal trailing comma") else before
    if comma >= 0 and text[comma] == "," and (comma == at or following in ("]", "}")):
        at, reason, remedy = comma, "a trailing comma", "Remove the comma."
    elif following in ("/", "#"):
        reason, remedy = "a comment", "JSON has no comments; use `$comment`, or YAML."
    elif following == "'":
        reason, remedy = "a single quote", "Put strings and keys in double quotes."
    elif following == "":
        reason = "the file ends too early: " + reason
    problems.error(lines.place(min(at, len(text))), f"not valid JSON: {reason}", remedy)


def scan(text: str, lines: Lines, problems: Problems) -> Spot:
    """The places of all values in `text`, and in `problems` what JSON text may hold but a definition may not.

    `text` has been parsed before; where it isn't JSON after all, the scan ends without complaint.
    """
    return _Scan(text, lines, problems).run()


class _Scan:
    """One walk over the tokens, without recursion, so that depth costs no stack."""

    def __init__(self, text: str, lines: Lines, problems: Problems) -> None:
        self.text = text
        self.lines = lines
        self.problems = problems
        self.root: Spot | None = None
        self.open: list[Spot] = []
        self.key: str | None = None
        self.key_at: int | None = None

    def run(self) -> Spot:
        for token in _TOKEN.finditer(self.text):
            string, mark, other = token.groups()
            if string is not None:
                at = token.start(1)
                if self._expects_key():
                    self.key, self.key_at = self._string(string, at), at
                else:
                    self._string(string, at)
                    self._place(at)
            elif other is not None:
                at = token.start(3)
                self._place(at)
                self._literal(other, at)
            elif mark in "{[":
                at = token.start(2)
                spot = self._place(at)
                spot.inner = {} if mark == "{" else []
                self.open.append(spot)
                if len(self.open) > MAX_DEPTH:
                    self.problems.error(
                        self.lines.place(at),
                        f"objects and arrays are nested more than {MAX_DEPTH} deep",
                        "Move inner schemas to `$defs` and refer to them.",
                    )
                    break
            elif mark in "}]" and self.open:
                self.open.pop()
        return self.root or Spot(0, None)

    def _expects_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].inner, dict) and self.key is None

    def _place(self, at: int) -> Spot:
        spot = Spot(at, self.key_at)
        if not self.open:
            self.root = self.root or spot
            return spot
        inner = self.open[-1].inner
        if isinstance(inner, list):
            inner.append(spot)
        elif inner is not None and self.key is not None and self.key_at is not None:
            first = inner.setdefault(self.key, spot)
            if first is not spot:
                report_duplicate(self.key, first, self.key_at, self.lines, self.problems)
        self.key = self.key_at = None
        return spot

    def _string(self, token: str, at: int) -> str:
        value = token[1:-1]
        if "\\" in value:
            value = str(json.loads(token))
            if not encodable(value):
                report_half_character(at, self.lines, self.problems)
        return value

    def _literal(self, token: str, at: int) -> None:
        if token.lstrip("-") in ("NaN", "Infinity"):
            self.problems.error(
                self.lines.place(at), f"{token} isn't JSON", "Write a number, or leave the entry out."
            )
        elif len(token) > MAX_DIGITS and token.lstrip("-").isdecimal():
            report_digits(at, self.lines, self.problems)
        elif token[-1].isdecimal() and math.isinf(float(token)):
            report_too_large(token, at, self.lines, self.problems)


def encodable(text: str) -> bool:
    """Whether `text` has no lone surrogate, so that it can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def report_half_character(at: int, lines: Lines, problems: Problems) -> None:
    """Note a string with a lone surrogate."""
    problems.error(
        lines.place(at),
        "half of a surrogate pair, which is no character",
        "Write the character itself, or both halves of its escape.",
    )


def report_duplicate(key: str, first: Spot, at: int, lines: Lines, problems: Problems) -> None:
    """Note that `key` stands twice in one object."""
    line = lines.place(first.key_at if first.key_at is not None else first.at).line
    problems.error(
        lines.place(at),
        f"duplicate key {quoted(key)}",
        f"It is already on line {line}; remove or rename one of them.",
    )


def report_digits(at: int, lines: Lines, problems: Problems) -> None:
    """Note an integer with too many digits."""
    problems.error(lines.place(at), f"an integer with more than {MAX_DIGITS} digits", "Use a smaller number.")


def report_too_large(token: str, at: int, lines: Lines, problems: Problems) -> None:
    """Note a number that no float can hold."""
    problems.error(lines.place(at), f"the number {quoted(token)} is too large", "Use a number below 1.8e308.")


_WHITE = re.compile(r"[ \t\n\r]*")
_skip_value = json.JSONDecoder().raw_decode


def locate(text: str, pointer: Sequence[str | int], *, key: bool) -> int:
    """The same as `positions.find` in the result of `scan`, without looking at more of `text` than it takes.

    Values on the way are skipped by the C parser: 30 times as fast as a scan for one place, slower for many.
    """
    at, key_at = _after_white(text, 0), None
    for part in pointer:
        member = _in_object(text, at, str(part)) if text[at] == "{" else _in_array(text, at, part)
        if member is None:
            break
        at, key_at = member
    return key_at if key and key_at is not None else at


def _after_white(text: str, at: int) -> int:
    found = _WHITE.match(text, at)
    return found.end() if found else at


def _in_object(text: str, at: int, wanted: str) -> tuple[int, int | None] | None:
    at = _after_white(text, at + 1)
    while text[at] == '"':
        key_at = at
        name, at = _skip_value(text, at)
        at = _after_white(text, _after_white(text, at) + 1)
        if name == wanted:
            return at, key_at
        at = _after_white(text, _skip_value(text, at)[1])
        at = _after_white(text, at + 1) if text[at] == "," else at
    return None


def _in_array(text: str, at: int, wanted: str | int) -> tuple[int, int | None] | None:
    if text[at] != "[" or not str(wanted).isdecimal():
        return None
    at = _after_white(text, at + 1)
    for _ in range(int(wanted)):
        if text[at] == "]":
            return None
        at = _after_white(text, _skip_value(text, at)[1])
        at = _after_white(text, at + 1) if text[at] == "," else at
    return None if text[at] == "]" else (at, None)
