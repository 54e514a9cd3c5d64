"""For programs that run uvicorn themselves: ``http=HttpProtocol, ws=WebSocketProtocol``."""

from __future__ import annotations

from tightbeam.gateway._protocol import HttpProtocol, WebSocketProtocol

__all__ = ["HttpProtocol", "WebSocketProtocol"]
