"""``client.realtime``: publishing outside steps, subscribing, and tokens for subscribers elsewhere."""

# pyright: reportOverlappingOverload=false
# This check compares a topic of any payload with `Publishable`, and pyright takes the answer for that about
# topics of known payloads in files that it looks at later.

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, overload

from tightbeam._channels.refs import (
    Channel,
    ChannelMessage,
    Data,
    Message,
    PayloadArgs,
    TopicName,
    TopicRef,
    topics,
)
from tightbeam._context import publishing_run
from tightbeam._engine.protocol import Carrier, SubscriptionToken
from tightbeam._hooks.hook_list import HookList
from tightbeam._invalid_messages import OnInvalidMessage, checked_choice
from tightbeam._message import Address
from tightbeam._publishing import publish_live, publish_live_sync
from tightbeam._selection import Channels, Topics, selected_topics, since_text
from tightbeam._subscription import Subscription

if TYPE_CHECKING:
    from tightbeam._channels.refs import Publishable, PublishableSync, Publishing

__all__ = ["ClientRealtime"]

# One pair a reference: a single variable would join to a common base class and lose the union (mypy).
N1 = TypeVar("N1", bound=str)
N2 = TypeVar("N2", bound=str)
N3 = TypeVar("N3", bound=str)
N4 = TypeVar("N4", bound=str)
N5 = TypeVar("N5", bound=str)
N6 = TypeVar("N6", bound=str)
N7 = TypeVar("N7", bound=str)
N8 = TypeVar("N8", bound=str)
D1 = TypeVar("D1")
D2 = TypeVar("D2")
D3 = TypeVar("D3")
D4 = TypeVar("D4")
D5 = TypeVar("D5")
D6 = TypeVar("D6")
D7 = TypeVar("D7")
D8 = TypeVar("D8")

MAX_REFS = 8


class ClientRealtime:
    """``client.realtime``: live publishes from anywhere, subscriptions, and tokens for browsers."""

    def __init__(
        self,
        carrier: Carrier,
        max_payload_bytes: int,
        on_invalid_message: OnInvalidMessage,
        hooks: HookList,
    ) -> None:
        self._carrier = carrier
        self._hooks = hooks
        self._limit = max_payload_bytes
        self._on_invalid_message: OnInvalidMessage = checked_choice(on_invalid_message)

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
        """Publish live: at most once, to the subscribers of this moment. Or in a transaction of yours.

        Live, it never waits for a reader or a disk. With ``transaction=`` the message is stored on that
        connection, durable as those of steps are, and is there if and only if the transaction commits
        (a client on Postgres). Inside a run the message carries the run's id. Both work without entering the
        client.

        Args:
            topic: where to publish.
            data: the payload, a model or a dictionary.
            kwargs: ``transaction``: a ``psycopg.AsyncConnection``, an ``asyncpg.Connection``, or an
                ``AsyncConnection`` or ``AsyncSession`` of SQLAlchemy over one of these.

        Raises:
            InvalidPayload: the data breaks the topic's schema; nothing was sent.
            PayloadTooLarge: its encoding is over the limit; nothing was sent.
            PublishFailed: the gateway didn't take it, or didn't answer (`tightbeam.connect`).
            GatewayRefused: this client has a token and no server key (`tightbeam.connect`).
            StepMisuse: the code belongs to a run that was cut short, cancelled for example (embedded engine).
            EngineError: with ``transaction=``: this client isn't on Postgres, the connection is closed or in
                autocommit mode, its transaction has failed, or its database has no journal that it may
                write to.
            TypeError: it isn't one topic and one payload, or the transaction is no such connection.
            Exception: with ``transaction=``: what the driver raises, when the server goes away for example.
        """
        if "transaction" in kwargs:
            from tightbeam._transactions.calls import PublishCall, publish_inside  # not at import: seldom

            call = PublishCall(topic, data, kwargs, publishing_run(), self._limit)
            await publish_inside(self._hooks, self._carrier, call)
            return
        await publish_live(self._hooks, self._carrier, topic, data, kwargs, publishing_run(), self._limit)

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
        """Publish without ``await``, from any thread. See `publish`.

        Its ``transaction=`` takes a ``psycopg.Connection``, or a ``Connection`` or ``Session`` of SQLAlchemy.
        """
        if "transaction" in kwargs:
            from tightbeam._transactions.calls import PublishCall, publish_inside_sync

            call = PublishCall(topic, data, kwargs, publishing_run(), self._limit)
            publish_inside_sync(self._hooks, self._carrier, call)
            return
        publish_live_sync(self._hooks, self._carrier, topic, data, kwargs, publishing_run(), self._limit)

    @overload
    def subscribe(
        self,
        channel: Channel[ChannelMessage],
        /,
        *,
        after: str | None = None,
        on_invalid_message: OnInvalidMessage | None = None,
    ) -> Subscription[ChannelMessage]: ...
    @overload
    def subscribe(
        self,
        a: TopicRef[..., N1, D1],
        /,
        *,
        after: str | None = None,
        on_invalid_message: OnInvalidMessage | None = None,
    ) -> Subscription[Message[N1, D1]]: ...
    @overload
    def subscribe(
        self,
        a: TopicRef[..., N1, D1],
        b: TopicRef[..., N2, D2],
        /,
        *,
        after: str | None = None,
        on_invalid_message: OnInvalidMessage | None = None,
    ) -> Subscription[Message[N1, D1] | Message[N2, D2]]: ...
    @overload
    def subscribe(
        self,
        a: TopicRef[..., N1, D1],
        b: TopicRef[..., N2, D2],
        c: TopicRef[..., N3, D3],
        /,
        *,
        after: str | None = None,
        on_invalid_message: OnInvalidMessage | None = None,
    ) -> Subscription[Message[N1, D1] | Message[N2, D2] | Message[N3, D3]]: ...
    @overload
    def subscribe(
        self,
        a: TopicRef[..., N1, D1],
        b: TopicRef[..., N2, D2],
        c: TopicRef[..., N3, D3],
        d: TopicRef[..., N4, D4],
        /,
        *,
        after: str | None = None,
        on_invalid_message: OnInvalidMessage | None = None,
    ) -> Subscription[Message[N1, D1] | Message[N2, D2] | Message[N3, D3] | Message[N4, D4]]: ...
    @overload
    def subscribe(
        self,
        a: TopicRef[..., N1, D1],
        b: TopicRef[..., N2, D2],
        c: TopicRef[..., N3, D3],
        d: TopicRef[..., N4, D4],
        e: TopicRef[..., N5, D5],
        /,
        *,
        after: str | None = None,
        on_invalid_message: OnInvalidMessage | None = None,
    ) -> Subscription[
        Message[N1, D1] | Message[N2, D2] | Message[N3, D3] | Message[N4, D4] | Message[N5, D5]
    ]: ...
    @overload
    def subscribe(
        self,
        a: TopicRef[..., N1, D1],
        b: TopicRef[..., N2, D2],
        c: TopicRef[..., N3, D3],
        d: TopicRef[..., N4, D4],
        e: TopicRef[..., N5, D5],
        f: TopicRef[..., N6, D6],
        /,
        *,
        after: str | None = None,
        on_invalid_message: OnInvalidMessage | None = None,
    ) -> Subscription[
        Message[N1, D1]
        | Message[N2, D2]
        | Message[N3, D3]
        | Message[N4, D4]
        | Message[N5, D5]
        | Message[N6, D6]
    ]: ...
    @overload
    def subscribe(
        self,
        a: TopicRef[..., N1, D1],
        b: TopicRef[..., N2, D2],
        c: TopicRef[..., N3, D3],
        d: TopicRef[..., N4, D4],
        e: TopicRef[..., N5, D5],
        f: TopicRef[..., N6, D6],
        g: TopicRef[..., N7, D7],
        /,
        *,
        after: str | None = None,
        on_invalid_message: OnInvalidMessage | None = None,
    ) -> Subscription[
        Message[N1, D1]
        | Message[N2, D2]
        | Message[N3, D3]
        | Message[N4, D4]
        | Message[N5, D5]
        | Message[N6, D6]
        | Message[N7, D7]
    ]: ...
    @overload
    def subscribe(
        self,
        a: TopicRef[..., N1, D1],
        b: TopicRef[..., N2, D2],
        c: TopicRef[..., N3, D3],
        d: TopicRef[..., N4, D4],
        e: TopicRef[..., N5, D5],
        f: TopicRef[..., N6, D6],
        g: TopicRef[..., N7, D7],
        h: TopicRef[..., N8, D8],
        /,
        *,
        after: str | None = None,
        on_invalid_message: OnInvalidMessage | None = None,
    ) -> Subscription[
        Message[N1, D1]
        | Message[N2, D2]
        | Message[N3, D3]
        | Message[N4, D4]
        | Message[N5, D5]
        | Message[N6, D6]
        | Message[N7, D7]
        | Message[N8, D8]
    ]: ...
    def subscribe(
        self,
        *selection: Channel[Any] | TopicRef[..., str, Any],
        after: str | None = None,
        on_invalid_message: OnInvalidMessage | None = None,
    ) -> Subscription[Any]:
        """Subscribe to a whole channel, or to up to eight topics, which may belong to several channels.

        In this process it is registered at this call, and nothing published from then on is missed; see
        `Subscription` for others, and for what reading may raise.

        Args:
            selection: the channel, or the topics.
            after: the `Message.position` to resume from, or ``"start"``: durable messages that are still
                retained come first, then new ones, without gap or duplicate. ``"latest"``: the latest of them
                of each topic, in order, then new ones. Live messages aren't retained.
            on_invalid_message: what becomes of a message that can't be loaded, since its publisher has other
                bindings: ``"raise"``, ``"skip"`` with a warning, or a function that is called with the error.
                By default what the client was made with, else ``"raise"``.

        Returns:
            An async iterator of messages, and an async context manager that ends it.

        Raises:
            NotEntered: ``after`` was given and the client isn't entered.
            TypeError: it isn't one channel or one to eight topics, or an option is of another type.
            ValueError: ``on_invalid_message`` is another string.
        """
        refs = _selected(selection)
        position: object = after
        if position is not None and not isinstance(position, str):
            raise TypeError(
                f'after= takes the position of a message, "start" or "latest", not {type(position).__name__}'
            )
        addresses: dict[Address, TopicRef[..., str, Any]] = {(ref.channel, ref.topic): ref for ref in refs}
        choice = self._choice(on_invalid_message)
        return Subscription(self._carrier.subscribe(addresses, after), addresses, choice, self._hooks)

    async def token(
        self,
        channels: Channels,
        /,
        topics: Topics | None = None,
        *,
        since: datetime | str | None = None,
    ) -> SubscriptionToken:
        """Make a token with which a browser may subscribe to topics of these channels, and to nothing else.

        It is ready for ``useRealtime``, which needs it within a minute. Check the user first, for each
        channel: anybody who has the token can subscribe.

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
            GatewayRefused: the gateway gave none (`tightbeam.connect`).
            SubscribeFailed: the gateway didn't answer (`tightbeam.connect`).
        """
        return await self._carrier.token(selected_topics(channels, topics), since_text(since))

    def token_sync(
        self,
        channels: Channels,
        /,
        topics: Topics | None = None,
        *,
        since: datetime | str | None = None,
    ) -> SubscriptionToken:
        """Make a token without ``await``, from any thread. See `token`."""
        return self._carrier.token_sync(selected_topics(channels, topics), since_text(since))

    def _choice(self, given: OnInvalidMessage | None) -> OnInvalidMessage:
        return self._on_invalid_message if given is None else checked_choice(given)


def _selected(selection: tuple[object, ...]) -> list[TopicRef[..., str, Any]]:
    if len(selection) == 1 and isinstance(selection[0], Channel):
        return list(topics(selection[0]).values())
    refs = [each for each in selection if isinstance(each, TopicRef)]
    if not 0 < len(selection) <= MAX_REFS or len(refs) != len(selection):
        raise TypeError(f"subscribe takes one channel, or one to {MAX_REFS} topics of channels")
    return refs
