"""Frames of a subscription's socket: what they say, without believing a word of it."""

from __future__ import annotations

import json
from collections.abc import Container
from datetime import datetime
from typing import Any

import orjson

from tightbeam._message import Address, Envelope

__all__ = ["CLOSING", "Unreadable", "envelope_of", "parsed"]

CLOSING = "closing"
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Unreadable(Exception):
    """A frame that can't be read; the text says why and holds nothing of the frame."""


def parsed(frame: str | bytes) -> dict[str, Any]:
    """Decode one frame.

    Args:
        frame: the text of a frame, decoded or not. The server relays a publisher's bytes without a check.

    Raises:
        Unreadable: it isn't UTF-8, or not a JSON object.
    """
    try:
        found = json.loads(frame.decode() if isinstance(frame, bytes) else frame)
    except UnicodeDecodeError:
        raise Unreadable("it isn't UTF-8") from None
    except ValueError:
        raise Unreadable("it isn't JSON") from None
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise Unreadable("it isn't a JSON object")
    return found


def envelope_of(frame: dict[str, Any], addresses: Container[Address]) -> Envelope | None:
    """Return the message of a ``data`` frame for one of these topics; None for any other frame.

    Raises:
        Unreadable: its data can't be JSON again, such as a number beyond a 64-bit float.
    """
    channel, topic = frame.get("channel"), frame.get("topic")
    if frame.get("kind") != "data" or "data" not in frame:
        return None
    if not isinstance(channel, str) or not isinstance(topic, str) or (channel, topic) not in addresses:
        return None
    metadata = frame.get("metadata")
    message_id = metadata.get("id") if isinstance(metadata, dict) else None
    run_id = frame.get("run_id")
    return Envelope(
        channel,
        topic,
        _encoded(frame["data"]),
        run_id if isinstance(run_id, str) else None,
        message_id if isinstance(message_id, str) else None,
        _microseconds(frame.get("created_at")),
        metadata=orjson.dumps(metadata) if isinstance(metadata, dict) else None,
    )


def _encoded(data: object) -> bytes:
    try:
        return json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        raise Unreadable("it holds a number that isn't finite") from None
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None


def _microseconds(text: object) -> int:
    """An RFC 3339 time, with nanoseconds; 1970 when it isn't one."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return 0
    if moment.tzinfo is None:
        return 0
    past = moment - _EPOCH
    return past.days * 86_400_000_000 + past.seconds * 1_000_000 + past.microseconds
