"""An event's data: checked and encoded as JSON when it is sent, loaded when a function starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tightbeam._events.refs import EventRef
from tightbeam._payload.encode import encode_within
from tightbeam._results import to_json
from tightbeam.errors import InvalidPayload, Issue, NotJson

__all__ = ["NO_DATA", "encode_event", "encode_json", "json_object", "load_event"]

NO_DATA = b"{}"
"""What is stored and sent for an event without data."""


def encode_event(ref: EventRef[..., str, Any], data: object, limit: int) -> bytes:
    """Check the data of an event with a definition, and encode it: exactly as a publish does.

    Args:
        ref: the event.
        data: a model or plain data; None or an empty object for an event without data.
        limit: how many bytes the encoding may have.

    Raises:
        InvalidPayload: the data breaks the event's schema.
        PayloadTooLarge: its encoding is over the limit.
    """
    if ref.payload_type is not None:
        return encode_within(ref, data, limit)
    if data is not None and data != {}:
        raise InvalidPayload("", [Issue("", "must be left out: the event has no data")], event=ref.name)
    return NO_DATA


def load_event(ref: EventRef[..., str, Any], raw: bytes) -> object:
    """Load the data of an event as its Python type, tolerantly as messages are read.

    Args:
        ref: the event.
        raw: its data as JSON.

    Raises:
        InvalidPayload: it doesn't fit the type.
        OutdatedBindings: the generated package is incomplete.
    """
    if ref.payload_type is None:
        return None
    from tightbeam._payload.load import load  # not at import: programs that only send go without

    return load(ref, raw)


def encode_json(name: str, data: object) -> bytes:
    """Encode the data of an event that has no definition.

    Args:
        name: of the event.
        data: a mapping with string keys; None for an empty one.

    Raises:
        NotJson: it isn't a JSON object.
    """
    return to_json(json_object(name, data), f'The data of event "{name}"')


def json_object(name: str, data: object) -> dict[str, Any]:
    """Return the data of an event as a dictionary.

    Args:
        name: of the event.
        data: a mapping with string keys; None for an empty one.

    Raises:
        NotJson: it is something else.
    """
    if data is None:
        return {}
    if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
        raise NotJson(f'the data of event "{name}" is a JSON object: a mapping with string keys')
    return dict(data)
