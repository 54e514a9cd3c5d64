"""`GET /v1/realtime/sse`: a stream as server-sent events, several in one write."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers

from tightbeam._message import Envelope
from tightbeam.gateway._access import Authorizer, Scope, query_of
from tightbeam.gateway._direct import direct
from tightbeam.gateway._frames import Frames, closing_frame, reset_frame, sse_chunk, sse_event
from tightbeam.gateway._settings import Limits
from tightbeam.gateway._streams import End, Reader, Streams, run_with
from tightbeam.gateway._websocket import Receive, Send

__all__ = ["SseRoute"]

_CLOSE_SECONDS = 0.25


class _Events:
    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]], events: Frames, chunk: int) -> None:
        self._send = send
        self._headers = headers
        self._events = events
        self._chunk = chunk
        self.writes = 0

    async def _write(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def begin(self, position: str | None) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await self.keep_alive(position, 0)

    async def reset(self, position: str | None) -> None:
        await self._write(b"event: reset\ndata: " + reset_frame(position) + b"\n\n")

    async def send(self, envelopes: list[Envelope]) -> None:
        for piece in self._events.writes(envelopes, self._chunk):
            await self._write(piece)
            self.writes += 1

    async def keep_alive(self, position: str | None, dropped: int) -> None:  # noqa: ARG002 - as `FrameWriter` has it
        # An id without data sets the reader's Last-Event-ID and shows it nothing.
        await self._write(b":\n\n" if position is None else b":\n\nid: " + position.encode() + b"\n\n")

    async def closing(self) -> None:
        await self._write(b"data: " + closing_frame() + b"\n\n")

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


class _Raw(_Events):
    """Writes ready-made chunks below the ASGI interface."""

    def __init__(
        self, send: Send, headers: list[tuple[bytes, bytes]], chunks: Frames, chunk: int, raw: Any
    ) -> None:
        super().__init__(send, headers, chunks, chunk)
        self._raw = raw

    async def send(self, envelopes: list[Envelope]) -> None:
        raw = self._raw
        for piece in self._events.writes(envelopes, self._chunk):
            if raw.write(piece):
                await raw.drain()
            self.writes += 1


class SseRoute:
    """The ASGI application behind the route."""

    def __init__(
        self, authorizer: Authorizer, streams: Streams, limits: Limits, position_of: Callable[[int], str]
    ) -> None:
        self._authorizer = authorizer
        self._streams = streams
        self._limits = limits
        self._events = Frames(sse_event, position_of)
        self._chunks = Frames(sse_chunk, position_of)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            Refused: nothing has been sent yet.
        """
        headers = Headers(scope=scope)
        query = query_of(scope)
        self._authorizer.check_host_and_origin(scope, headers)
        stream = await self._streams.open(
            self._authorizer.authorize(query, headers), Reader("sse", headers.get("origin"))
        )
        writer = self._writer(scope, send, _response_headers(headers))
        try:
            pump = asyncio.get_running_loop().create_task(stream.pump(writer))

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass

            if await run_with(pump, watch) is not End.GONE:
                with contextlib.suppress(Exception):  # the connection may be gone
                    async with asyncio.timeout(_CLOSE_SECONDS):
                        await writer.end()
        finally:
            self._streams.leave(stream)

    def _writer(self, scope: Scope, send: Send, headers: list[tuple[bytes, bytes]]) -> _Events:
        raw = direct(scope, send)
        size = self._limits.write_bytes
        if raw is None:
            return _Events(send, headers, self._events, size)
        return _Raw(send, headers, self._chunks, size, raw)


def _response_headers(request: Headers) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
        (b"x-content-type-options", b"nosniff"),
        (b"vary", b"Origin"),
    ]
    if (origin := request.get("origin")) is not None:  # checked before
        headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
    return headers
