"""Fixtures of the remote client's tests."""

from __future__ import annotations

from tests.tightbeam.gateway.conftest import ch, client

__all__ = ["ch", "client"]
