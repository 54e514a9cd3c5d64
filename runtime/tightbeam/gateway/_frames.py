"""Messages as they go over the wire; each is encoded once and its bytes are shared by all subscribers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import orjson

from tightbeam._message import Envelope

__all__ = ["ENV_ID", "RUN_TOPIC", "Frames", "closing_frame", "ping_frame", "reset_frame", "ws_frame"]

ENV_ID = "00000000-0000-4000-b000-000000000000"
"""A gateway serves one environment; clients expect its id in each frame."""

RUN_TOPIC = "$run"
"""Reserved at generation: the hub's address for what becomes of runs."""

_CACHE_BYTES = 16 * 1024 * 1024
_SHARED_BYTES = 1024 * 1024
_ENV = orjson.dumps(ENV_ID)


def encode(envelope: Envelope, position: str | None) -> bytes:
    """One frame: JSON, without line breaks, and no field that is null."""
    kind = b"run" if envelope.topic == RUN_TOPIC else b"data"
    parts = [b'{"kind":"', kind, b'","data":', envelope.data]
    metadata = envelope.metadata
    if position is not None:
        own = orjson.dumps({"id": envelope.id, "position": position})
        # What hooks have added is a JSON object that isn't empty: the two become one.
        metadata = own if metadata is None else b"".join((metadata[:-1], b",", own[1:]))
    if metadata is not None:
        parts += (b',"metadata":', metadata)
    moment = envelope.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
    parts += (b',"created_at":"', moment, b'","channel":', orjson.dumps(envelope.channel))
    parts += (b',"env_id":', _ENV)
    if kind == b"data":
        parts += (b',"topic":', orjson.dumps(envelope.topic))
    if envelope.run_id is not None:
        parts += (b',"run_id":', orjson.dumps(envelope.run_id))
    parts.append(b"}")
    return b"".join(parts)


def ws_frame(text: bytes) -> bytes:
    """Return a whole unmasked text frame of the WebSocket protocol (RFC 6455, 5.2)."""
    size = len(text)
    if size < 126:
        return b"".join((b"\x81", size.to_bytes(1, "big"), text))
    if size < 65_536:
        return b"".join((b"\x81\x7e", size.to_bytes(2, "big"), text))
    return b"".join((b"\x81\x7f", size.to_bytes(8, "big"), text))


def sse_event(text: bytes, position: str | None) -> bytes:
    """One event; neither JSON nor a position can hold a line break."""
    if position is None:
        return b"".join((b"data: ", text, b"\n\n"))
    return b"".join((b"id: ", position.encode(), b"\ndata: ", text, b"\n\n"))


def sse_chunk(text: bytes, position: str | None) -> bytes:
    """Return an event as a whole chunk of HTTP/1.1's chunked encoding (RFC 9112, 7.1)."""
    event = sse_event(text, position)
    return b"".join((b"%x\r\n" % len(event), event, b"\r\n"))


def closing_frame() -> bytes:
    """Return the frame that tells a subscriber that the gateway shuts down."""
    return orjson.dumps({"kind": "closing", "created_at": _now(), "env_id": ENV_ID})


def reset_frame(position: str | None) -> bytes:
    """Says that messages before the ones that follow are lost to this reader."""
    frame: dict[str, object] = {"kind": "reset", "created_at": _now(), "env_id": ENV_ID}
    if position is not None:
        frame["metadata"] = {"position": position}
    return orjson.dumps(frame)


def ping_frame(position: str, dropped: int = 0) -> bytes:
    """Tell a reader that keeps a cursor where it is, and how many live messages its stream has dropped."""
    metadata = {"position": position, "dropped": dropped} if dropped else {"position": position}
    return orjson.dumps({"kind": "ping", "env_id": ENV_ID, "metadata": metadata})


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Frames:
    """The frames of recent messages in one form, by message; bounded in bytes."""

    def __init__(self, form: Callable[[bytes, str | None], bytes], position_of: Callable[[int], str]) -> None:
        self._form = form
        self._position_of = position_of
        self._known: dict[int, tuple[Envelope, bytes]] = {}
        self._bytes = 0
        self._writes: tuple[list[Envelope], int, list[bytes]] = [], 0, []

    def writes(self, envelopes: list[Envelope], size: int) -> list[bytes]:
        """Return the frames of several messages, joined into pieces of about this many bytes.

        In a burst all readers get the same messages: they share the pieces, too.
        """
        known, known_size, pieces = self._writes
        # Each reader has a list of its own; the messages in it are the same objects.
        if known_size == size and known == envelopes:
            return pieces
        pieces, ready, filled = [], list[bytes](), 0
        for envelope in envelopes:
            frame = self.of(envelope)
            ready.append(frame)
            filled += len(frame)
            if filled >= size:
                pieces.append(b"".join(ready))
                ready, filled = [], 0
        if ready:
            pieces.append(b"".join(ready))
        if len(envelopes) > 1 and sum(map(len, pieces)) <= _SHARED_BYTES:
            self._writes = envelopes, size, pieces
        return pieces

    def of(self, envelope: Envelope) -> bytes:
        """Return the frame of a message, encoded once for all readers."""
        known = self._known.get(id(envelope))
        if known is not None:  # it holds the message, so no other one can have its identity
            return known[1]
        position = None if envelope.seq is None else self._position_of(envelope.seq)
        made = self._form(encode(envelope, position), position)
        self._known[id(envelope)] = envelope, made
        self._bytes += len(made)
        while self._bytes > _CACHE_BYTES and self._known:
            _, dropped = self._known.pop(next(iter(self._known)))
            self._bytes -= len(dropped)
        return made
