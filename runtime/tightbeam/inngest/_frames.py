"""Frames of a subscription's socket: what they say, without believing a word of it."""

from __future__ import annotations

import json
from collections.abc import Container
from datetime import datetime
from typing import Any

from tightbeam._hub import Address, Envelope

__all__ = ["CLOSING", "envelope_of", "parsed"]

CLOSING = "closing"
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def parsed(frame: str | bytes) -> dict[str, Any] | None:
    """The frame, if it is a text frame with a JSON object."""
    if not isinstance(frame, str):
        return None
    try:
        found = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def envelope_of(frame: dict[str, Any], addresses: Container[Address]) -> Envelope | None:
    """The message of a ``data`` frame for one of these topics; other frames are none of ours."""
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
        json.dumps(frame["data"], separators=(",", ":")).encode(),
        run_id if isinstance(run_id, str) else None,
        message_id if isinstance(message_id, str) else None,
        _microseconds(frame.get("created_at")),
    )


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
