"""``client.realtime`` on Inngest: live publishes, subscriptions and tokens."""

# pyright: reportOverlappingOverload=false
# This check compares a topic of any payload with `Publishable`, and pyright takes the answer for that about
# topics of known payloads in files that it looks at later.

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, overload
from weakref import WeakKeyDictionary

import inngest

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._engine.protocol import SubscriptionToken
from tightbeam._forks import fork_safe_lock
from tightbeam._hooks.hook import Hook
from tightbeam._invalid_messages import OnInvalidMessage, checked_choice
from tightbeam._publishing import MAX_PAYLOAD_BYTES
from tightbeam._realtime import ClientRealtime
from tightbeam._selection import Channels, Topics
from tightbeam.errors import InvalidPayload
from tightbeam.inngest._errors import translated, translating
from tightbeam.inngest._http import Server
from tightbeam.inngest._keys import Keys
from tightbeam.inngest._publish import InngestCarrier

if TYPE_CHECKING:
    from tightbeam._channels.refs import Publishable, PublishableSync, Publishing

__all__ = ["Realtime", "realtime"]


class Realtime(ClientRealtime):
    """``client.realtime``: publish from anywhere, subscribe, and make tokens for browsers.

    Get one from `Client`, or for a plain `inngest.Inngest` from `tightbeam.inngest.realtime`.
    """

    def __init__(self, carrier: InngestCarrier) -> None:
        super().__init__(carrier, MAX_PAYLOAD_BYTES, "raise", carrier.hooks)
        self._inngest = carrier

    def configure(
        self,
        *,
        timeout: timedelta | None = None,
        max_connections: int | None = None,
        on_invalid_message: OnInvalidMessage | None = None,
        hooks: Iterable[Hook] | None = None,
    ) -> None:
        """Change how this client talks to the server; call it where the client is made.

        Args:
            timeout: how long one request may take (10 s).
            max_connections: how many requests may be under way, async and sync each (64); more wait.
            on_invalid_message: what becomes of a received message that can't be loaded, unless ``subscribe``
                says otherwise: ``"raise"`` (the default), ``"skip"`` with a warning, or a function that is
                called with the error.
            hooks: what watches or surrounds what this client does, the first outermost; they replace those
                that it has. `Client` takes them itself; this is for a plain `inngest.Inngest`.

        Raises:
            ValueError: ``on_invalid_message`` is another string.
            TypeError: ``on_invalid_message`` is no function either, or ``hooks`` is no list of hooks.
        """
        if hooks is not None:
            self._inngest.hooks.replace(hooks)
        if on_invalid_message is not None:
            self._on_invalid_message = checked_choice(on_invalid_message)
        if timeout is not None or max_connections is not None:
            self._inngest.configure(timeout=timeout, max_connections=max_connections)

    def _choice(self, given: OnInvalidMessage | None) -> OnInvalidMessage:
        choice = super()._choice(given)
        return _raise_translated if choice == "raise" else choice

    @overload
    async def publish(
        self,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> None: ...
    @overload
    async def publish(
        self, topic: Publishable[Publishing], /, *data: Publishing.args, **options: Publishing.kwargs
    ) -> None: ...
    async def publish(self, topic: Any, /, *data: Any, **kwargs: Any) -> None:
        """Publish live: at most once, to the subscribers of this moment.

        Inside a run the message carries the run's id.

        Args:
            topic: where to publish.
            data: the payload, a model or a dictionary.
            kwargs: none; ``transaction`` is refused here, since the server takes part in no transaction.

        Raises:
            EngineError: there is a ``transaction``.
            InvalidPayload: the data breaks the topic's schema; nothing was sent.
            PayloadTooLarge: the server would cut it silently; nothing was sent.
            InvalidParam: a name can't be sent.
            PublishFailed: the server didn't take it, or didn't answer. It is not sent again.
            SigningKeyError: there is no signing key, and this is no dev server; nothing was sent.
        """
        with translating():
            await super().publish(topic, *data, **kwargs)

    @overload
    def publish_sync(
        self,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> None: ...
    @overload
    def publish_sync(
        self, topic: PublishableSync[Publishing], /, *data: Publishing.args, **options: Publishing.kwargs
    ) -> None: ...
    def publish_sync(self, topic: Any, /, *data: Any, **kwargs: Any) -> None:
        """Publish live from any thread, waiting for the server's answer. See `publish`."""
        with translating():
            super().publish_sync(topic, *data, **kwargs)

    async def token(
        self,
        channels: Channels,
        /,
        topics: Topics | None = None,
        *,
        since: datetime | str | None = None,
        api_base_url: str | None = None,
    ) -> SubscriptionToken:
        """Make a token with which a browser may subscribe for a minute: what `useRealtime` takes.

        Check that the caller may see each channel before making it: anybody who has the token can use it.

        Args:
            channels: the channel, or several, also of different definitions; an object or a name each.
                Several are one token and one connection for clients that take them; the official client
                follows one.
            topics: some of their topics: names, which every channel must have, or references, each for its
                own channel. Needed with a channel's name; else all topics of each channel by default.
            since: as on other engines. Inngest keeps no messages, so none come first, and with a time the
                answer's ``reset`` is true: the page may have missed some.
            api_base_url: where browsers reach the server, when that isn't where this client does.

        Returns:
            The token, where to use it, and its topics.

        Raises:
            InvalidParam: a channel has no such topic, or there is none.
            TypeError: a channel or topic is something else, or ``since`` has no time zone.
            SubscribeFailed: the server gave none.
            SigningKeyError: there is no signing key, and this is no dev server.
        """
        with translating():
            return _for_browsers(await super().token(channels, topics, since=since), api_base_url)

    def token_sync(
        self,
        channels: Channels,
        /,
        topics: Topics | None = None,
        *,
        since: datetime | str | None = None,
        api_base_url: str | None = None,
    ) -> SubscriptionToken:
        """Make a token without ``await``, from any thread. See `token`."""
        with translating():
            return _for_browsers(super().token_sync(channels, topics, since=since), api_base_url)

    async def close(self) -> None:
        """End the subscriptions and close the connections; publishing later makes new ones."""
        await self._inngest.close()


def _for_browsers(token: SubscriptionToken, api_base_url: str | None) -> SubscriptionToken:
    """Say in a token where browsers reach the server."""
    if api_base_url:
        token["apiBaseUrl"] = api_base_url
    return token


def _raise_translated(error: InvalidPayload) -> None:
    raise translated(error)


_lock = fork_safe_lock()
_known: WeakKeyDictionary[inngest.Inngest, Realtime] = WeakKeyDictionary()


def realtime(client: inngest.Inngest) -> Realtime:
    """Return the `Realtime` of a client, also of a plain `inngest.Inngest`.

    It is always the same for one client, so that connections are shared.
    """
    with _lock:
        known = _known.get(client)
        if known is None:
            keys = Keys(client.signing_key, client.signing_key_fallback, required=client.is_production)
            server = Server(client.api_origin, client.env, keys)
            known = _known[client] = Realtime(InngestCarrier(server, client.app_id))
        return known


def carrier_of(client: inngest.Inngest) -> InngestCarrier:
    """Return what carries a client's messages."""
    return realtime(client)._inngest  # pyright: ignore[reportPrivateUsage]  # this module's own
