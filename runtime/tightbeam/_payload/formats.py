"""Formats that models type: what Python's types can't hold is refused before it is sent.

A ``date-time`` loads as an aware ``datetime``, ``date``, ``uuid`` and ``ipv4`` as their Python types. The
validator's own checks take more than these hold: leap seconds, the year 0000, ``2020-01-0.``, and before
draft 2019-09 anything for a ``uuid``. A function of ours called for each value would cost ten times the rest
of the check, so the schemas themselves are narrowed instead, by a ``pattern`` beside such a ``format``, which
stays in Rust.
"""

from __future__ import annotations

from typing import Any

__all__ = ["TYPED_FORMATS", "narrow_formats"]

_YEAR = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9][0-9]|[0-9][1-9][0-9]{2}|[1-9][0-9]{3})"
_HEX = "[0-9A-Fa-f]"

TYPED_FORMATS = {
    # Which days a month has and how far an hour goes is left to the validator's own check, which is right
    # about that.
    "date": f"^{_YEAR}-[0-9]{{2}}-[0-9]{{2}}$",
    "date-time": (
        f"^{_YEAR}-[0-9]{{2}}-[0-9]{{2}}[Tt][0-9]{{2}}:[0-9]{{2}}:[0-5][0-9](?:\\.[0-9]+)?"
        "(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$"
    ),
    "uuid": f"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$",
}
"""The pattern that goes with each format (``ipv4`` needs none)."""

_MAPS = frozenset(
    {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties", "topics"}
)
"""Keywords whose value maps free names to schemas."""

_VALUES = frozenset({"const", "default", "enum", "examples"})
"""Keywords whose value is data, whatever it looks like."""


def narrow_formats(document: Any) -> None:
    """Put the pattern beside each typed format of a document, in place; pointers into it stay valid."""
    stack = [(document, False)]
    while stack:
        node, is_map = stack.pop()
        if isinstance(node, list):
            stack.extend((item, False) for item in node if isinstance(item, dict | list))
        elif isinstance(node, dict):
            if is_map:
                stack.extend((value, False) for value in node.values() if isinstance(value, dict | list))
                continue
            stack.extend(
                (value, key in _MAPS)
                for key, value in node.items()
                if isinstance(value, dict | list) and key not in _VALUES
            )
            name = node.get("format")
            if isinstance(name, str) and (pattern := TYPED_FORMATS.get(name)):
                if "pattern" not in node:
                    node["pattern"] = pattern
                else:
                    node["allOf"] = [*node.get("allOf", ()), {"pattern": pattern}]
