"""Let fields of typed formats take text in Python values, which a web framework decodes from JSON.

A strict date-time takes text in JSON, and in Python only a ``datetime``. FastAPI decodes a body first and
then validates Python values. So there the typed formats take text too, in the forms that JSON may have.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

from pydantic_core import SchemaValidator

from tightbeam._payload.core_schema import Node
from tightbeam._payload.formats import TYPED_FORMATS

__all__ = ["take_text"]

_BY_CORE_TYPE = {typed.core_type: typed for typed in TYPED_FORMATS.values()}


def take_text(node: Node) -> None:
    """Let a core schema node of a typed format take text in Python values; leave other nodes alone."""
    kind = node["type"]
    if kind not in _BY_CORE_TYPE or node.get("metadata", {}).get("text"):
        return
    if kind == "lax-or-strict" and not _is_address(node):
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


def _is_address(node: Node) -> bool:
    strict = node["strict_schema"]
    return bool(strict["type"] == "json-or-python" and strict["python_schema"].get("cls") is IPv4Address)


@functools.cache
def _reader(core_type: str, tz_constraint: str | None) -> Callable[[object], object]:
    """Return a function that reads text of a format and leaves all else as it is."""
    schema: Any = _BY_CORE_TYPE[core_type].core_schema
    validator = SchemaValidator(schema | {"tz_constraint": tz_constraint} if tz_constraint else schema)

    def read(value: object) -> object:
        if type(value) is not str:
            return value
        return validator.validate_json(json.dumps(value), strict=True)

    return read
