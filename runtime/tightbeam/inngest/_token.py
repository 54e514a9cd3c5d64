"""Tokens: the right to subscribe to some topics of channels, for a minute."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tightbeam._message import Address
from tightbeam._selection import token_request
from tightbeam._wire.failures import FailureKind, NoAnswer
from tightbeam._wire.http import Answer
from tightbeam.errors import SubscribeFailed
from tightbeam.inngest._http import Http, is_accepted, is_retryable

__all__ = ["fetch_token", "mint"]

_NONE = "the server gave no token: "


async def fetch_token(http: Http, addresses: Iterable[Address], *, blocking: bool = False) -> str:
    """Return a token for these topics.

    Args:
        http: to the server.
        addresses: the topics.
        blocking: as for `Http.post`.

    Raises:
        NoAnswer: the server gave none, and may give one later.
        SubscribeFailed: the server gave none.
        SigningKeyError: the signing key is missing, or isn't one.
    """
    try:
        answer = await http.post("/v1/realtime/token", token_request(addresses), blocking=blocking)
    except NoAnswer as failure:
        if is_retryable(failure):
            raise NoAnswer(failure.kind, f"{_NONE}{failure}") from None
        raise SubscribeFailed(f"{_NONE}{failure}") from None
    if is_accepted(answer):
        return _token_in(answer)
    excerpt = http.excerpt(answer)
    text = f"{_NONE}it answered {answer.status}" + (f": {excerpt}" if excerpt else "")
    if answer.is_retryable:
        raise NoAnswer(FailureKind.OUTAGE, text, status=answer.status, retry_after=answer.retry_after)
    raise SubscribeFailed(text, status=answer.status)


async def mint(http: Http, addresses: Iterable[Address], *, blocking: bool = False) -> str:
    """Return a token for these topics, for a caller that tries nothing again. See `fetch_token`.

    Raises:
        SubscribeFailed: the server gave none; ``retryable`` says whether it may give one later.
        SigningKeyError: the signing key is missing, or isn't one.
    """
    try:
        return await fetch_token(http, addresses, blocking=blocking)
    except NoAnswer as failure:
        raise SubscribeFailed(failure.reason, status=failure.status, retryable=True) from None


def _token_in(answer: Answer) -> str:
    try:
        token = json.loads(answer.body)["jwt"]
    except (ValueError, KeyError, TypeError, RecursionError):
        token = None
    if not isinstance(token, str) or not token or not token.isprintable():
        raise SubscribeFailed(f"{_NONE}its answer has none", status=answer.status)
    return token
