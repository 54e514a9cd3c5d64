"""Ends the streams of gateways when their server begins to shut down.

uvicorn waits for open connections first and runs the end of the lifespan afterwards, and an event stream
ends only when the gateway ends it. So a gateway extends `uvicorn.Server.shutdown`, which runs after a signal,
after ``should_exit`` and after ``limit_max_requests``, also in gunicorn's workers and under ``--reload``.
Under other servers it hears the signals.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any, Protocol

__all__ = ["EXIT_SECONDS", "FLUSH_SECONDS", "Ending", "end_with_server", "flush", "stop_listening"]

_logger = logging.getLogger("tightbeam")

EXIT_SECONDS = 1.0
"""The part of the client's time to leave that the process needs for its own end."""
FLUSH_SECONDS, _FLUSH_LOOKS = 0.5, 10
"""How long, and in how many steps, to wait until ended streams have been written to their readers."""
_LIFESPAN_SECONDS = 5.0
"""How long the end of the lifespan may take after a second Ctrl-C."""
_STREAMS = "/v1/realtime/sse", "/v1/realtime/connect", "/inspector/api/messages"
_NOT_EXTENDED = (
    "uvicorn %s shuts down in a way that this version of tightbeam doesn't know: open event streams "
    "hold up its end. Start it with --timeout-graceful-shutdown 2."
)


class Ending(Protocol):
    """A gateway whose streams end with the server."""

    loop: asyncio.AbstractEventLoop | None
    """The event loop on which it served its latest request."""

    def leaves(self, since: float | None) -> None:
        """Count the client's time to leave from this moment of the monotonic clock."""
        ...

    async def close(self) -> None:
        """End every stream."""
        ...

    def reopen(self) -> None:
        """Take streams again."""
        ...


_Handler = Callable[[int, FrameType | None], Any]
_gateways: weakref.WeakSet[Any] = weakref.WeakSet()
_changing = threading.Lock()
_extended: set[type] = set()


def end_with_server(gateway: Ending) -> None:
    """End the gateway's streams when the server on the running event loop begins to shut down."""
    with _changing:
        _gateways.add(gateway)
    _end_with_signals(asyncio.get_running_loop())
    if (module := sys.modules.get("uvicorn.server")) is not None:
        server: type | None = getattr(module, "Server", None)
        if server is not None and server not in _extended:
            _extend(server)


def _served_on(loop: asyncio.AbstractEventLoop) -> list[Ending]:
    with _changing:
        return [one for one in _gateways if one.loop is loop]


def _extend(server_class: Any) -> None:
    _extended.add(server_class)
    shutdown = getattr(server_class, "shutdown", None)
    if not inspect.iscoroutinefunction(shutdown):
        _logger.warning(_NOT_EXTENDED, getattr(sys.modules.get("uvicorn"), "__version__", "as installed"))
        return

    @functools.wraps(shutdown)
    async def shut_down(server: Any, *args: Any, **named: Any) -> None:
        loop = asyncio.get_running_loop()
        served = _served_on(loop)
        try:
            if served:
                await _end_streams(server, served)
            await shutdown(server, *args, **named)
            if served:
                await _end_lifespan(server)
        finally:
            for gateway in served:  # another server of this event loop may go on, or the next one begin
                gateway.reopen()

    server_class.shutdown = shut_down


def _end_with_signals(loop: asyncio.AbstractEventLoop) -> None:
    """Hear the signals that stop a server other than uvicorn, and have the server hear them too.

    hypercorn and granian handle signals on the event loop, after a Python handler.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if not callable(signal.getsignal(signal.SIGTERM)):
        return
    # `_extend` takes care of uvicorn.
    uvicorn: Any = getattr(sys.modules.get("uvicorn.server"), "Server", ())
    for number in (signal.SIGTERM, signal.SIGINT):
        handler: Any = signal.getsignal(number)
        if not callable(handler) or handler is signal.default_int_handler or isinstance(handler, _Heard):
            continue
        if not isinstance(getattr(handler, "__self__", None), uvicorn):
            signal.signal(number, _Heard(loop, handler))
            if hasattr(signal, "siginterrupt"):
                signal.siginterrupt(number, False)  # as asyncio has it


class _Heard:
    """A signal handler that ends the streams of one event loop, then calls the handler before it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, handler: _Handler) -> None:
        self._loop = loop
        self._handler = handler
        self._task: asyncio.Task[None] | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed
            self._loop.call_soon_threadsafe(self._begin)
        self._handler(number, frame)

    def _begin(self) -> None:
        if self._task is None:
            self._task = self._loop.create_task(_close(_served_on(self._loop), time.monotonic()))


async def stop_listening(servers: Collection[Any]) -> None:
    """Close asyncio's servers, once the connections that they have taken last have got their protocols.

    asyncio leaves a connection open and unread that is still without one then.
    """
    loop = asyncio.get_running_loop()
    for server in servers:
        for listener in server.sockets:
            # Not on every event loop can a reader be removed: there it is as asyncio does it.
            with contextlib.suppress(NotImplementedError, RuntimeError):
                loop.remove_reader(listener.fileno())
    await asyncio.sleep(0)
    for server in servers:
        server.close()


async def _end_streams(server: Any, gateways: Collection[Ending]) -> None:
    await stop_listening(getattr(server, "servers", ()))
    await _close(gateways, time.monotonic())
    await flush(server, _is_held_up)


async def _close(gateways: Collection[Ending], began: float) -> None:
    for gateway in gateways:
        gateway.leaves(began - EXIT_SECONDS)
    for failed in await asyncio.gather(*(one.close() for one in gateways), return_exceptions=True):
        if isinstance(failed, BaseException):
            _logger.error("the streams of a gateway could not be ended", exc_info=failed)


async def _end_lifespan(server: Any) -> None:
    """Run the end of the lifespan, which uvicorn skips after a second Ctrl-C, where nothing holds it up.

    Otherwise the client wouldn't be left, and its cancellation would be logged with a traceback.
    """
    lifespan: Any = getattr(server, "lifespan", None)
    open_connections = getattr(getattr(server, "server_state", None), "connections", True)
    ended: asyncio.Event | None = getattr(lifespan, "shutdown_event", None)
    if ended is None or ended.is_set() or open_connections or not getattr(server, "force_exit", False):
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LIFESPAN_SECONDS):
            await lifespan.shutdown()


async def flush(server: Any, is_held_up: Callable[[Any], bool]) -> None:
    """Wait until the streams that were ended have been written, and cut the readers that don't take them.

    Args:
        server: the uvicorn server that carried the streams.
        is_held_up: says of one of its connections whether there is something to wait for.
    """
    for _ in range(_FLUSH_LOOKS):
        if not _held_up(server, is_held_up):
            return
        await asyncio.sleep(FLUSH_SECONDS / _FLUSH_LOOKS)
    for connection in _held_up(server, is_held_up):
        connection.transport.abort()


def _held_up(server: Any, is_held_up: Callable[[Any], bool]) -> list[Any]:
    connections = getattr(getattr(server, "server_state", None), "connections", ())
    return [one for one in connections if is_held_up(one)]


def _is_held_up(connection: Any) -> bool:
    """Return whether this connection carried a stream and isn't finished.

    The application's own connections take their time.
    """
    transport = getattr(connection, "transport", None)
    scope = getattr(getattr(connection, "cycle", connection), "scope", None)
    if transport is None or not scope or not str(scope.get("path", "")).endswith(_STREAMS):
        return False
    # A WebSocket is there until its reader has answered the closing handshake, for which uvicorn would wait.
    return scope.get("type") == "websocket" or bool(transport.get_write_buffer_size())
