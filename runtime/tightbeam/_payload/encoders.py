"""Encode JSON: the encoder's options, and for each class of models a function that checks and encodes it.

An encoder does with a model what `encode` does with plain data. It is made once for a class: the look-ups
that this saves are a tenth of a small publish.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from tightbeam._payload.plain import has_nonfinite

if TYPE_CHECKING:
    from pydantic_core import SchemaSerializer

__all__ = [
    "BAD_DATA",
    "OPTIONS",
    "Encoder",
    "decoded",
    "direct_encoder",
    "dumping_encoder",
    "dumps",
    "encoded_again",
    "find_null",
]

Encoder = Callable[[Any], bytes | None]
"""Returns the JSON of a value, or None if it breaks the schema. May raise any of `BAD_DATA`."""

BAD_DATA = (TypeError, ValueError, RecursionError, AttributeError, LookupError)
"""What orjson, jsonschema_rs and Pydantic raise for data that they can't handle."""

OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS

dumps = orjson.dumps
find_null = re.compile(b"null").search
_LONG_NUMBER, _LONG_IN_STR = re.compile(b"[0-9]{19}"), re.compile("[0-9]{19}")


def decoded(text: bytes | str) -> Any:
    """Decode JSON with every integer as an integer; orjson makes floats of those over 64 bits.

    Raises:
        orjson.JSONDecodeError: it isn't JSON.
    """
    value = orjson.loads(text)
    has_long_number = _LONG_NUMBER.search(text) if isinstance(text, bytes) else _LONG_IN_STR.search(text)
    if has_long_number is None:
        return value
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # thousands of digits, or nested deeper than this decoder goes
        return value


def encoded_again(value: Any) -> bytes:
    """Encode a value that `decoded` returned, with integers of any size."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":")).encode()


def direct_encoder(
    serializer: SchemaSerializer, is_valid: Callable[[object], bool], may_hold_nonfinite: bool
) -> Encoder:
    """Return the encoder of a model class that holds JSON's own values only.

    Args:
        serializer: the class's own.
        is_valid: the topic's validator.
        may_hold_nonfinite: whether the schema lets numbers through that JSON doesn't have.
    """
    to_python, to_json, options, find = serializer.to_python, dumps, OPTIONS, find_null

    def encode(data: object) -> bytes | None:
        dumped = to_python(data, by_alias=True, warnings=False)
        raw = to_json(dumped, None, options)
        if is_valid(dumped) and not (may_hold_nonfinite and find(raw) and has_nonfinite(dumped)):
            return raw
        return None

    return encode


def dumping_encoder(
    dump: Callable[[Any], object], is_valid: Callable[[object], bool], may_hold_nonfinite: bool
) -> Encoder:
    """Return the encoder of a model class whose values are converted.

    Args:
        dump: makes plain data of an instance.
        is_valid: the topic's validator.
        may_hold_nonfinite: whether the schema lets numbers through that JSON doesn't have.
    """

    def encode(data: object) -> bytes | None:
        dumped = dump(data)
        raw = dumps(dumped, None, OPTIONS)
        if is_valid(dumped) and not (may_hold_nonfinite and find_null(raw) and has_nonfinite(dumped)):
            return raw
        return None

    return encode
