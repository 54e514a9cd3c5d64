"""Tokens: the right to subscribe to some topics of channels, for a minute."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tightbeam._message import Address
from tightbeam._selection import token_request
from tightbeam._wire.failures import NoAnswer
from tightbeam._wire.http import Answer
from tightbeam._wire.io import run
from tightbeam.errors import SubscribeFailed
from tightbeam.inngest._http import Http, is_accepted, is_retryable

__all__ = ["mint", "mint_sync"]

_PATH = "/v1/realtime/token"


async def mint(http: Http, addresses: Iterable[Address], *, blocking: bool = False) -> str:
    """Return a token for these topics.

    Args:
        http: to the server.
        addresses: the topics.
        blocking: as for `Http.post`.

    Raises:
        SubscribeFailed: the server gave none.
        SigningKeyError: the signing key is missing, or isn't one.
    """
    try:
        return _token_in(http, await http.post(_PATH, token_request(addresses), blocking=blocking))
    except NoAnswer as failure:
        raise SubscribeFailed(
            f"the server gave no token: {failure}", retryable=is_retryable(failure)
        ) from None


def mint_sync(http: Http, addresses: Iterable[Address]) -> str:
    """As `mint`, from any thread."""
    return run(mint(http, addresses, blocking=True))


def _token_in(http: Http, answer: Answer) -> str:
    if not is_accepted(answer):
        excerpt = http.excerpt(answer)
        raise SubscribeFailed(
            f"the server gave no token: it answered {answer.status}" + (f": {excerpt}" if excerpt else ""),
            status=answer.status,
            retryable=answer.is_retryable,
        )
    try:
        token = json.loads(answer.body)["jwt"]
    except (ValueError, KeyError, TypeError, RecursionError):
        token = None
    if not isinstance(token, str) or not token:
        raise SubscribeFailed("the server gave no token: its answer has none", status=answer.status)
    return token
