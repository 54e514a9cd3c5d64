"""A subscription over a WebSocket that is opened again whenever it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

from tightbeam._hooks.hook_list import Around, HookList
from tightbeam._hooks.info import ConnectionInfo
from tightbeam._message import Address, Envelope
from tightbeam._wire.backoff import Backoff
from tightbeam._wire.failures import NoAnswer
from tightbeam._wire.frames import Unreadable, read_frame
from tightbeam._wire.origin import Origin
from tightbeam._wire.websocket import hang_up

__all__ = ["LeaveConnection", "WireFeed"]

_log = logging.getLogger("tightbeam")


class LeaveConnection(Exception):
    """Raised for a frame that ends the use of a connection: another one is opened."""

    def __init__(self, *, is_loss: bool) -> None:
        self.is_loss = is_loss
        """Whether it counts as the end of a connection, with a pause before the next one."""
        super().__init__()


class WireFeed(ABC):
    """Messages from a server, over one connection after another. Read by one task at a time.

    A task of its own connects and holds the connection, so that a reader that is cancelled, by a timeout for
    example, finds the connection when it comes back, and no connection outlives its event loop.
    """

    def __init__(
        self, server: str, origin: Origin, topics: Iterable[Address], backoff: Backoff, hooks: HookList
    ) -> None:
        """Open nothing yet.

        Args:
            server: what the server is, for messages.
            origin: where it is.
            topics: what is followed, as far as it isn't the token that says it.
            backoff: the pauses between attempts.
            hooks: those of the client; they surround each connection.
        """
        self._server = f"{server} at {origin}"
        self._backoff = backoff
        self._hooks = hooks
        self._topics = tuple(sorted(topics))
        self._origin = origin
        self._info = self._new_info()
        self._has_connected = False
        """Whether there ever was a connection."""
        self._connection: ClientConnection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connecting: asyncio.Task[None] | None = None
        """The task that connects and holds connections; it ends when that can't succeed any more."""
        self._change: asyncio.Future[None] | None = None
        """Done at the next change of `_connection`, which the task or a reader waits for."""
        self._failure: Exception | None = None
        self._closed = False
        self._is_closing = False
        """Whether the server has said on this connection that it shuts down."""
        self._close_code: int | None = None
        """With which code it ended the last connection."""
        self._has_warned = False

    @abstractmethod
    async def _open(self) -> ClientConnection:
        """Open a connection on which nothing will be missed.

        Raises:
            NoAnswer: there is none; another attempt is made after a pause.
            Exception: no other attempt can succeed; the reader gets this.
        """

    @abstractmethod
    def _receive(self, frame: dict[str, Any]) -> Envelope | None:
        """Take a frame; return its message, or None if it has none.

        Raises:
            Unreadable: the frame is passed over, with a warning for each connection.
            LeaveConnection: the connection is of no more use.
            TightbeamError: the reader gets this.
        """

    @abstractmethod
    def _log_loss(self, reason: str, pause: float | None) -> None:
        """Log that a connection has ended.

        Args:
            reason: how, in words.
            pause: seconds until the next attempt; None for at once.
        """

    async def ready(self) -> None:
        """Return when there is a connection, or the feed is closed.

        Raises:
            Exception: whatever `_open` raises that isn't `NoAnswer`.
        """
        while self._connection is None and not self._closed:
            failure, self._failure = self._failure, None  # it may have happened while no reader was waiting
            if failure is not None:
                raise failure
            if self._connecting is None or self._connecting.done():
                self._loop = asyncio.get_running_loop()
                self._change = self._loop.create_future()
                self._connecting = self._loop.create_task(self._hold())
            assert self._change is not None  # noqa: S101 - made with the task
            await asyncio.wait({self._connecting, self._change}, return_when=asyncio.FIRST_COMPLETED)

    def give_up(self) -> None:
        """Stop connecting; a later `ready` or `next` begins again. A connection that stands is kept."""
        if self._connecting is not None and self._connection is None:
            self._connecting.cancel()

    async def next(self) -> Envelope | None:
        """Return the next message; None when the feed is closed.

        Raises:
            Exception: whatever `_open` and `_receive` raise that isn't dealt with here.
        """
        while not self._closed:
            await self.ready()
            connection = self._connection
            if connection is None:
                continue
            try:
                # Not decoded: the library would end the connection for one frame that isn't UTF-8.
                frame = read_frame(await connection.recv(decode=False))
                if frame.get("kind") == "closing":
                    self._is_closing = True
                envelope = self._receive(frame)
            except ConnectionClosed as error:
                self._lose(connection, error.rcvd)
            except LeaveConnection as leaving:
                if leaving.is_loss:
                    self._lose(connection, None)
                else:
                    self._drop(connection)
            except Unreadable as reason:
                if not self._has_warned:
                    _log.warning("a frame of a subscription was passed over: %s", reason)
                self._has_warned = True  # one line a connection: a publisher may send many such frames
            else:
                if envelope is not None:
                    self._info.messages += 1
                    return envelope
        return None

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""
        return self._closed

    def close(self) -> None:
        """End the feed, from any thread."""
        self._closed = True
        loop, connecting = self._loop, self._connecting
        if loop is not None and connecting is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and the task with it
                loop.call_soon_threadsafe(connecting.cancel)

    async def _hold(self) -> None:
        """Open connections and hold each until it is lost; keep an error for the reader."""
        while not self._closed:
            try:
                connection = await self._connect()
            except Exception as error:  # noqa: BLE001 - raised by `ready`
                self._failure = error
                return
            self._connection, self._is_closing, self._has_warned = connection, False, False
            info = self._info = self._new_info()
            around = Around(self._hooks.connection, info)
            around.enter()
            try:
                await self._changed()  # until it is lost
            finally:
                if self._connection is connection:
                    self._connection = None
                hang_up(connection)
                info.reason = info.reason or "closed here"
                around.leave(None)

    def _new_info(self) -> ConnectionInfo:
        return ConnectionInfo("client", "websocket", self._topics, str(self._origin))

    async def _connect(self) -> ClientConnection:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._backoff.remaining(loop.time()))
            try:
                connection = await self._open()
            except NoAnswer as failure:
                pause = self._backoff.failed(loop.time(), failure.retry_after)
                _log.warning(
                    "no connection to %s: %s; the next attempt is in %.1f s",
                    self._server,
                    failure.reason,
                    pause,
                )
            else:
                self._has_connected = True
                self._backoff.opened(loop.time())
                return connection

    def _changed(self) -> asyncio.Future[None]:
        """Resolve the future of this change, and return one for the next change."""
        change = self._change
        if change is not None and not change.done():
            change.set_result(None)
        self._change = asyncio.get_running_loop().create_future()
        return self._change

    def _drop(self, connection: ClientConnection) -> None:
        if self._connection is connection:
            self._connection = None
            self._changed()

    def _lose(self, connection: ClientConnection, close: Close | None) -> None:
        if self._connection is not connection or self._closed:
            return
        pause = self._backoff.ended(asyncio.get_running_loop().time())
        self._close_code = None if close is None else close.code
        if close is None:
            reason = "it shuts down" if self._is_closing else "cut off"
        else:
            reason = f"code {close.code}, {close.reason}" if close.reason else f"code {close.code}"
        self._info.reason = reason
        self._drop(connection)
        self._log_loss(reason, pause)
