"""Engines: what executes runs, remembers steps and carries messages.

`Engine` is all that the client needs of one; implementations are folders beside this file, imported on
demand.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from tightbeam._message import Address, Envelope

if sys.version_info >= (3, 12):
    from typing import NotRequired, TypedDict
else:
    from typing import NotRequired  # comes with Pydantic, which takes no other there

    from typing_extensions import TypedDict

if TYPE_CHECKING:
    from tightbeam._function import Registry

__all__ = ["Carrier", "Engine", "Feed", "Selection", "SubscriptionToken", "TokenCarrier"]

Selection = Mapping[str, Sequence[str]]
"""Names of topics, by channel."""


class SubscriptionToken(TypedDict):
    """What a token route answers, and what ``useRealtime`` takes, which looks at the first two."""

    key: str
    apiBaseUrl: str
    topics: NotRequired[list[str]]
    """The topics that it allows: each name once, if it is for several channels."""
    channels: NotRequired[list[str]]
    """The names of the channels that it is for."""
    reset: NotRequired[bool]
    """True if messages after ``since`` are no longer retained, so that the page has missed some."""


class Feed(Protocol):
    """The messages of one subscription, still encoded."""

    @property
    def dropped(self) -> int:
        """How many live messages were dropped because the reader was too slow."""
        ...

    async def ready(self) -> None:
        """Return when nothing that is published from now on will be missed.

        A remote one connects here, or at the first `next`.

        Raises:
            SubscribeFailed: Inngest's server refused it or can't be reached; no gateway is at that URL, or
                its certificate isn't trusted.
            GatewayRefused: the gateway doesn't let it in.
        """
        ...

    def give_up(self) -> None:
        """Stop connecting, since the caller of `ready` was cancelled; a later `ready` or `next` begins again.

        A `next` that is cancelled leaves the connection alone: its caller comes back.
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

    @property
    def position(self) -> str | None:
        """Where to resume after what was handed out so far; None where nothing can be resumed."""
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


class TokenCarrier(Carrier, Protocol):
    """A carrier that lets others subscribe, by tokens."""

    async def token(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        """A token for a subscriber elsewhere, from a coroutine."""
        ...

    def token_sync(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        """A token for a subscriber elsewhere, from any thread."""
        ...


class Engine(TokenCarrier, Protocol):
    """What a client asks of its engine."""

    @property
    def is_open(self) -> bool:
        """Whether it is started, by this process."""
        ...

    async def open(self, registry: Registry, /) -> None:
        """Start: recover what was unfinished, execute what is due."""
        ...

    async def close(self) -> None:
        """Stop within a bound; nothing that was accepted is lost."""
        ...

    def check_entered(self) -> None:
        """Raise `NotEntered` unless it is started, by this process."""
        ...

    async def send(self, name: str, data: bytes, function_ids: Iterable[str], /) -> list[str]:
        """Start a run of each of these functions; returns the ids of the runs."""
        ...

    async def run(self, name: str, data: bytes, function_id: str, /) -> bytes:
        """Start a run, wait for its end, return its result as JSON, or raise the error it failed with."""
        ...
