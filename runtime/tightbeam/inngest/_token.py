"""Tokens: the right to subscribe to some topics of channels, for a minute."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tightbeam._message import Address
from tightbeam._selection import token_request
from tightbeam.errors import SubscribeFailed
from tightbeam.inngest._http import Answer, Http, NoAnswer

__all__ = ["mint", "mint_sync"]

_PATH = "/v1/realtime/token"


def _key(http: Http, answer: Answer) -> str:
    if not answer.ok:
        said = http.excerpt(answer)
        raise SubscribeFailed(
            f"the server gave no token: it answered {answer.status}" + (f": {said}" if said else ""),
            status=answer.status,
            retryable=answer.retryable,
        )
    try:
        key = json.loads(answer.body)["jwt"]
    except (ValueError, KeyError, TypeError):
        key = None
    if not isinstance(key, str) or not key:
        raise SubscribeFailed("the server gave no token: its answer has none", status=answer.status)
    return key


async def mint(http: Http, addresses: Iterable[Address]) -> str:
    """A token for these topics.

    Raises:
        SubscribeFailed: the server gave none.
        SigningKeyError: the signing key is missing, or isn't one.
    """
    try:
        answer = await http.post(_PATH, token_request(addresses), want_body=True)
    except NoAnswer as error:
        raise SubscribeFailed(f"the server gave no token: {error}", retryable=error.retryable) from None
    return _key(http, answer)


def mint_sync(http: Http, addresses: Iterable[Address]) -> str:
    """As `mint`, from any thread."""
    try:
        answer = http.post_sync(_PATH, token_request(addresses), want_body=True)
    except NoAnswer as error:
        raise SubscribeFailed(f"the server gave no token: {error}", retryable=error.retryable) from None
    return _key(http, answer)
