"""The fixtures of the gateway's tests, for the inspector's: it is a page of a gateway."""

from __future__ import annotations

from tests.tightbeam.gateway.conftest import api, ch, client, gateway

__all__ = ["api", "ch", "client", "gateway"]
