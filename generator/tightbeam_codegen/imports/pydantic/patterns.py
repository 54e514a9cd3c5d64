r"""Patterns of Pydantic models as JSON Schema reads them.

Pydantic's classes of characters are those of Unicode: `\d` is any decimal digit. JSON Schema's are those of
JavaScript, where it is one of ten. A text that the model takes must be one that the schema takes.
"""

from __future__ import annotations

import re
from typing import Literal

from tightbeam_codegen.read.check.patterns import judge_pattern

__all__ = ["Engine", "portable_pattern"]

Engine = Literal["rust-regex", "python-re"]

_RUST = {"d": r"\p{Nd}", "w": r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d", "s": r"\p{White_Space}"}
_PYTHON = {"d": r"\p{Nd}", "w": r"\p{L}\p{N}_", "s": r"\p{White_Space}\x1c-\x1f"}
_ASCII = {"d": "0-9", "w": "A-Za-z0-9_", "s": r" \t\n\r\f\v"}
_PART = re.compile(r"\\(?P<escaped>.)|(?P<open>\[\^?\]?)|(?P<close>\])|(?P<end>\$)|(?P<other>.)", re.DOTALL)
_CLASS = re.compile(r"\[(.*?)(?<!\\)\]", re.DOTALL)
_PROPERTY = re.compile(r"\\p\{\w+\}")
_SET_OPERATIONS = ("&&", "--", "~~")
_FLAGS = {re.IGNORECASE: "i", re.DOTALL: "s"}


def portable_pattern(pattern: str | re.Pattern[str], engine: Engine) -> str | None:
    """Return a pattern that admits the same texts in JSON Schema; None where there is none.

    Args:
        pattern: as the model states it.
        engine: the model's. A compiled pattern is always Python's.
    """
    flags = ""
    classes = _RUST
    if isinstance(pattern, re.Pattern):
        stated = re.RegexFlag(pattern.flags) & ~re.UNICODE
        if stated & ~(re.IGNORECASE | re.DOTALL | re.ASCII):
            return None
        flags = "".join(letter for flag, letter in _FLAGS.items() if stated & flag)
        classes = _ASCII if stated & re.ASCII else _PYTHON
        pattern, engine = pattern.pattern, "python-re"
    elif engine == "python-re":
        classes = _PYTHON
    text = _translated(pattern, classes, python=engine == "python-re")
    if text is None:
        return None
    text = f"(?{flags}){text}" if flags else text
    return text if judge_pattern(text).result == "linear" else None


def _translated(pattern: str, classes: dict[str, str], *, python: bool) -> str | None:
    parts: list[str] = []
    in_class = False
    for part in _PART.finditer(pattern):
        escaped = part["escaped"]
        if in_class and part["open"]:
            return None  # a class in a class, which JavaScript has not
        if escaped is not None:
            text = _escape(escaped, classes, in_class=in_class, python=python)
            if text is None:
                return None
            parts.append(text)
        elif part["end"] and python and not in_class:
            parts.append(r"\n?$")  # Python's end may have a newline behind it
        else:
            in_class = bool(part["open"]) or (in_class and not part["close"])
            parts.append(part[0].replace("[]", r"[\]").replace("[^]", r"[^\]"))
    text = "".join(parts)
    has_operation = any(each in inside for inside in _CLASS.findall(text) for each in _SET_OPERATIONS)
    return None if has_operation else text


def _escape(char: str, classes: dict[str, str], *, in_class: bool, python: bool) -> str | None:
    """Return one escape as JSON Schema reads it; None where there is none."""
    if char in classes:
        inside = classes[char]
        return inside if in_class or _PROPERTY.fullmatch(inside) else f"[{inside}]"
    if char.lower() in classes:
        return None if in_class else f"[^{classes[char.lower()]}]"
    if char == "Z" and python:
        return "$"
    if char == "z" and not python:
        return "$"
    return "^" if char == "A" else f"\\{char}"
