"""For programs that run uvicorn themselves: ``ws="tightbeam.gateway.protocol:WebSocketProtocol"``."""

from __future__ import annotations

from tightbeam.gateway._protocol import WebSocketProtocol

__all__ = ["WebSocketProtocol"]
