"""Read typed messages from a feed of encoded ones: the object that `client.realtime.subscribe` returns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from tightbeam._channels.refs import Message, TopicRef
from tightbeam._engine.protocol import Feed
from tightbeam._hooks.hook_list import HookList, notify
from tightbeam._hooks.info import MessageInfo, metadata_of_hooks
from tightbeam._invalid_messages import OnInvalidMessage, handle_invalid_message
from tightbeam._message import Address
from tightbeam._payload.load import load
from tightbeam.errors import InvalidPayload

__all__ = ["Subscription"]

ChannelMessage = TypeVar("ChannelMessage", covariant=True)
_NO_METADATA: Mapping[str, Any] = MappingProxyType({})


class Subscription(AsyncIterator[ChannelMessage], Generic[ChannelMessage]):
    """Messages as they come: an async iterator, and an async context manager that ends it.

    In this process it is registered when it is made: nothing published after that is missed. A subscription
    over the network is registered when it is entered, or first read. Its buffer is bounded (1,024 messages,
    16 MiB): if the reader is too slow, the oldest live messages are dropped, and `dropped` counts them; no
    durable message is. Read it by one task at a time. When the client is left, the iteration ends.

    Iterating raises:
        InvalidPayload: a message can't be loaded, unless ``on_invalid_message`` is another choice. Iterating
            again goes on with the next one, and so does a new subscription with ``after=error.position``.
        PositionLost: the position given as ``after=`` is no longer retained; before any message.
        SubscriberTooSlow: durable messages found no room in the buffer, and can't be read from the journal
            because the client has been left, or on Inngest. The messages in the buffer have been delivered;
            ``position`` says where to resume.
    """

    def __init__(
        self,
        feed: Feed,
        refs: Mapping[Address, TopicRef[..., str, Any]],
        on_invalid_message: OnInvalidMessage,
        hooks: HookList,
    ) -> None:
        self._feed = feed
        self._hooks = hooks
        self._refs = refs
        self._on_invalid_message: OnInvalidMessage = on_invalid_message

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChannelMessage:
        feed = self._feed
        while True:
            envelope = await feed.next()
            if envelope is None:
                raise StopAsyncIteration
            if self._hooks.received:
                ref = self._refs[envelope.channel, envelope.topic]
                template = ref.__channel_class__.__tightbeam__.template.text
                notify(self._hooks.received, MessageInfo(envelope, template=template))
            try:
                data = load(self._refs[envelope.channel, envelope.topic], envelope.data)
            except InvalidPayload as error:
                error.position = feed.position_of(envelope) or feed.position
                await handle_invalid_message(self._on_invalid_message, error)
            else:
                break
        message: Message[str, Any] = Message(
            channel=envelope.channel,
            topic=envelope.topic,
            data=data,
            run_id=envelope.run_id,
            id=envelope.id,
            created_at=envelope.created_at,
            position=feed.position_of(envelope),
            metadata=_NO_METADATA if envelope.metadata is None else metadata_of_hooks(envelope.metadata),
        )
        return cast("ChannelMessage", message)

    @property
    def dropped(self) -> int:
        """How many live messages were dropped so far, because they came faster than they were read."""
        return self._feed.dropped

    async def __aenter__(self) -> Self:
        try:
            await self._feed.ready()
        except asyncio.CancelledError:
            self._feed.give_up()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the subscription. The messages in its buffer can still be read."""
        self._feed.close()

    def __del__(self) -> None:
        # A loop left by `break` drops its subscription without closing it.
        feed = getattr(self, "_feed", None)
        if feed is not None:
            feed.close()
