"""The hub over HTTP, for browsers and other processes; wire-compatible with Inngest Realtime.

Needs the extra: ``pip install 'tightbeam[gateway]'``.
"""

from __future__ import annotations

try:
    from tightbeam._remote.client import RemoteClient
    from tightbeam.gateway._app import Gateway, app
    from tightbeam.gateway._serve import serve
    from tightbeam.gateway._settings import Limits
except ModuleNotFoundError as _error:
    if (_error.name or "").startswith("tightbeam"):
        raise
    raise ImportError(
        f"tightbeam.gateway needs the package {_error.name}: pip install 'tightbeam[gateway]'"
    ) from _error

__all__ = ["Gateway", "Limits", "RemoteClient", "app", "serve"]
