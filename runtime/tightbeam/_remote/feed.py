"""The messages of a gateway: from where the last connection ended, without gap or duplicate."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import orjson
from websockets.asyncio.client import ClientConnection

from tightbeam._hooks.hook_list import HookList
from tightbeam._message import Address, Envelope
from tightbeam._remote.answers import error_for
from tightbeam._wire.backoff import Backoff
from tightbeam._wire.failures import FailureKind, NoAnswer, failure_of
from tightbeam._wire.feed import LeaveConnection, WireFeed
from tightbeam._wire.frames import Unreadable, message_of, metadata_of
from tightbeam._wire.http import Pool
from tightbeam._wire.websocket import UpgradeRefused, open_websocket
from tightbeam.errors import PositionLost, SubscribeFailed, TightbeamError

__all__ = ["GatewayFeed"]

_log = logging.getLogger("tightbeam")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 10.0
_POSITION = re.compile(r"[^:.]{0,64}(?::|\.(?P<transaction>[0-9]{1,20})\.)(?P<number>[0-9]{1,19})", re.ASCII)
"""The name of a journal and a number in it: `a1b2c3d4:17`; of one on a server `a1b2c3d4.9007.17`."""
_RESTART = 1012
"""The code with which a gateway closes when it stops."""


class GatewayFeed(WireFeed):
    """A `Feed` from a gateway, which resumes after the last message it had."""

    def __init__(
        self,
        pool: Pool,
        token: Callable[[], Awaitable[str]],
        wanted: frozenset[Address] | None,
        after: str | None,
        hooks: HookList,
    ) -> None:
        """Open nothing yet.

        Args:
            pool: of connections to the gateway.
            token: fetches a fresh token for a connection.
            wanted: the topics to follow, or None for all that the tokens allow.
            after: where to begin.
            hooks: see `WireFeed`.
        """
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, pauses_always=False)
        super().__init__("the gateway", pool.origin, wanted or (), backoff, hooks)
        self._pool = pool
        self._token = token
        self._wanted = wanted
        self._after = after or "now"
        self._must_resume = self._after != "now"
        """Whether going on elsewhere than at the position would leave out messages that were promised."""
        self._asked_for = self._after
        """Where the current connection was asked to begin."""
        self._dropped_before = 0
        self._dropped = 0
        """Live messages that the stream of the current connection has dropped; above, those before."""

    @property
    def dropped(self) -> int:
        """See `Feed`; as far as the gateway has said."""
        return self._dropped_before + self._dropped

    @property
    def position(self) -> str | None:
        """See `Feed`."""
        return None if self._after == "now" else self._after

    def position_of(self, envelope: Envelope, /) -> str | None:
        """See `Feed`."""
        return None if envelope.seq is None else self._after

    async def _open(self) -> ClientConnection:
        self._asked_for = self._after
        query = [("token", await self._fetch_token()), ("after", self._after)]
        if self._wanted is not None:
            query.append(("want", orjson.dumps(sorted(self._wanted)).decode()))
        try:
            connection = await open_websocket(
                self._pool.origin, f"/v1/realtime/connect?{urlencode(query)}", {}, self._pool.context
            )
        except UpgradeRefused as refused:
            error = error_for(refused.answer, "no subscription: ")
            raise (self._error_for(error) if isinstance(error, NoAnswer) else error) from None
        except NoAnswer as failure:
            raise self._error_for(failure) from None
        self._dropped_before, self._dropped = self.dropped, 0
        return connection

    async def _fetch_token(self) -> str:
        try:
            return await self._token()
        except NoAnswer as failure:
            raise self._error_for(failure) from None
        except TypeError:
            raise
        except TightbeamError as error:
            if not error.retryable:
                raise
            raise NoAnswer(FailureKind.OUTAGE, f"no token: {type(error).__name__}") from None
        except OSError as error:  # a timeout is one
            raise NoAnswer(FailureKind.OUTAGE, f"no token: {failure_of(error).reason}") from None
        except Exception as error:
            if not self._has_connected:
                raise
            # The text stays out: it is the caller's, and may hold a token.
            raise NoAnswer(FailureKind.OUTAGE, f"no token: {type(error).__name__}") from None

    def _error_for(self, failure: NoAnswer) -> NoAnswer | SubscribeFailed:
        """Return the failure if another attempt may succeed, else the error for the reader."""
        is_address = failure.kind is FailureKind.ADDRESS and not self._has_connected
        if not is_address and failure.kind is not FailureKind.CERTIFICATE:
            return failure
        return SubscribeFailed(f"no subscription from {self._server}: {failure}", status=failure.status)

    def _receive(self, frame: dict[str, Any]) -> Envelope | None:
        kind, metadata = frame.get("kind"), metadata_of(frame)
        if kind == "reset":
            self._lose_position()
        position, dropped = metadata.get("position"), metadata.get("dropped")
        if kind == "ping":
            if isinstance(dropped, int):
                self._dropped = dropped
            if isinstance(position, str) and self._after != "start":
                self._after = position
        envelope = message_of(frame, self._wanted)
        if envelope is None or not isinstance(position, str):
            return envelope
        found = _POSITION.fullmatch(position)
        if found is None:
            raise Unreadable("its position isn't one")
        self._after, self._must_resume = position, True
        return envelope._replace(seq=int(found["transaction"] or 0) << 64 | int(found["number"]))

    def _lose_position(self) -> None:
        """React to a gateway that no longer retains what came after the position.

        Raises:
            PositionLost: the caller gave a position, or has had a durable message: what came after it was
                promised.
            LeaveConnection: the feed goes on with what is published from now on.
        """
        if self._asked_for == "now":
            return  # nothing was asked for that could be lost
        if self._must_resume:
            self.close()
            raise PositionLost("the gateway no longer retains what came after that position")
        _log.warning(
            "the gateway no longer knows the position of a subscription, which goes on with what is "
            "published from now on: it was restarted without its messages, or was away for too long"
        )
        self._after = "now"
        raise LeaveConnection(is_loss=False)

    def _log_loss(self, reason: str, pause: float | None) -> None:
        if pause is None or self._is_closing or self._close_code == _RESTART:
            _log.info("%s ended a connection (%s)", self._server, reason)
            return
        _log.warning(
            "%s ended a connection at once (%s); the next attempt is in %.1f s", self._server, reason, pause
        )
