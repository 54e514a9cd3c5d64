"""What every publish goes through: check the payload against its schema, encode it once.

Plain data is what `json` and this page call JSON: ``dict`` with ``str`` keys, ``list``, ``tuple`` (an array),
``str``, ``int`` within 64 bits, or larger if a ``float`` holds all its digits, finite ``float``, ``bool`` and
``None``, exactly these types. A member of an ``Enum`` counts as its value. Subclasses (``OrderedDict``,
``NamedTuple``, …) are refused, as is everything else; only where a schema says nothing of a value is a
``UUID`` there sent as its text. A model must be of one of the topic's own classes.
"""

from __future__ import annotations

from enum import Enum
from types import NoneType
from typing import Any

from tightbeam._channels.refs import TopicRef
from tightbeam._payload.compiled import CompiledTopic, compiled_topic
from tightbeam._payload.encoders import OPTIONS as _OPTIONS
from tightbeam._payload.encoders import dumps as _dumps
from tightbeam._payload.encoders import find_null as _find_null
from tightbeam._payload.plain import has_nonfinite, is_kept, with_digits, with_floats, with_lists, with_texts

__all__ = ["encode", "may_not_be_json"]

_PLAIN = frozenset({dict, list, tuple, str, int, float, bool, NoneType})
_BAD_DATA = (TypeError, ValueError, RecursionError, AttributeError, LookupError)
"""What orjson, jsonschema_rs and Pydantic raise for data that they can't handle."""


def encode(ref: TopicRef[..., str, Any], data: object) -> bytes:
    """Check ``data`` against the topic's schema and encode it as JSON, once.

    Raises:
        InvalidPayload: it breaks the schema or isn't JSON; nothing else is raised for bad data.
        OutdatedBindings: the generated package is incomplete.
    """
    topic = ref.__topic__.compiled or compiled_topic(ref)
    kind = type(data)
    try:
        if kind in _PLAIN:
            # Encoding goes first: it refuses endless and very deep data, on which the validator would
            # overflow the stack.
            raw = _dumps(data, None, _OPTIONS)
            if topic.is_valid(data) and not (
                topic.may_hold_nonfinite and _find_null(raw) and has_nonfinite(data)
            ):
                return raw
        else:
            made = topic.encoders[kind](data)  # a KeyError where the class wasn't seen before
            if made is not None:
                return made
    except _BAD_DATA:
        pass  # explained below
    return _encode_typed(ref, topic, data)


def may_not_be_json(topic: CompiledTopic, data: object) -> bool:
    """Whether data that was refused may have been so because it isn't JSON, rather than by its schema."""
    try:
        raw = _dumps(with_digits(data), None, _OPTIONS)
        topic.is_valid(data)
    except _BAD_DATA:
        return True
    return _find_null(raw) is not None


def _encodes(data: object) -> bool:
    try:
        _dumps(data, None, _OPTIONS)
    except _BAD_DATA:
        return False
    return True


def _encode_typed(ref: TopicRef[..., str, Any], topic: CompiledTopic, data: object) -> bytes:
    """The cases off the hot path: a class not seen before, typed values in containers, what is refused."""
    if isinstance(data, Enum) and type(data.value) in _PLAIN:
        return encode(ref, data.value)  # as within containers
    plain, problem = data, None
    dump = topic.dump_for(type(data))
    if dump is not None or (type(data) in _PLAIN and not _encodes(data)):
        try:
            dumped = data if dump is None else dump(with_lists(data))
            kept = is_kept(data, dumped)
            plain = with_texts(data, dumped) if kept else data
            raw = _dumps(with_digits(plain), None, _OPTIONS)
            if kept and not (topic.may_hold_nonfinite and has_nonfinite(plain)):
                if topic.is_valid(plain):
                    return raw
                # To the validator, which is exact, the integer that was loaded from `1e300` isn't 10^300.
                floats = with_floats(plain)
                if topic.is_valid(floats):
                    return _dumps(floats, None, _OPTIONS)
        except _BAD_DATA as error:
            problem = error
    from tightbeam._payload.explain import explain  # only on failure

    raise explain(ref, topic, data, plain, problem)
