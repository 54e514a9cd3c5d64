"""Tokens for subscribers elsewhere, on engines that a gateway can serve."""

from __future__ import annotations

from datetime import datetime

from tightbeam._engine.protocol import SubscriptionToken, TokenCarrier
from tightbeam._hooks.hook_list import HookList
from tightbeam._invalid_messages import OnInvalidMessage
from tightbeam._realtime import Realtime
from tightbeam._selection import Channels, Topics, selected_topics, since_text

__all__ = ["RealtimeWithTokens"]


class RealtimeWithTokens(Realtime):
    """``client.realtime``: live publishes from anywhere, subscriptions, and tokens for browsers."""

    def __init__(
        self,
        carrier: TokenCarrier,
        max_payload_bytes: int,
        on_invalid_message: OnInvalidMessage,
        hooks: HookList,
    ) -> None:
        super().__init__(carrier, max_payload_bytes, on_invalid_message, hooks)
        self._tokens = carrier

    async def token(
        self,
        channels: Channels,
        /,
        topics: Topics | None = None,
        *,
        since: datetime | str | None = None,
    ) -> SubscriptionToken:
        """Make a token with which a browser may subscribe to topics of these channels, and to nothing else.

        It is ready for ``useRealtime``, which wants it within a minute. Whoever calls this decides who may
        have it: check the user first, for each channel.

        Args:
            channels: the channel, or several, also of different definitions; an object or a name each.
                Several are one token and one connection for clients that take them; the official client
                follows one.
            topics: some of their topics: names, which every channel must have, or references, each for its
                own channel. Needed with a channel's name; else all topics of each channel by default.
            since: the time of the last message the page saw (its ``createdAt``): durable messages after it
                that are still retained come first. Or ``"latest"``: the latest durable message of each topic
                comes first.

        Returns:
            The token, where to use it and its topics; ``reset`` is true where messages after ``since`` are no
            longer retained.

        Raises:
            NoGateway: no gateway serves this client.
            InvalidParam: there is no such channel or topic, or there are too many for one token.
            TypeError: a channel or topic is something else, or ``since`` has no time zone.
        """
        return await self._tokens.token(selected_topics(channels, topics), since_text(since))

    def token_sync(
        self,
        channels: Channels,
        /,
        topics: Topics | None = None,
        *,
        since: datetime | str | None = None,
    ) -> SubscriptionToken:
        """As `token`, without ``await``, from any thread."""
        return self._tokens.token_sync(selected_topics(channels, topics), since_text(since))
