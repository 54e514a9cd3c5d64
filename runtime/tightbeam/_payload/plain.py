"""Walk over plain data, off the hot path: find what in it isn't JSON, and spell it for the encoder."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from enum import Enum
from typing import Any

import orjson
from pydantic import BaseModel

from tightbeam._payload.formats import TYPED_FORMATS
from tightbeam.errors import Issue

__all__ = [
    "MAX_DEPTH",
    "class_name",
    "has_nonfinite",
    "is_kept",
    "is_sent_exactly",
    "json_type",
    "not_json",
    "pointer_token",
    "with_digits",
    "with_floats",
    "with_lists",
    "with_texts",
]

MAX_DEPTH = 254
"""How deep containers may be nested: the encoder's own limit."""

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


def has_nonfinite(data: object) -> bool:
    """Return whether a NaN or an infinity is anywhere in data that was encoded, and so isn't endless."""
    stack = [data]
    while stack:
        value = stack.pop()
        kind = type(value)
        if kind is float:
            if not math.isfinite(value):  # type: ignore[arg-type]  # a float by the line above
                return True
        elif isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, (list, tuple)):
            stack.extend(value)
        elif isinstance(value, Enum):
            stack.append(value.value)
    return False


def is_sent_exactly(value: int) -> bool:
    """Return whether readers of JSON get an integer unchanged: it has 64 bits at most, or a float holds it.

    JSON Schema counts ``1e300`` as an integer, so such a number can have been loaded, and then can be
    published.
    """
    if _SMALLEST <= value <= _LARGEST:
        return True
    return value.bit_length() <= 1024 and value == _nearest_float(value)


def _nearest_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def with_digits(data: object) -> object:
    """Return a copy in which integers over 64 bits are spelt out, which the encoder doesn't do by itself.

    Spelt as a float, such a number would load as a float where its type is open.
    """
    return _mapped(data, lambda value: orjson.Fragment(str(value)) if _is_large(value) else value)


def with_floats(data: object) -> object:
    """Return a copy in which integers over 64 bits are floats, as they may have been received."""
    return _mapped(data, lambda value: float(value) if _is_large(value) else value)


def with_lists(data: object) -> object:
    """Return a copy with a list for each tuple: both are arrays, and models hold lists."""
    return _mapped(data, lambda value: value)


def _mapped(data: object, change: Callable[[Any], object]) -> object:
    if type(data) is dict:
        return {key: _mapped(value, change) for key, value in data.items()}
    if type(data) is list or type(data) is tuple:
        return [_mapped(value, change) for value in data]
    return change(data)


def _is_large(value: object) -> bool:
    return type(value) is int and not _SMALLEST <= value <= _LARGEST and is_sent_exactly(value)


def is_kept(data: object, dumped: object) -> bool:
    """Return whether a dump holds all that the plain data held.

    Where a type is a union with Any, Pydantic may take a dict for a model, and leave out its null properties.

    Args:
        data: the plain data.
        dumped: the dump of what was loaded from it.
    """
    if type(data) is dict:
        return (
            isinstance(dumped, dict)
            and data.keys() == dumped.keys()
            and all(is_kept(value, dumped[key]) for key, value in data.items())
        )
    if type(data) is list or type(data) is tuple:
        return (
            isinstance(dumped, (list, tuple)) and len(data) == len(dumped) and all(map(is_kept, data, dumped))
        )
    return True


def with_texts(data: object, dumped: object) -> object:
    """Return the dump of plain data with the texts that the data has.

    Text of a typed format was read and spelt again in the dump. It is to be sent as it was given.

    Args:
        data: the plain data.
        dumped: its dump, of the same shape.
    """
    if type(data) is dict and isinstance(dumped, dict):
        return {key: with_texts(value, dumped[key]) for key, value in data.items()}
    if (type(data) is list or type(data) is tuple) and isinstance(dumped, (list, tuple)):
        return [with_texts(*pair) for pair in zip(data, dumped, strict=True)]
    return data if type(data) is str else dumped


def json_type(value: object) -> str:
    """Return what JSON calls a value, with its article."""
    if isinstance(value, Enum):
        return json_type(value.value)
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a number"
        case str():
            return "a string"
        case dict():
            return "an object"
        case list() | tuple():
            return "an array"
        case _:
            return type(value).__name__


def class_name(kind: type) -> str:
    """Return a class's name with its module: a user's own model is often called like the generated one."""
    return f"{kind.__module__}.{kind.__name__}"


def pointer_token(name: str) -> str:
    """Return a name as a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def not_json(data: object, declared: Callable[[], Collection[str]], limit: int) -> list[Issue]:
    """Return the first places where data isn't JSON.

    Args:
        data: the published data, or its dump.
        declared: gives the property names that may be shown; any other key is shown as ``*``.
        limit: how many places to return at most.
    """
    issues: list[Issue] = []
    names: Collection[str] | None = None
    # (value, pointer, ids of the containers around it)
    stack: list[tuple[object, tuple[str, ...], frozenset[int]]] = [(data, (), frozenset())]
    while stack and len(issues) < limit:
        value, pointer, around = stack.pop()
        reason = _reason(value, around)
        if reason is not None:
            issues.append(Issue("".join(f"/{token}" for token in pointer), reason))
            continue
        if isinstance(value, Enum):
            stack.append((value.value, pointer, around | {id(value)}))
        elif isinstance(value, dict):
            names = declared() if names is None else names
            inside = around | {id(value)}
            stack.extend(
                (item, (*pointer, pointer_token(key) if key in names else "*"), inside)
                for key, item in reversed(value.items())
            )
        elif isinstance(value, (list, tuple)):
            inside = around | {id(value)}
            stack.extend((item, (*pointer, str(i)), inside) for i, item in reversed(list(enumerate(value))))
    return issues


def _reason(value: object, around: frozenset[int]) -> str | None:
    kind = type(value)
    if kind is str:
        return None if _is_unicode(value) else "must not contain lone surrogates"
    if kind is int:
        return None if is_sent_exactly(value) else "must be an integer of at most 64 bits"  # type: ignore[arg-type]
    if kind is float:
        return None if math.isfinite(value) else "must be a finite number, not NaN or infinite"  # type: ignore[arg-type]
    if value is None or kind is bool:
        return None
    if kind in (dict, list, tuple) or isinstance(value, Enum):
        if id(value) in around:
            return "contains itself"
        if len(around) >= MAX_DEPTH:
            return f"is nested more than {MAX_DEPTH} deep"
        return _key_reason(value) if isinstance(value, dict) else None
    if isinstance(value, BaseModel):
        return f"must be plain data, not a model ({class_name(kind)}); a model is published as a whole"
    for plain in (str, int, float, dict, list, tuple):
        if issubclass(kind, plain):
            return f"must be a plain {plain.__name__}, not a subclass ({kind.__name__})"
    if (remedy := _AS_TEXT.get((kind.__module__, kind.__qualname__))) is not None:
        return f"must be JSON data, not {kind.__name__}: give its text ({remedy}), or the model"
    return f"must be JSON data, not {kind.__name__}"


_AS_TEXT = {("datetime", "time"): "value.isoformat()"} | {
    (typed.python_type.__module__, typed.python_type.__qualname__): typed.text
    for typed in TYPED_FORMATS.values()
}
"""How to make text of a value that models take and dictionaries don't, by module and name of its type."""


def _key_reason(value: dict[object, object]) -> str | None:
    for key in value:
        if type(key) is not str:
            return f"has a key that is not a plain str ({type(key).__name__})"
        if not _is_unicode(key):
            return "has a key with lone surrogates"
    return None


def _is_unicode(text: object) -> bool:
    try:
        str.encode(text)  # type: ignore[arg-type]  # only called for strings
    except UnicodeEncodeError:
        return False
    return True
