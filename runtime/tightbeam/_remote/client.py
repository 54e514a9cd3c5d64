"""`tightbeam.connect`: the realtime API of a client in another process."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from tightbeam._client import event_data, event_name
from tightbeam._engine.protocol import Selection, SubscriptionToken
from tightbeam._hooks.hook import Hook
from tightbeam._hooks.hook_list import Around, HookList
from tightbeam._hooks.info import SendInfo
from tightbeam._invalid_messages import OnInvalidMessage
from tightbeam._message import Address, Envelope
from tightbeam._publishing import MAX_PAYLOAD_BYTES
from tightbeam._realtime import ClientRealtime
from tightbeam._remote.feed import GatewayFeed
from tightbeam._remote.requests import Requests
from tightbeam._remote.tokens import TokenFactory, key_in
from tightbeam._wire.io import run
from tightbeam.errors import GatewayRefused

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
        self._carrier = _GatewayCarrier(Requests(url, key), token, self._hooks)
        self._realtime = ClientRealtime(self._carrier, MAX_PAYLOAD_BYTES, on_invalid_message, self._hooks)

    @property
    def realtime(self) -> ClientRealtime:
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
        return await self._send(name, data, blocking=False)

    def send_sync(self, name: str, data: Mapping[str, Any] | None = None, /) -> list[str]:
        """As `send`, without ``await``, from any thread."""
        return run(self._send(name, data, blocking=True))

    async def _send(self, name: str, data: Mapping[str, Any] | None, *, blocking: bool) -> list[str]:
        self._carrier.check_key("sending events")
        info = SendInfo((event_name(name),))
        with Around(self._hooks.send, info):
            run_ids = await self._carrier.requests.send(name, event_data(name, data), blocking=blocking)
            info.ids = tuple(run_ids)
            return run_ids

    def follow(self, channel: str, topics: Iterable[str] = ("*",), after: str | None = None) -> GatewayFeed:
        """Follow the messages of a channel, encoded and unchecked: for tools that have no bindings.

        Args:
            channel: its name.
            topics: names of its topics.
            after: where to begin, as for ``subscribe``.
        """
        return self._carrier.follow(channel, list(topics), after)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self._carrier.close()


class _GatewayCarrier:
    """Carries messages and tokens by way of a gateway."""

    def __init__(self, requests: Requests, token: str | TokenFactory | None, hooks: HookList) -> None:
        self.requests = requests
        self._hooks = hooks
        self._token = token
        self._feeds: weakref.WeakSet[GatewayFeed] = weakref.WeakSet()

    async def publish(self, envelope: Envelope, /) -> None:
        self.check_key("publishing")
        await self.requests.publish(envelope)

    def publish_sync(self, envelope: Envelope, /) -> None:
        self.check_key("publishing")
        run(self.requests.publish(envelope, blocking=True))

    def subscribe(self, addresses: Iterable[Address], after: str | None, /) -> GatewayFeed:
        wanted = frozenset(addresses)
        selection: dict[str, list[str]] = {}
        for channel, topic in sorted(wanted):
            selection.setdefault(channel, []).append(topic)
        return self._feed(selection, wanted, after)

    def follow(self, channel: str, topics: list[str], after: str | None) -> GatewayFeed:
        return self._feed({channel: topics}, None, after)

    def _feed(
        self, selection: Selection, wanted: frozenset[Address] | None, after: str | None
    ) -> GatewayFeed:
        async def token() -> str:
            if isinstance(self._token, str):
                return self._token
            if self._token is not None:
                return key_in(await self._token(), selection)
            return await self.requests.fetch_token(selection)

        feed = GatewayFeed(self.requests, token, wanted, after, self._hooks)
        self._feeds.add(feed)
        return feed

    async def token(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        self.check_key("making tokens")
        return await self.requests.token(selection, since)

    def token_sync(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        self.check_key("making tokens")
        return run(self.requests.token(selection, since, blocking=True))

    def check_key(self, what: str) -> None:
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
