"""The messages of a remote subscription: reconnects, and resumes where it was."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from tightbeam._hub import Address, Envelope
from tightbeam.errors import GatewayRefused, InvalidPayload, PositionLost, PublishFailed
from tightbeam.gateway._settings import LOOPBACK_NAMES

__all__ = ["RemoteFeed"]

_FIRST_DELAY = 0.05
_LONGEST_DELAY = 5.0
_MAX_FRAME = 4 * 1024 * 1024
_OPEN_TIMEOUT = 10.0
_REFUSED = frozenset({400, 401, 403, 404, 421})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RemoteFeed:
    """A `Feed` from a gateway. Read by one task at a time."""

    def __init__(
        self,
        url: str,
        tokens: Callable[[], Awaitable[list[str]]],
        wanted: frozenset[Address] | None,
        after: str | None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            url: of the WebSocket route.
            tokens: fetches fresh tokens for a connect.
            wanted: what to follow, or None for all that the tokens allow.
            after: where to begin.
        """
        self._url = url
        self._tokens = tokens
        self._wanted = wanted
        self._after = after or "now"
        self._connection: ClientConnection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._positions: dict[str, str] = {}
        self._opening = asyncio.Lock()
        self._closed = False
        self._task: asyncio.Task[Any] | None = None
        self._delays = 0
        self._frames: deque[Envelope] = deque()

    @property
    def position(self) -> str | None:
        """Where to resume after what was handed out so far."""
        return None if self._after in ("now", "start") else self._after

    async def ready(self) -> None:
        """See `tightbeam._engines.Feed`."""
        async with self._opening:
            if self._connection is None and not self._closed:
                await self._connect()

    async def next(self) -> Envelope | None:
        """See `tightbeam._engines.Feed`.

        Raises:
            GatewayRefused: it isn't let in any more.
        """
        while not self._closed:
            await self.ready()
            connection = self._connection
            if connection is None:
                continue
            try:
                text = await connection.recv(decode=False)
            except ConnectionClosed:
                await self._drop(connection)
                continue
            envelope = self._read(text)
            if envelope is not None:
                return envelope
        return None

    def position_of(self, envelope: Envelope, /) -> str | None:
        """See `tightbeam._engines.Feed`."""
        return None if envelope.seq is None else self._after

    def misfit(self, _envelope: Envelope, error: InvalidPayload, /) -> None:
        """The gateway checked it, so the bindings here are of another version: whoever reads has to know."""
        raise error

    def close(self) -> None:
        """See `tightbeam._engines.Feed`."""
        self._closed = True
        loop, connection, task = self._loop, self._connection, self._task
        if loop is None or loop.is_closed():
            return
        with contextlib.suppress(RuntimeError):  # it closes at this moment
            loop.call_soon_threadsafe(_end, connection, task)

    async def _drop(self, connection: ClientConnection) -> None:
        if self._connection is connection:
            self._connection = None
        await connection.close()

    async def _connect(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._until_open())
        try:
            await asyncio.shield(self._task)
        except asyncio.CancelledError:
            if not self._closed or not self._task.cancelled():
                self._task.cancel()
                raise
        finally:
            self._task = None

    async def _until_open(self) -> None:
        while not self._closed:
            if self._delays:
                longest = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(self._delays - 1, 10))
                await asyncio.sleep(longest * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            self._delays += 1
            try:
                self._connection = await self._open(await self._tokens())
                return
            except InvalidStatus as error:
                status = error.response.status_code
                if status in _REFUSED:
                    raise GatewayRefused(_words(status, error.response.body), status=status) from None
            except PublishFailed as error:
                if not error.retryable:
                    raise
            except InvalidURI:
                raise
            except (OSError, TimeoutError, InvalidHandshake, EOFError):
                pass  # tried again

    async def _open(self, tokens: list[str]) -> ClientConnection:
        query = [("token", token) for token in tokens]
        query.append(("after", self._after))
        if self._wanted is not None:
            query.append(("want", orjson.dumps(sorted(self._wanted)).decode()))
        local = (urlsplit(self._url).hostname or "") in LOOPBACK_NAMES
        return await open_websocket(
            f"{self._url}?{urlencode(query)}",
            compression=None,
            max_size=_MAX_FRAME,
            open_timeout=_OPEN_TIMEOUT,
            close_timeout=1.0,
            proxy=None if local else True,
            logger=_silent(),
        )

    def _read(self, text: bytes | str) -> Envelope | None:
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(frame, dict):
            return None
        kind, metadata = frame.get("kind"), frame.get("metadata")
        position = metadata.get("position") if isinstance(metadata, dict) else None
        if kind == "reset":
            self._closed = True
            if (connection := self._connection) is not None:
                connection.transport.abort()
            raise PositionLost("the gateway no longer retains what came after that position")
        self._delays = 0
        if kind == "ping" and isinstance(position, str) and self._after != "start":
            self._after = position
        if kind != "data":
            return None
        channel, topic = frame.get("channel"), frame.get("topic")
        if not isinstance(channel, str) or not isinstance(topic, str):
            return None
        if self._wanted is not None and (channel, topic) not in self._wanted:
            return None
        seq = None
        if isinstance(position, str):
            self._after = position
            seq = int(position.rpartition(":")[2])
        return Envelope(
            channel,
            topic,
            orjson.dumps(frame.get("data")),
            frame.get("run_id"),
            metadata.get("id") if isinstance(metadata, dict) else None,
            _microseconds(frame.get("created_at")),
            seq,
        )


def _end(connection: ClientConnection | None, task: asyncio.Task[Any] | None) -> None:
    if connection is not None:
        connection.transport.abort()
    if task is not None:
        task.cancel()


def _microseconds(text: object) -> int:
    try:
        return (datetime.fromisoformat(str(text)) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, TypeError):
        return 0


def _words(status: int, body: bytes | bytearray) -> str:
    try:
        text = orjson.loads(body)["error"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        text = "no reason given"
    hint = "; a token lasts a minute: give a function that fetches one" if status == 401 else ""
    return f"the gateway refused the subscription ({status}): {text}{hint}"


def _silent() -> Any:
    """A logger that shows nothing: at DEBUG the library writes request lines, which hold tokens."""
    import logging

    logger = logging.getLogger("tightbeam.gateway.websockets")
    logger.setLevel(logging.CRITICAL)
    logger.propagate = False
    return logger
