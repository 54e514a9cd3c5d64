"""A WebSocket protocol for uvicorn that lets the gateway write ready-made frames: one encode for everybody.

Everything but sending messages is uvicorn's: handshake, pings, closing, flow control.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tightbeam.gateway._frames import closing_frame, ws_frame
from tightbeam.gateway._websocket import RAW

if TYPE_CHECKING:
    from asyncio.transports import BaseTransport

    from uvicorn._types import ASGISendEvent
    from websockets.http11 import Request

__all__ = ["WebSocketProtocol"]

_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


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
