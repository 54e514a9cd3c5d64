"""Tokens and keys stay out of logs: out of requests before servers log them, and out of uvicorn's lines."""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qsl, urlencode

__all__ = [
    "QUIET_WEBSOCKETS",
    "WithoutSecrets",
    "explained",
    "guard_uvicorn",
    "hide_query",
    "query_of",
    "without_secrets",
]

_QUERY = "tightbeam.query"
_SHOWN = frozenset({"after", "channel", "run_id", "since", "topic", "want"})
QUIET_WEBSOCKETS = "uvicorn.error.quiet_websockets"
"""A logger below uvicorn's without what goes well: a line for each WebSocket that opens or closes."""
_LOGGERS = ("uvicorn.access", "uvicorn.error", QUIET_WEBSOCKETS)
_UNFINISHED = "ASGI callable returned without completing handshake."
"""The error that uvicorn's protocols log for an answer in place of a WebSocket, which ASGI allows."""
_explained: ContextVar[bool] = ContextVar("tightbeam.explained", default=False)
_SECRETS = re.compile(
    r"""(?ix)
    ( (?<! [\w%] )(?: t | %74 )(?: o | %6f )(?: k | %6b )(?: e | %65 )(?: n | %6e )= ) [^&\s"']+  # in a query
    | ( \bbearer\s+ ) \S+                                                           # in a header
    | \b ( eyJ ) [\w-]+ \. [\w.-]*                                                  # a token, anywhere
    """
)


def hide_query(scope: MutableMapping[str, Any]) -> None:
    """Take the query out of the scope, but for parameters that anybody may read in a log.

    Servers write their access log from the same scope, after us, whether or not there is such a route.
    """
    raw: bytes = scope.get("query_string", b"")
    pairs: list[tuple[str, str]] | None = []
    if raw:
        try:
            pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=64)
        except ValueError:
            pairs = None
        scope["query_string"] = urlencode([pair for pair in pairs or () if pair[0] in _SHOWN]).encode()
    scope[_QUERY] = pairs


def query_of(scope: MutableMapping[str, Any]) -> list[tuple[str, str]] | None:
    """Return the parameters of the query, in order; None if it can't be read."""
    if _QUERY not in scope:
        hide_query(scope)
    found: list[tuple[str, str]] | None = scope[_QUERY]
    return found


def explained() -> None:
    """Mark this task: it answers a WebSocket's handshake with a refusal that is logged already."""
    _explained.set(True)


class WithoutSecrets(logging.Filter):
    """Takes tokens and keys out of what servers log before the gateway has seen the request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record; drop it if it is about a WebSocket that was refused and logged already."""
        if record.msg == _UNFINISHED and _explained.get():
            return False
        if isinstance(record.args, tuple) and record.args:
            record.args = tuple(map(_clean, record.args))
        else:
            record.msg = _clean(record.msg)
        return True


def without_secrets(text: str) -> str:
    """Return the text without the tokens and keys in it."""
    return _SECRETS.sub(r"\1\2\3…", text)


def _clean(value: object) -> Any:
    return without_secrets(value) if isinstance(value, str) else value


def guard_uvicorn() -> None:
    """Filter the loggers of uvicorn, which show request lines and headers at DEBUG."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, WithoutSecrets) for one in logger.filters):
            logger.addFilter(WithoutSecrets())
