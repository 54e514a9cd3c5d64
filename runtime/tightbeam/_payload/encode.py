"""Check a payload against its topic's schema, and encode it once: what every publish goes through.

Plain data is ``dict`` with ``str`` keys, ``list``, ``tuple`` (an array), ``str``, ``int`` (within 64 bits, or
larger if a ``float`` holds all its digits), finite ``float``, ``bool`` and ``None``, exactly these types. A
member of an ``Enum`` counts as its value. Subclasses (``OrderedDict``, ``NamedTuple``, …) are refused, as is
everything else; only a ``UUID`` is sent as its text where the schema says nothing of the value. A model must
be of one of the topic's own classes.
"""

from __future__ import annotations

from enum import Enum
from types import NoneType
from typing import TYPE_CHECKING

from tightbeam._payload.compiled import CompiledTopic
from tightbeam._payload.encoders import BAD_DATA as _BAD_DATA
from tightbeam._payload.encoders import OPTIONS as _OPTIONS
from tightbeam._payload.encoders import dumps as _dumps
from tightbeam._payload.encoders import find_null as _find_null
from tightbeam._payload.plain import has_nonfinite, is_kept, with_digits, with_floats, with_lists, with_texts
from tightbeam._payload.subject import too_large

if TYPE_CHECKING:
    from tightbeam._payload.subject import Subject

__all__ = ["encode", "encode_within"]

_COPIED_BYTES = 32_768
_PLAIN = frozenset({dict, list, tuple, str, int, float, bool, NoneType})


def encode(ref: Subject, data: object) -> bytes:
    """Check a payload against the schema of its topic or event, and encode it as JSON.

    Args:
        ref: the topic, or the event.
        data: an instance of one of its models, or plain data.

    Returns:
        The JSON.

    Raises:
        InvalidPayload: it breaks the schema or isn't JSON; nothing else is raised for bad data.
        OutdatedBindings: the generated package is incomplete.
    """
    topic = ref.__topic__.compiled or ref.__topic__.compile()
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
            encoded = topic.encoders[kind](data)  # a KeyError where the class wasn't seen before
            if encoded is not None:
                return encoded
    except _BAD_DATA:
        pass  # explained below
    return _encode_typed(ref, topic, data)


def encode_within(ref: Subject, data: object, limit: int) -> bytes:
    """Check a payload and encode it.

    Args:
        ref: the topic, or the event.
        data: the payload.
        limit: how many bytes its encoding may have.

    Raises:
        InvalidPayload: the data breaks the schema.
        PayloadTooLarge: its encoding is over ``limit`` bytes.
    """
    raw = encode(ref, data)
    if len(raw) > limit:
        raise too_large(ref, len(raw), limit)
    # orjson's bytes keep the buffer that they were written to, some kilobytes, as long as they live; a copy
    # doesn't. (To join a single object returns that object itself, so an empty one is joined to it.)
    return b"".join((raw, b"")) if len(raw) < _COPIED_BYTES else raw


def _encodes(data: object) -> bool:
    try:
        _dumps(data, None, _OPTIONS)
    except _BAD_DATA:
        return False
    return True


def _encode_typed(ref: Subject, topic: CompiledTopic, data: object) -> bytes:
    """Encode what the hot path doesn't: a class not seen before, or typed values in containers.

    Raises:
        InvalidPayload: the data is to be refused.
    """
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
    from tightbeam._payload.explain.refusal import explain_payload  # only on failure

    raise explain_payload(ref, topic, data, plain, problem)
