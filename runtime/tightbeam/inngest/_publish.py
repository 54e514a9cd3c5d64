"""Publishing to the Inngest server: one POST for each message."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

import orjson

from tightbeam._engine.protocol import Selection, SubscriptionToken
from tightbeam._events.accepted import Accepted
from tightbeam._hooks.hook_list import HookList, notify
from tightbeam._hooks.info import MessageInfo, RunCount
from tightbeam._message import Address, Envelope
from tightbeam._offline import is_offline
from tightbeam._selection import LATEST, addresses_of, subscription_token
from tightbeam._wire.failures import NoAnswer
from tightbeam._wire.io import RequestLimits, run
from tightbeam.errors import EngineError, InvalidParam, PublishFailed
from tightbeam.inngest._http import Http, Server, is_accepted, is_retryable
from tightbeam.inngest._token import mint

if TYPE_CHECKING:
    from tightbeam.inngest._subscribe import InngestFeed

__all__ = ["InngestCarrier"]


class InngestCarrier:
    """Carries messages to the server and from it, and tokens."""

    def __init__(self, server: Server, app: str | None = None) -> None:
        self._server = server
        self.app: str | None = app
        """The id of the client's app, where it has one."""
        self._limits = RequestLimits(seconds=10.0, requests=64, seconds_in_queue=10.0)
        self.http: Http = Http(server, self._limits)
        self.hooks: HookList = HookList()
        self.feeds: weakref.WeakSet[InngestFeed] = weakref.WeakSet()
        self.accepted: dict[str, Accepted] = {}
        """What starts each function of the client, by its id."""
        self.dropped: int = 0
        """How many live messages the feeds have dropped."""
        self.hooks.describe(self)

    @property
    def server(self) -> str:
        """See `tightbeam._engine.protocol.Carrier`."""
        return str(self.http.origin)

    @property
    def subscribers(self) -> int:
        """See `tightbeam._engine.protocol.Carrier`."""
        return sum(not feed.is_closed for feed in self.feeds.copy())

    def count_runs(self) -> tuple[RunCount, ...]:
        """Return none: runs are the server's."""
        return ()

    def read_lag(self) -> None:
        """Return None: the journal is the server's."""

    def _count_dropped(self, messages: int) -> None:
        self.dropped += messages

    def configure(self, *, timeout: timedelta | None, max_connections: int | None) -> None:
        """Use other limits from the next request on.

        Args:
            timeout: how long a request may take, and how long it may wait for a slot; None for no change.
            max_connections: how many requests may be under way; None for no change.
        """
        if timeout is not None:
            seconds = timeout.total_seconds()
            self._limits = replace(self._limits, seconds=seconds, seconds_in_queue=seconds)
        if max_connections is not None:
            self._limits = replace(self._limits, requests=max_connections)
        self.http = Http(self._server, self._limits)

    async def publish(self, envelope: Envelope, /, *, blocking: bool = False) -> None:
        """Send one message.

        Args:
            envelope: the message.
            blocking: as for `Http.post`.

        Raises:
            InvalidParam: its channel or topic has no name, or one that can't be sent.
            PublishFailed: the server didn't take it, or didn't answer.
            SigningKeyError: the signing key is missing, or isn't one.
        """
        where = target(envelope)
        if not is_offline():
            await self._post(where, envelope, blocking=blocking)
        if self.hooks.sent:
            notify(self.hooks.sent, MessageInfo(envelope))

    def transactional(self) -> NoReturn:
        """Refuse.

        Raises:
            EngineError: always.
        """
        raise EngineError(
            "transaction= is for the embedded engine on Postgres: messages and events of this client go to "
            "Inngest's server, which takes part in no transaction"
        )

    def publish_sync(self, envelope: Envelope, /) -> None:
        """As `publish`, from any thread."""
        run(self.publish(envelope, blocking=True))

    async def _post(self, where: str, envelope: Envelope, *, blocking: bool) -> None:
        what = f'the message for topic "{envelope.topic}" on channel "{envelope.channel}"'
        try:
            answer = await self.http.post(where, envelope.data, blocking=blocking)
        except NoAnswer as failure:
            may = "; it may have been published all the same" if failure.was_sent else ""
            raise PublishFailed(f"{what}: {failure}{may}", retryable=is_retryable(failure)) from None
        if not is_accepted(answer):
            excerpt = self.http.excerpt(answer)
            raise PublishFailed(
                f"{what} was not published: the server answered {answer.status}"
                + (f": {excerpt}" if excerpt else ""),
                status=answer.status,
                retryable=answer.is_retryable,
            )

    def subscribe(self, addresses: Iterable[Address], after: str | None, /) -> InngestFeed:
        """See `tightbeam._engine.protocol.Carrier`."""
        from tightbeam.inngest._subscribe import InngestFeed  # not at import: publishing needs no WebSockets

        feed = InngestFeed(self.http, addresses, after, self.hooks, self._count_dropped)
        self.feeds.add(feed)
        return feed

    async def token(
        self, selection: Selection, since: str | None, /, *, blocking: bool = False
    ) -> SubscriptionToken:
        """Have the server make a token.

        Args:
            selection: the topics that it allows, by channel.
            since: a time, ``"latest"`` or None; the server keeps nothing, so a reader since a time has a gap.
            blocking: as for `Http.post`.

        Raises:
            SubscribeFailed: the server gave none.
            SigningKeyError: the signing key is missing, or isn't one.
        """
        key = await mint(self.http, addresses_of(selection), blocking=blocking)
        reset = since is not None and since != LATEST
        return subscription_token(key, str(self.http.origin), selection, reset=reset)

    def token_sync(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        """Have the server make a token, from any thread. See `token`."""
        return run(self.token(selection, since, blocking=True))

    async def close(self) -> None:
        """End the subscriptions and close the connections; the next publish makes new ones."""
        for feed in tuple(self.feeds):
            feed.close()
        self.http.pool.close()


def target(envelope: Envelope) -> str:
    """Return path and query for a message; every name is percent-encoded, so that it can't be anything else.

    Raises:
        InvalidParam: its channel or topic has no name, or one that isn't text.
    """
    if not envelope.channel or not envelope.topic:
        raise InvalidParam("a message needs the name of a channel and of a topic; one of them is empty")
    query: list[tuple[str, str | bytes]] = [("channel", envelope.channel), ("topic", envelope.topic)]
    if envelope.run_id is not None:
        query.append(("run_id", envelope.run_id))
    metadata = {} if envelope.metadata is None else orjson.loads(envelope.metadata)
    if envelope.id is not None:
        metadata["id"] = envelope.id
    try:
        if metadata:
            query.append(("metadata", orjson.dumps(metadata)))
        pairs = [f"{name}={quote(value, safe='')}" for name, value in query]
        return f"/v1/realtime/publish?{'&'.join(pairs)}"
    except (UnicodeEncodeError, TypeError):
        raise InvalidParam(
            "a name of a channel, topic or step has a lone surrogate: it can't be sent"
        ) from None
