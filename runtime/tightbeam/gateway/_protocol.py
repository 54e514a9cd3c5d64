"""A WebSocket protocol for uvicorn that lets the gateway write ready-made frames: one encode for everybody.

Everything but sending messages is uvicorn's: handshake, pings, closing, flow control.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tightbeam.gateway._frames import closing_frame, ws_frame
from tightbeam.gateway._websocket import RAW

if TYPE_CHECKING:
    from websockets.http11 import Request

__all__ = ["WebSocketProtocol"]


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Give it to uvicorn as ``ws=``; `tightbeam.gateway.serve` does."""

    def handle_connect(self, event: Request) -> None:
        """Offer the gateway the way past the ASGI interface, if frames go out as they are."""
        super().handle_connect(event)
        scope = getattr(self, "scope", None)
        if scope is not None and not self.conn.extensions:
            scope["extensions"][RAW] = {"connection": self}

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
        """uvicorn shuts down without having asked the gateway: say so to the reader first."""
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.transport.write(ws_frame(closing_frame()))
        super().shutdown()
