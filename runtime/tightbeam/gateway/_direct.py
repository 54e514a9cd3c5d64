"""The way past the ASGI interface, where nothing stands between the gateway and our uvicorn protocols."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from types import FunctionType
from typing import Any

__all__ = ["RAW", "direct"]

RAW = "tightbeam.raw"
"""ASGI extension of our uvicorn protocols: ready-made frames go to the transport as they are."""

_TRANSPARENT = frozenset({"starlette._exception_handler", "starlette.middleware.errors"})
"""Modules whose `send` only notes that a response has begun; each Starlette application has both."""
_DEPTH = 64
"""How many wrappers of `send` are looked through."""

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def direct(scope: MutableMapping[str, Any], send: Send) -> Any:
    """Return the connection that takes ready-made frames, if nothing would change them on their way.

    A middleware that wraps `send` may compress, rewrite or count what passes: it must see every message.

    Args:
        scope: of the request, as the gateway received it.
        send: the gateway's.

    Returns:
        None if there is no such connection, or if anything unknown stands before it.
    """
    raw = scope.get("extensions", {}).get(RAW)
    if raw is None:
        return None
    connection, sends = raw["connection"], raw["send"]
    for _ in range(_DEPTH):
        if send == sends:
            return connection
        if not isinstance(send, FunctionType) or send.__module__ not in _TRANSPARENT:
            return None
        names = send.__code__.co_freevars
        if "send" not in names or send.__closure__ is None:
            return None
        send = send.__closure__[names.index("send")].cell_contents
    return None
