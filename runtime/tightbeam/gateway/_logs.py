"""Tokens and keys stay out of logs: out of requests before servers log them, and out of uvicorn's lines."""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

__all__ = ["QUIET_WEBSOCKETS", "WithoutSecrets", "guard_uvicorn", "hide_query", "query_of"]

_QUERY = "tightbeam.query"
_SHOWN = frozenset({"after", "channel", "run_id", "since", "topic", "want"})
QUIET_WEBSOCKETS = "uvicorn.error.quiet_websockets"
"""A logger below uvicorn's without what goes well: a line for each WebSocket that opens or closes."""
_LOGGERS = ("uvicorn.access", "uvicorn.error", QUIET_WEBSOCKETS)
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
    """The parameters of the query, in order; None if it can't be read."""
    if _QUERY not in scope:
        hide_query(scope)
    found: list[tuple[str, str]] | None = scope[_QUERY]
    return found


class WithoutSecrets(logging.Filter):
    """Takes tokens and keys out of what servers log before the gateway has seen the request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let it pass, cleaned."""
        if isinstance(record.args, tuple) and record.args:
            record.args = tuple(map(_clean, record.args))
        else:
            record.msg = _clean(record.msg)
        return True


def _clean(value: object) -> Any:
    return _SECRETS.sub(r"\1\2\3…", value) if isinstance(value, str) else value


def guard_uvicorn() -> None:
    """Have the loggers of uvicorn filtered, whoever runs it; at DEBUG it shows request lines and headers."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, WithoutSecrets) for one in logger.filters):
            logger.addFilter(WithoutSecrets())
