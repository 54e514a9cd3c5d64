"""Memos of steps on Inngest's server, in a form in which numbers come back unchanged.

The server keeps memos as Go's ``any``, in which every number is a 64-bit float: an integer beyond
±(2^53 - 1) comes back as another one. A string is kept exactly, so a value with such an integer is remembered
as JSON text, in an object of one key that says so.
"""

from __future__ import annotations

import json
from typing import Any

from tightbeam._payload.plain import pointer_token
from tightbeam.errors import NotJson

__all__ = ["MAX_INTEGER", "check_unchanged", "is_changed", "memo_of", "value_of"]

MAX_INTEGER = 2**53 - 1
"""The greatest integer that a 64-bit float, and so JavaScript, tells from its neighbours."""

_KEY = "tightbeam:json"


def memo_of(value: Any) -> Any:
    """Return what the server is to remember of a step's result.

    Args:
        value: plain JSON data.

    Returns:
        The value itself, or where the server would change it, its JSON text in an object with one key.
    """
    if is_changed(value) or _is_text(value):
        return {_KEY: json.dumps(value, separators=(",", ":"))}
    return value


def value_of(memo: Any) -> Any:
    """Return the value that `memo_of` made a memo of."""
    return json.loads(memo[_KEY]) if _is_text(memo) else memo


def check_unchanged(value: Any, what: str) -> None:
    """Refuse plain JSON data in which the server would change an integer.

    Args:
        value: the data.
        what: the beginning of the error message, such as ``the data of event "a"``.

    Raises:
        NotJson: it would; with the JSON pointer of the first one.
    """
    if is_changed(value):
        raise NotJson(
            f"{what} holds an integer beyond ±{MAX_INTEGER}, which Inngest would change: it keeps numbers as "
            f"64-bit floats; send it as a string: {_changed_at(value)}"
        )


def _changed_at(value: Any) -> str:
    """Return the JSON pointer of the first integer that the server would change, of data that has one."""
    pointer = ""
    while isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        key, value = next((key, part) for key, part in parts if is_changed(part))
        pointer += f"/{pointer_token(str(key))}"
    return pointer


def is_changed(value: Any) -> bool:
    """Tell whether the server would change an integer somewhere in plain JSON data."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, int) and not -MAX_INTEGER <= item <= MAX_INTEGER:
            return True
    return False


def _is_text(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {_KEY} and isinstance(value[_KEY], str)
