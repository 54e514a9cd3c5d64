"""Protocols for uvicorn that let the gateway write ready-made frames: one encode for everybody.

Everything but sending messages is uvicorn's: parsing, handshake, pings, closing, flow control.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tightbeam.gateway._frames import closing_frame, ws_frame
from tightbeam.gateway._websocket import RAW

if TYPE_CHECKING:
    from asyncio.transports import BaseTransport

    from uvicorn._types import ASGI3Application, ASGISendEvent
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
    from websockets.http11 import Request

__all__ = ["HttpProtocol", "WebSocketProtocol"]

HEAD_BYTES = 64 * 1024
"""Of a request line and headers."""
HEAD_SECONDS = 10.0
"""From the connection, or the first byte of the next request, to the end of its head."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class HttpProtocol(HttpToolsProtocol):
    """Give it to uvicorn as ``http=``; `tightbeam.gateway.serve` does.

    It also bounds what uvicorn's doesn't: how large the head of a request is, how long it takes to come, and
    how long a body goes on to come that was answered already.
    """

    _head_bytes = 0
    _in_head = True
    _in_body = False
    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for a request, but not for ever."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """There is nothing to wait for any more."""
        self._cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Another request on the same connection."""
        super().on_message_begin()
        if not self._in_head:
            self._head_bytes = 0
            self._await_head()

    def on_headers_complete(self) -> None:
        """The head is there; bodies are the routes' business."""
        self._in_head, self._in_body = False, True
        self._cancel()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is there."""
        self._in_body = False
        self._cancel()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It is answered; if the body is still coming, it shall come to an end."""
        super().on_response_complete()
        if self._in_body:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """Hang up on a head that is too large."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def _await_head(self) -> None:
        self._in_head = True
        self._wait()

    def _wait(self) -> None:
        self._cancel()
        self._due = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._hang_up)

    def _cancel(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _hang_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.scope.setdefault("extensions", {})[RAW] = {"connection": _Response(cycle)}
        super()._start_asgi_task(cycle, app)


class _Response:
    """The way past the ASGI interface for the body of a response in chunks."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def write(self, chunks: bytes) -> bool:
        """Send whole chunks; whether `drain` has something to wait for."""
        cycle = self._cycle
        if not cycle.disconnected and not cycle.response_complete:
            cycle.transport.write(chunks)
        return cycle.flow.write_paused

    async def drain(self) -> None:
        """Return when the transport has room again, or the reader has gone."""
        await self._cycle.flow.drain()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Give it to uvicorn as ``ws=``; `tightbeam.gateway.serve` does."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Keep the library from logging request lines, which hold tokens, at DEBUG."""
        self.conn.debug = False
        super().connection_made(transport)

    def handle_connect(self, event: Request) -> None:
        """Offer the gateway the way past the ASGI interface, if frames go out as they are."""
        super().handle_connect(event)
        scope = getattr(self, "scope", None)
        if scope is not None and not self.conn.extensions:
            scope["extensions"][RAW] = {"connection": self}

    def data_received(self, data: bytes) -> None:
        """Hang up on a request that can't be read; uvicorn would keep the connection."""
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            self.transport.write(_BAD_REQUEST)
            self.transport.close()

    async def send(self, message: ASGISendEvent) -> None:
        """Note that an answer in place of an upgrade completes the handshake; uvicorn would log an error."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def write(self, frames: bytes) -> bool:
        """Send whole frames; whether `drain` has something to wait for."""
        if self.handshake_complete and not self.close_sent and not self.disconnected:
            self.transport.write(frames)
        return not self.writable.is_set()

    async def drain(self) -> None:
        """Return when the transport has room again, or the reader has gone."""
        await self.writable.wait()

    def abort(self) -> None:
        """Drop the connection and what is buffered for it."""
        self.transport.abort()

    def shutdown(self) -> None:
        """Uvicorn shuts down without having asked the gateway: say so to the reader first."""
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.transport.write(ws_frame(closing_frame()))
        super().shutdown()
