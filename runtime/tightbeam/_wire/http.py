"""HTTP requests to one origin, over connections that are kept, from coroutines and from threads."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httptools

from tightbeam._forks import watch_forks
from tightbeam._wire.connection import Connection, default_context
from tightbeam._wire.failures import BUSY, NotHttp, ProxyRefused, failure_of
from tightbeam._wire.io import Io, LoopLimiter, RequestLimits, ThreadLimiter
from tightbeam._wire.origin import Origin, Proxy, proxy_for

__all__ = ["Answer", "Pool"]

_MAX_ANSWER = 1024 * 1024
"""Bytes of a whole answer, with its head."""
_LONGEST_WAIT = 300.0
"""Seconds; a server that asks for a longer pause is asked again after this one."""


class Answer(NamedTuple):
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """By name, as ``Title-Case``."""
    body: bytes

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may be accepted later."""
        return self.status in BUSY or self.status >= 500

    @property
    def retry_after(self) -> float | None:
        """The seconds in ``Retry-After``, which are a number or a date; None if there are none."""
        text = self.headers.get("Retry-After", "")
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), _LONGEST_WAIT)
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_WAIT)


class _AnswerParser:
    """One answer as far as it has come: a parser of httptools and its callbacks."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        """The answer, when all of it has come."""
        self.keeps_open = False
        """Whether the server leaves the connection open after it."""
        self._parser = httptools.HttpResponseParser(self)
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()

    def feed(self, received: bytes) -> None:
        """Parse what has come.

        Raises:
            NotHttp: it isn't HTTP.
        """
        try:
            self._parser.feed_data(received)
        except httptools.HttpParserError as error:
            raise NotHttp from error

    def end(self) -> None:
        """Take the end of the connection for the end of the body, where that is how it ends.

        Raises:
            ConnectionResetError: the answer isn't complete.
        """
        if self._status < 200 or {"Content-Length", "Transfer-Encoding"} & self._headers.keys():
            raise ConnectionResetError(errno.ECONNRESET, "the connection broke off without an answer")
        self.answer = Answer(self._status, self._headers, bytes(self._body))

    def on_message_begin(self) -> None:
        self.keeps_open = False  # after an answer there is nothing to come
        self._headers, self._body = {}, bytearray()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").title()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._status >= 200 and self.answer is None:  # below 200 is an interim answer
            self.answer = Answer(self._status, self._headers, bytes(self._body))
            self.keeps_open = bool(self._parser.should_keep_alive())  # known only here


async def _read_answer(io: Io, connection: Connection, largest: int) -> tuple[Answer, bool]:
    """Read one answer.

    Args:
        io: waits for the connection.
        connection: on which the request was sent.
        largest: bytes of the whole answer, with its head.

    Returns:
        The answer, and whether the connection can be used again.

    Raises:
        NotHttp: the server doesn't speak HTTP.
        ConnectionError: the connection ended before the answer did, or the answer is too long.
    """
    parser, size = _AnswerParser(), 0
    while parser.answer is None:
        received = await connection.receive(io)
        size += len(received)
        if size > largest:
            raise ConnectionError(errno.EMSGSIZE, "the answer is too long")
        if received:
            parser.feed(received)
        else:
            parser.end()
    return parser.answer, parser.keeps_open


class _Request:
    """A request on its way."""

    __slots__ = ("data", "keep_alive", "largest", "retry_if_stale", "was_sent")

    def __init__(self, data: bytes, *, keep_alive: bool, retry_if_stale: bool, largest: int) -> None:
        self.data = data
        self.keep_alive = keep_alive
        self.largest = largest
        self.retry_if_stale = retry_if_stale
        self.was_sent = False


class Pool:
    """Sends requests to one origin; coroutines of all event loops and all threads share its connections.

    Redirects aren't followed. A child process that was forked opens connections of its own.
    """

    def __init__(self, origin: Origin, limits: RequestLimits) -> None:
        """Open nothing yet.

        Args:
            origin: where requests go.
            limits: how long they may take, and how many connections are kept.
        """
        self.origin = origin
        self._limits = limits
        self._idle: list[Connection] = []
        self._tls: ssl.SSLContext | None = None
        self._proxy: Proxy | None = None
        self._knows_proxy = origin.is_loopback
        """Whether the environment has been read for a proxy."""
        self.after_fork()
        watch_forks(self)

    def after_fork(self) -> None:
        """Begin anew in a child process: the connections and what waits for a slot are the parent's."""
        self.close()
        self._loops, self._threads = LoopLimiter(self._limits), ThreadLimiter(self._limits)

    def close(self) -> None:
        """Close the connections, each after its request; later requests open new ones."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    async def post(
        self,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        blocking: bool = False,
        keep_alive: bool = True,
        retry_if_stale: bool = False,
    ) -> Answer:
        """Send a POST request and read its answer; see `request`."""
        return await self.request(
            "POST",
            target,
            headers,
            body,
            blocking=blocking,
            keep_alive=keep_alive,
            retry_if_stale=retry_if_stale,
        )

    async def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        blocking: bool = False,
        keep_alive: bool = True,
        retry_if_stale: bool = False,
        largest: int = _MAX_ANSWER,
    ) -> Answer:
        """Send a request and read its answer, whatever its status. Cancelling it ends it at once.

        Args:
            method: of HTTP.
            target: path and query.
            headers: by name, besides ``Host``, ``Content-Length`` and ``Connection``.
            body: as it is sent.
            blocking: whether to block the thread instead of suspending, for `tightbeam._wire.io.run`.
            keep_alive: whether to use a kept connection, and to keep it.
            retry_if_stale: whether to send the request again when a kept connection ends without a byte of
                the answer: most likely the server had closed it meanwhile.
            largest: bytes of the answer, with its head; a longer one counts as none.

        Raises:
            NoAnswer: there is none.
        """
        request = None
        try:
            data = self._head(method, target, headers, len(body), keep_alive=keep_alive) + body
            request = _Request(data, keep_alive=keep_alive, retry_if_stale=retry_if_stale, largest=largest)
            async with (self._threads if blocking else self._loops).slot() as io:
                return await self._request(io, request)
        except OSError as error:
            failure = failure_of(error, self._limits.seconds)
            failure.was_sent = request is not None and request.was_sent
            raise failure from None

    def _head(
        self, method: str, target: str, headers: Mapping[str, str], size: int, *, keep_alive: bool
    ) -> bytes:
        proxy = self._find_proxy()
        lines = [f"Host: {self.origin.netloc}", f"Content-Length: {size}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if proxy is not None and not self.origin.is_secure:
            target = f"{self.origin}{target}"
            lines += proxy.headers
        if not keep_alive:
            lines.append("Connection: close")
        return "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode("latin-1")

    async def _request(self, io: Io, request: _Request) -> Answer:
        idle = self._idle
        while request.keep_alive and idle:
            try:
                kept = idle.pop()
            except IndexError:  # another thread was faster
                break
            if not kept.is_usable():
                kept.close()
                continue
            try:
                return await self._exchange(io, kept, request, idle)
            except ConnectionError:
                if kept.has_received or not request.retry_if_stale:
                    raise
        return await self._exchange(io, await self._open(io), request, idle)

    async def _exchange(
        self, io: Io, connection: Connection, request: _Request, idle: list[Connection]
    ) -> Answer:
        request.was_sent, connection.has_received = True, False
        try:
            await connection.send(io, request.data)
            answer, is_reusable = await _read_answer(io, connection, request.largest)
        except BaseException:
            connection.close()
            raise
        if request.keep_alive and is_reusable and idle is self._idle and len(idle) < self._limits.requests:
            idle.append(connection)
        else:
            connection.close()
        return answer

    async def _open(self, io: Io) -> Connection:
        origin, proxy = self.origin, self._find_proxy()
        first = origin if proxy is None else proxy.origin
        connection = Connection(await io.connect(first.host, first.port))
        try:
            if proxy is not None and proxy.origin.is_secure:
                await connection.secure(io, self.context(), first.host)
            if proxy is not None and origin.is_secure:
                await _open_tunnel(io, connection, proxy, origin)
            if origin.is_secure:
                await connection.secure(io, self.context(), origin.host)
        except BaseException:
            connection.close()
            raise
        return connection

    def _find_proxy(self) -> Proxy | None:
        if not self._knows_proxy:
            self._proxy, self._knows_proxy = proxy_for(self.origin), True
        return self._proxy

    def context(self) -> ssl.SSLContext:
        """Return what this machine trusts."""
        # No functools.cached_property: until Python 3.12 it holds a lock, with which a process may be forked.
        if self._tls is None:
            self._tls = default_context()
        return self._tls


async def _open_tunnel(io: Io, connection: Connection, proxy: Proxy, origin: Origin) -> None:
    """Have a proxy connect to an origin.

    Raises:
        ProxyRefused: the proxy doesn't.
        ConnectionError: the proxy gives no answer.
    """
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    place = f"{host}:{origin.port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}", *proxy.headers, "", ""]
    await connection.send(io, "\r\n".join(lines).encode("latin-1"))
    head = b""
    while b"\r\n\r\n" not in head:
        received = await connection.receive(io)
        head += received
        if not received or len(head) > _MAX_ANSWER:
            raise ConnectionResetError(errno.ECONNRESET, "the proxy broke off without an answer")
    status = head.split(b" ", 2)[1] if head.startswith(b"HTTP/1.") else b""
    if not status.isdigit():
        raise NotHttp
    if not 200 <= int(status[:3]) < 300:
        raise ProxyRefused(int(status[:3]))
