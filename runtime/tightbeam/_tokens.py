"""Tokens for subscribers elsewhere, on engines that a gateway can serve."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tightbeam._channels.refs import Channel, TopicRef
from tightbeam._channels.refs import topics as topics_of
from tightbeam._engines import SubscriptionToken, TokenCarrier
from tightbeam._invalid_messages import OnInvalidMessage
from tightbeam._realtime import Realtime

__all__ = ["RealtimeWithTokens"]


class RealtimeWithTokens(Realtime):
    """``client.realtime``: live publishes from anywhere, subscriptions, and tokens for browsers."""

    def __init__(
        self, carrier: TokenCarrier, max_payload_bytes: int, on_invalid_message: OnInvalidMessage = "raise"
    ) -> None:
        super().__init__(carrier, max_payload_bytes, on_invalid_message)
        self._tokens = carrier

    async def token(
        self,
        channel: Channel[Any] | str,
        /,
        topics: Iterable[str | TopicRef[..., str, Any]] | None = None,
        *,
        since: datetime | str | None = None,
    ) -> SubscriptionToken:
        """A token with which a browser may subscribe to topics of this channel, and to nothing else.

        Ready for ``useRealtime``, which wants it within a minute. Whoever calls this decides who may have
        it: check the user first.

        Args:
            channel: the channel, or its name.
            topics: some of its topics, by name or reference; needed with a name, else all by default.
            since: the time of the last message the page saw (its ``createdAt``): durable messages after it
                that are still retained come first.

        Raises:
            NoGateway: no gateway serves this client.
            InvalidParam: the gateway has no such channel or topic.
        """
        return await self._tokens.token(*_token_request(channel, topics, since))

    def token_sync(
        self,
        channel: Channel[Any] | str,
        /,
        topics: Iterable[str | TopicRef[..., str, Any]] | None = None,
        *,
        since: datetime | str | None = None,
    ) -> SubscriptionToken:
        """As `token`, without ``await``, from any thread."""
        return self._tokens.token_sync(*_token_request(channel, topics, since))


def _token_request(
    channel: Channel[Any] | str,
    chosen: Iterable[str | TopicRef[..., str, Any]] | None,
    since: datetime | str | None,
) -> tuple[str, list[str], str | None]:
    name = channel if isinstance(channel, str) else channel.name
    if isinstance(chosen, str):
        raise TypeError("topics is a list, not one string")
    if chosen is None:
        if isinstance(channel, str):
            raise TypeError("with a channel's name, say which topics")
        chosen = topics_of(channel)
    names: list[str] = []
    for one in chosen:
        if isinstance(one, TopicRef) and one.channel != name:
            raise TypeError(f"{one!r} is not a topic of channel {name!r}")
        names.append(one if isinstance(one, str) else one.topic)
    if isinstance(since, datetime):
        if since.tzinfo is None:
            raise TypeError("since has a time zone")
        since = since.isoformat()
    return name, names, since
