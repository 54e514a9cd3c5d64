"""HTTP requests to one origin, over connections that are kept, from coroutines and from threads."""

from __future__ import annotations

import errno
import os
import ssl
import weakref
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httptools

from tightbeam._wire.connection import Connection, default_context
from tightbeam._wire.failures import BUSY, NotHttp, ProxyRefused, no_answer
from tightbeam._wire.io import Io, Limits, LoopTurns, ThreadTurns
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
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_WAIT)


class _Reading:
    """Callbacks of httptools' parser: one answer as far as it has come."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.status = 0
        self.is_complete = self.keeps_open = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").title()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        if self.status < 200:  # an interim answer, before the one that counts
            self.headers.clear()
            return
        self.is_complete = True
        self.keeps_open = bool(self.parser.should_keep_alive())  # known only here

    @property
    def ends_with_connection(self) -> bool:
        """Whether the end of the connection is the end of the body."""
        return self.status >= 200 and not {"Content-Length", "Transfer-Encoding"} & self.headers.keys()


async def _read_answer(io: Io, connection: Connection) -> tuple[Answer, bool]:
    """Read one answer; return it, and whether the connection can be used again.

    Raises:
        NotHttp: the server doesn't speak HTTP.
        ConnectionError: the connection ended before the answer did, or the answer is too long.
    """
    reading, size = _Reading(), 0
    while not reading.is_complete:
        received = await connection.receive(io)
        if not received:
            break
        size += len(received)
        if size > _MAX_ANSWER:
            raise ConnectionError(errno.EMSGSIZE, "the answer is too long")
        try:
            reading.parser.feed_data(received)
        except httptools.HttpParserError as error:
            raise NotHttp from error
    if not (reading.is_complete or reading.ends_with_connection):
        raise ConnectionResetError(errno.ECONNRESET, "the connection broke off without an answer")
    return Answer(reading.status, reading.headers, bytes(reading.body)), reading.keeps_open


class _Request:
    """A request on its way."""

    __slots__ = ("data", "keeps", "may_repeat", "was_sent")

    def __init__(self, data: bytes, *, keeps: bool, may_repeat: bool) -> None:
        self.data = data
        self.keeps = keeps
        self.may_repeat = may_repeat
        self.was_sent = False


class Pool:
    """POST requests to one origin. Coroutines of all event loops and all threads share the connections.

    Redirects aren't followed. A child process that was forked opens connections of its own.
    """

    def __init__(self, origin: Origin, limits: Limits) -> None:
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
        self._has_proxy = not origin.is_loopback
        """Whether the environment may name a proxy that isn't known yet."""
        self.forget()
        _pools.add(self)

    def forget(self) -> None:
        """Close the kept connections, and forget what waits: after a fork that is the parent's business."""
        self.close()
        self._loops, self._threads = LoopTurns(self._limits), ThreadTurns(self._limits)

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
        keeps: bool = True,
        may_repeat: bool = False,
    ) -> Answer:
        """Send a request and read its answer, whatever its status. Cancelling it ends it at once.

        Args:
            target: path and query.
            headers: by name, besides ``Host``, ``Content-Length`` and ``Connection``.
            body: as it is sent.
            blocking: whether to block the thread instead of suspending, for `tightbeam._wire.io.run`.
            keeps: whether to use a kept connection, and to keep it.
            may_repeat: whether to send the request again when a kept connection ends without a byte of the
                answer: most likely the server had closed it meanwhile.

        Raises:
            NoAnswer: there is none.
        """
        request = None
        try:
            data = self._head(target, headers, len(body), keeps=keeps) + body
            request = _Request(data, keeps=keeps, may_repeat=may_repeat)
            async with (self._threads if blocking else self._loops).turn() as io:
                return await self._answer(io, request)
        except OSError as error:
            failure = no_answer(error, self._limits.seconds)
            failure.was_sent = request is not None and request.was_sent
            raise failure from None

    def _head(self, target: str, headers: Mapping[str, str], size: int, *, keeps: bool) -> bytes:
        proxy = self._proxy_of_environment()
        lines = [f"Host: {self.origin.netloc}", f"Content-Length: {size}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if proxy is not None and not self.origin.is_secure:
            target = f"{self.origin}{target}"
            lines += proxy.headers
        if not keeps:
            lines.append("Connection: close")
        return "\r\n".join([f"POST {target} HTTP/1.1", *lines, "", ""]).encode("latin-1")

    async def _answer(self, io: Io, request: _Request) -> Answer:
        idle = self._idle
        while request.keeps and idle:
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
                if kept.has_received or not request.may_repeat:
                    raise
        return await self._exchange(io, await self._open(io), request, idle)

    async def _exchange(
        self, io: Io, connection: Connection, request: _Request, idle: list[Connection]
    ) -> Answer:
        request.was_sent, connection.has_received = True, False
        try:
            await connection.send(io, request.data)
            answer, is_reusable = await _read_answer(io, connection)
        except BaseException:
            connection.close()
            raise
        if request.keeps and is_reusable and idle is self._idle and len(idle) < self._limits.requests:
            idle.append(connection)
        else:
            connection.close()
        return answer

    async def _open(self, io: Io) -> Connection:
        origin, proxy = self.origin, self._proxy_of_environment()
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

    def _proxy_of_environment(self) -> Proxy | None:
        if self._has_proxy:
            self._proxy, self._has_proxy = proxy_for(self.origin), False
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


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


def _forget_all() -> None:
    for pool in tuple(_pools):
        pool.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
