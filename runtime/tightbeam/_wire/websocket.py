"""Opening WebSockets."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Mapping
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidMessage, InvalidProxy, InvalidStatus, WebSocketException

from tightbeam._wire.failures import BadProxy, NotHttp, failure_of
from tightbeam._wire.frames import MAX_FRAME
from tightbeam._wire.http import Answer
from tightbeam._wire.origin import Origin

__all__ = ["UpgradeRefused", "hang_up", "open_websocket"]

_OPEN_TIMEOUT = 10.0
_CLOSE_TIMEOUT = 1.0
_CLOSE_FRAME: Final = b"\x88\x82\x00\x00\x00\x00\x03\xe8"
"""Masked, with code 1000."""

_quiet = logging.getLogger("tightbeam.websocket")
# At DEBUG the library logs requests, which hold tokens. Not by level: that is easily set again.
_quiet.addFilter(lambda record: record.levelno >= logging.WARNING)


class UpgradeRefused(Exception):
    """The server answered in HTTP instead of opening a WebSocket."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(f"it answers {answer.status}")


class _Connect(connect):
    """Follows no redirect: a token is for the server that gave it."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def open_websocket(
    origin: Origin, target: str, headers: Mapping[str, str], context: Callable[[], ssl.SSLContext]
) -> ClientConnection:
    """Open a WebSocket.

    Args:
        origin: of the server.
        target: path and query.
        headers: of the request.
        context: makes the TLS context, where the origin has TLS.

    Raises:
        UpgradeRefused: the server's answer, whatever its status.
        NoAnswer: there is none.
    """
    try:
        return await _Connect(
            f"{origin.websocket_url}{target}",
            additional_headers=headers,
            user_agent_header="tightbeam",
            compression=None,
            max_size=MAX_FRAME,
            open_timeout=_OPEN_TIMEOUT,
            close_timeout=_CLOSE_TIMEOUT,
            proxy=None if origin.is_loopback else True,
            ssl=context() if origin.is_secure else None,
            logger=_quiet,
        )
    except InvalidStatus as error:
        response = error.response
        received = {name.title(): value for name, value in response.headers.raw_items()}
        raise UpgradeRefused(Answer(response.status_code, received, bytes(response.body))) from None
    except InvalidMessage as error:
        speaks_other = not isinstance(error.__cause__, (EOFError, OSError))
        raise failure_of(NotHttp() if speaks_other else ConnectionResetError()) from None
    except (OSError, WebSocketException, EOFError) as error:  # a timeout is an OSError
        raise failure_of(BadProxy() if isinstance(error, InvalidProxy) else error) from None


def hang_up(websocket: ClientConnection) -> None:
    """Send a close frame and close the connection, without waiting for the server's close frame."""
    transport = websocket.transport
    if not transport.is_closing():
        transport.write(_CLOSE_FRAME)
        transport.abort()
