"""Frames of a subscription's WebSocket: read without trusting anything in them."""

from __future__ import annotations

import json
import math
from collections.abc import Container
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from tightbeam._message import Address, Envelope, microseconds_of
from tightbeam._payload.encoders import decoded, encoded_again

__all__ = ["MAX_FRAME", "Unreadable", "message_of", "metadata_of", "read_frame"]

MAX_FRAME: Final = 8 * 1024 * 1024
"""Bytes. A message of 512 KiB may be six times as long in a frame, where ``<`` and ``&`` are escaped."""


class Unreadable(Exception):
    """A frame can't be read; the text says why and holds nothing of the frame."""


def read_frame(raw: bytes) -> dict[str, Any]:
    """Decode one frame. Of a key that is there twice the last value counts.

    Args:
        raw: the bytes of the frame, as they came: an Inngest server relays a publisher's without a check.

    Raises:
        Unreadable: the frame isn't UTF-8, not a JSON object, or holds a number beyond a 64-bit float.
    """
    try:
        frame = decoded(raw)
    except orjson.JSONDecodeError:
        frame = _decoded_by_json(raw)
    if not isinstance(frame, dict):
        raise Unreadable("it isn't a JSON object")
    return frame


def _decoded_by_json(raw: bytes) -> object:
    """Decode what the strict decoder refuses: either this one takes it, or its error says why not."""
    try:
        return json.loads(raw.decode(), parse_float=_finite, parse_constant=_finite)
    except UnicodeDecodeError:
        raise Unreadable("it isn't UTF-8") from None
    except ValueError:
        raise Unreadable("it isn't JSON") from None
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None


def _finite(text: str) -> float:
    value = float(text)
    if math.isfinite(value):
        return value
    raise Unreadable("it holds a number that isn't finite")


def metadata_of(frame: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a frame; empty if it has none."""
    metadata = frame.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def message_of(frame: dict[str, Any], wanted: Container[Address] | None) -> Envelope | None:
    """Return the message of a ``data`` frame.

    Args:
        frame: as `read_frame` gives it.
        wanted: the topics to take messages of; None for all.

    Returns:
        The message, as a live one; None for a frame of another kind or topic.

    Raises:
        Unreadable: its data is nested too deeply.
    """
    channel, topic = frame.get("channel"), frame.get("topic")
    if frame.get("kind") != "data" or "data" not in frame:
        return None
    if not isinstance(channel, str) or not isinstance(topic, str):
        return None
    if wanted is not None and (channel, topic) not in wanted:
        return None
    metadata, run_id = metadata_of(frame), frame.get("run_id")
    message_id = metadata.get("id")
    return Envelope(
        channel,
        topic,
        _encoded(frame["data"]),
        run_id if isinstance(run_id, str) else None,
        message_id if isinstance(message_id, str) else None,
        _microseconds(frame.get("created_at")),
        metadata=_encoded(metadata) if metadata else None,
    )


def _encoded(value: object) -> bytes:
    try:
        return encoded_again(value)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None


def _microseconds(text: object) -> int:
    """Return an RFC 3339 time in microseconds since 1970; 0 for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
        return 0 if moment.tzinfo is None else microseconds_of(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        return 0
