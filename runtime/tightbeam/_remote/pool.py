"""POST requests from coroutines: cancelling one ends it, and occupies no thread."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import weakref
from collections.abc import Callable
from typing import NamedTuple

import httptools

from tightbeam._remote.answers import NotHttp, Unanswered

__all__ = ["Answer", "Pool"]

_MAX_ANSWER = 1024 * 1024
_CHUNK = 64 * 1024
_CONNECTIONS = 32
"""Requests under way at once, and connections that are kept, on each event loop."""


class Answer(NamedTuple):
    """An HTTP answer, read to its end."""

    status: int
    headers: dict[str, str]
    """By name, as ``Title-Case``."""
    body: bytes


class _Reading:
    """Callbacks of httptools' parser: one answer as far as it has come."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.began = self.complete = self.keeps_open = False

    def on_message_begin(self) -> None:
        self.began = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").title()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body += body
        if len(self.body) > _MAX_ANSWER:
            raise ConnectionError("the answer is too long")

    def on_message_complete(self) -> None:
        self.complete = True
        self.keeps_open = bool(self.parser.should_keep_alive())  # it knows only here


class _Connection:
    """One connection to the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.has_answered = False
        """Whether the current request has had a byte of its answer."""

    @property
    def is_usable(self) -> bool:
        """Whether the server has left it open, as far as is known."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def exchange(self, request: bytes) -> tuple[Answer, bool]:
        """Send one request; returns its answer and whether the connection can be used again."""
        self.has_answered = False
        self._writer.write(request)
        await self._writer.drain()
        reading = _Reading()
        while not reading.complete:
            chunk = await self._reader.read(_CHUNK)
            if not chunk:
                break
            self.has_answered = True
            try:
                reading.parser.feed_data(chunk)
            except httptools.HttpParserError as error:
                raise NotHttp from error
        status = reading.parser.get_status_code() if reading.began else 0
        ends_with_connection = not {"Content-Length", "Transfer-Encoding"} & reading.headers.keys()
        if not reading.complete and not (status and ends_with_connection):
            raise ConnectionResetError("it hung up without an answer")
        answer = Answer(status, reading.headers, bytes(reading.body))
        return answer, reading.keeps_open

    def close(self) -> None:
        """Close it at once."""
        with contextlib.suppress(RuntimeError):  # its event loop is closed
            self._writer.transport.abort()


class _LoopConnections:
    """The connections of one event loop."""

    def __init__(self) -> None:
        self.idle: list[_Connection] = []
        self.free = asyncio.Semaphore(_CONNECTIONS)


class Pool:
    """Requests to one origin; each event loop has its own connections."""

    def __init__(self, host: str, port: int, tls: Callable[[], ssl.SSLContext] | None) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopConnections] = (
            weakref.WeakKeyDictionary()
        )

    async def post(self, request: bytes, seconds: float, *, keep: bool) -> Answer:
        """Send a request and read its answer, whatever its status.

        Args:
            request: its head and body.
            seconds: how long all of it may take.
            keep: whether to use a kept connection, and keep it. On one that the server had closed in the
                meantime the request is sent again.

        Raises:
            Unanswered: no answer, although the request may have arrived.
            OSError: no connection; also `TimeoutError`.
        """
        connections = self._loops.setdefault(asyncio.get_running_loop(), _LoopConnections())
        sent = False
        try:
            async with connections.free, asyncio.timeout(seconds):
                while keep and connections.idle:
                    kept = connections.idle.pop()
                    if not kept.is_usable:
                        kept.close()
                        continue
                    sent = True
                    try:
                        return await self._exchange(kept, request, connections, keep=True)
                    except ConnectionError:
                        if kept.has_answered:
                            raise
                connection = await self._open()
                sent = True
                return await self._exchange(connection, request, connections, keep=keep)
        except OSError as error:
            if sent:
                raise Unanswered from error
            raise

    async def _open(self) -> _Connection:
        reader, writer = await asyncio.open_connection(
            self._host, self._port, ssl=None if self._tls is None else self._tls()
        )
        return _Connection(reader, writer)

    async def _exchange(
        self, connection: _Connection, request: bytes, connections: _LoopConnections, *, keep: bool
    ) -> Answer:
        try:
            answer, reusable = await connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        if keep and reusable:
            connections.idle.append(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """Close the kept connections."""
        for connections in tuple(self._loops.values()):
            while connections.idle:
                connections.idle.pop().close()
