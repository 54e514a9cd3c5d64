"""The typed formats as text in Python values, such as what a web framework has decoded from JSON.

A strict date-time takes JSON text, and in Python only a ``datetime``. FastAPI decodes a body first and then
validates Python values. So there the four formats take their text too, in the forms that JSON may have it in.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

from pydantic_core import SchemaValidator

__all__ = ["take_text"]

_PLAIN = frozenset({"date", "datetime", "uuid"})


def take_text(node: dict[str, Any]) -> None:
    """Let a core schema node of a typed format take text in Python values; change no other node."""
    kind = node["type"]
    if (kind not in _PLAIN and not _is_address(node)) or node.get("metadata", {}).get("text"):
        return
    inner = {**node, "metadata": {**node.get("metadata", {}), "text": True}}
    function = {"type": "no-info", "function": _reader(kind, node.get("tz_constraint"))}
    node.clear()
    # JSON keeps its own way: a function in it would cost time, and be one more thing between value and type.
    node.update(
        type="json-or-python",
        json_schema=inner,
        python_schema={"type": "function-before", "function": function, "schema": inner},
    )


def _is_address(node: dict[str, Any]) -> bool:
    if node["type"] != "lax-or-strict" or (strict := node["strict_schema"])["type"] != "json-or-python":
        return False
    return bool(strict["python_schema"].get("cls") is IPv4Address)


@functools.cache
def _reader(kind: str, tz_constraint: str | None) -> Callable[[object], object]:
    """Return a function that reads text of a format and leaves all else as it is."""
    schema: Any = {"type": kind}
    if kind == "datetime":
        schema |= {"microseconds_precision": "truncate"}
        schema |= {"tz_constraint": tz_constraint} if tz_constraint else {}
    elif kind not in _PLAIN:
        function = {"type": "no-info", "function": IPv4Address}
        schema = {"type": "function-after", "function": function, "schema": {"type": "str"}}
    validator = SchemaValidator(schema)

    def read(value: object) -> object:
        if type(value) is not str:
            return value
        return validator.validate_json(json.dumps(value), strict=True)

    return read
