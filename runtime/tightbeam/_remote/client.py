"""`tightbeam.connect`: the realtime API of a client in another process."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tightbeam._client import event_data
from tightbeam._engine.protocol import Selection, SubscriptionToken
from tightbeam._hooks.hook import Hook
from tightbeam._hooks.hook_list import HookList
from tightbeam._invalid_messages import OnInvalidMessage
from tightbeam._message import Address, Envelope
from tightbeam._publishing import MAX_PAYLOAD_BYTES
from tightbeam._remote.connecting import Connector
from tightbeam._remote.feed import RemoteFeed
from tightbeam._remote.http import Requests
from tightbeam._tokens import RealtimeWithTokens
from tightbeam.errors import GatewayRefused

if TYPE_CHECKING:
    from tightbeam._connect import TokenFactory

__all__ = ["RemoteClient"]


class RemoteClient:
    """A gateway, seen from another process; made by `tightbeam.connect`."""

    def __init__(
        self,
        url: str,
        *,
        token: str | TokenFactory | None = None,
        key: str | None = None,
        on_invalid_message: OnInvalidMessage = "raise",
        hooks: Iterable[Hook] = (),
    ) -> None:
        if (token is None) == (key is None):
            raise ValueError("connect takes a token or a key: one of them")
        self._hooks = HookList(hooks)
        self._carrier = _RemoteCarrier(Requests(url, key), token)
        self._realtime = RealtimeWithTokens(self._carrier, MAX_PAYLOAD_BYTES, on_invalid_message, self._hooks)

    @property
    def realtime(self) -> RealtimeWithTokens:
        """Subscriptions and, with the server key, live publishes and tokens."""
        return self._realtime

    def __repr__(self) -> str:
        return f"<RemoteClient of {self._carrier.requests.origin}>"

    async def send(self, name: str, data: Mapping[str, Any] | None = None, /) -> list[str]:
        """Send an event: start a run of each function of the gateway's client that listens to it.

        When it returns the runs are stored: they survive a crash. It is sent once, whatever happens: where
        ``error.may_have_started`` is true, sending it again may start the runs twice.

        Args:
            name: the event's name.
            data: a JSON object.

        Returns:
            The ids of the runs.

        Raises:
            NotRegistered: no function listens to it.
            NotJson: the data isn't a JSON object.
            NotEntered: the gateway's client isn't entered.
            JournalFailed: the runs couldn't be stored.
            GatewayRefused: the server key isn't valid there, or this client has none.
            SendFailed: the gateway didn't answer, or the data is too large for it.
        """
        self._carrier.needs_key("sending events")
        return await self._carrier.requests.send(name, event_data(name, data))

    def send_sync(self, name: str, data: Mapping[str, Any] | None = None, /) -> list[str]:
        """As `send`, without ``await``, from any thread."""
        self._carrier.needs_key("sending events")
        return self._carrier.requests.send_sync(name, event_data(name, data))

    def follow(self, channel: str, topics: Iterable[str] = ("*",), after: str | None = None) -> RemoteFeed:
        """The messages of a channel, encoded and unchecked: for tools that have no bindings."""
        return self._carrier.follow(channel, list(topics), after)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self._carrier.close()


class _RemoteCarrier:
    """Messages and tokens by way of a gateway."""

    def __init__(self, requests: Requests, token: str | TokenFactory | None) -> None:
        self.requests = requests
        self._token = token
        self._feeds: weakref.WeakSet[RemoteFeed] = weakref.WeakSet()

    async def publish(self, envelope: Envelope, /) -> None:
        self.needs_key("publishing")
        await self.requests.publish(envelope.channel, envelope.topic, envelope.data, envelope.run_id)

    def publish_sync(self, envelope: Envelope, /) -> None:
        self.needs_key("publishing")
        self.requests.publish_sync(envelope.channel, envelope.topic, envelope.data, envelope.run_id)

    def subscribe(self, addresses: Iterable[Address], after: str | None, /) -> RemoteFeed:
        wanted = frozenset(addresses)
        selection: dict[str, list[str]] = {}
        for channel, topic in sorted(wanted):
            selection.setdefault(channel, []).append(topic)
        return self._feed(selection, wanted, after)

    def follow(self, channel: str, topics: list[str], after: str | None) -> RemoteFeed:
        return self._feed({channel: topics}, None, after)

    def _feed(self, selection: Selection, wanted: frozenset[Address] | None, after: str | None) -> RemoteFeed:
        async def token() -> str:
            if isinstance(self._token, str):
                return self._token
            if self._token is not None:
                return _key_of(await self._token(), selection)
            return await self.requests.fetch_token(selection)

        feed = RemoteFeed(Connector(self.requests, token, wanted), wanted, after)
        self._feeds.add(feed)
        return feed

    async def token(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        self.needs_key("making tokens")
        return await self.requests.token(selection, since)

    def token_sync(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        self.needs_key("making tokens")
        return self.requests.token_sync(selection, since)

    def needs_key(self, what: str) -> None:
        """Refuse what only the server key allows.

        Raises:
            GatewayRefused: this client has a token.
        """
        if self._token is not None:
            raise GatewayRefused(f"{what} needs the server key: `tightbeam.connect(url, key=…)`")

    async def close(self) -> None:
        for feed in tuple(self._feeds):
            feed.close()
        self.requests.close()


def _key_of(token: object, selection: Selection) -> str:
    """Token routes answer with an object, factories may return it as it is.

    Raises:
        GatewayRefused: it says that it isn't for one of the channels.
        TypeError: it is no token.
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
