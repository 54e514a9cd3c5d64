"""Typed channels on Inngest: the official SDK's functions and client, with the three publish methods.

Needs ``pip install 'tightbeam[inngest]'``.
"""

from __future__ import annotations

try:
    # The client of `websockets` loads at the first subscription; that it is missing is said here.
    import websockets as _websockets  # noqa: F401  # pyright: ignore[reportUnusedImport]

    from tightbeam.inngest._client import (
        AsyncFunction,
        Client,
        Create,
        Register,
        SyncFunction,
        create_function,
    )
    from tightbeam.inngest._context import Context, ContextSync
    from tightbeam.inngest._handler import on_failure
    from tightbeam.inngest._keys import hash_signing_key
    from tightbeam.inngest._realtime import Realtime, realtime
except ModuleNotFoundError as _error:
    if (_error.name or "").startswith("tightbeam"):
        raise
    _package = (_error.name or "").partition(".")[0]
    raise ImportError(
        f"tightbeam.inngest needs the package {_package}: pip install 'tightbeam[inngest]'"
    ) from _error

__all__ = [
    "AsyncFunction",
    "Client",
    "Context",
    "ContextSync",
    "Create",
    "Realtime",
    "Register",
    "SyncFunction",
    "create_function",
    "hash_signing_key",
    "on_failure",
    "realtime",
]
