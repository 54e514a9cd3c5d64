"""Where a remote client without a key has its tokens from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tightbeam._engine.protocol import Selection
from tightbeam.errors import GatewayRefused

__all__ = ["TokenFactory", "key_in"]

TokenFactory = Callable[[], Awaitable[str]]
"""Fetches a fresh token; called at each connect and reconnect."""


def key_in(token: object, selection: Selection) -> str:
    """Return the token in what a factory returned: a token, or a token route's answer as it is.

    Raises:
        GatewayRefused: the answer says that it isn't for one of the channels.
        TypeError: there is no token.
    """
    if isinstance(token, dict):
        named = token.get("channels")
        if isinstance(named, list) and (missing := [name for name in selection if name not in named]):
            raise GatewayRefused(
                f'the token isn\'t for channel "{missing[0]}": name it where the token is made, '
                "client.realtime.token([…])",
                code="channel",
            )
        token = token.get("key")
    if not isinstance(token, str):
        raise TypeError("a token factory returns a token: a string, or what the token route answered")
    return token
