"""What a gateway's answer, or the lack of one, means to a remote client."""

from __future__ import annotations

import enum
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import BadStatusLine, RemoteDisconnected
from typing import Any

import orjson
from websockets.exceptions import InvalidProxy

from tightbeam.errors import GatewayRefused

__all__ = [
    "NoAnswer",
    "NotHttp",
    "Trouble",
    "Unanswered",
    "error_body",
    "error_code",
    "judge",
    "no_connection",
]

_BUSY = frozenset({408, 425, 429})
_LET_IN = frozenset({401, 403})
_REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})
_LONGEST_WAIT = 300.0
"""Seconds; a server that asks for a longer pause is asked again after this one."""


class Trouble(enum.Enum):
    """Who can mend it."""

    OUTAGE = "outage"
    """Time: the same attempt may succeed later."""
    ADDRESS = "address"
    """The caller, when it comes at the first attempt: no gateway is at that URL. Later it is an outage."""
    CERTIFICATE = "certificate"
    """The caller: who answers can't show that it is that host."""


class NotHttp(ConnectionError):
    """Something answers there, but not in HTTP."""


class Unanswered(OSError):
    """A request was sent, and its answer didn't come; the cause says why."""


class NoAnswer(Exception):
    """No gateway answered, or it was too busy to; the text holds no URL, token or key."""

    def __init__(
        self,
        trouble: Trouble,
        reason: str,
        *,
        remedy: str = "",
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.trouble = trouble
        self.reason = reason
        self.remedy = remedy
        self.status = status
        self.retry_after = retry_after
        """Seconds that the server asked to be left alone for."""
        self.sent = False
        """Whether the request may have arrived."""
        super().__init__(f"{reason}: {remedy}" if remedy else reason)


def no_connection(error: Exception) -> NoAnswer:
    """Say why there is no connection or no answer, for whatever the attempt raised."""
    if isinstance(error, Unanswered) and isinstance(error.__cause__, Exception):
        failure = no_connection(error.__cause__)
        failure.sent = True
        return failure
    if isinstance(error, ssl.SSLCertVerificationError):
        return NoAnswer(
            Trouble.CERTIFICATE,
            f"its certificate isn't trusted ({error.verify_message or error.reason})",
            remedy="check the host in the URL, or name the CA that signed it in SSL_CERT_FILE",
        )
    if isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return NoAnswer(
            Trouble.ADDRESS,
            f"what answers there doesn't speak TLS as expected ({error.reason or type(error).__name__})",
            remedy="check scheme and port: http:// is without TLS",
        )
    if isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN:
        return NoAnswer(
            Trouble.ADDRESS, f"there is no such host ({error.strerror})", remedy="check the host in the URL"
        )
    if isinstance(error, (NotHttp, BadStatusLine)) and not isinstance(error, RemoteDisconnected):
        return NoAnswer(
            Trouble.ADDRESS,
            "what answers there doesn't speak HTTP",
            remedy="check scheme and port of the URL: a server with TLS needs https://",
        )
    if isinstance(error, InvalidProxy):
        return NoAnswer(
            Trouble.ADDRESS,
            "the proxy that the environment names isn't one",
            remedy="check HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY",
        )
    if isinstance(error, TimeoutError) and not error.strerror:
        return NoAnswer(Trouble.OUTAGE, "TimeoutError: no answer in time")
    text = error.strerror if isinstance(error, OSError) and error.strerror else ""
    return NoAnswer(Trouble.OUTAGE, f"{type(error).__name__}: {text}" if text else type(error).__name__)


def judge(status: int, headers: Mapping[str, str], body: bytes) -> NoAnswer | GatewayRefused:
    """Say what an answer means that isn't the one that was wanted."""
    found = error_body(status, body)
    text = f"it answers {status}" + (f", {found}" if found else "")
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return NoAnswer(
            Trouble.OUTAGE, text, status=status, retry_after=_seconds(headers.get("Retry-After", ""))
        )
    if status in _REDIRECTS:
        return NoAnswer(
            Trouble.ADDRESS,
            f"{text}: it redirects",
            remedy="tokens follow no redirect, so connect to the final origin",
            status=status,
        )
    if status == HTTPStatus.UPGRADE_REQUIRED:
        return NoAnswer(
            Trouble.ADDRESS, text, remedy="a proxy in front has to pass WebSocket upgrades", status=status
        )
    if found is None and status not in _LET_IN:
        return NoAnswer(
            Trouble.ADDRESS,
            f"{text} as no gateway does",
            remedy="another web server is at that URL, or the gateway isn't mounted at its root",
            status=status,
        )
    code = error_code(body)
    hint = "; give `token=` a function that fetches one" if code == "expired" else ""
    return GatewayRefused(
        f"the gateway refused ({status}): {found or 'no reason given'}{hint}", status=status, code=code
    )


def error_body(status: int, body: bytes) -> str | None:
    """Read the reason in a gateway's answer; None where no gateway wrote it."""
    try:
        found: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict) or found.get("status") != status:
        return None
    text = found.get("error")
    if not isinstance(text, str):
        return None
    issues = found.get("issues")
    if not isinstance(issues, list):
        return text
    more = "; ".join(
        f"{one.get('pointer') or '(payload)'}: {one.get('reason')}" for one in issues if isinstance(one, dict)
    )
    return f"{text} ({more})" if more else text


def error_code(body: bytes) -> str | None:
    """Read the code of a gateway's refusal; None if the body has none."""
    try:
        answer: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    code = answer.get("code") if isinstance(answer, dict) else None
    return code if isinstance(code, str) else None


def _seconds(text: str) -> float | None:
    """Read ``Retry-After``: seconds or a date."""
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_WAIT)
