"""Failures to connect or to get an answer: one explanation for each error that an attempt can raise."""

from __future__ import annotations

import enum
import socket
import ssl
from typing import Final

__all__ = ["BUSY", "BadProxy", "FailureKind", "NoAnswer", "NotHttp", "ProxyRefused", "failure_of"]

BUSY: Final = frozenset({408, 425, 429})
"""Statuses below 500 after which the same request may be accepted later."""


class FailureKind(enum.Enum):
    """What can mend a failure: time, or the caller."""

    OUTAGE = "outage"
    """The same attempt may succeed later."""
    ADDRESS = "address"
    """No such server is at that URL: the caller's to mend at the first attempt, and an outage later."""
    CERTIFICATE = "certificate"
    """The server can't prove that it is that host: the caller's to mend."""


class NotHttp(ConnectionError):
    """Something answers there, but not in HTTP."""


class BadProxy(OSError):
    """The environment names a proxy that isn't one for HTTP."""


class ProxyRefused(OSError):
    """The proxy made no connection."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__()


class NoAnswer(Exception):
    """No server answered, or it was too busy to; the text holds no URL, token or key."""

    def __init__(
        self,
        kind: FailureKind,
        reason: str,
        *,
        remedy: str = "",
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.kind = kind
        self.reason = reason
        self.remedy = remedy
        self.status = status
        self.retry_after = retry_after
        """Seconds that the server asked to be left alone for."""
        self.was_sent = False
        """Whether the request may have arrived."""
        super().__init__(f"{reason}: {remedy}" if remedy else reason)


def failure_of(error: Exception, seconds: float | None = None) -> NoAnswer:
    """Explain why there is no connection or no answer.

    Args:
        error: what the attempt raised.
        seconds: the time that the attempt had.

    Returns:
        The failure. Raise it ``from None``: the error itself may hold a URL.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return NoAnswer(
            FailureKind.CERTIFICATE,
            f"its certificate isn't trusted ({error.verify_message or error.reason})",
            remedy="check the host in the URL, or name the CA that signed it in SSL_CERT_FILE",
        )
    return _at_the_address(error) or NoAnswer(FailureKind.OUTAGE, _described(error, seconds))


def _at_the_address(error: Exception) -> NoAnswer | None:
    """Explain an error that means another address has to be tried; None for any other one."""
    if isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        reason = f"what answers there doesn't speak TLS as expected ({error.reason or type(error).__name__})"
        remedy = "check scheme and port: http:// is without TLS"
    elif isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN:
        reason, remedy = f"there is no such host ({error.strerror})", "check the host in the URL"
    elif isinstance(error, NotHttp):
        reason = "what answers there doesn't speak HTTP"
        remedy = "check scheme and port of the URL: a server with TLS needs https://"
    elif isinstance(error, BadProxy):
        reason = "the proxy that the environment names isn't one"
        remedy = "check HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY"
    else:
        return None
    return NoAnswer(FailureKind.ADDRESS, reason, remedy=remedy)


def _described(error: Exception, seconds: float | None) -> str:
    if isinstance(error, ProxyRefused):
        return f"the proxy answers {error.status}"
    if isinstance(error, TimeoutError) and not error.strerror:
        return f"TimeoutError: no answer {'in time' if seconds is None else f'within {seconds:g} s'}"
    text = error.strerror if isinstance(error, OSError) and error.strerror else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
