"""`GET /v1/realtime/connect`: a stream as WebSocket text frames."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers

from tightbeam._message import Envelope
from tightbeam.gateway._access import Authorizer, Refused, Scope, query_of
from tightbeam.gateway._direct import direct
from tightbeam.gateway._frames import RUN_TOPIC, Frames, closing_frame, ping_frame, reset_frame, ws_frame
from tightbeam.gateway._logs import explained
from tightbeam.gateway._reasons import frame_too_large, too_many_topics
from tightbeam.gateway._refusal_log import RefusalLog
from tightbeam.gateway._settings import Limits
from tightbeam.gateway._streams import End, Reader, Stream, Streams, run_with

__all__ = ["WebSocketRoute", "refuse"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_CODES = {End.SHUTDOWN: 1012, End.SLOW: 1013, End.AGE: 1000}
_CLOSE_SECONDS = 0.25
_REASON = 100
"""Characters of the reason in a closing frame, which holds 123 bytes."""
_MESSAGES_A_TURN = 32
"""After so many messages of one stream, each a write of its own, the event loop does what else is ready."""


class _Plain:
    """Carries frames through the ASGI interface, one message each."""

    def __init__(self, send: Send, texts: Frames, keeps_cursor: bool) -> None:
        self._send = send
        self._texts = texts
        self._keeps_cursor = keeps_cursor
        self.writes = 0

    async def _text(self, text: bytes) -> None:
        await self._send({"type": "websocket.send", "text": text.decode()})

    async def begin(self, position: str | None) -> None:
        await self._send({"type": "websocket.accept"})
        await self.keep_alive(position, 0)

    async def reset(self, position: str | None) -> None:
        await self._text(reset_frame(position))

    async def send(self, envelopes: list[Envelope]) -> None:
        send, of = self._send, self._texts.of
        for count, envelope in enumerate(envelopes, 1):
            await send({"type": "websocket.send", "text": of(envelope).decode()})
            self.writes += 1
            if count % _MESSAGES_A_TURN == 0:  # sending doesn't, as long as the socket takes it
                await asyncio.sleep(0)

    async def keep_alive(self, position: str | None, dropped: int) -> None:
        if self._keeps_cursor and position is not None:
            await self._text(ping_frame(position, dropped))

    async def closing(self) -> None:
        await self._text(closing_frame())

    async def close(self, code: int, reason: str) -> None:
        await self._send({"type": "websocket.close", "code": code, "reason": reason})


class _Raw(_Plain):
    """Carries several frames a write, below the ASGI interface."""

    def __init__(self, send: Send, frames: Frames, keeps_cursor: bool, raw: Any, chunk: int) -> None:
        super().__init__(send, frames, keeps_cursor)
        self._raw = raw
        self._chunk = chunk

    async def send(self, envelopes: list[Envelope]) -> None:
        raw = self._raw
        for piece in self._texts.writes(envelopes, self._chunk):
            if raw.write(piece):
                await raw.drain()
            self.writes += 1

    async def close(self, code: int, reason: str) -> None:
        if code == 1013:  # it doesn't read: a closing handshake would wait for nothing
            self._raw.abort()
        else:
            await super().close(code, reason)


class WebSocketRoute:
    """The ASGI application behind the route."""

    def __init__(
        self,
        authorizer: Authorizer,
        streams: Streams,
        limits: Limits,
        position_of: Callable[[int], str],
        refusals: RefusalLog,
    ) -> None:
        self._authorizer = authorizer
        self._refusals = refusals
        self._streams = streams
        self._limits = limits
        self._texts = Frames(lambda text, _: text, position_of)
        self._frames = Frames(lambda text, _: ws_frame(text), position_of)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        await receive()  # websocket.connect
        try:
            headers = Headers(scope=scope)
            query = query_of(scope)
            self._authorizer.check_host_and_origin(scope, headers)
            wanted = self._authorizer.authorize(query, headers)
            stream = await self._streams.open(wanted, Reader("websocket", headers.get("origin")))
        except Refused as refused:
            self._refusals.note(refused, scope)
            await refuse(scope, send, refused)
            return
        raw = direct(scope, send)
        writer = (
            _Plain(send, self._texts, wanted.keeps_cursor)
            if raw is None
            else _Raw(send, self._frames, wanted.keeps_cursor, raw, self._limits.write_bytes)
        )
        try:
            pump = asyncio.get_running_loop().create_task(stream.pump(writer))
            ended: Refused | None = None

            async def watch() -> None:
                nonlocal ended
                ended = await self._listen(receive, stream)

            why = await run_with(pump, watch)
            if ended is not None:
                self._refusals.note(ended, scope)
            with contextlib.suppress(Exception):  # the connection may be gone
                async with asyncio.timeout(_CLOSE_SECONDS):
                    if ended is not None:
                        code = 1009 if ended.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else 1008
                        await writer.close(code, ended.text[:_REASON])
                    elif why in _CODES:
                        await writer.close(_CODES[why], why)
        finally:
            self._streams.leave(stream)

    async def _listen(self, receive: Receive, stream: Stream) -> Refused | None:
        """Read what the client sends until it leaves (None) or must be closed."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return None
            text = message.get("text")
            if text is None:
                continue
            if len(text) > self._limits.client_frame:
                return frame_too_large(self._limits)
            try:
                self._obey(text, stream)
            except Refused as refused:
                return refused

    def _obey(self, text: str, stream: Stream) -> None:
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(frame, dict):
            return
        kind, data, now = frame.get("kind"), frame.get("data"), stream.addresses
        if kind == "sub" and isinstance(data, str):
            grant = self._authorizer.grant(data)
            more = grant.addresses | {(channel, RUN_TOPIC) for channel in grant.topics}
            topics = sum(topic != RUN_TOPIC for _, topic in now | more)
            if topics > self._limits.topics:
                raise too_many_topics(topics, self._limits)
            stream.follow(now | more)
        elif kind == "unsub" and isinstance(data, list):
            names = {name for name in data if isinstance(name, str)} - {RUN_TOPIC}
            stream.follow(frozenset(one for one in now if one[1] not in names))


async def refuse(scope: Scope, send: Send, refused: Refused) -> None:
    """Answer instead of upgrading; a server that can't gets 403 from us by its own means."""
    explained()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    body = json.dumps(refused.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in refused.headers.items()]
    await send({"type": "websocket.http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
