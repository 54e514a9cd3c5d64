"""Subscriptions: a token, a socket, and another of each whenever the socket ends.

A task reads the socket into a bounded mailbox, so that a slow reader never holds up the answers to pings.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK, InvalidStatus, WebSocketException

from tightbeam._hub.hub import Hub, Loops
from tightbeam._hub.turns import give_turn
from tightbeam._message import Address, Envelope
from tightbeam.errors import PositionLost, SubscribeFailed, SubscriberTooSlow, TightbeamError
from tightbeam.inngest._errors import translated
from tightbeam.inngest._frames import CLOSING, Unreadable, envelope_of, parsed
from tightbeam.inngest._http import CERTIFICATE_REMEDY, Http, is_loopback
from tightbeam.inngest._publish import Carrier
from tightbeam.inngest._token import mint

__all__ = ["RemoteFeed"]

_log = logging.getLogger("tightbeam")
_quiet = logging.getLogger("tightbeam.inngest.socket")
# At DEBUG the library logs headers, and the token is in one of them. Not by level: that is easily set again.
_quiet.addFilter(lambda record: record.levelno >= logging.WARNING)

_MAX_MESSAGES = 1_024
_MAX_BYTES = 16 * 1024 * 1024
_MAX_FRAME = 8 * 1024 * 1024
"""A message of 512 KiB may be six times as long in a frame: the server escapes ``<``, ``>`` and ``&``."""
_REMEMBERED = 16_384
"""How many message ids are kept to know repeats by."""
_MAX_REFUSALS = 3
_FIRST_DELAY, _MAX_DELAY = 0.25, 5.0
_STOOD = 5.0
"""How long a connection stands before its end is no reason to wait longer than the first time."""
_SECONDS_TO_OPEN = 10.0
_SECONDS_TO_SUBSCRIBE = 10.0
_SECONDS_TO_CLOSE = 1.0


class RemoteFeed:
    """A `Feed` of messages from the Inngest server."""

    def __init__(self, carrier: Carrier, addresses: Iterable[Address], after: str | None) -> None:
        self._carrier = carrier
        self._addresses = tuple(addresses)
        self._after = after
        self._hub = Hub()
        self._mailbox = self._hub.register(
            self._addresses, catching_up=False, max_messages=_MAX_MESSAGES, max_bytes=_MAX_BYTES
        )
        self._reader: Reader | None = None
        carrier.feeds.add(self)

    async def ready(self) -> None:
        """Connect, unless it is connected already.

        Raises:
            PositionLost: ``after=`` was given; Inngest keeps no messages.
            SubscribeFailed: the server gave no token or refused the connection, or there is none.
        """
        if self._after is not None:
            raise PositionLost("Inngest keeps no messages to resume from: subscribe without after=")
        if self._mailbox.closed:
            return
        if self._reader is None:
            self._reader = Reader(self._carrier.http, self._addresses, self._hub.emit, self._mailbox.close)
        try:
            await self._reader.connected()
        except Exception as error:
            self.give_up()
            if isinstance(error, TightbeamError):
                raise translated(error) from error.__cause__
            raise

    def give_up(self) -> None:
        """See `tightbeam._engine.protocol.Feed`."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.stop()

    async def next(self) -> Envelope | None:
        """See `tightbeam._engine.protocol.Feed`."""
        if self._reader is None or not self._reader.has_connected:
            await self.ready()
        mailbox = self._mailbox
        while (envelope := mailbox.take()) is None:
            if mailbox.overflowed:
                self.close()
                raise SubscriberTooSlow
            if mailbox.closed:
                if self._reader is not None and self._reader.error is not None:
                    raise translated(self._reader.error) from None
                return None
            await mailbox.wait()
        return envelope

    @property
    def dropped(self) -> int:
        """See `tightbeam._engine.protocol.Feed`."""
        return self._mailbox.dropped

    @property
    def position(self) -> str | None:
        """None: the server keeps nothing to resume from."""
        return None

    def position_of(self, _envelope: Envelope, /) -> str | None:
        """See `position`."""
        return None

    def close(self) -> None:
        """See `tightbeam._engine.protocol.Feed`."""
        self._mailbox.close()
        if self._reader is not None:
            self._reader.stop()


def _reason(error: Exception) -> str:
    """Say why there is no connection, in words that hold no token."""
    if isinstance(error, SubscribeFailed):
        return str(error)
    if isinstance(error, InvalidStatus):
        return f"it answered {error.response.status_code}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate isn't trusted ({error.verify_message})"
    text = error.strerror if isinstance(error, OSError) and error.strerror else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def backoff() -> Iterator[float]:
    """How long to wait before connecting again; with jitter, so that not all come at once to a new server."""
    delay = _FIRST_DELAY
    while True:
        yield delay * random.uniform(0.5, 1)  # noqa: S311 - no secret
        delay = min(delay * 2, _MAX_DELAY)


@contextlib.asynccontextmanager
async def _closed_at_last(socket: ClientConnection) -> AsyncGenerator[ClientConnection, None]:
    """Says goodbye to the server; when the event loop ends in the middle of that, the socket goes at once."""
    try:
        yield socket
    finally:
        try:
            await socket.close()
        except BaseException:
            socket.transport.abort()
            raise


async def _subscribed(socket: ClientConnection) -> None:
    """Wait until the server has subscribed the socket to its topics.

    The server answers the upgrade first and subscribes afterwards; it reads frames, and so answers a ping,
    only once it has subscribed. The pong is the acknowledgement that the protocol lacks.

    Raises:
        TimeoutError: the server doesn't answer pings.
        WebSocketException: the connection ended before the pong.
    """
    async with asyncio.timeout(_SECONDS_TO_SUBSCRIBE):
        await (await socket.ping())


class _Connect(connect):
    """Follows no redirect: a token is for the server that gave it."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class Reader:
    """The task that reads: connects, passes messages on, connects again."""

    def __init__(
        self,
        http: Http,
        addresses: tuple[Address, ...],
        receive: Callable[[Envelope], Loops | None],
        ended: Callable[[], None],
    ) -> None:
        self.error: Exception | None = None
        self._http = http
        self._addresses = frozenset(addresses)
        self._order = addresses
        self._receive = receive
        self._ended = ended
        self._seen: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._loop = asyncio.get_running_loop()
        self._connected = self._loop.create_future()
        self._refusals = 0
        self._task = self._loop.create_task(self._run())

    @property
    def has_connected(self) -> bool:
        """Whether the first connection stood."""
        return self._connected.done() and self._connected.exception() is None

    async def connected(self) -> None:
        """Return when the first connection stands.

        Raises:
            SubscribeFailed: it could not be made.
        """
        await asyncio.shield(self._connected)

    def stop(self) -> None:
        """Close the socket and end, from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the task with it
            self._loop.call_soon_threadsafe(self._task.cancel)

    async def _run(self) -> None:
        delays = backoff()
        since: float | None = None
        try:
            while True:
                try:
                    async with _closed_at_last(await self._open_socket()) as socket:
                        self._refusals, since = 0, self._loop.time()
                        if not self._connected.done():
                            self._connected.set_result(None)
                        await self._read(socket)
                except (WebSocketException, OSError, SubscribeFailed) as error:
                    self._give_up_on(error)
                    reason = _reason(error)
                else:
                    reason = "it was closed"
                if since is not None and self._loop.time() - since >= _STOOD:
                    delays = backoff()
                delay = next(delays)
                _log.warning(
                    "%s the server at %s: %s; the next attempt is in %.1f s%s",
                    "no connection to" if since is None else "a subscription lost its connection to",
                    self._http.origin,
                    reason,
                    delay,
                    "" if since is None else "; messages published in between are not received",
                )
                since = None
                await asyncio.sleep(delay)
        except Exception as error:  # noqa: BLE001 - whatever ends the reading is for who reads
            self.error = error
            if not self._connected.done():
                self._connected.set_exception(error)
                self._connected.exception()  # whoever opens it may have gone
            else:
                self._ended()
        except asyncio.CancelledError:
            if self._connected.done():
                self._ended()
            else:
                self._connected.set_result(None)  # for a reader that waits: the mailbox is closed
            raise

    async def _open_socket(self) -> ClientConnection:
        token = await mint(self._http, self._order)
        origin = urlsplit(self._http.origin)
        scheme = "wss" if origin.scheme == "https" else "ws"
        socket = await _Connect(
            f"{scheme}://{origin.netloc}/v1/realtime/connect",
            additional_headers={"authorization": f"Bearer {token}"},
            proxy=None if is_loopback(self._http.origin) else True,
            user_agent_header="tightbeam",
            max_size=_MAX_FRAME,
            open_timeout=_SECONDS_TO_OPEN,
            close_timeout=_SECONDS_TO_CLOSE,
            logger=_quiet,
        )
        try:
            await _subscribed(socket)
        except BaseException:
            socket.transport.abort()
            raise
        return socket

    def _give_up_on(self, error: Exception) -> None:
        """Raise what connecting again can't mend, or nobody waits for: the first connection is never retried.

        Raises:
            SubscribeFailed: in these cases.
        """
        if isinstance(error, SubscribeFailed):
            if not error.retryable or not self._connected.done():
                raise error
            return
        if isinstance(error, ssl.SSLCertVerificationError):
            raise SubscribeFailed(
                f"no subscription from the server at {self._http.origin}: {_reason(error)}: "
                f"{CERTIFICATE_REMEDY}"
            ) from None
        status = error.response.status_code if isinstance(error, InvalidStatus) else None
        if status in (401, 403):
            self._refusals += 1  # the token is fresh each time: once is bad luck
        if not self._connected.done() or self._refusals >= _MAX_REFUSALS:
            said = (
                _reason(error) if status is not None else f"no connection, or it broke off: {_reason(error)}"
            )
            raise SubscribeFailed(
                f"the server at {self._http.origin} gave no subscription: {said}",
                status=status,
                retryable=status not in (401, 403),
            ) from None

    async def _read(self, socket: ClientConnection) -> None:
        """Pass messages on until the socket ends, or the server says that it is closing."""
        warned = False
        with contextlib.suppress(ConnectionClosedOK):
            while True:
                # Not decoded: the library would end the connection for one frame that isn't UTF-8.
                raw = await socket.recv(decode=False)
                try:
                    frame = parsed(raw)
                    envelope = envelope_of(frame, self._addresses)
                except Unreadable as reason:
                    if not warned:
                        _log.warning("a frame of a subscription was passed over: %s", reason)
                    warned = True  # one line a connection: whoever publishes such frames may publish many
                    continue
                if frame.get("kind") == CLOSING:
                    return
                if envelope is not None and not self._is_repeat(envelope):
                    pressed = self._receive(envelope)
                    if pressed is not None:  # the socket has given many at once
                        await give_turn(pressed)

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
