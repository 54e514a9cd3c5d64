"""What the commands `tightbeam serve` and `tightbeam tail` do."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import AsyncIterator
from types import ModuleType

from tightbeam._client import Client
from tightbeam._message import Envelope
from tightbeam._remote.client import RemoteClient
from tightbeam.gateway._app import Gateway, app

__all__ = ["BadTarget", "load_gateway", "messages", "serve_client"]


class BadTarget(Exception):
    """The command's arguments name nothing that can be served."""


def load_gateway(target: str, channels: str, dev: bool | None, public_url: str | None) -> Gateway:
    """Import ``module:name`` and return the gateway that it is, or that of the client that it is.

    Raises:
        BadTarget: there is no such thing, or its settings are incomplete.
    """
    module_name, _, name = target.partition(":")
    if not module_name or not name.isidentifier():
        raise BadTarget(f"{target!r} isn't module:name, such as app:client")
    _search_here()
    found = getattr(_import(module_name), name, None)
    if isinstance(found, Gateway):
        return found
    if not isinstance(found, Client):
        raise BadTarget(f"{target} is {type(found).__name__}, neither a tightbeam.Client nor a gateway")
    return serve_client(found, channels, dev, public_url)


def serve_client(client: Client, channels: str, dev: bool | None, public_url: str | None) -> Gateway:
    """Return a gateway for a client.

    Args:
        client: what it serves.
        channels: the name of the generated package.
        dev: whether it is in dev mode; None as the environment says.
        public_url: the origin under which browsers find it.

    Raises:
        BadTarget: there is no such package, or its settings are incomplete.
    """
    _search_here()
    try:
        return app(client, channels=_import(channels), dev=dev, public_url=public_url)
    except (ValueError, TypeError) as error:
        raise BadTarget(str(error)) from None


def _search_here() -> None:
    """Import from this folder, too: a command starts without it."""
    if os.getcwd() not in sys.path:  # noqa: PTH109 - compared as text
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as above


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise BadTarget(f"there is no module {name!r} here") from None
        raise


async def messages(
    url: str, key: str | None, token: str | None, channel: str, topics: list[str], after: str | None
) -> AsyncIterator[Envelope]:
    """Yield the messages of a channel of a gateway as they come, reconnecting where needed."""
    async with RemoteClient(url, key=None if token is not None else key or "", token=token) as client:
        feed = client.follow(channel, topics or ["*"], after)
        while (envelope := await feed.next()) is not None:
            yield envelope
