"""The core of every publish, whoever calls it: check the payload, encode it once, make the message."""

from __future__ import annotations

from time import time_ns
from typing import Any

from tightbeam._channels.refs import Channel, TopicDescriptor, TopicRef, topics
from tightbeam._message import Envelope
from tightbeam._payload.encode import encode
from tightbeam.errors import PayloadTooLarge

__all__ = ["MAX_PAYLOAD_BYTES", "build_message", "encode_within", "single_payload"]

MAX_PAYLOAD_BYTES = 524_288
"""What one message may hold, encoded: Inngest's limit, so that a program that moves there isn't surprised."""
_COPIED_BYTES = 32_768


def single_payload(topic: object, data: tuple[object, ...], kwargs: dict[str, Any]) -> object:
    """The one positional argument that `PayloadArgs` stands for, beside what must be a topic.

    Raises:
        TypeError: it isn't, or there is more or less than one payload.
    """
    if not isinstance(topic, TopicRef):
        raise TypeError(f"publish takes a topic of a channel, such as channel.status, {_but(topic)}")
    if len(data) != 1 or kwargs:
        raise TypeError("publish takes a topic and one payload, both positional")
    return data[0]


def _but(given: object) -> str:
    if isinstance(given, Channel):
        return f'not the channel; "{given.name}" has: {", ".join(topics(given))}'
    if isinstance(given, TopicDescriptor):
        return "not of a channel class: open the channel first"
    return f"not {type(given).__name__}"


def encode_within(ref: TopicRef[..., str, Any], data: object, limit: int) -> bytes:
    """Check and encode.

    Raises:
        InvalidPayload: the data breaks the topic's schema.
        PayloadTooLarge: its encoding is over ``limit`` bytes.
    """
    raw = encode(ref, data)
    if len(raw) > limit:
        raise PayloadTooLarge(ref.topic, len(raw), limit, channel=ref.channel)
    # orjson's bytes keep the buffer they were written to, some kilobytes, as long as they live; a copy
    # doesn't. (Joining one alone would give it back as it is.)
    return b"".join((raw, b"")) if len(raw) < _COPIED_BYTES else raw


def build_message(ref: TopicRef[..., str, Any], data: object, run_id: str | None, limit: int) -> Envelope:
    """A live message, checked and encoded."""
    return Envelope(ref.channel, ref.topic, encode_within(ref, data, limit), run_id, None, time_ns() // 1000)
