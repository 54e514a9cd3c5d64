"""Messages, tokens and events by way of a gateway."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable, Mapping
from typing import NoReturn
from urllib.parse import quote, urlencode

from tightbeam._engine.protocol import Selection, SubscriptionToken
from tightbeam._events.sending import SendOptions
from tightbeam._hooks.hook_list import HookList
from tightbeam._hooks.info import RunCount
from tightbeam._message import Address, Envelope
from tightbeam._remote.answers import error_for, error_text, json_object
from tightbeam._remote.feed import GatewayFeed
from tightbeam._remote.send import run_ids_in, send_failed, send_target
from tightbeam._remote.tokens import TokenFactory, key_in
from tightbeam._selection import addresses_of, subscription_token, token_request
from tightbeam._wire.backoff import Backoff
from tightbeam._wire.failures import FailureKind, NoAnswer
from tightbeam._wire.http import Answer, Pool
from tightbeam._wire.io import RequestLimits, pause, run
from tightbeam._wire.origin import Origin, parse_origin
from tightbeam.errors import (
    EngineError,
    GatewayRefused,
    InvalidParam,
    PublishFailed,
    SendFailed,
    SubscribeFailed,
)

__all__ = ["GatewayCarrier"]

_TIMEOUT = 10.0
_REPEATS = 2
"""How often an event with an id is sent again at most."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_REQUESTS = 32
"""How many may be under way at once, in each event loop and in all threads."""


class GatewayCarrier:
    """Carries messages and tokens by way of a gateway, and events to it."""

    def __init__(self, url: str, token: str | TokenFactory | None, key: str | None, hooks: HookList) -> None:
        """Open nothing yet.

        Args:
            url: the gateway's.
            token: for subscriptions, in place of the key.
            key: the server key.
            hooks: those of the client.

        Raises:
            ValueError: the URL isn't one, or the key can't be sent.
        """
        if key is not None and not (key.isascii() and key.isprintable()):
            raise ValueError("the server key is printable ASCII: is there a line break at its end?")
        self.origin: Origin = parse_origin(url, "the gateway's URL")
        self._pool = Pool(self.origin, RequestLimits(_TIMEOUT, _REQUESTS))
        self._headers = {"Content-Type": "application/json"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"
        self._token = token
        self._hooks = hooks
        self._feeds: weakref.WeakSet[GatewayFeed] = weakref.WeakSet()
        hooks.describe(self)

    @property
    def server(self) -> str:
        """See `Carrier`."""
        return str(self.origin)

    @property
    def subscribers(self) -> int:
        """See `Carrier`."""
        return sum(not feed.is_closed for feed in self._feeds.copy())

    @property
    def dropped(self) -> int:
        """0: the gateway drops messages, and counts them."""
        return 0

    def count_runs(self) -> tuple[RunCount, ...]:
        """Return none: runs are the gateway's."""
        return ()

    def read_lag(self) -> None:
        """Return None: the journal is the gateway's."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What every request shows, the server key among it."""
        return self._headers

    def __repr__(self) -> str:
        return f"<GatewayCarrier of {self.origin}>"

    async def publish(self, envelope: Envelope, /, *, blocking: bool = False) -> None:
        """Publish live.

        Args:
            envelope: the message.
            blocking: as for `Pool.post`, here and below.

        Raises:
            GatewayRefused: this client has a token.
            PublishFailed: the gateway didn't take the message, or there was no answer.
        """
        self.check_key("publishing")
        target = _publish_target(envelope)
        try:
            answer = await self._pool.post(
                target, self._headers, envelope.data, blocking=blocking, retry_if_stale=True
            )
        except NoAnswer as failure:
            raise PublishFailed(
                f"no answer from the gateway at {self.origin}: {failure}",
                retryable=failure.kind is FailureKind.OUTAGE,
            ) from None
        if answer.status != 200:
            reason = error_text(answer) or "no reason given"
            raise PublishFailed(
                f'the gateway refused a message for topic "{envelope.topic}" with {answer.status}: {reason}',
                status=answer.status,
                retryable=answer.is_retryable,
            )

    def transactional(self) -> NoReturn:
        """Refuse.

        Raises:
            EngineError: always.
        """
        raise EngineError(
            f"transaction= is for a client on Postgres: this one goes through the gateway at {self.origin}; "
            'make a tightbeam.Client("postgresql://…") beside it, which needn\'t be entered for that'
        )

    def publish_sync(self, envelope: Envelope, /) -> None:
        """As `publish`, from any thread."""
        run(self.publish(envelope, blocking=True))

    async def fetch_token(self, selection: Selection) -> str:
        """Fetch a subscription token for connecting, over a connection of its own.

        Raises:
            NoAnswer: no gateway answered, or it was too busy to.
            GatewayRefused: the key isn't valid there, or there is no such channel or topic.
        """
        body = token_request(addresses_of(selection))
        answer = await self._pool.post("/v1/realtime/token", self._headers, body, keep_alive=False)
        return self._token_in(answer, selection)["key"]

    async def token(
        self, selection: Selection, since: str | None, /, *, blocking: bool = False
    ) -> SubscriptionToken:
        """Fetch a subscription token for a subscriber elsewhere.

        Args:
            selection: the topics that it is for.
            since: the time after which the subscriber wants messages.
            blocking: see `publish`.

        Raises:
            InvalidParam: it is too much for one token.
            GatewayRefused: the key isn't valid there, or there is no such channel or topic; or this client
                has a token.
            SubscribeFailed: no gateway answered, or it was too busy to.
        """
        self.check_key("making tokens")
        query = "" if since is None else "?" + urlencode({"since": since}, quote_via=quote)
        target, body = f"/v1/realtime/token{query}", token_request(addresses_of(selection))
        try:
            answer = await self._pool.post(
                target, self._headers, body, blocking=blocking, retry_if_stale=True
            )
            _check_selection(answer)
            return self._token_in(answer, selection)
        except NoAnswer as failure:
            raise SubscribeFailed(
                f"no token from the gateway at {self.origin}: {failure}",
                status=failure.status,
                retryable=failure.kind is FailureKind.OUTAGE,
            ) from None

    def token_sync(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        """As `token`, from any thread."""
        return run(self.token(selection, since, blocking=True))

    async def send(
        self,
        name: str,
        data: bytes,
        options: SendOptions,
        *,
        metadata: bytes | None = None,
        is_defined: bool = False,
        blocking: bool = False,
    ) -> list[str]:
        """Send an event; see `tightbeam._remote.send.run_ids_in` for what it raises.

        Args:
            name: the event's.
            data: JSON.
            options: of the call; with an id it is sent again where the answer was lost.
            metadata: of hooks, as JSON.
            is_defined: whether the event has a definition, so that it may start nothing.
            blocking: see `publish`.
        """
        target = send_target(name, options, metadata, is_defined=is_defined)
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, pauses_always=True)
        for _ in range(_REPEATS if options.id is not None else 0):
            try:
                return await self._send_once(target, name, data, blocking=blocking)
            except SendFailed as failed:
                if not (failed.retryable and failed.may_have_started):
                    raise
            await pause(backoff.failed(time.monotonic()), blocking=blocking)
        return await self._send_once(target, name, data, blocking=blocking)

    async def _send_once(self, target: str, name: str, data: bytes, *, blocking: bool) -> list[str]:
        try:
            answer = await self._pool.post(target, self._headers, data, blocking=blocking, keep_alive=False)
        except NoAnswer as failure:
            raise send_failed(failure, name, self.origin) from None
        return run_ids_in(answer, name, self.origin)

    def subscribe(self, addresses: Iterable[Address], after: str | None, /) -> GatewayFeed:
        """See `Carrier`."""
        wanted = frozenset(addresses)
        selection: dict[str, list[str]] = {}
        for channel, topic in sorted(wanted):
            selection.setdefault(channel, []).append(topic)
        return self._feed(selection, wanted, after)

    def follow(self, channel: str, topics: list[str], after: str | None) -> GatewayFeed:
        """Follow a channel, in whatever topics the gateway allows of these."""
        return self._feed({channel: topics}, None, after)

    def _feed(
        self, selection: Selection, wanted: frozenset[Address] | None, after: str | None
    ) -> GatewayFeed:
        async def fetch_token() -> str:
            if isinstance(self._token, str):
                return self._token
            if self._token is not None:
                return key_in(await self._token(), selection)
            return await self.fetch_token(selection)

        feed = GatewayFeed(self._pool, fetch_token, wanted, after, self._hooks)
        self._feeds.add(feed)
        return feed

    async def close(self) -> None:
        """End the subscriptions and close the connections."""
        for feed in tuple(self._feeds):
            feed.close()
        self._pool.close()

    def check_key(self, what: str) -> None:
        """Refuse what only the server key allows.

        Raises:
            GatewayRefused: this client has a token.
        """
        if self._token is not None:
            raise GatewayRefused(f"{what} needs the server key: `tightbeam.connect(url, key=…)`")

    def _token_in(self, answer: Answer, selection: Selection) -> SubscriptionToken:
        """Return the token in an answer.

        Raises:
            GatewayRefused: there is none, and why.
            NoAnswer: the gateway is too busy, or none answered.
        """
        body = json_object(answer.body) if answer.status == 201 else {}
        jwt, topics = body.get("jwt"), body.get("topics")
        if isinstance(jwt, str):
            names = topics if isinstance(topics, list) else None
            return subscription_token(
                jwt, str(self.origin), selection, names, reset=body.get("reset") is True
            )
        raise error_for(answer, "the gateway gave no token: ")


def _check_selection(answer: Answer) -> None:
    """Raise what the gateway's client raises for a selection that no token can be for.

    Raises:
        InvalidParam: it is one.
    """
    body = json_object(answer.body)
    if body.get("status") == answer.status and body.get("type") == InvalidParam.__name__:
        raise InvalidParam(str(body.get("error")).removeprefix("Invalid request: "))


def _publish_target(envelope: Envelope) -> str:
    query: dict[str, str | bytes] = {"channel": envelope.channel, "topic": envelope.topic}
    if envelope.run_id is not None:
        query["run_id"] = envelope.run_id
    if envelope.metadata is not None:
        query["metadata"] = envelope.metadata
    return f"/v1/realtime/publish?{urlencode(query, quote_via=quote)}"
