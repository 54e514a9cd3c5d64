"""The hub over HTTP, for browsers and other processes; wire-compatible with Inngest Realtime.

Needs the extra: ``pip install 'tightbeam[gateway]'``.
"""

from __future__ import annotations

try:
    import jwt as _jwt  # noqa: F401 - to say at once what is missing
    import starlette as _starlette  # noqa: F401 - as above
except ModuleNotFoundError as error:
    raise ImportError("tightbeam.gateway needs more packages: pip install 'tightbeam[gateway]'") from error

from tightbeam.gateway._app import Gateway, app
from tightbeam.gateway._remote import RemoteClient
from tightbeam.gateway._serve import serve
from tightbeam.gateway._settings import Limits

__all__ = ["Gateway", "Limits", "RemoteClient", "app", "serve"]
