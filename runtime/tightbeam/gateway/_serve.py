"""Serving a gateway with uvicorn, under limits, and ending within a bound."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import time
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import TYPE_CHECKING, Any

from tightbeam._wire.names import LOOPBACK_NAMES
from tightbeam.gateway._stopping import EXIT_SECONDS, flush, stop_listening
from tightbeam.gateway._uvicorn import protocols

if TYPE_CHECKING:
    from tightbeam.gateway._app import Gateway

__all__ = ["serve"]

_SEND_BUFFER = 64 * 1024
"""Bytes the kernel keeps for one reader; it would take some megabytes if left alone."""
_STUCK_MS = 30_000
"""How long the kernel keeps trying to reach a reader that has gone."""
_BACKLOG = 4096
_GRACE = 1
"""Seconds for requests that are under way when it shuts down, after the streams have ended."""
_LAST_SECONDS = 0.2
"""For tasks that were cancelled, at the very end."""


def serve(
    gateway: Gateway,
    *,
    host: str = "127.0.0.1",
    port: int = 8288,
    trusted_proxies: str | None = None,
    access_log: bool = True,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; then tell every subscriber, end every stream, and return.

    Args:
        gateway: what `app` made.
        host: the address to listen on; dev mode takes loopback only.
        port: the port; 0 for any.
        trusted_proxies: addresses, with commas, of proxies whose ``X-Forwarded-*`` are believed.
        access_log: whether requests are logged; tokens never are.
        ready: called with the URL when it listens.

    Raises:
        ValueError: dev mode, and an address that isn't loopback.
        OSError: the address can't be had.
    """
    import uvicorn

    if gateway.dev and host not in LOOPBACK_NAMES:
        raise ValueError(f"dev mode takes any key, so it listens on 127.0.0.1 only, not on {host}")
    listener = _listener(host, port)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listener.getsockname()[1]}"
    if gateway.dev or host in LOOPBACK_NAMES:
        gateway.serves_at(url)
    config = uvicorn.Config(
        gateway,
        **_settings(trusted_proxies if not gateway.dev else None, access_log),
    )
    server = _server(config, gateway, (lambda: ready(url)) if ready is not None else None)
    _raise_file_limit()
    _run(server.serve(sockets=[listener]))


def _run(serving: Coroutine[Any, Any, None]) -> None:
    """Run as `asyncio.run` does, without waiting for tasks that don't end.

    Functions may ignore that they are cancelled, or wait for a thread. Their runs were put back.
    """
    loop = asyncio.new_event_loop()
    collects = gc.isenabled()
    try:
        loop.run_until_complete(serving)
    finally:
        try:
            loop.run_until_complete(_cancel_the_rest())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()
            if collects:  # `Server.shutdown` below turns the garbage collector off
                gc.enable()


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        await asyncio.wait(rest, timeout=_LAST_SECONDS)


def _settings(trusted_proxies: str | None, access_log: bool) -> dict[str, Any]:
    return {
        **protocols(),
        "ws_max_size": 64 * 1024,
        "ws_per_message_deflate": False,  # each reader would need its own copy of every frame
        "ws_ping_interval": 15.0,
        "ws_ping_timeout": 30.0,
        "h11_max_incomplete_event_size": 64 * 1024,
        "lifespan": "on",
        "loop": "asyncio",
        "timeout_keep_alive": 5,
        "timeout_graceful_shutdown": _GRACE,
        "backlog": _BACKLOG,
        "server_header": False,
        "proxy_headers": trusted_proxies is not None,
        "forwarded_allow_ips": trusted_proxies or "127.0.0.1",
        "access_log": access_log,
    }


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit these.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STUCK_MS)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _server(config: Any, gateway: Gateway, ready: Callable[[], None] | None) -> Any:
    import uvicorn

    class Server(uvicorn.Server):
        """Ends the streams before uvicorn closes the connections under them."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if ready is not None and self.started:
                ready()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            gateway.leaves(time.monotonic() - EXIT_SECONDS)
            # Among the objects of thousands of streams each full collection takes a good part of a second.
            gc.disable()
            await stop_listening(self.servers)
            await gateway.close()
            # What is left is on its way to readers that are slow, or don't read at all.
            await flush(self, _has_unwritten)
            await super().shutdown(sockets)
            await _abort_connections(self)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as uvicorn has it
            # Not noted as captured: uvicorn would raise it again at the end, and this is a clean one.
            if self.should_exit:
                self.force_exit = True
            self.should_exit = True

    return Server(config)


async def _abort_connections(server: Any) -> None:
    """Let go of connections that outlasted the shutdown: accepted in its last moment, or never read from."""
    for connection in tuple(server.server_state.connections):
        transport = getattr(connection, "transport", None)
        if transport is not None:
            transport.abort()
    await asyncio.sleep(0)  # they are closed in the loop's next turn


def _has_unwritten(connection: Any) -> bool:
    transport = getattr(connection, "transport", None)
    return transport is not None and bool(transport.get_write_buffer_size())


def _raise_file_limit() -> None:
    """Raise the soft limit of open files, usually 1,024, to the hard one: each connection is a file."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
