"""The messages of a remote subscription: reconnects, and resumes where it was."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

from tightbeam._message import Address, Envelope
from tightbeam._payload.encoders import decoded, encoded_again
from tightbeam._remote.connecting import Connector
from tightbeam.errors import PositionLost

__all__ = ["RemoteFeed"]

_log = logging.getLogger("tightbeam")
_RESTART = 1012
"""The code with which a gateway closes when it stops."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RemoteFeed:
    """A `Feed` from a gateway. Read by one task at a time.

    A task of its own connects, so that a reader that is cancelled, by a timeout for example, finds the
    connection when it comes back.
    """

    def __init__(self, connector: Connector, wanted: frozenset[Address] | None, after: str | None) -> None:
        """Open nothing yet.

        Args:
            connector: makes the connections.
            wanted: what to follow, or None for all that the tokens allow.
            after: where to begin.
        """
        self._connector = connector
        self._wanted = wanted
        self._after = after or "now"
        self._must_resume = self._after != "now"
        """Whether going on elsewhere than at the position would leave out messages that were promised."""
        self._asked_for = self._after
        """Where the current connection was asked to begin."""
        self._connection: ClientConnection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._closed = False
        self._is_closing = False
        """Whether the gateway has said that it shuts down."""
        self._dropped_before = 0
        self._dropped = 0
        """Live messages that the stream of the current connection has dropped; above, those before."""

    @property
    def dropped(self) -> int:
        """See `tightbeam._engine.protocol.Feed`; as far as the gateway has said."""
        return self._dropped_before + self._dropped

    @property
    def position(self) -> str | None:
        """See `tightbeam._engine.protocol.Feed`."""
        return None if self._after == "now" else self._after

    async def ready(self) -> None:
        """See `tightbeam._engine.protocol.Feed`."""
        while self._connection is None and not self._closed:
            failure, self._failure = self._failure, None  # also one that came while nobody waited
            if failure is not None:
                raise failure
            if self._connecting is None or self._connecting.done():
                self._loop = asyncio.get_running_loop()
                self._connecting = self._loop.create_task(self._connect())
            await asyncio.wait({self._connecting})  # which goes on when this is cancelled

    def give_up(self) -> None:
        """See `tightbeam._engine.protocol.Feed`."""
        if self._connecting is not None:
            self._connecting.cancel()

    async def next(self) -> Envelope | None:
        """See `tightbeam._engine.protocol.Feed`.

        Raises:
            GatewayRefused: it isn't let in any more.
            SubscribeFailed: there is no gateway, or none that can be trusted.
        """
        while not self._closed:
            await self.ready()
            connection = self._connection
            if connection is None:
                continue
            try:
                text = await connection.recv(decode=False)
            except ConnectionClosed as error:
                self._drop(connection, error.rcvd)
                continue
            envelope = self._read(text)
            if envelope is not None:
                return envelope
        return None

    def position_of(self, envelope: Envelope, /) -> str | None:
        """See `tightbeam._engine.protocol.Feed`."""
        return None if envelope.seq is None else self._after

    def close(self) -> None:
        """See `tightbeam._engine.protocol.Feed`."""
        self._closed = True
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        with contextlib.suppress(RuntimeError):  # it closes at this moment
            loop.call_soon_threadsafe(_end, self._connection, self._connecting)

    async def _connect(self) -> None:
        """Open the next connection; what goes wrong is kept for the reader."""
        self._asked_for = self._after
        try:
            connection = await self._connector.connect(self._asked_for)
        except Exception as error:  # noqa: BLE001 - raised by `ready`
            self._failure = error
        else:
            if self._closed:
                connection.transport.abort()
            else:
                self._connection, self._is_closing = connection, False
                self._dropped_before, self._dropped = self.dropped, 0

    def _drop(self, connection: ClientConnection, close: Close | None) -> None:
        if self._connection is not connection:
            return
        self._connection = None
        is_usual = self._is_closing or (close is not None and close.code == _RESTART)
        if close is None:
            reason = "it shuts down" if self._is_closing else "cut off"
        else:
            reason = f"code {close.code}, {close.reason}" if close.reason else f"code {close.code}"
        self._connector.lost(reason, is_usual=is_usual)

    def _read(self, text: bytes | str) -> Envelope | None:
        try:
            frame = decoded(text)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(frame, dict):
            return None
        kind, metadata = frame.get("kind"), frame.get("metadata")
        position = metadata.get("position") if isinstance(metadata, dict) else None
        if kind == "reset":
            self._position_lost()
            return None
        if kind == "closing":
            self._is_closing = True
        if kind == "ping" and isinstance(metadata, dict) and isinstance(metadata.get("dropped"), int):
            self._dropped = metadata["dropped"]
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
            self._must_resume = True
            seq = int(position.rpartition(":")[2])
        return Envelope(
            channel,
            topic,
            encoded_again(frame.get("data")),
            frame.get("run_id"),
            metadata.get("id") if isinstance(metadata, dict) else None,
            _microseconds(frame.get("created_at")),
            seq,
        )

    def _position_lost(self) -> None:
        """Say that the gateway no longer retains what came after the position.

        Raises:
            PositionLost: the caller gave a position, or has had a durable message: what came after it was
                promised.
        """
        if self._asked_for == "now":
            return  # nothing was asked for that could be lost
        connection = self._connection
        if connection is not None:
            connection.transport.abort()
        if self._must_resume:
            self._closed = True
            raise PositionLost("the gateway no longer retains what came after that position")
        _log.warning(
            "the gateway no longer knows the position of a subscription, which goes on with what is "
            "published from now on: it was restarted without its messages, or was away for too long"
        )
        self._after = "now"
        self._connection = None


def _end(connection: ClientConnection | None, connecting: asyncio.Task[None] | None) -> None:
    if connection is not None:
        connection.transport.abort()
    if connecting is not None:
        connecting.cancel()


def _microseconds(text: object) -> int:
    try:
        return (datetime.fromisoformat(str(text)) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, TypeError):
        return 0
