"""Choose the protocols that uvicorn speaks: ours, or its own where those that ours build on have changed."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

__all__ = ["protocols"]

_logger = logging.getLogger("tightbeam")

_HTTP = "uvicorn.protocols.http.httptools_impl"
_WEBSOCKET = "uvicorn.protocols.websockets.websockets_sansio_impl"
_USED: dict[tuple[str, str], frozenset[str]] = {
    (_HTTP, "HttpToolsProtocol"): frozenset(
        {
            *(
                "connection_made",
                "connection_lost",
                "data_received",
                "on_message_begin",
                "on_header",
                "on_body",
            ),
            *(
                "on_headers_complete",
                "on_message_complete",
                "on_response_complete",
                "handle_websocket_upgrade",
            ),
            *("send_400_response", "_start_asgi_task", "pipeline", "cycle", "transport"),
        }
    ),
    (_HTTP, "RequestResponseCycle"): frozenset(
        {"send", "scope", "transport", "flow", "disconnected", "response_complete"}
    ),
    (_WEBSOCKET, "WebSocketsSansIOProtocol"): frozenset(
        {
            *(
                "connection_made",
                "handle_connect",
                "handle_cont",
                "data_received",
                "send",
                "shutdown",
                "config",
            ),
            *("conn", "loop", "logger", "transport", "writable", "close_sent", "disconnected"),
            *("handshake_initiated", "handshake_complete"),
        }
    ),
}
"""What `tightbeam.gateway._protocol` overrides and reads of uvicorn's classes, none of which is public."""

_MOVED = (
    "uvicorn %s has no %s, which tightbeam's protocols build on: the gateway is served by uvicorn's own, "
    "which send each message more slowly and bound request heads less tightly. Install a version that "
    "tightbeam allows: pip install 'tightbeam[gateway]'"
)


def protocols() -> dict[str, Any]:
    """Return the settings ``http`` and ``ws`` for `uvicorn.Config`.

    They name the gateway's own protocols, which write ready-made frames past the ASGI interface. Where
    uvicorn no longer has what these build on, they name uvicorn's: everything works by the plain ASGI
    interface then, and one warning says why it is slower.
    """
    missing = _missing()
    if missing is None:
        from tightbeam.gateway._protocol import HttpProtocol, WebSocketProtocol

        return {"http": HttpProtocol, "ws": WebSocketProtocol}
    import uvicorn

    _logger.warning(_MOVED, uvicorn.__version__, missing)
    return {"http": "auto", "ws": "auto"}


def _missing() -> str | None:
    """Return the first class or member of uvicorn's that is used and isn't there; None if all are."""
    for (module, name), members in _USED.items():
        try:
            found: Any = getattr(import_module(module), name)
        except (ImportError, AttributeError):
            return f"{module}.{name}"
        for member in sorted(members - _members(found)):
            return f"{module}.{name}.{member}"
    return None


def _members(kind: type) -> set[str]:
    """Return the names of a class's members: its attributes, and what constructors and methods assign."""
    names = set(dir(kind))
    for owner in kind.__mro__:
        for value in vars(owner).values():
            code = getattr(value, "__code__", None)
            if code is not None:
                names.update(code.co_names)  # `self.pipeline = …` has "pipeline" among them
        names.update(getattr(owner, "__annotations__", ()))
    return names
