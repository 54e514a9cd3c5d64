"""`tightbeam.connect`: the way to a gateway in another process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tightbeam._hooks.hook import Hook
from tightbeam._invalid_messages import OnInvalidMessage
from tightbeam._remote.tokens import TokenFactory

if TYPE_CHECKING:
    from tightbeam._remote.client import RemoteClient

__all__ = ["TokenFactory", "connect"]


def connect(
    url: str,
    *,
    token: str | TokenFactory | None = None,
    key: str | None = None,
    on_invalid_message: OnInvalidMessage = "raise",
    hooks: Iterable[Hook] = (),
) -> RemoteClient:
    """Make a client of the gateway at ``url``, to subscribe and, with its key, to publish and send events.

    Typed as in the process that serves. Subscriptions reconnect and resume by themselves, without gap or
    duplicate for durable messages. Nothing is opened before it is used; ``async with`` closes it.

    Args:
        url: the gateway's origin, such as ``https://rt.example.com``; a path is ignored, as JavaScript's
            clients do.
        token: a subscription token, or a function that fetches one, which outlives its minute.
        key: the server key, for programs of your own: it may publish, and subscribe to anything.
        on_invalid_message: what becomes of a received message that can't be loaded, unless ``subscribe`` says
            otherwise: ``"raise"``, ``"skip"`` with a warning, or a function that is called with the error.
        hooks: what watches or surrounds what this client does, the first outermost; see `tightbeam.Hook`.

    Raises:
        TypeError: ``hooks`` is no list of hooks.
        ValueError: not exactly one of token and key was given, or the URL isn't one.
        ImportError: the extra isn't installed: ``pip install 'tightbeam[gateway]'``.
    """
    try:
        from tightbeam._remote.client import RemoteClient  # not at import: it needs the extra
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "tightbeam":
            raise
        raise ImportError(
            f"tightbeam.connect needs the package {package}: pip install 'tightbeam[gateway]'"
        ) from error
    return RemoteClient(url, token=token, key=key, on_invalid_message=on_invalid_message, hooks=hooks)
