"""``client.realtime`` on Inngest: live publishes, subscriptions and tokens."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

import inngest

from tightbeam._channels.refs import Channel, Data, Payload, TopicName, TopicRef
from tightbeam._context import current_run
from tightbeam._engines import SubscriptionToken
from tightbeam._invalid_messages import OnInvalidMessage, checked_choice
from tightbeam._publishing import MAX_PAYLOAD_BYTES, compose, the_payload
from tightbeam._realtime import Realtime as AnyRealtime
from tightbeam.errors import InvalidPayload, TightbeamError
from tightbeam.inngest._errors import translated
from tightbeam.inngest._keys import Keys
from tightbeam.inngest._publish import Carrier, Server, Settings
from tightbeam.inngest._token import mint, mint_sync, selected_topics

__all__ = ["Realtime", "realtime"]


class Realtime(AnyRealtime):
    """``client.realtime``: publish from anywhere, subscribe, and make tokens for browsers.

    Get one from `Client`, or for a plain `inngest.Inngest` from `tightbeam.inngest.realtime`.
    """

    def __init__(self, carrier: Carrier) -> None:
        super().__init__(carrier, MAX_PAYLOAD_BYTES)
        self._inngest = carrier

    def configure(
        self,
        *,
        timeout: timedelta | None = None,
        max_connections: int | None = None,
        on_invalid_message: OnInvalidMessage | None = None,
    ) -> None:
        """Change how this client talks to the server; call it where the client is made.

        Args:
            timeout: how long one request may take (10 s).
            max_connections: how many requests may be under way, async and sync each (64); more wait.
            on_invalid_message: what becomes of a received message that can't be loaded, unless ``subscribe``
                says otherwise: ``"raise"`` (the default), ``"skip"`` with a warning, or a function that is
                called with the error.

        Raises:
            ValueError: ``on_invalid_message`` is another string.
            TypeError: ``on_invalid_message`` is no function either.
        """
        settings = self._inngest.settings
        if timeout is not None:
            settings = replace(settings, timeout=timeout)
        if max_connections is not None:
            settings = replace(settings, max_connections=max_connections)
        if on_invalid_message is not None:
            self._on_invalid_message = checked_choice(on_invalid_message)
        self._inngest.configure(settings)

    def _choice(self, given: OnInvalidMessage | None) -> OnInvalidMessage:
        choice = super()._choice(given)
        return _raise_translated if choice == "raise" else choice

    async def publish(
        self,
        topic: TopicRef[Payload, TopicName, Data],
        /,
        *data: Payload.args,
        **kwargs: Payload.kwargs,
    ) -> None:
        """Publish live: at most once, to who listens now. Inside a run the message carries the run's id.

        Raises:
            InvalidPayload: the data breaks the topic's schema; nothing was sent.
            PayloadTooLarge: the server would cut it silently; nothing was sent.
            PublishFailed: the server didn't take it, or didn't answer. It is not sent again.
            SigningKeyError: there is no signing key, and this is no dev server; nothing was sent.
        """
        try:
            await self._inngest.publish(
                compose(topic, the_payload(topic, data, kwargs), current_run.get(), MAX_PAYLOAD_BYTES)
            )
        except TightbeamError as error:
            raise translated(error) from error.__cause__

    def publish_sync(
        self,
        topic: TopicRef[Payload, TopicName, Data],
        /,
        *data: Payload.args,
        **kwargs: Payload.kwargs,
    ) -> None:
        """As `publish`, without ``await``, from any thread; it waits for the server's answer."""
        try:
            self._inngest.publish_sync(
                compose(topic, the_payload(topic, data, kwargs), current_run.get(), MAX_PAYLOAD_BYTES)
            )
        except TightbeamError as error:
            raise translated(error) from error.__cause__

    async def token(
        self,
        channel: Channel[Any],
        /,
        *,
        topics: Iterable[TopicRef[..., str, Any] | str] | None = None,
        api_base_url: str | None = None,
    ) -> SubscriptionToken:
        """A token with which a browser may subscribe to this channel for a minute: what `useRealtime` takes.

        Check that the caller may see the channel before making it: the token can be used by whoever has it.

        Args:
            channel: the channel it is for, and no other.
            topics: the topics it is for; all of the channel's if not given.
            api_base_url: where browsers reach the server, when that isn't where this client does.

        Raises:
            InvalidParam: a topic isn't one of this channel, or there is none.
            SubscribeFailed: the server gave none.
        """
        names = selected_topics(channel, topics)
        try:
            key = await mint(self._inngest.http, [(channel.name, name) for name in names])
        except TightbeamError as error:
            raise translated(error) from error.__cause__
        return {"key": key, "apiBaseUrl": api_base_url or self._inngest.http.origin}

    def token_sync(
        self,
        channel: Channel[Any],
        /,
        *,
        topics: Iterable[TopicRef[..., str, Any] | str] | None = None,
        api_base_url: str | None = None,
    ) -> SubscriptionToken:
        """As `token`, without ``await``."""
        names = selected_topics(channel, topics)
        try:
            key = mint_sync(self._inngest.http, [(channel.name, name) for name in names])
        except TightbeamError as error:
            raise translated(error) from error.__cause__
        return {"key": key, "apiBaseUrl": api_base_url or self._inngest.http.origin}

    async def close(self) -> None:
        """End the subscriptions and close the connections; publishing later makes new ones."""
        await self._inngest.close()


def _raise_translated(error: InvalidPayload) -> None:
    raise translated(error)


_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # a child in which a thread that isn't there holds it would wait for ever
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
_known: WeakKeyDictionary[inngest.Inngest, Realtime] = WeakKeyDictionary()


def realtime(client: inngest.Inngest) -> Realtime:
    """The `Realtime` of a client, also of a plain one: always the same, so that connections are shared."""
    with _lock:
        found = _known.get(client)
        if found is None:
            keys = Keys(client.signing_key, client.signing_key_fallback, required=client.is_production)
            found = _known[client] = Realtime(
                Carrier(Server(client.api_origin, client.env, keys), Settings())
            )
        return found


def carrier_of(client: inngest.Inngest) -> Carrier:
    """What carries a client's messages."""
    return realtime(client)._inngest  # pyright: ignore[reportPrivateUsage]  # this module's own
