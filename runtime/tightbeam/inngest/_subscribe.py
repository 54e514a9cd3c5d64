"""Subscriptions: a task reads into a bounded mailbox, so that a slow reader doesn't hold up the server."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from tightbeam._hooks.hook_list import HookList
from tightbeam._hub.hub import Hub
from tightbeam._hub.turns import give_turn
from tightbeam._message import Address, Envelope
from tightbeam._wire.backoff import Backoff
from tightbeam._wire.failures import FailureKind, NoAnswer, failure_of
from tightbeam._wire.feed import LeaveConnection, WireFeed
from tightbeam._wire.frames import message_of
from tightbeam._wire.websocket import UpgradeRefused, hang_up, open_websocket
from tightbeam.errors import PositionLost, SubscribeFailed, SubscriberTooSlow, TightbeamError
from tightbeam.inngest._errors import translated
from tightbeam.inngest._http import Http
from tightbeam.inngest._token import fetch_token, mint

__all__ = ["InngestFeed"]

_log = logging.getLogger("tightbeam")

_MAX_MESSAGES = 1_024
_MAX_BYTES = 16 * 1024 * 1024
_REMEMBERED = 16_384
"""How many message ids are kept to know repeats by."""
_MAX_REFUSALS = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_SECONDS_TO_SUBSCRIBE = 10.0


class InngestFeed:
    """A `Feed` of messages from the Inngest server, which a task reads into a mailbox."""

    def __init__(
        self,
        http: Http,
        addresses: Iterable[Address],
        after: str | None,
        hooks: HookList,
        count_dropped: Callable[[int], None],
    ) -> None:
        """Open nothing yet.

        Args:
            http: to the server.
            addresses: the topics to follow.
            after: where to begin; only None can be had.
            hooks: see `WireFeed`.
            count_dropped: called with the number of messages that were dropped since the last time.
        """
        topics = tuple(addresses)
        self._after = after
        self._hub = Hub()
        self._mailbox = self._hub.register(
            topics, catching_up=False, max_messages=_MAX_MESSAGES, max_bytes=_MAX_BYTES
        )
        self._wire = _ServerFeed(http, topics, hooks)
        self._reading: asyncio.Task[None] | None = None
        self._error: Exception | None = None
        self._count_dropped = count_dropped
        self._counted = 0
        """How many dropped messages were counted."""

    async def ready(self) -> None:
        """Connect, unless it is connected already.

        Raises:
            PositionLost: ``after=`` was given; Inngest keeps no messages.
            SubscribeFailed: the server gave no token or refused the connection, or there is none.
        """
        if self._after is not None:
            raise PositionLost("Inngest keeps no messages to resume from: subscribe without after=")
        if self._reading is not None or self._mailbox.closed:
            return
        try:
            await self._wire.ready()
        except TightbeamError as error:
            raise translated(error) from error.__cause__
        self._begin_reading()

    def _begin_reading(self) -> None:
        if self._reading is None and not self._mailbox.closed:
            self._reading = asyncio.get_running_loop().create_task(self._read())

    def give_up(self) -> None:
        """See `Feed`."""
        self._wire.give_up()

    async def next(self) -> Envelope | None:
        """See `Feed`."""
        await self.ready()
        mailbox = self._mailbox
        while (envelope := mailbox.take()) is None:
            if mailbox.overflowed:
                self.close()
                raise SubscriberTooSlow
            if mailbox.closed:
                if self._error is not None:
                    raise translated(self._error) from None
                return None
            await mailbox.wait()
        self._note_drops()
        return envelope

    def _note_drops(self) -> None:
        dropped = self._mailbox.dropped
        if dropped != self._counted:
            self._count_dropped(dropped - self._counted)
            self._counted = dropped

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""
        return self._mailbox.closed

    @property
    def dropped(self) -> int:
        """See `Feed`."""
        return self._mailbox.dropped

    @property
    def position(self) -> str | None:
        """None: the server keeps nothing to resume from."""
        return None

    def position_of(self, _envelope: Envelope, /) -> str | None:
        """See `position`."""
        return None

    def close(self) -> None:
        """See `Feed`."""
        self._note_drops()
        self._mailbox.close()
        self._wire.close()

    async def _read(self) -> None:
        """Fill the mailbox until the feed ends."""
        try:
            while (envelope := await self._wire.next()) is not None:
                pressed = self._hub.emit(envelope)
                if pressed is not None:  # the socket had many messages at once
                    await give_turn(pressed)
        except Exception as error:  # noqa: BLE001 - whatever ends the reading is for the reader
            self._error = error
        finally:
            self.close()


class _ServerFeed(WireFeed):
    """The connections of one subscription: a fresh token for each, and repeats left out."""

    def __init__(self, http: Http, addresses: tuple[Address, ...], hooks: HookList) -> None:
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, pauses_always=True)
        super().__init__("the server", http.origin, addresses, backoff, hooks)
        self._http = http
        self._addresses = addresses
        self._wanted = frozenset(addresses)
        self._seen: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._refusals = 0

    async def _open(self) -> ClientConnection:
        # The first connection is never retried.
        token = await (fetch_token if self._has_connected else mint)(self._http, self._addresses)
        try:
            connection = await self._open_websocket(token)
        except UpgradeRefused as refused:
            status, pause = refused.answer.status, refused.answer.retry_after
            failure = NoAnswer(FailureKind.OUTAGE, str(refused), status=status, retry_after=pause)
            raise self._error_for(failure) from None
        except NoAnswer as failure:
            raise self._error_for(failure) from None
        self._refusals = 0
        return connection

    async def _open_websocket(self, token: str) -> ClientConnection:
        """Open a connection and wait until the server has subscribed it to its topics.

        The server answers the upgrade first and subscribes afterwards; it reads frames, and so answers a
        ping, only once it has subscribed. The pong is the acknowledgement that the protocol lacks.
        """
        http = self._http
        connection = await open_websocket(
            http.origin, "/v1/realtime/connect", {"Authorization": f"Bearer {token}"}, http.pool.context
        )
        try:
            async with asyncio.timeout(_SECONDS_TO_SUBSCRIBE):
                await (await connection.ping())
        except (WebSocketException, OSError) as error:
            hang_up(connection)
            raise failure_of(error) from None
        except BaseException:
            hang_up(connection)
            raise
        return connection

    def _error_for(self, failure: NoAnswer) -> NoAnswer | SubscribeFailed:
        """Return the failure if another attempt may succeed, else the error for the reader."""
        if failure.kind is FailureKind.CERTIFICATE:
            return SubscribeFailed(f"no subscription from {self._server}: {failure}")
        is_refused = failure.status in (401, 403)
        if is_refused:
            self._refusals += 1  # each attempt has a new token, so one refusal may be a passing fault
        if self._has_connected and self._refusals < _MAX_REFUSALS:
            return failure
        reason = failure.reason if failure.status else f"no connection, or it broke off: {failure}"
        return SubscribeFailed(
            f"{self._server} gave no subscription: {reason}", status=failure.status, retryable=not is_refused
        )

    def _receive(self, frame: dict[str, Any]) -> Envelope | None:
        if self._is_closing:
            raise LeaveConnection(is_loss=True)
        envelope = message_of(frame, self._wanted)
        return None if envelope is None or self._is_repeat(envelope) else envelope

    def _is_repeat(self, envelope: Envelope) -> bool:
        if envelope.id is None:
            return False
        key = (envelope.channel, envelope.topic, envelope.id)
        if key in self._seen:
            self._seen.move_to_end(key)
            return True
        self._seen[key] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return False

    def _log_loss(self, reason: str, pause: float | None) -> None:
        _log.warning(
            "a subscription lost its connection to %s: %s; the next attempt is in %.1f s; "
            "messages published in between are not received",
            self._server,
            reason,
            pause or 0.0,
        )
