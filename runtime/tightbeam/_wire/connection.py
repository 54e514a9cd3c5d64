"""One connection to a server, plain or with TLS; one exchange uses it at a time."""

from __future__ import annotations

import socket
import ssl
import weakref
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from tightbeam._wire.io import CHUNK, Io

__all__ = ["Connection", "default_context"]

_Result = TypeVar("_Result")


class _Plain:
    """The bytes of a socket as they are."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    async def send(self, io: Io, data: bytes) -> None:
        await io.send(self._socket, data)

    async def receive(self, io: Io) -> bytes:
        return await io.receive(self._socket)


class _Tls:
    """TLS over another stream, which may be TLS to a proxy."""

    def __init__(self, under: _Plain | _Tls, context: ssl.SSLContext, host: str) -> None:
        self._under = under
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    async def handshake(self, io: Io) -> None:
        await self._complete(io, self._tls.do_handshake)

    async def send(self, io: Io, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[await self._complete(io, partial(self._tls.write, rest)) :]

    async def receive(self, io: Io) -> bytes:
        try:
            return await self._complete(io, partial(self._tls.read, CHUNK))
        except ssl.SSLEOFError:  # the server hung up without a closing alert
            return b""

    async def _complete(self, io: Io, operation: Callable[[], _Result]) -> _Result:
        """Perform an operation of TLS, which may need something from the other side first."""
        while True:
            try:
                result = operation()
            except ssl.SSLWantReadError:
                await self._flush(io)
                received = await self._under.receive(io)
                if received:
                    self._incoming.write(received)
                else:
                    self._incoming.write_eof()
            else:
                await self._flush(io)
                return result

    async def _flush(self, io: Io) -> None:
        if self._outgoing.pending:
            await self._under.send(io, self._outgoing.read())


class Connection:
    """A connection; it belongs to no event loop and to no thread, and closes when it is collected."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._stream: _Plain | _Tls = _Plain(connection)
        # No __del__: the collector may take the socket first, which warns that nothing has closed it.
        self.close: Callable[[], object] = weakref.finalize(self, connection.close)
        """Close the connection at once."""
        self.has_received = False
        """Whether the current exchange has received anything."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def secure(self, io: Io, context: ssl.SSLContext, host: str) -> None:
        """Switch to TLS.

        Args:
            io: what to wait with.
            context: what to trust.
            host: the name that the server's certificate has to have.
        """
        tls = _Tls(self._stream, context, host)
        await tls.handshake(io)
        self._stream = tls

    async def send(self, io: Io, data: bytes) -> None:
        """Send all of the data."""
        await self._stream.send(io, data)

    async def receive(self, io: Io) -> bytes:
        """Wait for data; empty at its end."""
        received = await self._stream.receive(io)
        self.has_received = self.has_received or bool(received)
        return received

    def is_usable(self) -> bool:
        """Whether the server has left the connection open and silent, as far as is known without waiting."""
        try:
            self._socket.setblocking(False)
            self._socket.recv(1)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


def default_context() -> ssl.SSLContext:
    """Return a client's TLS context that trusts what this machine does.

    Where Python was built without certificates, as on macOS by python.org, those of certifi are used if it is
    there.
    """
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or paths.capath or context.cert_store_stats()["x509_ca"]):
        try:
            import certifi
        except ImportError:
            return context
        context.load_verify_locations(certifi.where())
    return context
