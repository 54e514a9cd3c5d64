"""Protocols for uvicorn that let the gateway write ready-made frames: one encode for everybody.

Everything but sending messages is uvicorn's: parsing, handshake, pings, closing, flow control.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tightbeam.gateway._direct import RAW
from tightbeam.gateway._frames import closing_frame, ws_frame
from tightbeam.gateway._logs import QUIET_WEBSOCKETS

if TYPE_CHECKING:
    from asyncio.transports import BaseTransport

    from uvicorn._types import ASGI3Application, ASGISendEvent
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
    from websockets.frames import Frame
    from websockets.http11 import Request

__all__ = ["HttpProtocol", "WebSocketProtocol"]

HEAD_BYTES = 64 * 1024
"""Of a request line and headers."""
HEAD_SECONDS = 10.0
"""From the connection, or the first byte of the next request, to the end of its head."""
PIPELINED = 8
"""Requests that may wait for the answer to the one before, on one connection."""
READER_BYTES = 128 * 1024
"""What a WebSocket's reader may say at once; it answers pings, and changes what it follows."""
READER_BYTES_A_SECOND = 16 * 1024
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class HttpProtocol(HttpToolsProtocol):
    """Give it to uvicorn as ``http=``; `tightbeam.gateway.serve` does.

    It also bounds what uvicorn's doesn't: how large the head of a request is, how long it takes to come, how
    long a body goes on to come that was answered already, what comes around and between bodies, and how many
    requests wait.
    """

    _head_bytes = 0
    _other_bytes = 0
    _in_head = True
    _in_body = False
    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for a request, but not for ever."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Count a further request on the same connection, and refuse too many."""
        if len(self.pipeline) >= PIPELINED:
            raise _TooManyError  # the parser stops, and uvicorn answers 400
        super().on_message_begin()
        self._other_bytes = 0
        if not self._in_head:
            self._head_bytes = 0
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep it, unless it is a trailer: uvicorn would have it among the headers, without end."""
        if self._in_head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Note that a part of the body has come."""
        self._other_bytes = 0
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """Stop the timer of the head: a body's time and size are up to the routes."""
        self._in_head, self._in_body = False, True
        self._cancel()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the timer of the body."""
        self._in_body = False
        self._cancel()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Bound the time of a body that still comes although it is answered."""
        super().on_response_complete()
        if self._in_body:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """Hang up on what is too large, and on who says nothing that means anything."""
        if self._in_head:
            self._head_bytes += len(data)
        else:
            self._other_bytes += len(data)  # sizes of chunks, trailers, empty lines; unless there is a body
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if self._in_head and self._head_bytes > HEAD_BYTES:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif not self._in_head and self._other_bytes > HEAD_BYTES:
            self.transport.close()
        elif self._due is None and not (self._in_head or self._in_body or self._is_answering()):
            self._wait()  # uvicorn stops its own timer at the first byte, be it an empty line

    def handle_websocket_upgrade(self) -> None:
        """Hand over to the WebSocket protocol, unless a response whose flow it would break still goes out."""
        if self._is_answering():
            self.send_400_response("Invalid HTTP request received.")
        else:
            super().handle_websocket_upgrade()

    def _is_answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        return cycle is not None and not cycle.response_complete

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
        cycle.scope.setdefault("extensions", {})[RAW] = {"connection": _Response(cycle), "send": cycle.send}
        super()._start_asgi_task(cycle, app)


class _TooManyError(Exception):
    """More requests than may wait."""


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

    _left: float = READER_BYTES
    _counted = 0.0

    def connection_made(self, transport: BaseTransport) -> None:
        """Keep the library from logging request lines, which hold tokens, at DEBUG.

        Without an access log there is no line for each WebSocket either.
        """
        self.conn.debug = False
        if not self.config.access_log:
            quiet = logging.getLogger(QUIET_WEBSOCKETS)
            quiet.setLevel(logging.WARNING)
            self.logger = self.conn.logger = quiet
        super().connection_made(transport)

    def handle_connect(self, event: Request) -> None:
        """Offer the gateway the way past the ASGI interface, if frames go out as they are."""
        super().handle_connect(event)
        scope = getattr(self, "scope", None)
        if scope is not None and not self.conn.extensions:
            scope["extensions"][RAW] = {"connection": self, "send": self.send}

    def data_received(self, data: bytes) -> None:
        """Hang up on a request that can't be read, where uvicorn would keep the connection, and on a flood.

        Each ping is answered: of a reader that doesn't read, the answers would pile up.
        """
        if self.handshake_complete and not self._may_say(len(data)):
            self.transport.abort()
            return
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            self.transport.write(_BAD_REQUEST)
            self.transport.close()

    def _may_say(self, size: int) -> bool:
        now = self.loop.time()
        left = self._left + (now - self._counted) * READER_BYTES_A_SECOND
        self._left, self._counted = min(left, READER_BYTES) - size, now
        return self._left >= 0

    async def send(self, message: ASGISendEvent) -> None:
        """Note that an answer in place of an upgrade completes the handshake; uvicorn would log an error."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def handle_cont(self, event: Frame) -> None:
        """Drop empty fragments, which no limit on a message's size counts."""
        if event.data or event.fin:
            super().handle_cont(event)

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
