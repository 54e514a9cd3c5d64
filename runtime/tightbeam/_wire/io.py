"""Sockets used by a coroutine or by a thread, so that what is written above them serves both."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, TypeVar

__all__ = [
    "CHUNK",
    "Io",
    "LoopIo",
    "LoopLimiter",
    "RequestLimits",
    "ThreadIo",
    "ThreadLimiter",
    "pause",
    "run",
]

CHUNK: Final = 64 * 1024
"""Bytes that are received at once, at most."""
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How many requests there may be, and how long they may take."""

    seconds: float
    """How long one request may take."""
    requests: int
    """How many may be under way in each event loop, and in all threads together; more wait for a slot."""
    seconds_in_queue: float | None = None
    """How long a request may wait for a slot."""


class LoopIo:
    """Socket operations of one request, which wait in the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    async def connect(self, host: str, port: int) -> socket.socket:
        """Open a connection to the first address of the host that answers."""
        failure = OSError("the host has no address")
        for family, address in await self._addresses(host, port):
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.setblocking(False)
                await self._loop.sock_connect(connection, address)
            except BaseException as error:
                connection.close()
                if not isinstance(error, OSError):
                    raise
                failure = error
            else:
                return connection
        raise failure

    async def _addresses(self, host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
        try:
            is_six = ip_address(host).version == 6
        except ValueError:
            resolved = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return [(family, address) for family, _, _, _, address in resolved]
        return [(socket.AF_INET6 if is_six else socket.AF_INET, (host, port))]

    async def send(self, connection: socket.socket, data: bytes) -> None:
        """Send all of the data."""
        await self._loop.sock_sendall(connection, data)

    async def receive(self, connection: socket.socket) -> bytes:
        """Wait for data; empty at its end."""
        # Other tasks run, and a cancellation is delivered, even if the answer is already there.
        await asyncio.sleep(0)
        return await self._loop.sock_recv(connection, CHUNK)


class ThreadIo:
    """The same operations, which block the thread until they are done, or until a deadline."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    async def connect(self, host: str, port: int) -> socket.socket:
        """See `LoopIo`."""
        return socket.create_connection((host, port), self._remaining())

    async def send(self, connection: socket.socket, data: bytes) -> None:
        """See `LoopIo`."""
        connection.settimeout(self._remaining())
        connection.sendall(data)

    async def receive(self, connection: socket.socket) -> bytes:
        """See `LoopIo`."""
        connection.settimeout(self._remaining())
        return connection.recv(CHUNK)

    def _remaining(self) -> float:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return remaining


Io = LoopIo | ThreadIo


class LoopLimiter:
    """Limits the requests of coroutines, which wait in the event loop."""

    def __init__(self, limits: RequestLimits) -> None:
        self._limits = limits
        self._slots: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[Io]:
        """Acquire a slot for one request, and give the request its time."""
        slots = self._slots_of(asyncio.get_running_loop())
        async with asyncio.timeout(self._limits.seconds_in_queue):
            await slots.acquire()
        try:
            async with asyncio.timeout(self._limits.seconds):
                yield LoopIo()
        finally:
            slots.release()

    def _slots_of(self, loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
        slots = self._slots.get(loop)
        if slots is None:
            for other in tuple(self._slots):
                if other.is_closed():
                    self._slots.pop(other, None)
            slots = self._slots[loop] = asyncio.Semaphore(self._limits.requests)
        return slots


class ThreadLimiter:
    """Limits the requests of threads, whose coroutines block instead of suspending; `run` runs them."""

    def __init__(self, limits: RequestLimits) -> None:
        self._limits = limits
        self._slots = threading.BoundedSemaphore(limits.requests)

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[Io]:
        """Acquire a slot for one request, and give the request its time."""
        if not self._slots.acquire(timeout=self._limits.seconds_in_queue):
            raise TimeoutError
        try:
            yield ThreadIo(time.monotonic() + self._limits.seconds)
        finally:
            self._slots.release()


async def pause(seconds: float, *, blocking: bool) -> None:
    """Wait, between two requests.

    Args:
        seconds: how long.
        blocking: whether to block the thread instead of suspending, for `run`.
    """
    if blocking:
        time.sleep(seconds)  # noqa: ASYNC251 - the coroutine has the thread for itself
    else:
        await asyncio.sleep(seconds)


def run(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine that blocks and never suspends, in this thread."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: _Result = stop.value
        return result
    raise RuntimeError("a coroutine that has to block has suspended")
