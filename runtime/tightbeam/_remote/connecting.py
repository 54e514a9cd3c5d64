"""Connecting to a gateway, again and again: pauses that grow, a warning for each failure."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import InvalidMessage, InvalidStatus, WebSocketException

from tightbeam._message import Address
from tightbeam._remote.answers import NoAnswer, NotHttp, Trouble, judge, no_connection
from tightbeam._remote.http import Requests
from tightbeam._wire.names import LOOPBACK_NAMES
from tightbeam.errors import GatewayRefused, SubscribeFailed, TightbeamError

__all__ = ["Backoff", "Connector"]

_log = logging.getLogger("tightbeam")

_FIRST_DELAY = 0.05
_LONGEST_DELAY = 10.0
_LASTED = 5.0
"""Seconds after which the end of a connection is no reason to pause before the next one."""
_MAX_FRAME = 4 * 1024 * 1024
_OPEN_TIMEOUT = 10.0


class Backoff:
    """Pauses between attempts to connect: doubled each time, started over by a connection that lasted."""

    def __init__(self) -> None:
        self._attempts = 0
        self._due = 0.0
        self._opened: float | None = None

    def failed(self, now: float, retry_after: float | None = None) -> float:
        """Note an attempt that failed, and return the pause before the next one."""
        pause = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(self._attempts, 10))
        pause *= random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
        self._attempts += 1
        if retry_after is not None and retry_after > pause:
            pause = retry_after
        self._due = now + pause
        return pause

    def opened(self, now: float) -> None:
        """Note that an attempt made a connection."""
        self._opened = now

    def ended(self, now: float) -> float | None:
        """Note that the connection has ended, and return the pause if it ended too soon, else None."""
        opened, self._opened = self._opened, None
        if opened is not None and now - opened >= _LASTED:
            self._attempts, self._due = 0, now
            return None
        return self.failed(now)

    def remaining(self, now: float) -> float:
        """Return how long the pause still is."""
        return max(self._due - now, 0.0)


class _Connect(open_websocket):
    """Follows no redirect: a token is for the gateway that gave it."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class Connector:
    """Opens the connections of one subscription."""

    def __init__(
        self,
        requests: Requests,
        token: Callable[[], Awaitable[str]],
        wanted: frozenset[Address] | None,
    ) -> None:
        """Open nothing yet.

        Args:
            requests: to the gateway in question.
            token: fetches a fresh token for a connect.
            wanted: what to follow, or None for all that the token allows.
        """
        self._requests = requests
        self._token = token
        self._wanted = wanted
        self._backoff = Backoff()
        self._has_connected = False

    async def connect(self, after: str) -> ClientConnection:
        """Open a connection, however long it takes.

        Args:
            after: the position to resume from, ``"start"``, ``"latest"`` or ``"now"``.

        Raises:
            GatewayRefused: the gateway doesn't let this client in.
            SubscribeFailed: the certificate isn't trusted; or, before there ever was a connection, no gateway
                is at that URL.
            Exception: whatever the caller's own token function raises before there ever was a connection.
        """
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._backoff.remaining(loop.time()))
            try:
                connection = await self._open(await self._fetch_token(), after)
            except NoAnswer as failure:
                pause = self._backoff.failed(loop.time(), failure.retry_after)
                if failure.trouble is Trouble.CERTIFICATE or (
                    failure.trouble is Trouble.ADDRESS and not self._has_connected
                ):
                    raise SubscribeFailed(
                        f"no subscription from the gateway at {self._requests.origin}: {failure}",
                        status=failure.status,
                    ) from None
                _log.warning(
                    "no connection to the gateway at %s: %s; the next attempt is in %.1f s",
                    self._requests.origin,
                    failure.reason,
                    pause,
                )
            else:
                self._has_connected = True
                self._backoff.opened(loop.time())
                return connection

    def lost(self, reason: str, *, is_usual: bool) -> None:
        """Note that a connection has ended.

        Args:
            reason: how, in words.
            is_usual: whether a gateway ends connections in this way when all is well, however young they are.
        """
        pause = self._backoff.ended(asyncio.get_running_loop().time())
        if pause is None or is_usual:
            _log.info("the gateway at %s ended a connection (%s)", self._requests.origin, reason)
            return
        _log.warning(
            "the gateway at %s ended a connection at once (%s); the next attempt is in %.1f s",
            self._requests.origin,
            reason,
            pause,
        )

    async def _fetch_token(self) -> str:
        try:
            return await self._token()
        except (NoAnswer, TypeError):
            raise
        except TightbeamError as error:
            if not error.retryable:
                raise
            raise NoAnswer(Trouble.OUTAGE, f"no token: {type(error).__name__}") from None
        except OSError as error:  # a timeout is one
            raise NoAnswer(Trouble.OUTAGE, f"no token: {no_connection(error).reason}") from None
        except Exception as error:
            if not self._has_connected:
                raise
            # The text stays out: it is the caller's, and may hold a token.
            raise NoAnswer(Trouble.OUTAGE, f"no token: {type(error).__name__}") from None

    async def _open(self, token: str, after: str) -> ClientConnection:
        query = [("token", token), ("after", after)]
        if self._wanted is not None:
            query.append(("want", orjson.dumps(sorted(self._wanted)).decode()))
        try:
            return await _Connect(
                f"{self._requests.websocket_url}?{urlencode(query)}",
                compression=None,
                max_size=_MAX_FRAME,
                open_timeout=_OPEN_TIMEOUT,
                close_timeout=1.0,
                proxy=None if self._requests.host in LOOPBACK_NAMES else True,
                logger=_silent(),
            )
        except InvalidStatus as error:
            response = error.response
            headers = {name.title(): value for name, value in response.headers.raw_items()}
            verdict = judge(response.status_code, headers, bytes(response.body))
        except InvalidMessage as error:
            not_http = not isinstance(error.__cause__, (EOFError, OSError))
            verdict = no_connection(NotHttp() if not_http else ConnectionResetError("it hung up"))
        except (OSError, WebSocketException, EOFError) as error:  # a timeout is an OSError
            verdict = no_connection(error)
        if isinstance(verdict, GatewayRefused):
            raise GatewayRefused(f"no subscription: {verdict}", status=verdict.status, code=verdict.code)
        raise verdict


def _silent() -> logging.Logger:
    """A logger that shows nothing: at DEBUG the library writes request lines, which hold tokens."""
    logger = logging.getLogger("tightbeam.gateway.websockets")
    logger.setLevel(logging.CRITICAL)
    logger.propagate = False
    return logger
