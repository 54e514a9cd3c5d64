"""Engines: what executes runs, remembers steps and carries messages.

`Engine` is all that the client needs of one; implementations are folders beside this file, imported on
demand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from tightbeam._hub import Address, Envelope

if TYPE_CHECKING:
    from tightbeam._function import Registry
    from tightbeam.errors import InvalidPayload

__all__ = ["Carrier", "Engine", "Feed"]


class Feed(Protocol):
    """The messages of one subscription, still encoded."""

    async def open(self) -> None:
        """Make sure that it is registered; a remote one connects here, or at the first `next`.

        Raises:
            SubscribeFailed: the server refused it, or can't be reached.
        """
        ...

    async def next(self) -> Envelope | None:
        """The next message; None when there will be no more.

        Raises:
            PositionLost: where it should start is no longer retained.
            SubscriberTooSlow: its reader fell behind.
        """
        ...

    def position_of(self, envelope: Envelope, /) -> str | None:
        """Where to resume after this message; None for a live one."""
        ...

    def misfit(self, envelope: Envelope, error: InvalidPayload, /) -> None:
        """A message can't be loaded as its topic's type: raise the error, or report it and go on."""
        ...

    def close(self) -> None:
        """Leave; what is buffered may still be read."""
        ...


class Carrier(Protocol):
    """What carries messages; payloads come checked and encoded."""

    async def publish(self, envelope: Envelope, /) -> None:
        """Publish live, from a coroutine."""
        ...

    def publish_sync(self, envelope: Envelope, /) -> None:
        """Publish live, from any thread."""
        ...

    def subscribe(self, addresses: Iterable[Address], after: str | None, /) -> Feed:
        """Everything published to these addresses from now on, or after a position."""
        ...


class Engine(Carrier, Protocol):
    """What a client asks of its engine."""

    async def open(self, registry: Registry, /) -> None:
        """Start: recover what was unfinished, execute what is due."""
        ...

    async def close(self) -> None:
        """Stop within a bound; nothing that was accepted is lost."""
        ...

    async def send(self, name: str, data: bytes, function_ids: Iterable[str], /) -> list[str]:
        """Start a run of each of these functions; returns the ids of the runs."""
        ...

    async def run(self, name: str, data: bytes, function_id: str, /) -> bytes:
        """Start a run, wait for its end, return its result as JSON, or raise the error it failed with."""
        ...
